"""The pixels around edges, as arrays.

A window holds `edge_length` rows of a steep edge (or columns of a flat one), and in each row the pixels
whose distance from the edge, along its normal, is at most half the window. So a window follows its edge,
two windows one after the other on an edge share no pixel, and all windows are arrays of one shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """Straight edges of one kind, in a picture that is transposed for the flat ones.

    Parameters
    ----------
    row : ndarray of int64, shape (E,)
        Middle row of the window.
    position : ndarray of float64, shape (E,)
        Column where the edge crosses that row, in pixels; centres of pixels are integers.
    slope : ndarray of float64, shape (E,)
        Columns that it moves per row.
    """

    row: Ints
    position: Floats
    slope: Floats

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, chosen: Bools | Ints | slice) -> Lines:
        return Lines(self.row[chosen], self.position[chosen], self.slope[chosen])


@dataclass(frozen=True)
class Holes:
    """Pixels without data, and a value that stands there: whatever the picture has there must not count.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        Where there is no data.
    fill : float
        An ordinary value of the picture.
    """

    mask: Bools
    fill: float

    def turned(self) -> Holes:
        """With rows and columns exchanged."""
        return Holes(self.mask.T, self.fill)

    def filled(self, values: npt.NDArray[Any], place: Any) -> npt.NDArray[Any]:
        """Values of some pixels, with the fill where there is no data."""
        return np.where(self.mask[place], np.asarray(self.fill).astype(values.dtype), values)


@dataclass(frozen=True)
class Lattice:
    """Where the pixels of windows are.

    Parameters
    ----------
    row, column : ndarray of int64, shape (E, R, 1) and (E, R, K)
        Coordinates of the pixels.
    along : ndarray of float64, shape (R, 1)
        Rows from the middle row.
    inside : ndarray of bool, shape (E, R, K)
        Whether the pixel is in the picture.
    """

    row: Ints
    column: Ints
    along: Floats
    inside: Bools

    def distance(self, lines: Lines) -> Floats:
        """Distance of each pixel from its edge along the normal, in pixels, shape (E, R, K)."""
        crossing = lines.position[:, None, None] + lines.slope[:, None, None] * self.along
        cosine = 1 / np.hypot(1.0, lines.slope)
        return (self.column - crossing) * cosine[:, None, None]

    def values(self, picture: npt.NDArray[np.generic], holes: Holes | None = None) -> Floats:
        """Values of the pixels, those outside repeated from the border, shape (E, R, K)."""
        height, width = picture.shape
        place = np.clip(self.row, 0, height - 1), np.clip(self.column, 0, width - 1)
        found = picture[place] if holes is None else holes.filled(picture[place], place)
        return found.astype(np.float64)


def lattice(lines: Lines, shape: tuple[int, int], *, length: int, half: float) -> Lattice:
    """Lattice of windows.

    Parameters
    ----------
    lines : Lines
        The edges.
    shape : tuple of int
        Height and width of the picture.
    length : int
        Rows in a window.
    half : float
        Distance from the edge, in pixels, that the window must hold on both sides.
    """
    along = np.arange(length, dtype=np.float64)[:, None] - length // 2
    steepest = float(np.abs(lines.slope).max(initial=0.0))
    wide = int(np.ceil(half * np.hypot(1.0, min(steepest, 1.2)) + 0.5))
    middle = np.rint(lines.position[:, None, None] + lines.slope[:, None, None] * along).astype(np.int64)
    column = middle + np.arange(-wide, wide + 1)
    row = lines.row[:, None, None] + along.astype(np.int64)
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    return Lattice(row, column, along, inside)
