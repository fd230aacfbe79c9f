"""Values as cells of a table, for a page and for a text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CODE = re.compile(r"`([^`\n]+)`")
"""What stands between backticks: it is shown as code."""
LONGEST = 300
"""Characters of a cell; what is cut ends in an ellipsis."""
STEERING = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Characters that are not seen, and steer what is: control characters, and marks of direction."""


@dataclass(frozen=True)
class Cell:
    """A cell.

    Parameters
    ----------
    text : str
        What stands in it.
    value : float or None
        By which it is sorted; None for text.
    full : str, optional
        What the text is short for.
    """

    text: str
    value: float | None = None
    full: str = ""


@dataclass(frozen=True)
class Digest:
    """A long name that nobody reads, of which a table shows the beginning.

    Parameters
    ----------
    full : str
        All of it.
    """

    full: str

    SHOWN = 10

    def __str__(self) -> str:
        return self.full if len(self.full) <= self.SHOWN else f"{self.full[: self.SHOWN]}…"


def clean(text: object, longest: int = LONGEST) -> str:
    """Text from outside, without what steers a page or terminal, and not endless."""
    found = STEERING.sub("\ufffd", str(text))
    return found if len(found) <= longest else f"{found[: longest - 1]}…"


def cell_of(value: Any) -> Cell:
    """A value as it stands in a table: four digits, a dash where there is nothing."""
    if value is None or value is np.ma.masked:
        return Cell("")
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no", float(value))
    if isinstance(value, int | np.integer):
        return Cell(str(value), float(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return Cell("–")
        whole = number.is_integer() and abs(number) < 1e15
        return Cell(f"{number:.0f}" if whole else f"{number:.4g}", number)
    return Cell(clean(value), full=clean(value.full) if isinstance(value, Digest) else "")


def rows_of(frame: pd.DataFrame) -> list[list[Cell]]:
    """Cells of a table, row by row."""
    columns = [[cell_of(value) for value in frame.iloc[:, place]] for place in range(frame.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def is_number(cells: list[list[Cell]], place: int) -> bool:
    """Whether a column holds numbers alone, or nothing."""
    found = [row[place] for row in cells]
    return any(cell.value is not None for cell in found) and all(
        cell.value is not None or cell.text in ("", "–") for cell in found
    )
