"""No pixel is used by two edges: of windows that overlap, the clearest edge stands."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.steps import Steps
from iqf_metrics_sharpness.windows import Bools, Floats, Ints

CHUNK = 4096
"""Pairs of windows compared at once."""


def standing(steep: Steps, flat: Steps, options: EdgeOptions) -> tuple[Bools, Bools]:
    """Which edges stand when no two may share a pixel.

    The clearest edge stands, what overlaps with it falls, and so on: the result depends on the edges alone.

    Returns
    -------
    steep, flat : ndarray of bool, shape (E,)
    """
    both = Steps.joined([steep, flat])
    is_flat = np.arange(len(both)) >= len(steep)
    pairs = _near(both, is_flat, options)
    overlapping = [
        _overlap(both, is_flat, pairs[start : start + CHUNK], options)
        for start in range(0, len(pairs), CHUNK)
    ]
    pairs = pairs[np.concatenate(overlapping)] if overlapping else pairs
    clear = np.abs(both.contrast) / np.maximum(both.noise, 1e-9 * np.abs(both.contrast))
    order = np.lexsort((both.position, both.row, is_flat, -clear))
    rank = np.empty(len(both), dtype=np.int64)
    rank[order] = np.arange(len(both))
    stands = _resolved(rank, pairs)
    return stands[: len(steep)], stands[len(steep) :]


def _near(both: Steps, is_flat: Bools, options: EdgeOptions) -> Ints:
    """Pairs of windows that could overlap, shape (P, 2)."""
    if len(both) < 2:
        return np.empty((0, 2), dtype=np.int64)
    row = both.row.astype(np.float64)
    x, y = np.where(is_flat, row, both.position), np.where(is_flat, both.position, row)
    along = options.edge_length // 2
    away = np.hypot(along, options.half * np.hypot(1.0, both.slope) + along * np.abs(both.slope))  # corners
    pairs = cKDTree(np.stack([x, y], axis=1)).query_pairs(2 * float(away.max()), output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    apart = (is_flat[first] == is_flat[second]) & (both.row[first] != both.row[second])
    apart |= np.hypot(x[first] - x[second], y[first] - y[second]) > away[first] + away[second]
    return np.asarray(pairs[~apart], dtype=np.int64)


def _overlap(both: Steps, is_flat: Bools, pairs: Ints, options: EdgeOptions) -> Bools:
    """Whether the windows of each pair share a pixel."""
    first, second = pairs[:, 0], pairs[:, 1]
    along, wide = options.edge_length // 2, int(np.ceil(1.5 * options.half)) + 1
    row = both.row[first][:, None, None] + np.arange(-along, along + 1)[:, None]
    crossing = _crossing(both, first, row)
    column = np.rint(crossing).astype(np.int64) + np.arange(-wide, wide + 1)
    inside = np.abs(_distance(both, first, row, column)) <= options.half
    turned = (is_flat[first] != is_flat[second])[:, None, None]
    row, column = np.broadcast_arrays(row, column)
    there_row, there_column = np.where(turned, column, row), np.where(turned, row, column)
    inside &= np.abs(there_row - both.row[second][:, None, None]) <= along
    inside &= np.abs(_distance(both, second, there_row, there_column)) <= options.half
    return np.asarray(inside.any(axis=(1, 2)))


def _crossing(both: Steps, which: Ints, row: Ints) -> Floats:
    away = row - both.row[which][:, None, None]
    return np.asarray(both.position[which][:, None, None] + both.slope[which][:, None, None] * away)


def _distance(both: Steps, which: Ints, row: Ints, column: Ints) -> Floats:
    stretch = np.hypot(1.0, both.slope[which])[:, None, None]
    return np.asarray((column - _crossing(both, which, row)) / stretch)


def _resolved(rank: Ints, pairs: Ints) -> Bools:
    """Greedy choice in order of rank, many at a time."""
    stands = np.ones(len(rank), dtype=bool)
    better = np.where(rank[pairs[:, 0]] < rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    worse = pairs.sum(axis=1) - better
    while len(better):
        beaten = np.zeros(len(rank), dtype=bool)
        beaten[worse] = True
        winners = ~beaten[better]
        stands[worse[winners]] = False
        open_still = stands[better] & stands[worse]
        better, worse = better[open_still], worse[open_still]
    return stands
