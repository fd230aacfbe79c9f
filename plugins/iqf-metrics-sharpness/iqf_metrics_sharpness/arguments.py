"""What `sharpness` is given: the array and its arguments, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_core import ParameterError
from iqf_metrics_sharpness.windows import Bools

Pixels = npt.NDArray[np.generic]
Nodata = float | Sequence[float] | Bools | None

STRIP = 1024
"""Rows looked at at once."""


def as_image(pixels: npt.ArrayLike) -> Pixels:
    """Return the pixels as (height, width, bands), or refuse them."""
    array = np.asarray(np.ma.getdata(pixels))
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or 0 in array.shape:
        raise ParameterError(f"sharpness: pixels must be of shape (H, W) or (H, W, C), got {array.shape}")
    if array.dtype.kind not in "uif":
        raise ParameterError(f"sharpness: pixels must be integers or floating point, got {array.dtype}")
    return array


def positive(name: str, value: Any, *, whole: bool = False, least: float = 0) -> None:
    """Refuse what is no positive finite number; None is none given."""
    kinds: tuple[type, ...] = (int, np.integer) if whole else (int, float, np.number)
    if value is None:
        return
    number = float(value) if isinstance(value, kinds) and not isinstance(value, bool) else math.nan  # type: ignore[arg-type]
    if not least < number < math.inf:
        said = "a whole number" if whole else "a number"
        raise ParameterError(f"sharpness: {name}={value!r}: give {said} above {least:g}")


def chosen_bands(bands: Sequence[int] | None, count: int) -> list[int]:
    """Numbers of the bands to measure."""
    if bands is None:
        return list(range(count))
    if not isinstance(bands, Sequence | np.ndarray) or isinstance(bands, str):
        raise ParameterError(f"sharpness: bands={bands!r}: give a sequence, such as (0,)")
    chosen = list(dict.fromkeys(bands))
    for band in chosen:
        if isinstance(band, bool) or not isinstance(band, int | np.integer) or not 0 <= band < count:
            raise ParameterError(f"sharpness: bands: there is no band {band!r}, there are 0 to {count - 1}")
    if not chosen:
        raise ParameterError("sharpness: bands is empty: name at least one")
    return [int(band) for band in chosen]


def full_scale(array: Pixels, white: float | None) -> float | None:
    """Full scale that is given, or that of an integer type."""
    if white is not None:
        return float(white)
    return float(np.iinfo(array.dtype.str).max) if array.dtype.kind in "ui" else None


def largest(plane: Pixels, invalid: Bools | None) -> float:
    """Largest valid value of a band of integers."""
    least = int(np.iinfo(plane.dtype.str).min)
    highest = least
    for top in range(0, len(plane), STRIP):
        rows = slice(top, top + STRIP)
        valid = True if invalid is None else ~invalid[rows]
        highest = max(highest, int(np.max(plane[rows], initial=least, where=valid)))
    return float(highest)


def finite(plane: Pixels, invalid: Bools | None) -> Pixels:
    """Return the band with 0 where floating point is no data: it would spoil whole windows."""
    if invalid is None or plane.dtype.kind != "f":
        return plane
    return np.where(invalid, plane.dtype.type(0), plane)


def with_mask(pixels: npt.ArrayLike, nodata: Nodata) -> Nodata:
    """Return the nodata that is given, or that of a masked array."""
    if not np.ma.isMaskedArray(pixels):
        return nodata
    if nodata is not None:
        raise ParameterError("sharpness: nodata: the pixels are a masked array already; leave it out")
    return np.asarray(np.ma.getmaskarray(pixels))


def invalid_of(array: Pixels, nodata: Nodata, band: int) -> Bools | None:
    """Pixels of a band that are no data; None where all are."""
    plane = array[..., band]
    found = None if array.dtype.kind != "f" else ~np.isfinite(plane)
    if nodata is not None:
        holes = _holes(array, np.asarray(nodata), band)
        found = holes if found is None else found | holes
    return found if found is not None and found.any() else None


def _holes(array: Pixels, given: npt.NDArray[Any], band: int) -> Bools:
    plane = array[..., band]
    if given.dtype == bool:
        if given.shape not in (array.shape, array.shape[:2]):
            raise ParameterError(f"sharpness: nodata is a mask of {given.shape}, pixels are {array.shape}")
        return np.asarray(given[..., band] if given.ndim == 3 else given)
    if given.dtype.kind not in "uif" or not (given.ndim == 0 or given.shape == (array.shape[2],)):
        raise ParameterError(
            f"sharpness: nodata must be one value, one per band or a mask of bool, got {given.dtype} "
            f"of shape {given.shape}"
        )
    return np.asarray(plane == (given if given.ndim == 0 else given[band]))
