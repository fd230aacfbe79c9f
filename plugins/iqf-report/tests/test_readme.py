"""What the README says is there."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml

import iqf_report
from iqf_core.criterion import Criterion
from iqf_report import plugin

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
MODULES = [module.name for module in pkgutil.walk_packages(iqf_report.__path__, "iqf_report.")]


def test_every_key_and_command_is_named():
    commands = [f"iqf {component.name}" for component in plugin.iqf_commands()]
    assert [name for name in Criterion.model_fields if f"`{name}`" not in TEXT] == []
    assert [name for name in commands if name not in TEXT] == []


def test_the_criterion_is_one():
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert Criterion.of(yaml.safe_load(block)["criterion"]).confidence == 0.95


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_docstrings_run(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_public_names():
    for name in iqf_report.__all__:
        assert getattr(iqf_report, name).__name__ == name
