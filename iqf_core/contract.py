"""What a modifier owes: pixels of its own, of the type and bands it declared, nodata and place kept."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from iqf_core.errors import VariantError
from iqf_core.image import Geo, Image

if TYPE_CHECKING:
    from affine import Affine

Pixels = npt.NDArray[Any]


class Declared(Protocol):
    """What a modifier says of itself."""

    @property
    def keeps_dtype(self) -> bool:
        """Whether the type of the samples stays."""

    @property
    def keeps_bands(self) -> bool:
        """Whether the number of bands stays."""


def held_to_contract(modifier: Declared, before: Image, after: Image, affine: Affine | None) -> Image:
    """Result of a modifier, completed and checked.

    Parameters
    ----------
    modifier : Modifier
        Named in errors; what it declares counts.
    before, after : Image
        What it was given, and what it gave.
    affine : affine.Affine or None
        Map from old to new pixel coordinates.

    Raises
    ------
    VariantError
        When the modifier breaks its contract.
    """
    if not isinstance(after, Image):
        raise VariantError(f"{modifier} gave {type(after).__name__}, not an Image")
    if modifier.keeps_dtype and after.dtype != before.dtype:
        raise VariantError(f"{modifier} turned {before.dtype} into {after.dtype} without declaring it")
    if modifier.keeps_bands and after.bands != before.bands:
        raise VariantError(f"{modifier} turned {before.bands} bands into {after.bands} without declaring it")
    same_size = (after.height, after.width) == (before.height, before.width)
    if not same_size and affine is None:
        raise VariantError(f"{modifier} changed the size without giving the map between the pixels")
    after = placed(before, _completed(before, after), affine)
    pixels = after.pixels
    if np.may_share_memory(pixels, before.pixels):
        pixels = pixels.copy()
    if affine is None and after.bands == before.bands:
        pixels = _with_nodata_of(before, after, pixels)
    return after if pixels is after.pixels else replace(after, pixels=pixels)


class NoGenerator(np.random.Generator):
    """Stands for the generator of a modifier that does not declare that it draws.

    Its variants would not depend on the seed, and so would be reused for any other.
    """

    def __init__(self, modifier: str) -> None:
        super().__init__(_no_bits())
        self._modifier = modifier

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattribute__(name)
        raise VariantError(
            f"{self._modifier} draws from rng, so its class must say stochastic: ClassVar[bool] = True"
        )


@functools.cache
def _no_bits() -> np.random.BitGenerator:
    return np.random.PCG64(0)


def placed(before: Image, after: Image, affine: Affine | None) -> Image:
    """Image whose georeference followed its pixels, unless the modifier has moved it itself."""
    if affine is None or before.geo is None or after.geo is None:
        return after
    if _location(after.geo) != _location(before.geo):
        return after
    return replace(after, geo=after.geo.moved(affine))


def _location(geo: Geo) -> tuple[Any, ...]:
    return geo.crs, geo.transform, geo.rpcs, tuple((p.row, p.col, p.x, p.y, p.z) for p in geo.gcps)


def _completed(before: Image, after: Image) -> Image:
    """Image with what it does not say for itself: a modifier may give bare pixels."""
    missing = {
        name: getattr(before, name)
        for name in ("nodata", "encoding")
        if getattr(after, name) is None and getattr(before, name) is not None
    }
    if after.geo is None and before.geo is not None:
        missing["geo"] = before.with_pixels(after.pixels).geo
    if after.white is None and after.dtype == before.dtype:
        missing["white"] = before.white
    return replace(after, **missing) if missing else after


def _with_nodata_of(before: Image, after: Image, pixels: Pixels) -> Pixels:
    """Nodata where the source had it and nowhere else, however lossy the way was.

    A valid pixel that came out equal to the nodata value is moved by one step of its type; one that came
    out NaN where NaN is nodata, which has no next value, keeps its own.
    """
    holes, became = before.nodata_mask(), after.nodata_mask()
    if holes is None or became is None or after.nodata is None:
        return pixels
    if holes.any() and not _can_hold(after.dtype, after.nodata):
        raise VariantError(f"{after.dtype} cannot hold the nodata value {after.nodata:g}: give another")
    pixels = pixels.copy()
    valid = became & ~holes
    if valid.any():
        nan = math.isnan(after.nodata)
        pixels[valid] = before.pixels[valid] if nan else _neighbour(after.nodata, pixels.dtype)
    if holes.any():
        pixels[holes] = after.nodata
    return pixels


def _can_hold(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max and value == math.floor(value)


def _neighbour(value: float, dtype: np.dtype[Any]) -> Any:
    """The representable value next to ``value``, inside the type's range."""
    if dtype.kind == "f":
        return np.nextafter(dtype.type(value), dtype.type(0) if value else dtype.type(1))
    return dtype.type(value - 1 if value > np.iinfo(dtype).min else value + 1)
