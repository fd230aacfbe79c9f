"""Tables on the terminal: from data frames, as wide as the terminal allows."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from iqf_core.cli.talk import say
from iqf_core.plugins.records import one_line

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

UNLIMITED = 1_000_000  # columns where nobody looks at a terminal: nothing is cut, folded or put below
GAP = 3  # between two columns of a table
LONG = 24  # characters of a title: a longer one is shortened on a terminal
LEAST = 12  # characters that a column is never made narrower than


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is; None where it is none, and nothing need be cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def console(*, stderr: bool = False) -> Console:
    """Console of rich that cuts nothing where the output is no terminal, and sends no control sequence there.

    Nor does it to a terminal that understands none (``TERM=dumb``); ``NO_COLOR`` is rich's own affair.
    """
    from rich.console import Console

    shown = (sys.stderr if stderr else sys.stdout).isatty()
    dumb = os.environ.get("TERM") == "dumb"
    width = shutil.get_terminal_size().columns if shown else UNLIMITED
    return Console(stderr=stderr, width=width, highlight=False, force_terminal=shown and not dumb)


def show_table(frame: pd.DataFrame) -> None:
    """Print a data frame: numbers to the right with four digits, text as it is but for control characters.

    Where the terminal is too narrow the columns go on below, each time beside the first one again, and long
    titles are cut to the ending that tells them apart; ``…`` stands where something is left out.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    out = console()
    titles = [one_line(str(name)) for name in frame.columns]
    if out.width < UNLIMITED:
        titles = shortened(titles)
    # By place, not by name: two titles may be the same when control characters are gone.
    cells = [[cell_text(value) for value in frame.iloc[:, column]] for column in range(frame.shape[1])]
    numeric = [_is_numeric(frame.iloc[:, column]) for column in range(frame.shape[1])]
    widths = [max(map(len, [title, *column])) for title, column in zip(titles, cells, strict=True)]
    for part in _fitting(widths, out.width):
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in part:
            justify: Any = "right" if numeric[column] else "left"
            least = min(widths[column], out.width // 2 if column == part[0] else LEAST)
            table.add_column(Text(titles[column]), justify=justify, overflow="fold", min_width=least)
        for row in range(len(frame)):
            table.add_row(*(Text(cells[column][row]) for column in part))
        out.print(table)


def _fitting(widths: Sequence[int], available: int) -> list[list[int]]:
    """Columns in groups that fit, each with the first column."""
    sizes = [GAP + width for width in widths]
    sizes[0] = min(sizes[0], available // 2)  # a longer one goes on in the next line
    parts: list[list[int]] = [[0]]
    for index in range(1, len(sizes)):
        if len(parts[-1]) > 1 and sum(sizes[column] for column in [*parts[-1], index]) > available:
            parts.append([0])
        parts[-1].append(index)
    return parts


def shortened(titles: Sequence[str], *, longest: int = LONG) -> list[str]:
    """Titles of which the long ones are cut to the shortest ending that no other title has.

    Examples
    --------
    >>> shortened(["variant", "coco_detection-area_unitm.ap_0.5", "coco_detection-area_unitm.ar"])
    ['variant', '…ap_0.5', '…ar']
    """
    return [
        title if len(title) <= longest else _ending(title, [*titles[:index], *titles[index + 1 :]])
        for index, title in enumerate(titles)
    ]


def _ending(title: str, others: Sequence[str]) -> str:
    # Dots of numbers, as in ap_0.5, part nothing.
    starts = [found.end() for found in re.finditer(r"\.(?=[^\W\d])|-(?=\w)", title)]
    for start in reversed(starts):
        ending = title[start:]
        if not any(other.endswith(ending) for other in others):
            return f"…{ending}"
    return title


def _is_numeric(column: pd.Series[Any]) -> bool:
    """Whether a column holds numbers, or texts that begin with one: ``0.9 ± 0.1``."""
    first = [str(value).partition(" ")[0] for value in column]
    return column.dtype.kind in "iufb" or all(re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?|–", word) for word in first)


def cell_text(value: Any) -> str:
    """A value as it stands in a table; an empty cell where there is none."""
    if value is None:
        return ""
    if isinstance(value, float):
        if math.isnan(value):
            return "–"
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"
    return one_line(str(value))


def with_spread(frame: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """A summary with ``metric_mean``, ``metric_std``, ``metric_count`` as one column ``mean ± std``."""
    spread = {
        name: [
            _spread(mean, std) for mean, std in zip(frame[f"{name}_mean"], frame[f"{name}_std"], strict=True)
        ]
        for name in metrics
    }
    dropped = [f"{name}_{kind}" for name in metrics for kind in ("mean", "std", "count")]
    return frame.drop(columns=dropped).assign(**spread)


def _spread(mean: float, std: float) -> str:
    """Mean and spread to the second digit of the spread."""
    if math.isnan(mean):
        return "–"
    if not math.isfinite(std) or std <= 1e-12 * abs(mean):  # of equal values, rounding is left
        return cell_text(mean)
    decimals = min(max(1 - math.floor(math.log10(std)), 0), 9)
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def as_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A data frame as JSON values, an object a row; NaN becomes null, and what is infinite a text."""
    import numpy as np

    said = frame.astype(object).where(~frame.isin([np.inf, -np.inf]), frame.astype(str))
    rows: list[dict[str, Any]] = json.loads(said.to_json(orient="records", double_precision=15))
    return rows


def json_value(value: float) -> float | str | None:
    """A number as JSON has it: null for NaN, and a text for what is infinite."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def print_json(frame: pd.DataFrame) -> None:
    """Print a data frame as a JSON list of objects, as `as_records` gives them."""
    say(json.dumps(as_records(frame), indent=1))
