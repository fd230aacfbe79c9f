"""Laws of where pixels lie: content, georeference and nodata go where ``affine`` says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from iqf_core.image import Image
from iqf_core.testing.attempts import Attempt, ModifierCase, attempt, told
from iqf_core.testing.law import BrokenLaw

if TYPE_CHECKING:
    from affine import Affine

Plane = npt.NDArray[Any]

WITHIN_PX = 2.0  # of the larger pixel: half of it is rounding, the rest is for a lopsided kernel
FAINT = 0.2  # correlation, below which the content is drowned in noise and cannot be located
FAR_PX = 8  # how far from nodata a kernel may reach


def pixels_lie_where_declared(case: ModifierCase) -> None:
    """Content is where ``affine`` maps it, within two pixels; where there is none, it has not moved."""
    for image in case.images():
        tried = attempt(case.image_modifier, image)
        affine = _map_of(tried)
        found, inside = on_grid_of(image, tried.kept, affine)
        if not inside.any():
            raise BrokenLaw(f"by affine no pixel of the image is in the result ({told(image)})")
        offset = _offset(image.pixels[..., 0], found[..., 0], inside)
        if offset > WITHIN_PX * max(1.0, _scale(affine)):
            said = "affine maps it" if tried.modified.affine is not None else "it was (there is no affine)"
            raise BrokenLaw(f"the content lies {offset:.0f} px from where {said} ({told(image)})")


def georeference_follows(case: ModifierCase) -> None:
    """CRS and transform are the input's, moved by ``affine``."""
    for image in case.images():
        tried = attempt(case.image_modifier, image)
        before, after = image.geo, tried.kept.geo
        if before is None or after is None:
            raise BrokenLaw(f"the georeference was lost ({told(image)})")
        expected = before.moved(_map_of(tried)).transform
        if after.crs != before.crs:
            raise BrokenLaw(f"the CRS {before.crs} became {after.crs} ({told(image)})")
        if after.transform is None or not expected.almost_equals(after.transform, 1e-6):
            raise BrokenLaw(
                f"the transform is {_line(after.transform)} where {_line(expected)} was expected"
                f" ({told(image)})"
            )


def nodata_stays_nodata(case: ModifierCase) -> None:
    """Nodata is nodata afterwards, valid samples stay valid; where pixels move, holes move along."""
    for image in case.images(nodata=True):
        tried = attempt(case.image_modifier, image)
        after = tried.kept
        before_holes: Plane | None = image.nodata_mask()
        holes: Plane | None = after.nodata_mask()
        if holes is None or before_holes is None:
            raise BrokenLaw(f"the result has no nodata value ({told(image)})")
        if image.bands != after.bands:  # what it made of the bands is its own; where there is none is not
            before_holes, holes = _in_all_bands(before_holes), _in_all_bands(holes)
        must_be, must_not = _expected_holes(before_holes, holes, tried.modified.affine)
        lost, made = np.count_nonzero(must_be & ~holes), np.count_nonzero(must_not & holes)
        if lost:
            raise BrokenLaw(f"{lost} samples that were nodata are data ({told(image)})")
        if made:
            raise BrokenLaw(f"{made} valid samples became nodata ({told(image)})")


def _in_all_bands(holes: Plane) -> Plane:
    return np.asarray(holes.all(axis=2, keepdims=True))


def _expected_holes(before: Plane, after: Plane, affine: Affine | None) -> tuple[Plane, Plane]:
    """Where the result must be nodata, and where it must not be; between the two a kernel may choose."""
    if affine is None:
        return before, ~before
    reach = math.ceil(_scale(affine)) + 1
    sure = ~_grown(~before, reach)
    free = ~_grown(before, FAR_PX + reach)
    grid = after.shape[:2]
    found = [_looked_up(one, grid, ~affine, outside=False)[0] for one in (sure, free)]
    return found[0], found[1]


def _grown(mask: Plane, reach: int) -> Plane:
    import cv2

    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    grown = cv2.dilate(mask.astype(np.uint8), kernel)
    return np.asarray(grown).reshape(mask.shape).astype(bool)


def on_grid_of(image: Image, result: Image, affine: Affine) -> tuple[Plane, Plane]:
    """A result on the pixel grid of its input, nearest neighbours, and which pixels of that lie inside it."""
    return _looked_up(result.pixels, (image.height, image.width), affine, outside=0)


def _looked_up(
    pixels: Plane, grid: tuple[int, int], affine: Affine, *, outside: float
) -> tuple[Plane, Plane]:
    """Values of ``pixels`` where ``affine`` maps the pixel centres of a grid."""
    y, x = np.mgrid[: grid[0], : grid[1]] + 0.5
    column = np.floor(affine.a * x + affine.b * y + affine.c).astype(int)
    row = np.floor(affine.d * x + affine.e * y + affine.f).astype(int)
    height, width = pixels.shape[:2]
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    found = pixels[row.clip(0, height - 1), column.clip(0, width - 1)]
    return np.where(inside[..., None], found, pixels.dtype.type(outside)), inside


def _map_of(tried: Attempt) -> Affine:
    from affine import Affine

    return Affine.identity() if tried.modified.affine is None else tried.modified.affine


def _scale(affine: Affine) -> float:
    """Side of a new pixel in old ones."""
    return 1 / math.sqrt(abs(affine.determinant) or 1)


def _offset(before: Plane, after: Plane, inside: Plane) -> float:
    """Distance of the peak of their cross-correlation from no shift, in px; 0 where there is no peak."""
    first, second = (_centred(plane, inside) for plane in (before, after))
    if not first.any() or not second.any():
        return 0.0
    shape = [2 * side for side in first.shape]
    spectrum = np.fft.rfft2(first, shape) * np.fft.rfft2(second, shape).conj()
    matched = np.abs(np.fft.irfft2(spectrum, shape))
    if matched.max() < FAINT * math.sqrt(float((first**2).sum() * (second**2).sum())):
        return 0.0
    row, column = np.unravel_index(int(matched.argmax()), matched.shape)
    return math.hypot(*(min(int(at), side - int(at)) for at, side in zip((row, column), shape, strict=True)))


def _centred(plane: Plane, inside: Plane) -> Plane:
    values = plane.astype(np.float64)
    return np.where(inside, values - values[inside].mean(), 0.0)


def _line(transform: Any) -> str:
    return str(None if transform is None else tuple(round(value, 4) for value in transform)[:6])
