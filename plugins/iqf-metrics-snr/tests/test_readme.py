"""What the README and the docstrings say works as it stands there."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest
import yaml

import iqf_core as iqf

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block, capsys):
    exec(block, {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out


def test_study():
    (block,) = blocks("yaml")
    for spec in yaml.safe_load(block)["metrics"]:
        assert iqf.metric(spec).name == "snr"


def test_shell():
    for block in blocks("sh"):
        words = shlex.split(block)
        assert iqf.metric(words[words.index("--metric") + 1]).name == "snr"


def test_every_parameter_output_and_method_is_named():
    metric = type(iqf.metric("snr"))
    names = [*metric.model_fields, *(output.name for output in metric.outputs), "dct", "hb", "ha"]
    assert [name for name in names if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("module", ["measuring", "metric", "noise_model"])
def test_the_examples_of_docstrings_run(module):
    tried = doctest.testmod(importlib.import_module(f"iqf_metrics_snr.{module}"))
    assert (tried.failed, tried.attempted > 0) == (0, True)
