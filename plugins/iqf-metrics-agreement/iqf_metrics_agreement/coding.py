"""Labels of a table of matches as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from iqf_core import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

COLUMNS = ("label", "predicted")
NO_PREDICTION = "(no prediction)"
"""Stands for the prediction of an image that has none: no class, and always wrong."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Labels of rows as numbers.

    Parameters
    ----------
    classes : tuple of str
        Those of the truth and those predicted, sorted.
    truth, predicted : ndarray of int, shape (rows,)
        Place of each row's labels among them.
    """

    classes: tuple[str, ...]
    truth: Array
    predicted: Array


def coded(table: pd.DataFrame) -> Coded:
    """Labels of a table's rows.

    Raises
    ------
    iqf_core.ParameterError
        When one is missing.
    """
    (truth, true_names), (predicted, predicted_names) = (_numbered(table, name) for name in COLUMNS)
    classes = sorted({*true_names, *predicted_names}, key=_natural)
    place = {name: number for number, name in enumerate(classes)}
    return Coded(
        tuple(classes),
        np.array([place[name] for name in true_names], np.intp)[truth],
        np.array([place[name] for name in predicted_names], np.intp)[predicted],
    )


def _numbered(table: pd.DataFrame, column: str) -> tuple[Array, list[str]]:
    """Number of the label in each row, and the labels by number, as text."""
    import pandas as pd

    codes, found = pd.factorize(table[column])
    if (codes < 0).any():
        raise ParameterError(
            f"row {int(np.argmin(codes))} has no {column!r}: of a table that was stored, read it with"
            " iqf_metrics_agreement.read_matches; pandas.read_csv takes a class NA, or None, for nothing"
        )
    return codes, [str(label) for label in found.tolist()]


def _natural(name: str) -> tuple[int, int, str]:
    """Numbers in their order, then names in theirs."""
    number = name.removeprefix("-")
    return (0, int(name), name) if number.isascii() and number.isdigit() else (1, 0, name)
