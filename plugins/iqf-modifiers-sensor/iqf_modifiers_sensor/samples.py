"""From computed values back to samples: rounded, clipped, nodata kept apart."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from iqf_core.image import Image

Pixels = npt.NDArray[Any]
Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_DEPTHS = {"uint8": cv2.CV_8U, "uint16": cv2.CV_16U, "int16": cv2.CV_16S}


def as_samples(values: Values, image: Image) -> Pixels:
    """Values as samples of the type of an image.

    Parameters
    ----------
    values : ndarray of float32, shape (height, width, bands)
        Finite and within 2^31 where the type is an integer.
    image : Image
        Says type, full scale and nodata; its size does not matter.

    Returns
    -------
    ndarray
        Integers are rounded to the nearest, halves to the even one, and clipped to the type and to
        ``white``, as a sensor saturates (or to the largest valid sample of ``image``, where that is larger
        already). Floating-point values are returned as they are.
    """
    if image.dtype.kind == "f":
        return values
    flat = np.ascontiguousarray(values).reshape(values.shape[0], -1)  # one channel: cv2 adds to four at most
    samples = np.asarray(cv2.add(flat, 0.0, dtype=_DEPTHS[image.dtype.name])).reshape(values.shape)
    white = image.white
    if white is not None and white < np.iinfo(image.dtype).max:
        limit = max(math.floor(white), _largest(image))
        np.minimum(samples, image.dtype.type(limit), out=samples)
    return samples


def _largest(image: Image) -> int:
    holes = image.nodata_mask()
    if holes is None:
        return int(image.pixels.max())
    return int(image.pixels.max(where=~holes, initial=np.iinfo(image.dtype).min))


def in_place(values: Values, image: Image) -> Pixels:
    """Values as samples, of an image whose pixels stay where they are.

    NaN and infinite samples stay as they were, as nodata does: `iqf_core` sets back nodata alone.
    """
    samples = as_samples(values, image)
    if image.dtype.kind == "f":
        unreal = ~np.isfinite(image.pixels)
        samples[unreal] = image.pixels[unreal]
    return samples


def found_holes(image: Image) -> Mask | None:
    """Which samples have no part: nodata, and NaN and infinite ones; None when all have."""
    holes = image.nodata_mask()
    if image.dtype.kind == "f":
        unreal = ~np.isfinite(image.pixels)
        holes = unreal if holes is None else holes | unreal
    return holes if holes is not None and holes.any() else None


def is_empty(image: Image) -> bool:
    """Whether no sample has a part."""
    holes = found_holes(image)
    return holes is not None and bool(holes.all())


def without_holes(image: Image, holes: Mask) -> Values:
    """Samples as float32, 0 in place of holes: whatever stands there, NaN included, has no influence."""
    return np.where(holes, np.float32(0), image.pixels.astype(np.float32, copy=False))


def with_nodata(pixels: Pixels, holes: Mask, nodata: float | None) -> Pixels:
    """Set nodata where the holes are, and nowhere else: a valid sample of that value moves by one step.

    `iqf_core` sees to it where pixels stay in their places; this is for those that do not. Holes without a
    value that stands for nodata are those of NaN and infinite samples, and NaN they become.
    """
    if nodata is None or not holds(pixels.dtype, nodata):
        if pixels.dtype.kind == "f":
            pixels[holes] = np.nan
        return pixels
    value = pixels.dtype.type(nodata)
    if not math.isnan(nodata):
        pixels[(pixels == value) & ~holes] = _next_to(value)
    pixels[holes] = value
    return pixels


def holds(dtype: np.dtype[Any], value: float) -> bool:
    """Whether a type of samples has a value: files name nodata values that theirs has not."""
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max and value == int(value)


def _next_to(value: Any) -> Any:
    if value.dtype.kind == "f":
        return np.nextafter(value, value.dtype.type(0) if value else value.dtype.type(1))
    lowest = np.iinfo(value.dtype).min
    return value.dtype.type(int(value) - 1 if value > lowest else int(value) + 1)
