"""Laws of what a modifier does with one image: it works or refuses, and leaves its input alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from iqf_core.errors import UnsupportedImage, VariantError
from iqf_core.image import Image
from iqf_core.testing.attempts import ModifierCase, attempt, made, refused, require_same, told
from iqf_core.testing.law import BrokenLaw

ODD_SIZES = ((1, 1), (1, 9), (9, 1), (2, 2), (7, 5), (33, 47))
REMEDY = re.compile(
    r"\b(use|give|choose|set|convert|scale|shift|cut|crop|tile|resample|select|write|pass|leave|drop|merge"
    r"|split|take|make|install|name|add|remove|replace|ask)\b",
    re.IGNORECASE,
)
"""A refusal tells what to do: one of these words, in the imperative."""


def works(case: ModifierCase) -> None:
    """Every supported type and number of bands is modified, with nodata or without."""
    for nodata in (False, True):
        for image in case.images(nodata=nodata):
            try:
                after = attempt(case.image_modifier, image).image
            except Exception as error:
                raise BrokenLaw(f"{type(error).__name__}: {error} ({told(image)})") from error
            if not isinstance(after, Image):
                raise BrokenLaw(f"gave {type(after).__name__}, not an Image ({told(image)})")
            _require_finite(image, after)


def _require_finite(before: Image, after: Image) -> None:
    if before.nodata is None and not np.isfinite(after.pixels).all():
        raise BrokenLaw(f"NaN or infinite samples out of finite ones ({told(before)})")


def unsupported_is_refused(case: ModifierCase) -> None:
    """Any other type or number of bands raises UnsupportedImage, whose message holds the remedy."""
    for image in case.unsupported():
        try:
            refusal = refused(case.image_modifier, image)
        except Exception as error:
            message = f"{type(error).__name__} instead of UnsupportedImage: {error} ({told(image)})"
            raise BrokenLaw(message) from error
        if refusal is None:
            raise BrokenLaw(f"modified {told(image)}, which is not declared: it clips, casts or drops bands")
        _require_remedy(refusal, image)


def odd_images_work_or_are_refused(case: ModifierCase) -> None:
    """A single pixel, odd sizes, no full scale, negative samples: a sound result or UnsupportedImage."""
    for image in _odd_images(case):
        try:
            refusal = refused(case.image_modifier, image)
        except Exception as error:
            raise BrokenLaw(f"{type(error).__name__}: {error} ({told(image)})") from error
        if refusal is not None:
            _require_remedy(refusal, image)
        else:
            _require_finite(image, attempt(case.image_modifier, image).image)


def _odd_images(case: ModifierCase) -> Iterator[Image]:
    for size in ODD_SIZES:
        yield case.image(size=size)
        yield case.image(size=size, nodata=True)
    for dtype in case.dtypes:
        image = made(dtype, case.bands[0])
        if np.dtype(dtype).kind != "u":
            yield replace(image, white=None)
            yield replace(image, pixels=-image.pixels)


def _require_remedy(refusal: UnsupportedImage, image: Image) -> None:
    if not REMEDY.search(str(refusal)):
        raise BrokenLaw(f"the refusal does not say what to do: {str(refusal)!r} ({told(image)})")


def input_is_untouched(case: ModifierCase) -> None:
    """The pixels that a modifier is given are as before."""
    for nodata in (False, True):
        for image in case.images(nodata=nodata):
            require_same(attempt(case.image_modifier, image).given, image, "its input was written to")


def memory_is_its_own(case: ModifierCase) -> None:
    """The result shares memory neither with the input nor with another result."""
    for image in case.images():
        first, second = (attempt(case.image_modifier, image) for _ in range(2))
        if np.may_share_memory(first.image.pixels, first.given.pixels):
            raise BrokenLaw(f"the result shares memory with the input: copy it ({told(image)})")
        if np.may_share_memory(first.image.pixels, second.image.pixels):
            raise BrokenLaw(f"two results share memory: copy what is kept ({told(image)})")


def type_bands_and_size_are_declared(case: ModifierCase) -> None:
    """Another type, number of bands or size comes with keeps_dtype, keeps_bands or affine saying so."""
    for image in case.images():
        tried = attempt(case.image_modifier, image)
        try:
            _ = tried.kept
        except VariantError as error:
            raise BrokenLaw(f"{error} ({told(image)})") from error


def full_scale_is_known(case: ModifierCase) -> None:
    """``white`` stays; where its author declares another, it is known and no sample exceeds it."""
    for image in case.images():
        after = attempt(case.image_modifier, image).kept
        if after.white is None:
            raise BrokenLaw(f"white={image.white:g} was lost ({told(image)})")
        if case.keeps_white and after.white != image.white:
            raise BrokenLaw(
                f"white={image.white:g} became {after.white:g}; if that is meant, declare keeps_white=False"
                f" ({told(image)})"
            )
        if not case.keeps_white and after.pixels.max() > after.white:
            raise BrokenLaw(f"samples to {after.pixels.max():g} above white={after.white:g} ({told(image)})")
