"""The pages of measured numbers say what was measured, and a run leaves what they are made from."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import tables
from pairs import Figure
from tables import Table

ROOT = Path(__file__).parents[2]
TABLE = Table(
    "t", "Bias", ["sigma px", "RER %", "a|b"], [[0.4, -0.12345, "x"], [2, math.nan, None]], "Exact."
)


@pytest.mark.parametrize("name", tables.PAGES)
def test_pages_are_made_from_the_measured_numbers(name):
    record = json.loads((ROOT / "docs" / "measured" / f"{name}.json").read_text())
    assert (ROOT / "docs" / f"{name}.md").read_text() == tables.page(name, record)
    assert not record["quick"]


@pytest.fixture
def record(tmp_path, monkeypatch, capsys):
    def trial(quick):
        yield Figure("bias", [np.float64(0.5)], at_most=0.7, unit="%", note="worst of 3")
        yield TABLE
        yield Figure("edges", [12.0], at_least=40)

    monkeypatch.setattr(tables, "BUILD", tmp_path / "build")
    assert len(list(tables.recorded("accuracy", [trial], quick=True))) == 2
    assert "Bias" in capsys.readouterr().out
    return json.loads((tmp_path / "build" / "accuracy.json").read_text())


def test_a_run_leaves_figures_and_tables(record):
    assert [(one["name"], one["value"], one["bar"], one["passed"]) for one in record["figures"]] == [
        ("bias", 0.5, "<= 0.7%", True),
        ("edges", 12.0, ">= 40", False),
    ]
    assert record["tables"][0]["rows"] == [[0.4, -0.12345, "x"], [2, None, None]]
    assert record["quick"] is True


def test_a_page_shows_bars_and_numbers(record):
    lines = tables.page("accuracy", record).splitlines()
    assert "| bias | 0.5% | <= 0.7% | yes | worst of 3 |" in lines
    assert "| edges | 12 | >= 40 | **no** |  |" in lines
    assert r"| sigma px | RER % | a\|b |" in lines
    assert "| 0.4 | -0.123 | x |" in lines
    assert "| 2 | – | – |" in lines
    assert "a quick run, no verdict to trust" in lines[4]


def test_the_terminal_shows_the_same_numbers():
    assert TABLE.text().splitlines()[1:] == [
        "Bias",
        "sigma px   RER %  a|b",
        "     0.4  -0.123    x",
        "       2       –    –",
        "Exact.",
    ]


def test_a_quick_run_is_no_page(record, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tables.py", "--from-build"])
    with pytest.raises(SystemExit, match="quick run"):
        tables.main()


def test_tables_are_no_benchmark():
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "accuracy" in said
    assert "speed" in said
    assert "tables" not in said
