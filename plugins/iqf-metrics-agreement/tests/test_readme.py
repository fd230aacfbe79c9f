"""What the README and the docstrings say works as it stands there."""

from __future__ import annotations

import doctest
import importlib
import re
import tempfile
from pathlib import Path

import pytest
import yaml

import iqf_core as iqf
import iqf_metrics_agreement as agreement
from iqf_metrics_agreement import plugin

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NAMES = [component.name for component in plugin.iqf_metrics()]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_python(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    block, _ = blocks("python")  # the other: test_study.py
    exec(block, {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out.startswith("0.5 0.6666666666666666\n")


def test_study():
    (block,) = blocks("yaml")
    made = [iqf.metric(spec) for spec in yaml.safe_load(block)["metrics"]]
    assert [str(one) for one in made] == [
        "classification",
        "classification(bins=10, unpredicted='wrong')",
        "segmentation(ignore=255)",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_and_output_is_named(name):
    metric = type(iqf.metric(name))
    names = [name, *metric.model_fields, *(output.name for output in metric.outputs)]
    assert [name for name in names if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("module", ["classification", "masks", "segmentation", "tables"])
def test_the_examples_of_docstrings_run(module):
    tried = doctest.testmod(importlib.import_module(f"iqf_metrics_agreement.{module}"))
    assert (tried.failed, tried.attempted > 0) == (0, True)


def test_public_names():
    for name in agreement.__all__:
        assert getattr(agreement, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = agreement.nothing


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("classification", {"bins": 0}),
        ("classification", {"unpredicted": "no"}),
        ("segmentation", {"ignore": "x"}),
    ],
)
def test_parameters_are_refused(name, parameters):
    with pytest.raises(iqf.ParameterError, match=next(iter(parameters))):
        iqf.metric(name, **parameters)
