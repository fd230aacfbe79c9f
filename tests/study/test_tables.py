"""A table that is kept with a run is read again as it was."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from iqf_core.errors import ResultsError
from iqf_core.tables import kinds_of, read_table


def test_text_stays_text_and_numbers_are_the_same_to_the_last_bit(tmp_path):
    table = pd.DataFrame(
        {
            "image": ["1", "02", "NA"],
            "group": ["7", None, ""],
            "label": ["01", "null", "nan"],
            "score": [0.1 + 0.2, math.nan, 1e-300],
            "rank": [1, 2, 3],
            "hit": [True, False, True],
        }
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    again = read_table(tmp_path / "t.csv", kinds_of(table))
    assert list(again["image"]) == ["1", "02", "NA"]
    assert list(again["label"]) == ["01", "null", "nan"]
    assert list(again["group"].fillna("-")) == ["7", "-", "-"]
    for name in ("score", "rank", "hit"):
        pd.testing.assert_series_equal(again[name], table[name])


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("t.csv", "nothing.csv"):
        with pytest.raises(ResultsError, match=rf"{name}: the table of a run cannot be read"):
            read_table(tmp_path / name, {})
