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
from iqf_metrics_similarity import plugin

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NAMES = [component.name for component in plugin.iqf_metrics()]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block, capsys):
    exec(block, {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out


def test_study():
    (block,) = blocks("yaml")
    made = [iqf.metric(spec) for spec in yaml.safe_load(block)["metrics"]]
    assert [one.name for one in made] == ["psnr", "ssim", "ergas"]


def test_shell():
    (block,) = blocks("sh")
    words = shlex.split(block)
    named = [words[place + 1] for place, word in enumerate(words) if word == "--metric"]
    assert [iqf.metric(name).name for name in named] == ["psnr", "ssim"]
    assert "--reference" in words


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_and_output_is_named(name):
    metric = type(iqf.metric(name))
    names = [name, *metric.model_fields, *(output.name for output in metric.outputs)]
    assert [name for name in names if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("module", ["differences", "multiscale", "spectral", "structural", "universal"])
def test_the_examples_of_docstrings_run(module):
    tried = doctest.testmod(importlib.import_module(f"iqf_metrics_similarity.{module}"))
    assert (tried.failed, tried.attempted > 0) == (0, True)
