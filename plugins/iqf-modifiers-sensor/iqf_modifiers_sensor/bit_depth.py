"""Another full scale: the radiometric resolution of another sensor or product."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import pydantic

from iqf_core import Image, ImageModifier, Knob, Modified, UnsupportedImage
from iqf_core.image import Geo
from iqf_modifiers_sensor.samples import Pixels, found_holes, holds

EXACT_BITS = 24  # of the whole numbers that float32 holds
UNSIGNED: tuple[np.dtype[Any], ...] = (np.dtype(np.uint8), np.dtype(np.uint16))


class BitDepth(ImageModifier):
    """Requantisation to another full scale: y = round(x new_white / white), and ``white`` is the new one.

    Unlike `quantise` of iqf-modifiers-compression, the samples themselves become smaller: 12 bits become
    what a product of 8 bits delivers.

    Parameters
    ----------
    bits : int
        The new full scale is 2^bits - 1. As many bits as the image has, or more, change nothing.
    white : float
        Or the new full scale itself; it may also be larger than the image's.
    dtype : {"keep", "smallest"}
        ``"keep"``: the type stays; ``"smallest"``: uint8, else uint16, where it holds full scale and the
        nodata value; else the type stays.

    Notes
    -----
    Halves are rounded to even. The image's own ``white`` must be known, and samples above it are refused,
    not clipped; so are samples below 0 where the type becomes unsigned, and NaN and infinite ones where it
    becomes one of whole numbers. Nodata keeps its value, also above the new full scale. Scales of bands
    (DN to a physical unit) in the georeference are adapted, where there are any.

    References
    ----------
    .. [1] R. M. Gray, D. L. Neuhoff (1998), Quantization, IEEE Transactions on Information Theory 44(6),
       doi:10.1109/18.720541

    Examples
    --------
    >>> dark = Image.from_array(np.array([[0, 8, 24, 4095]], np.uint16), white=4095)
    >>> after = BitDepth(bits=8, dtype="smallest").modify(dark).decoded()
    >>> after.pixels.ravel(), after.white
    (array([  0,   0,   1, 255], dtype=uint8), 255.0)
    """

    name: ClassVar[str] = "bit_depth"
    keeps_dtype: ClassVar[bool] = False
    knob: ClassVar[Knob | None] = Knob("bits", mild=16, harsh=1, integer=True)

    bits: int | None = pydantic.Field(None, ge=1, le=32, description="new full scale: 2^bits - 1")
    white: float | None = pydantic.Field(None, ge=1, le=2**EXACT_BITS - 1, description="or the value itself")
    dtype: Literal["keep", "smallest"] = pydantic.Field("keep", description="type of the result")

    @pydantic.model_validator(mode="after")
    def _possible(self) -> BitDepth:
        if (self.bits is None) == (self.white is None):
            raise ValueError("give exactly one of bits and white")
        if self.white is not None and self.white != int(self.white):
            raise ValueError("white is a whole number")
        return self

    @property
    def family(self) -> str:
        """Name; with ``white``, which the knob does not order, another."""
        return self.name if self.white is None else f"{self.name}-white"

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Requantise."""
        if self._has_no_more(image) and (self.dtype == "keep" or image.dtype.kind == "f"):
            return Modified(image.with_pixels(image.pixels.copy()))
        old = image.require_white()
        new = old if self._has_no_more(image) else self._new_white()
        dtype = self._new_dtype(image, new)
        _check(image, old, dtype)
        pixels = _scaled(image, old, new, dtype)
        geo = None if image.geo is None else _rescaled(image.geo, old / new)
        return Modified(replace(image.with_pixels(pixels, geo=geo), white=new))

    def neutral(self) -> BitDepth:
        """As many bits as any type has."""
        return BitDepth(bits=32)

    def _new_white(self) -> float:
        return float(2 ** (self.bits or 0) - 1) if self.white is None else self.white

    def _has_no_more(self, image: Image) -> bool:
        """Whether the image has no more levels than are asked for: none are made up."""
        if self.bits is None:
            return False
        if self.bits >= (EXACT_BITS if image.dtype.kind == "f" else 8 * image.dtype.itemsize):
            return True
        return image.dtype.kind != "f" and self._new_white() >= image.require_white()

    def _new_dtype(self, image: Image, white: float) -> np.dtype[Any]:
        if self.dtype == "smallest":
            return next((dtype for dtype in UNSIGNED if _suffices(dtype, white, image)), image.dtype)
        if image.dtype.kind != "f" and white > np.iinfo(image.dtype).max:
            raise UnsupportedImage(f"{image.dtype} holds no full scale of {white:g}: give a smaller one")
        return image.dtype


def _suffices(dtype: np.dtype[Any], white: float, image: Image) -> bool:
    """Whether a type holds full scale, and nodata where the image's own does."""
    nodata = image.nodata
    names_none = nodata is None or not holds(image.dtype, nodata)
    return holds(dtype, math.floor(white)) and (names_none or holds(dtype, nodata or 0.0))


def _check(image: Image, white: float, dtype: np.dtype[Any]) -> None:
    """Refuse what has no value in the new scale."""
    holes, nodata = found_holes(image), image.nodata_mask()
    unreal = holes is not None and (nodata is None or bool((holes & ~nodata).any()))
    if unreal and dtype.kind != "f":
        raise UnsupportedImage(f"{dtype} holds no NaN and no infinity: use dtype='keep', or make them nodata")
    valid = image.pixels if holes is None else image.pixels[~holes]
    if valid.size and valid.max() > white:
        raise UnsupportedImage(
            f"samples up to {valid.max():g} where full scale is {white:g}: give the `white=` that they have"
        )
    if valid.size and dtype.kind == "u" and valid.min() < 0:
        raise UnsupportedImage(f"samples down to {valid.min():g} do not fit {dtype}: use dtype='keep'")


def _scaled(image: Image, old: float, new: float, dtype: np.dtype[Any]) -> Pixels:
    """Scale: where there are few values, through a table of them all."""
    if image.dtype.kind == "u":
        values = np.rint(np.arange(np.iinfo(image.dtype).max + 1) * new / old)
        table = np.minimum(values, np.iinfo(dtype).max).astype(dtype)
        if image.dtype == np.uint8 and dtype == np.uint8:
            return np.asarray(cv2.LUT(image.pixels, table)).reshape(image.pixels.shape)
        return np.take(table, image.pixels)
    nodata = image.nodata_mask()
    samples = image.pixels if nodata is None else np.where(nodata, image.dtype.type(0), image.pixels)
    return np.rint(samples * np.float64(new) / old).astype(dtype)


def _rescaled(geo: Geo, factor: float) -> Geo:
    """Georeference whose scales of bands give the same physical values, where they give any."""
    kept = geo.without_statistics()
    if all(scale == 1 for scale in geo.scales) and not any((*geo.offsets, *geo.units)):
        return kept  # what a file says that says nothing
    return replace(kept, scales=tuple(scale * factor for scale in geo.scales))
