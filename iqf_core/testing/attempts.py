"""A modifier on trial, and one attempt of it on one image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_core.contract import held_to_contract
from iqf_core.errors import UnsupportedImage
from iqf_core.image import Image
from iqf_core.modifiers import ImageModifier, Modified, Modifier
from iqf_core.testing.law import BrokenLaw
from iqf_core.testing.scenes import BANDS, DTYPES, NODATA, scene

FEW_SIDES = (64, 64)


@dataclass(frozen=True)
class ModifierCase:
    """A modifier, and what its author declares of it: see `iqf_core.testing.modifier_laws`."""

    modifier: Modifier
    harm: tuple[float, ...]
    dtypes: tuple[str, ...]
    bands: tuple[int, ...]
    keeps_white: bool

    @property
    def image_modifier(self) -> ImageModifier:
        """The modifier, which these laws know to be one of single images."""
        if not isinstance(self.modifier, ImageModifier):
            raise TypeError(f"{self.modifier} is no modifier of single images")
        return self.modifier

    def image(self, *, nodata: bool = False, size: tuple[int, int] = FEW_SIDES) -> Image:
        """One supported image, of three bands where that is supported."""
        bands = 3 if 3 in self.bands else self.bands[0]
        return made(self.dtypes[0], bands, nodata=nodata, size=size)

    def images(self, *, nodata: bool = False) -> Iterator[Image]:
        """One image of each supported type and each supported number of bands."""
        for dtype in self.dtypes:
            for bands in self.bands:
                yield made(dtype, bands, nodata=nodata)

    def unsupported(self) -> Iterator[Image]:
        """One image of each type and number of bands that is not supported."""
        for dtype in DTYPES:
            for bands in BANDS:
                if dtype not in self.dtypes or bands not in self.bands:
                    yield made(dtype, bands)

    def __str__(self) -> str:
        return self.modifier.label


@dataclass(frozen=True)
class Attempt:
    """What a modifier made of one image, before IQF holds it to the contract.

    Parameters
    ----------
    modifier : ImageModifier
        It.
    before : Image
        The image as it was; nobody has touched it.
    given : Image
        The copy that the modifier was given, and could write to.
    modified : Modified
        What came back.
    image : Image
        Its image, decoded.
    rng : numpy.random.Generator
        What it was given to draw from.
    """

    modifier: ImageModifier
    before: Image
    given: Image
    modified: Modified
    image: Image
    rng: np.random.Generator

    @property
    def kept(self) -> Image:
        """The image as IQF passes it on: completed, nodata set back. Raises VariantError for a breach."""
        return held_to_contract(self.modifier, self.before, self.image, self.modified.affine)

    @property
    def bytes(self) -> tuple[Any, ...]:
        """All that must be the same again."""
        pixels = self.image.pixels
        return pixels.shape, pixels.dtype, pixels.tobytes(), tuple(self.modified.codestreams)


def attempt(modifier: ImageModifier, image: Image, *, seed: int = 0) -> Attempt:
    """Apply a modifier to a copy that it could write to, with a generator whether it says so or not.

    So that a modifier which writes to its input, or draws without saying so, breaks the law that is about
    this and no other.
    """
    given = replace(image, pixels=image.pixels.copy())
    rng = np.random.default_rng(seed)
    modified = modifier.apply(given, rng=rng)
    if not isinstance(modified, Modified):
        raise TypeError(f"apply returned {type(modified).__name__}, not Modified")
    return Attempt(modifier, image, given, modified, modified.decoded(), rng)


def refused(modifier: ImageModifier, image: Image) -> UnsupportedImage | None:
    """The refusal of an image, or None where it was modified."""
    try:
        attempt(modifier, image)
    except UnsupportedImage as refusal:
        return refusal
    return None


def made(dtype: str, bands: int, *, nodata: bool = False, size: tuple[int, int] = FEW_SIDES) -> Image:
    """A scene of the kit, with the type's first nodata value or without."""
    return scene(dtype, bands, size=size, nodata=NODATA[dtype][0] if nodata else None)


def told(image: Image) -> str:
    """An image in a message."""
    holes = "" if image.nodata is None else f", nodata {image.nodata:g}"
    white = "" if image.white is not None else ", without full scale"
    return f"{image.dtype}, {image.bands} band(s), {image.height}x{image.width} px{holes}{white}"


def require_same(found: Image, expected: Image, message: str) -> None:
    """Raise BrokenLaw unless all samples are equal, NaN to NaN, of one type and shape."""
    before, after = expected.pixels, found.pixels
    if before.shape != after.shape or before.dtype != after.dtype:
        raise BrokenLaw(f"{message}: {told(found)} where {told(expected)} was expected")
    differ = int(np.count_nonzero(~equal(before, after)))
    if differ:
        raise BrokenLaw(f"{message}: {differ} of {before.size} samples differ ({told(expected)})")


def equal(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where samples are equal, NaN to NaN."""
    if before.dtype.kind != "f":
        return np.asarray(before == after)
    return np.asarray((before == after) | (np.isnan(before) & np.isnan(after)))
