"""What the README says works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import iqf_metrics_sharpness
from iqf_core import Image, write_image
from iqf_core.cli import main
from iqf_metrics_sharpness.metric import Sharpness
from iqf_metrics_sharpness.niirs import Niirs

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_every_block_is_executed_here():
    assert set(re.findall(r"^```(\w+)$", TEXT, re.MULTILINE)) == {"sh", "python"}


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(block, {})  # noqa: S102 - it is ours
    said = capsys.readouterr().out
    assert "FWHM 1.7" in said
    assert "has this direction" in said
    assert (tmp_path / "square.png").stat().st_size > 10_000


@pytest.mark.parametrize("command", "".join(blocks("sh")).strip().splitlines())
def test_shell(command, square, tmp_path, monkeypatch, capsys):
    (tmp_path / "scenes" / "images").mkdir(parents=True)
    write_image(tmp_path / "scenes" / "images" / "a.tif", Image.from_array(square()))
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) in (0, None)
    assert re.search(r"(sharpness|niirs\S*)\.(rer|niirs) +\d", capsys.readouterr().out)
    if "--edges" in command:
        assert {path.name for path in tmp_path.iterdir()} == {
            "scenes",
            "rows.csv",
            "out.geojson",
            "out.a.png",
        }


def test_every_parameter_and_every_output_is_named():
    for field in Niirs.model_fields:
        assert f"`{field}`" in TEXT, field
    for output in Sharpness.outputs:
        name = re.sub("_(x|y|other)$", "", output.name)
        assert f"`{name}`" in TEXT, name


def test_defaults_are_those_of_the_code():
    table = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", TEXT, re.MULTILINE))
    assert len(table) == 7
    for name, value in table.items():
        assert Sharpness.model_fields[name].default == float(value), name


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert [one for one in targets if not (Path(__file__).parents[1] / one).exists()] == []


def test_functions_of_the_readme_are_public():
    used = re.findall(r"from iqf_metrics_sharpness import (.*)", TEXT)
    assert {name.strip() for line in used for name in line.split(",")} <= set(iqf_metrics_sharpness.__all__)


def test_the_example_is_no_special_case():
    assert np.isnan(Sharpness().measure(Image.from_array(np.zeros((32, 32), np.uint8)))["rer"])
