"""Means over areas of any size, exactly, and the way back to the grid that they were taken from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from iqf_modifiers_sensor.filtering import AT_ONCE
from iqf_modifiers_sensor.samples import Pixels, Values

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Interpolation = Literal["nearest", "linear", "cubic"]
SLIVER = 900  # parts of a pixel: with a margin
_WAYS = {"nearest": cv2.INTER_NEAREST_EXACT, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


def averaged(pixels: Pixels, height: int, width: int) -> Values:
    """Means over the cells of a coarser grid on the same ground.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns, bands)
        At least as many rows and columns as are asked for.
    height, width : int
        Of the coarser grid, whose cells need not be whole pixels.

    Returns
    -------
    ndarray of float32, shape (height, width, bands)
        Each pixel counts by its share in the cell's area: the mean of all is kept.
    """
    rows, columns, bands = pixels.shape
    single = np.ascontiguousarray(pixels, np.float32)
    if _has_no_sliver(rows, height) and _has_no_sliver(columns, width):
        return _resized(single, height, width, cv2.INTER_AREA)
    lines = shares(rows, height) @ single.reshape(rows, -1)
    turned = np.ascontiguousarray(lines.reshape(height, columns, bands).transpose(1, 0, 2))
    result = shares(columns, width) @ turned.reshape(columns, -1)
    return np.ascontiguousarray(result.reshape(width, height, bands).transpose(1, 0, 2), np.float32)


def shares(fine: int, coarse: int) -> csr_array:
    """Matrix (coarse, fine) of each pixel's share in each cell along one direction; rows add up to 1.

    The borders of pixels and cells are whole numbers of 1 / (fine coarse) of the side, so it is exact.
    """
    from scipy.sparse import csr_array

    cuts = np.union1d(np.arange(fine + 1) * coarse, np.arange(coarse + 1) * fine)
    starts, share = cuts[:-1], np.diff(cuts) / fine
    return csr_array((share.astype(np.float32), (starts // fine, starts // coarse)), shape=(coarse, fine))


def interpolated(values: Values, height: int, width: int, way: Interpolation) -> Values:
    """Values of a coarse grid at the centres of a finer one; its border goes on as it is."""
    return _resized(values, height, width, _WAYS[way])


def _has_no_sliver(fine: int, coarse: int) -> bool:
    """Whether OpenCV's area mean is exact: it leaves out what is less than a thousandth of a pixel.

    The borders of cells cut pixels into parts of 1 / (coarse / greatest common divisor), or several.
    """
    return coarse // math.gcd(fine, coarse) <= SLIVER


def _resized(values: Values, height: int, width: int, way: int) -> Values:
    bands = values.shape[2]
    result = np.empty((height, width, bands), np.float32)
    for first in range(0, bands, AT_ONCE):
        few = slice(first, first + AT_ONCE)
        part = np.ascontiguousarray(values[..., few])
        result[..., few] = cv2.resize(part, (width, height), interpolation=way).reshape(height, width, -1)
    return result
