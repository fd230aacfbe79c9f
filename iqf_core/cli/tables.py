"""Tables on the terminal: from data frames, as wide as the terminal allows."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from iqf_core.plugins.records import one_line

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

UNLIMITED = 500  # columns where nobody looks at a terminal: nothing is cut
GAP = 3  # between two columns of a table


def console(*, stderr: bool = False) -> Console:
    """Console of rich that cuts nothing where the output is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else UNLIMITED, highlight=False)


def show_table(frame: pd.DataFrame) -> None:
    """Print a data frame: numbers to the right with four digits, text as it is but for control characters.

    Where the terminal is too narrow the columns go on below, each time beside the first one again.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    out = console()
    for part in _fitting(frame, out.width):
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for name in part.columns:
            title = Text(one_line(str(name)))
            table.add_column(title, justify="right" if _is_numeric(part[name]) else "left", overflow="fold")
        for values in part.itertuples(index=False):
            table.add_row(*(Text(cell_text(value)) for value in values))
        out.print(table)


def _fitting(frame: pd.DataFrame, width: int) -> list[pd.DataFrame]:
    """The frame in parts that fit, each with the first column."""
    sizes = [
        GAP + max([len(str(name)), *(len(cell_text(value)) for value in frame[name])])
        for name in frame.columns
    ]
    parts: list[list[int]] = [[0]]
    for index in range(1, len(sizes)):
        if len(parts[-1]) > 1 and sum(sizes[column] for column in [*parts[-1], index]) > width:
            parts.append([0])
        parts[-1].append(index)
    return [frame.iloc[:, columns] for columns in parts]


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
    if not math.isfinite(std) or std == 0:
        return cell_text(mean)
    decimals = min(max(1 - math.floor(math.log10(std)), 0), 9)
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def print_json(frame: pd.DataFrame) -> None:
    """Print a data frame as a JSON list of objects; NaN becomes null, and what is infinite a text."""
    import numpy as np

    said = frame.astype(object).where(~frame.isin([np.inf, -np.inf]), frame.astype(str))
    click.echo(said.to_json(orient="records", indent=1, double_precision=15))
