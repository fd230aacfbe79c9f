"""Where edges may be: ridges of the gradient that go straight on and have a plateau on both sides.

The rows of a picture are cut into blocks of one window's length, and an edge is looked for where it crosses
the middle row of a block; flat edges likewise, in blocks of columns. The blocks lie on a grid of the whole
picture, so that what is found does not depend on the tiles in which it is searched.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.windows import Bools, Floats, Holes, Ints, Lines

Plane = npt.NDArray[np.float32]

SMOOTH = np.array([1, 6, 15, 20, 15, 6, 1], dtype=np.float32) / 64
SLOPE = np.array([-1, -4, -5, 0, 5, 4, 1], dtype=np.float32) / 32
"""Binomial of variance 1.5 px², and its derivative of unit gain on a ramp."""

PEAK = 0.12
"""Peak of the smoothed gradient of the widest edge that is accepted, for a step of 1."""


def tiles(shape: tuple[int, int], size: int) -> Iterator[tuple[slice, slice]]:
    """Tiles of a picture, row by row."""
    for top in range(0, shape[0], size):
        for left in range(0, shape[1], size):
            yield slice(top, min(top + size, shape[0])), slice(left, min(left + size, shape[1]))


def candidates(
    picture: npt.NDArray[np.generic], core: tuple[slice, slice], options: EdgeOptions, contrast: float,
    *, holes: Holes | None = None,
) -> tuple[Lines, Lines]:  # fmt: skip
    """Places in one tile where an edge may be.

    Parameters
    ----------
    picture : ndarray, shape (H, W)
        One band, whole.
    core : tuple of slice
        The tile.
    options : EdgeOptions
        What is looked for.
    contrast : float
        Smallest contrast, in DN.
    holes : Holes, optional
        Pixels without data.

    Returns
    -------
    steep, flat : Lines
        In the coordinates of the picture, and of its transpose.
    """
    rows, columns = core
    margin = options.edge_length + int(1.5 * options.half) + len(SLOPE)
    top, left = max(rows.start - margin, 0), max(columns.start - margin, 0)
    place = slice(top, rows.stop + margin), slice(left, columns.stop + margin)
    part = picture[place] if holes is None else holes.filled(picture[place], place)
    if part.dtype.kind == "f":  # of any magnitude: the squares would overflow, or vanish
        part, contrast = part.astype(np.float64) / contrast, 1.0
    seen = part.astype(np.float32)
    across = cv2.sepFilter2D(seen, cv2.CV_32F, SLOPE, SMOOTH, borderType=cv2.BORDER_REFLECT)
    down = cv2.sepFilter2D(seen, cv2.CV_32F, SMOOTH, SLOPE, borderType=cv2.BORDER_REFLECT)
    least = PEAK * contrast
    steep = _ridges(seen, across, down, (top, left), (rows, columns), options, least)
    flat = _ridges(seen.T, down.T, across.T, (left, top), (columns, rows), options, least)
    return steep, flat


def _ridges(
    seen: Plane,
    across: Plane,
    down: Plane,
    origin: tuple[int, int],
    core: tuple[slice, slice],
    options: EdgeOptions,
    least: float,
) -> Lines:
    """Ridges that cross the middle rows of the blocks, more steep than flat."""
    length = options.edge_length
    first = -(-(core[0].start - length // 2) // length) * length + length // 2
    middle = np.arange(max(first, length // 2), core[0].stop, length) - origin[0]
    middle = middle[middle + length // 2 < seen.shape[0]]
    if not len(middle):
        return Lines(np.empty(0, np.int64), np.empty(0), np.empty(0))
    a, b = across[middle], down[middle]
    steep = np.abs(a)
    g = a * a + b * b
    peak = (g[:, 1:-1] > least * least) & (g[:, 1:-1] >= g[:, :-2]) & (g[:, 1:-1] > g[:, 2:])
    peak &= steep[:, 1:-1] >= np.float32(0.97) * np.abs(b[:, 1:-1])
    block, column = np.nonzero(peak)
    column += 1
    own = (column >= core[1].start - origin[1]) & (column < core[1].stop - origin[1])
    block, column = block[own], column[own]
    slope = -(b[block, column] / a[block, column]).astype(np.float64)
    low, high, mid = (np.sqrt(g[block, column + step]).astype(np.float64) for step in (-1, 1, 0))
    offset = 0.5 * (low - high) / np.minimum(low - 2 * mid + high, -1e-12)
    row = middle[block]
    kept = _go_on(across, down, row, column, slope, a[block, column], b[block, column], length)
    row, column, slope, offset = row[kept], column[kept], slope[kept], offset[kept]
    kept = _between_plateaus(seen, row, column, slope, options)
    # Rounded, so that the last bits of a filter, which depend on the tile, are gone.
    position = column[kept] + origin[1] + np.rint(offset[kept] * 16) / 16
    return Lines(row[kept] + origin[0], position, np.rint(slope[kept] * 64) / 64)


def _go_on(
    across: Plane, down: Plane, row: Ints, column: Ints, slope: Floats, a: Plane, b: Plane, length: int
) -> Bools:
    """Whether the gradient is alike near both ends of the window: in direction, and half as strong."""
    alike = np.ones(len(row), dtype=bool)
    strength = a * a + b * b
    height, width = across.shape
    for step in (-(length // 2), length // 2):
        y = np.clip(row + step, 0, height - 1)
        x = np.clip(np.rint(column + slope * step).astype(np.int64), 0, width - 1)
        alike &= across[y, x] * a + down[y, x] * b > np.float32(0.5) * strength
    return alike


def _between_plateaus(seen: Plane, row: Ints, column: Ints, slope: Floats, options: EdgeOptions) -> Bools:
    """Whether the levels of the two sides differ by much more than each side varies."""
    height, width = seen.shape
    third = options.edge_length // 3
    stretch = np.hypot(1.0, slope)
    sides = []
    for side in (-1, 1):
        values = []
        for far in (0.6, 0.8, 1.0):
            for step in (-third, 0, third):
                x = column + slope * step + side * far * (options.half - 0.5) * stretch
                x = np.clip(np.rint(x).astype(np.int64), 0, width - 1)
                values.append(seen[np.clip(row + step, 0, height - 1), x])
        sides.append(np.stack(values))
    gap = sides[1].mean(axis=0) - sides[0].mean(axis=0)
    spread = np.sqrt((sides[0].var(axis=0) + sides[1].var(axis=0)) / 2)
    return np.asarray(np.abs(gap) > 0.55 * options.min_edge_snr * spread)
