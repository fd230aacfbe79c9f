"""Pixels of the windows that are pooled, and how far the plateaus go on beyond them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.pooling import Windows
from iqf_metrics_sharpness.steps import Steps
from iqf_metrics_sharpness.windows import Bools, Floats, Ints, lattice

RING = 1.0
"""Width, in pixels, of the rings in which a plateau is followed."""

BEFORE = 5.0
"""Pixels before the end of a plateau that are not used: what ends it, mostly an edge, is blurred too."""

DRIFT = 0.04
"""Share of the contrast by which a ring may leave the level of its plateau: the tails of point spreads do."""


def gathered(
    picture: npt.NDArray[np.generic], steps: Steps, options: EdgeOptions, *,
    invalid: Bools | None, white: float | None, flat: bool, reaches: Floats | None,
) -> tuple[Windows, Ints, Floats]:  # fmt: skip
    """Pixels around edges, up to where each plateau ends.

    Parameters
    ----------
    picture : ndarray, shape (H, W)
        One band; transposed where ``flat``.
    steps : Steps
        Accepted edges.
    options : EdgeOptions
        Size of the windows, and the farthest reach.
    invalid : ndarray of bool or None, shape (H, W)
        Pixels without data.
    white : float or None
        Full scale in DN: plateaus are not followed into clipped pixels.
    flat : bool
        Whether the picture is transposed.
    reaches : ndarray of float64 or None, shape (E, 2)
        How far the plateaus are taken to go; None to find it out.

    Returns
    -------
    windows : Windows
        Pixels of each edge.
    pixel : ndarray of int64, shape (E, S)
        Index of each pixel in the flattened band, as it was before it was transposed.
    reaches : ndarray of float64, shape (E, 2)
        How far the plateaus on both sides go, in pixels.
    """
    shape = (picture.shape[0], picture.shape[1])
    grid = lattice(steps.lines, shape, length=options.edge_length, half=_seen(options))
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
    along = np.broadcast_to(grid.along, grid.column.shape[1:]).reshape(-1)
    pixel = column * shape[0] + row if flat else row * shape[1] + column
    windows = Windows(
        column.astype(np.float64), value, used, np.broadcast_to(along, size),
        steps.position, steps.slope, steps.low, steps.contrast, steps.noise,
        np.full(len(steps), np.nan),
    )  # fmt: skip
    return windows, np.where(used, pixel, -1), reaches


def used_once(distance: Floats, pixel: Ints) -> Bools:
    """Which uses of pixels stand when each belongs to the edge that is nearest to it.

    Parameters
    ----------
    distance : ndarray of float64, shape (N,)
        Of the pixel from the edge.
    pixel : ndarray of int64, shape (N,)
        Which pixel; -1 where it is not used.
    """
    order = np.lexsort((np.abs(distance), pixel))
    ordered = pixel[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    stands = np.zeros(len(order), dtype=bool)
    stands[order] = first & (ordered >= 0)
    return stands


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
