"""Two images on one grid: what of them is compared, band by band, a few rows at a time."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec

import numpy as np
import numpy.typing as npt

from iqf_core import Missing, ParameterError
from iqf_core.image.model import default_white, require_dtype

Array = npt.NDArray[Any]
Strip = tuple[Array, Array, Array | None]
"""Reference and image as float64, 0 where there is nothing to compare; the mask of where, or None."""

Nodata = float | npt.NDArray[np.bool_] | None
P = ParamSpec("P")

STRIP_SAMPLES = 1 << 18
"""Samples worked on at once: what a window metric holds of them, some twenty float64 planes, stays small."""
STRIP_ROWS = 64
"""Fewer rows would be mostly the overlap of two strips."""


class Unmeasurable(Exception):
    """Nothing can be said of this pair, and why."""


def measurable(function: Callable[P, float]) -> Callable[P, float]:
    """Give `Missing` with the reason where a pair cannot be measured."""

    @functools.wraps(function)
    def measured(*arguments: P.args, **parameters: P.kwargs) -> float:
        try:
            return function(*arguments, **parameters)
        except Unmeasurable as reason:
            return Missing(str(reason))

    return measured


@dataclass(frozen=True, slots=True)
class Plane:
    """One band of both images.

    Parameters
    ----------
    number : int
        Of the band, from 0.
    reference, image : ndarray, shape (height, width)
        Samples.
    holes : ndarray of bool or None
        Where there is nothing to compare.
    """

    number: int
    reference: Array
    image: Array
    holes: Array | None

    def strips(self, *, overlap: int = 0) -> Iterator[Strip]:
        """Strips of rows from the top; each repeats the last ``overlap`` rows of the one before."""
        height, width = self.reference.shape
        rows = max(STRIP_ROWS, STRIP_SAMPLES // width)
        for top in range(0, height - overlap, rows):
            part = slice(top, top + rows + overlap)
            holes = None if self.holes is None else self.holes[part]
            holes = holes if holes is not None and holes.any() else None
            yield _filled(self.reference[part], holes), _filled(self.image[part], holes), holes


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images of one shape, and where there is nothing to compare: see `paired`."""

    reference: Array
    image: Array
    holes: Array | None

    def planes(self) -> Iterator[Plane]:
        """Band after band."""
        for number in range(self.reference.shape[2]):
            holes = None if self.holes is None else self.holes[..., number]
            yield Plane(number, self.reference[..., number], self.image[..., number], holes)


def paired(reference: npt.ArrayLike, image: npt.ArrayLike, nodata: Nodata) -> Pair:
    """Pair of two arrays.

    Raises
    ------
    iqf_core.ParameterError
        When their shapes differ, or the mask has another.
    iqf_core.UnsupportedImage
        For samples that are not uint8, uint16, int16 or float32.
    Unmeasurable
        When the image has samples that are no numbers where the reference has some.
    """
    one, other = _as_samples(reference), _as_samples(image)
    if one.shape != other.shape:
        raise ParameterError(f"image of shape {other.shape} against {one.shape} in the reference")
    holes = _nodata_of(one, other, nodata)
    if one.dtype.kind == "f":
        holes = _joined(holes, ~np.isfinite(one))
    if other.dtype.kind == "f":
        broken = ~np.isfinite(other)
        count = int(np.count_nonzero(broken if holes is None else broken & ~holes))
        if count:
            raise Unmeasurable(f"{count} sample(s) of the image are NaN or infinite, and not its nodata")
    return Pair(one, other, holes if holes is not None and holes.any() else None)


def require_white(reference: Array, white: float | None) -> float:
    """Full scale as given, else the maximum of an unsigned type.

    Raises
    ------
    Unmeasurable
        When there is neither.
    iqf_core.ParameterError
        When it is not a positive number.
    """
    known = default_white(reference.dtype) if white is None else float(white)
    if known is None:
        raise Unmeasurable(f"the value of full scale of {reference.dtype} samples is not known: give white=")
    if not 0 < known < math.inf:
        raise ParameterError(f"white={white}: full scale is a positive number, such as 255 or 4095")
    return known


def _as_samples(pixels: npt.ArrayLike) -> Array:
    array = np.asarray(pixels)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ParameterError(f"pixels of shape {array.shape}: give (height, width) or (height, width, bands)")
    native = array.astype(require_dtype(array.dtype), copy=False)
    return native[..., np.newaxis] if native.ndim == 2 else native


def _nodata_of(one: Array, other: Array, nodata: Nodata) -> Array | None:
    if nodata is None:
        return None
    if isinstance(nodata, np.ndarray):
        if nodata.dtype != bool or nodata.shape not in (one.shape, one.shape[:2]):
            raise ParameterError(
                f"nodata of type {nodata.dtype} and shape {nodata.shape}: give a value, or a mask (bool) of "
                f"shape {one.shape[:2]} or {one.shape}"
            )
        return np.broadcast_to(nodata if nodata.ndim == 3 else nodata[..., np.newaxis], one.shape)
    return _equal(one, float(nodata)) | _equal(other, float(nodata))


def _equal(samples: Array, value: float) -> Array:
    if math.isnan(value):
        return np.isnan(samples)
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.asarray(samples == samples.dtype.type(value))  # numpy 1 may compare with the float64
    return np.asarray(samples == value)


def _joined(holes: Array | None, more: Array) -> Array | None:
    if not more.any():
        return holes
    return more if holes is None else holes | more


def _filled(samples: Array, holes: Array | None) -> Array:
    wide = samples.astype(np.float64)
    if holes is not None:
        wide[holes] = 0
    return wide
