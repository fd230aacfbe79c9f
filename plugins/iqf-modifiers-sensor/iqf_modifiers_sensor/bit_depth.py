"""Another full scale: the radiometric resolution of another sensor or product."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import pydantic

from iqf_core import Image, ImageModifier, Knob, Modified, UnsupportedImage
from iqf_core.image import Geo
from iqf_modifiers_sensor.samples import Pixels, found_holes

EXACT_BITS = 24  # of the whole numbers that float32 holds


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
        ``"keep"``: the type stays; ``"smallest"``: uint8 where 255 suffices, else uint16.

    Notes
    -----
    Halves are rounded to even. The image's own ``white`` must be known, and samples above it are refused,
    not clipped; so are samples below 0 where the type becomes unsigned. Nodata keeps its value, which the
    new type must hold. Scales of bands (DN to a physical unit) in the georeference are adapted.

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
        if self._keeps(image):
            return Modified(image.with_pixels(image.pixels.copy()))
        old, new = image.require_white(), self._new_white()
        dtype = self._new_dtype(image, new)
        _check(image, old, dtype)
        pixels = _scaled(image, new / old, dtype)
        geo = None if image.geo is None else _rescaled(image.geo, old / new)
        return Modified(replace(image.with_pixels(pixels, geo=geo), white=new))

    def neutral(self) -> BitDepth:
        """As many bits as any type has."""
        return BitDepth(bits=32)

    def _new_white(self) -> float:
        return float(2 ** (self.bits or 0) - 1) if self.white is None else self.white

    def _keeps(self, image: Image) -> bool:
        """Whether there are no fewer levels than the image has."""
        if self.bits is None:
            return False
        if self.bits >= (EXACT_BITS if image.dtype.kind == "f" else 8 * image.dtype.itemsize):
            return True
        return image.dtype.kind != "f" and self._new_white() >= image.require_white()

    def _new_dtype(self, image: Image, white: float) -> np.dtype[Any]:
        smallest: np.dtype[Any] = np.dtype(np.uint8 if white <= 255 else np.uint16)
        dtype = smallest if self.dtype == "smallest" else image.dtype
        if dtype.kind != "f" and white > np.iinfo(dtype).max:
            raise UnsupportedImage(f"{dtype} does not hold a full scale of {white:g}: give a smaller one")
        return dtype


def _check(image: Image, white: float, dtype: np.dtype[Any]) -> None:
    """Refuse what has no value in the new scale."""
    holes = image.nodata_mask()
    valid = image.pixels if holes is None else image.pixels[~holes]
    if valid.size and not valid.max() <= white:  # so that NaN is refused too
        raise UnsupportedImage(
            f"samples up to {valid.max():g} where full scale is {white:g}: give the `white=` that they have"
        )
    if valid.size and dtype.kind == "u" and valid.min() < 0:
        raise UnsupportedImage(f"samples down to {valid.min():g} do not fit {dtype}: use dtype='keep'")
    if holes is not None and holes.any() and not _holds(dtype, image.nodata):
        raise UnsupportedImage(f"{dtype} does not hold the nodata value {image.nodata:g}: use dtype='keep'")


def _holds(dtype: np.dtype[Any], value: float | None) -> bool:
    if value is None or dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max and value == int(value)


def _scaled(image: Image, ratio: float, dtype: np.dtype[Any]) -> Pixels:
    """Scale: where there are few values, through a table of them all."""
    if image.dtype.kind == "u":
        values = np.rint(np.arange(np.iinfo(image.dtype).max + 1) * ratio)
        table = np.minimum(values, np.iinfo(dtype).max).astype(dtype)
        if image.dtype == np.uint8 and dtype == np.uint8:
            return np.asarray(cv2.LUT(image.pixels, table)).reshape(image.pixels.shape)
        return np.take(table, image.pixels)
    holes = found_holes(image)
    samples = image.pixels if holes is None else np.where(holes, image.dtype.type(0), image.pixels)
    return np.rint(samples * ratio).astype(dtype)


def _rescaled(geo: Geo, factor: float) -> Geo:
    """Georeference whose scales of bands give the same physical values."""
    return replace(geo.without_statistics(), scales=tuple(scale * factor for scale in geo.scales))
