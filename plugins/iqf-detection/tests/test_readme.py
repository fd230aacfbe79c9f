"""What the README and the docstrings say works as it stands there."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
import tempfile
from pathlib import Path

import pytest
import yaml

import iqf_core as iqf
import iqf_detection
from iqf_detection import plugin, predictions

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NAMES = [component.name for component in plugin.iqf_metrics()]
MODULES = [module.name for module in pkgutil.iter_modules(iqf_detection.__path__)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_python(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (block,) = blocks("python")
    exec(block, {})  # noqa: S102 - it is ours
    said = capsys.readouterr().out
    assert said.startswith("0.6666666666666666 1.0\n")
    assert re.search(r"lost +b\.png +car +24\.49\d* +0\.7", said)


def test_study():
    (block,) = blocks("yaml")
    made = [iqf.metric(spec) for spec in yaml.safe_load(block)["metrics"]]
    assert [one.name for one in made] == ["coco_detection", "coco_detection", "oriented_detection"]
    assert made[2].classes == ("plane", "ship")


def test_what_a_script_writes():
    (entry,) = json.loads(blocks("json")[0])
    assert predictions.box_in(entry) == [104.0, 88.5, 21.0, 9.0]


def test_shell():
    (block,) = blocks("sh")
    for line in block.splitlines():
        assert line.startswith(("iqf modify ", "iqf convert "))
    (spec,) = re.findall(r'--modifier "(.*)"', block)
    assert iqf.modifier(spec).size_px == 512


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_and_output_is_named(name):
    metric = type(iqf.metric(name))
    names = [name, *metric.model_fields, *(output.name for output in metric.outputs)]
    assert [name for name in names if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_docstrings_run(module):
    assert doctest.testmod(importlib.import_module(f"iqf_detection.{module}")).failed == 0


def test_public_names():
    for name in iqf_detection.__all__:
        assert getattr(iqf_detection, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = iqf_detection.nothing
