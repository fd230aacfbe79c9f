"""How far the plateaus of edges go on beyond their windows, and the pixels up to there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.steps import Steps
from iqf_metrics_sharpness.windows import Bools, Floats, Ints, lattice

RING = 1.0
"""Width, in pixels, of the rings in which a plateau is followed."""

BEFORE = 5.0
"""Pixels before the end of a plateau that are not used: what ends it, mostly an edge, is blurred too."""

DRIFT = 0.04
"""Share of the contrast by which a ring may leave the level of its plateau: the tails of point spreads do."""


CHUNK = 512
"""Edges whose windows are looked at at once."""


@dataclass(frozen=True)
class Found:
    """Pixels around edges.

    Parameters
    ----------
    edge, row, column : ndarray of int64, shape (N,)
        Number of the edge, and place of the pixel in the picture.
    along, distance, value : ndarray of float64, shape (N,)
        Rows from the middle row of the window, distance from the edge in pixels, and value in DN.
    reaches : ndarray of float64, shape (E, 2)
        How far the plateaus before and behind the edge go, in pixels.
    """

    edge: Ints
    row: Ints
    column: Ints
    along: Floats
    distance: Floats
    value: Floats
    reaches: Floats


def gathered(
    picture: npt.NDArray[np.generic], steps: Steps, options: EdgeOptions, *,
    invalid: Bools | None, white: float | None, reaches: Floats | None,
) -> Found:  # fmt: skip
    """Pixels around edges, up to where each plateau ends.

    Parameters
    ----------
    picture : ndarray, shape (H, W)
        One band; transposed for flat edges.
    steps : Steps
        Accepted edges.
    options : EdgeOptions
        Size of the windows, and the farthest reach.
    invalid : ndarray of bool or None, shape (H, W)
        Pixels without data.
    white : float or None
        Full scale in DN: plateaus are not followed into clipped pixels.
    reaches : ndarray of float64 or None, shape (E, 2)
        How far the plateaus are taken to go; None to find it out.
    """
    parts = []
    for start in range(0, max(len(steps), 1), CHUNK):
        chosen = slice(start, start + CHUNK)
        known = None if reaches is None else reaches[chosen]
        parts.append((start, _gathered(picture, steps[chosen], options, invalid, white, known)))
    return Found(
        np.concatenate([part.edge + start for start, part in parts]),
        *(
            np.concatenate([getattr(part, name) for _, part in parts])
            for name in ("row", "column", "along", "distance", "value", "reaches")
        ),
    )


def _gathered(
    picture: npt.NDArray[np.generic], steps: Steps, options: EdgeOptions, invalid: Bools | None,
    white: float | None, reaches: Floats | None,
) -> Found:  # fmt: skip
    grid = lattice(
        steps.lines, (picture.shape[0], picture.shape[1]), length=options.edge_length, half=_seen(options)
    )
    size = (len(steps), grid.column.shape[1] * grid.column.shape[2])
    value = grid.values(picture).reshape(size)
    distance = grid.distance(steps.lines).reshape(size)
    row = np.broadcast_to(grid.row, grid.column.shape).reshape(size)
    column = grid.column.reshape(size)
    good = grid.inside.reshape(size).copy()
    if invalid is not None:
        good[good] = ~invalid[row[good], column[good]]
    if white is not None:
        good &= value < white
    if reaches is None:
        reaches = _reaches(distance, value, good, steps, options)
    used = good & (np.abs(distance) <= np.where(distance > 0, reaches[:, 1:], reaches[:, :1]))
    along = np.broadcast_to(grid.along, grid.column.shape).reshape(size)
    edge = np.broadcast_to(np.arange(len(steps))[:, None], size)
    return Found(edge[used], row[used], column[used], along[used], distance[used], value[used], reaches)


def _seen(options: EdgeOptions) -> float:
    """Distance up to which pixels are looked at."""
    return max(options.reach, options.half) + BEFORE


def _reaches(distance: Floats, value: Floats, good: Bools, steps: Steps, options: EdgeOptions) -> Floats:
    """How far each plateau goes on as it is in the window, in level and noise: in pixels, shape (E, 2)."""
    rings = int((_seen(options) - options.half) / RING)
    if rings == 0 or not len(steps):
        return np.full((len(steps), 2), options.half)
    ring = np.floor((np.abs(distance) - options.half) / RING).astype(np.int64)
    beyond = (ring >= 0) & (ring < rings)
    side = (distance > 0).astype(np.int64)
    each = np.arange(len(steps))[:, None]
    cell = ((each * 2 + side) * rings + ring)[beyond]
    level = steps.low[:, None] + side * steps.contrast[:, None]
    left = np.where(good, value - level, 0)[beyond]

    def total(weight: npt.NDArray[np.generic] | None) -> Floats:
        sums = np.bincount(cell, weight, len(steps) * 2 * rings)
        return sums.astype(np.float64).reshape(len(steps), 2, rings)

    there, whole = total(good[beyond].astype(np.float64)), total(None)
    mean = total(left) / np.maximum(there, 1)
    spread = np.sqrt(np.maximum(total(left**2) / np.maximum(there, 1) - mean**2, 0))
    contrast, noise = np.abs(steps.contrast)[:, None, None], steps.noise[:, None, None]
    calm = (there >= 3) & (there == whole)
    calm &= np.abs(mean) <= np.maximum(DRIFT * contrast, 3 * noise / np.sqrt(np.maximum(there, 1)))
    calm &= spread <= 2 * noise + 0.01 * contrast
    end = options.half + RING * np.logical_and.accumulate(calm, axis=2).sum(axis=2)
    return np.asarray(np.clip(end - BEFORE, options.half, max(options.reach, options.half)))
