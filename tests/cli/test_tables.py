from __future__ import annotations

import pandas as pd
import pytest

from iqf_core.cli import tables
from iqf_core.cli.talk import near


@pytest.mark.parametrize(("width", "times"), [(200, 1), (40, 2)])
def test_columns_that_do_not_fit_go_on_below_beside_the_first(monkeypatch, capsys, width, times):
    from rich.console import Console

    monkeypatch.setattr(tables, "console", lambda: Console(width=width, highlight=False))
    frame = pd.DataFrame(
        {"variant": ["jpeg-quality50"], "bits_per_pixel": [1.25], "accuracy": ["0.93 ± 0.01"]}
    )
    tables.show_table(frame)
    shown = capsys.readouterr().out
    assert shown.count("jpeg-quality50") == times
    assert "0.93 ± 0.01" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (0.98934, 0.0023, "0.9893 ± 0.0023"),
        (6.0, 0.0, "6"),
        (1.5, float("nan"), "1.5"),
        (1234.5, 56.0, "1234 ± 56"),
    ],
)
def test_a_mean_has_the_digits_that_its_spread_allows(mean, std, text):
    frame = pd.DataFrame({"m_mean": [mean], "m_std": [std], "m_count": [3]})
    assert tables.with_spread(frame, ["m"])["m"].iloc[0] == text


def test_where_nobody_looks_a_table_has_one_part_however_wide(capsys):
    frame = pd.DataFrame({f"coco_detection-area_unitm.{index}": ["x" * 100] for index in range(20)})
    tables.show_table(frame)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert len(lines) == 3
    assert lines[0].split() == list(frame)
    assert lines[2].split() == ["x" * 100] * 20


def test_a_path_is_said_from_the_current_folder_where_it_is_below_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(near(tmp_path / "runs" / "log")) == "runs/log"
    assert near(tmp_path.parent) == tmp_path.parent
