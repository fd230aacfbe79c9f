"""The twelve numbers of the COCO evaluation, for many samples of weights at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from iqf_detection.curves import Evaluated
from iqf_detection.instances import Array
from iqf_detection.table import RANGES

FEW = (1, 10, 100)
SIZES = tuple(enumerate(RANGES))[1:]
TWELVE = (
    *("ap", "ap_0.5", "ap_0.75", *(f"ap_{name}" for _, name in SIZES)),
    *(f"ar_{few}" for few in FEW),
    *(f"ar_{name}" for _, name in SIZES),
)


def averages(
    laid: Evaluated, weights: Array, thresholds: Sequence[float], limit: int, names: Sequence[str]
) -> dict[str, Array]:
    """Average precisions and recalls.

    Parameters
    ----------
    laid : Evaluated
        Matches.
    weights : ndarray of float, shape (samples, images)
        How often each image counts.
    thresholds : sequence of float
        Overlaps of the matches.
    limit : int
        Detections of an image and class that count.
    names : sequence of str
        Which of `TWELVE`.

    Returns
    -------
    dict of str to ndarray, shape (samples,)
        NaN where no object of any weight is to be found, or an overlap is not among the thresholds.
    """
    every = list(range(len(thresholds)))
    half, three_quarters = (np.flatnonzero(np.isclose(thresholds, one)).tolist() for one in (0.5, 0.75))
    ways: dict[str, Callable[[], Array]] = {
        "ap": partial(_precision, laid, weights, 0, every),
        "ap_0.5": partial(_precision, laid, weights, 0, half),
        "ap_0.75": partial(_precision, laid, weights, 0, three_quarters),
        **{f"ap_{name}": partial(_precision, laid, weights, size, every) for size, name in SIZES},
        **{f"ar_{few}": partial(_recall, laid, weights, 0, few) for few in FEW},
        **{f"ar_{name}": partial(_recall, laid, weights, size, limit) for size, name in SIZES},
    }
    return {name: ways[name]() for name in names}


def _precision(laid: Evaluated, weights: Array, size: int, thresholds: Sequence[int]) -> Array:
    """Mean over thresholds, recalls and the classes of which anything is demanded."""
    if not thresholds:
        return np.full(len(weights), np.nan)
    found, counts = [], []
    for one in laid.classes:
        counts.append(one.demanded(weights, size) > 0)
        found.append(one.precisions(weights, size, thresholds))
    return _mean(found, counts)


def _recall(laid: Evaluated, weights: Array, size: int, limit: int) -> Array:
    """The same of recalls."""
    counts = [one.demanded(weights, size) > 0 for one in laid.classes]
    return _mean([one.recalls(weights, size, limit) for one in laid.classes], counts)


def _mean(found: Sequence[Array], counts: Sequence[Array]) -> Array:
    """Mean of classes, (samples, …) each, over those that count in a sample.

    One sample is averaged in the order of the reference code, so that the last bit is the same.
    """
    if not found:
        return np.array([np.nan])
    if len(found[0]) == 1:
        kept = [values[0] for values, counted in zip(found, counts, strict=True) if counted[0]]
        return np.array([np.mean(np.stack(kept, axis=-1).ravel()) if kept else np.nan])
    each = np.stack([values.reshape(len(values), -1).mean(axis=1) for values in found])
    counted = np.stack(counts)
    total, number = np.where(counted, each, 0).sum(axis=0), counted.sum(axis=0)
    return np.asarray(np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0))
