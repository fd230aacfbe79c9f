"""Many samples of weights at once, as a bootstrap over images has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iqf_core import ParameterError
from iqf_metrics_agreement.coding import coded
from iqf_metrics_agreement.confusion import Array, Confusion

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 1 << 22
"""Numbers that are held of some samples at once: 32 MB."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some of the samples.

    Parameters
    ----------
    confusion : Confusion
        A matrix for each.
    rows : ndarray, shape (samples, rows)
        Weight of each row's image.
    images : ndarray, shape (samples,)
        Weight of all images that have rows.
    """

    confusion: Confusion
    rows: Array
    images: Array


def of_samples(
    values: Callable[[Block], Mapping[str, Array]],
    table: pd.DataFrame,
    weights: Array,
    images: Sequence[str],
    outputs: Sequence[str],
) -> dict[str, Array]:
    """Outputs of every sample, from a function that gives those of some; NaN where nothing has any weight.

    Parameters
    ----------
    values : callable
        Some samples -> all outputs of each, as arrays.
    table, weights, images, outputs
        As for `iqf_core.PredictionMetric.aggregate_many`.

    Raises
    ------
    iqf_core.ParameterError
        When a weight is negative or not finite.
    """
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ParameterError("weights: give finite numbers, at least 0")
    if table.empty:
        return {name: np.full(len(weights), np.nan) for name in outputs}
    found: dict[str, list[Array]] = {name: [] for name in outputs}
    for block in _blocks(table, weights, images):
        weightless, given = block.confusion.total == 0, values(block)
        for name, parts in found.items():
            parts.append(np.where(weightless, np.nan, given[name]))
    return {name: np.concatenate([np.empty(0), *parts]) for name, parts in found.items()}


def _blocks(table: pd.DataFrame, weights: Array, images: Sequence[str]) -> Iterator[Block]:
    """Yield all samples, in their order.

    A row counts once, or as often as its ``pixels`` say, times its image's weight, 1 where none is given.
    """
    import pandas as pd

    labels = coded(table)
    count = len(labels.classes)
    cells = labels.truth * count + labels.predicted
    order = np.argsort(cells, kind="stable")
    occurring, starts = np.unique(cells[order], return_index=True)

    numbers, names = pd.factorize(table["image"])
    place = {image: number for number, image in enumerate(images)}
    columns = np.array([place.get(image, len(images)) for image in names.tolist()], np.intp)
    times = table["pixels"].to_numpy(np.float64) if "pixels" in table else np.ones(len(table))
    step = max(1, AT_ONCE // max(len(table), count**2))
    for first in range(0, len(weights), step):
        some = weights[first : first + step]
        given = np.column_stack([some, np.ones(len(some))])[:, columns]
        rows = given[:, numbers]
        matrix = np.zeros((len(some), count**2))
        matrix[:, occurring] = np.add.reduceat((rows * times)[:, order], starts, axis=1)
        yield Block(
            Confusion(labels.classes, matrix.reshape(-1, count, count)), rows, np.asarray(given.sum(axis=1))
        )
