"""Where on the ground the pixels of an image lie."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core import DatasetError, ParameterError

if TYPE_CHECKING:
    from affine import Affine

Point = tuple[float, float]


def metres_a_pixel(path: Path, given: float | None) -> float:
    """Distance of two pixels on the ground, the geometric mean of both directions.

    Parameters
    ----------
    path : pathlib.Path
        Of the image.
    given : float or None
        Metres a pixel where the image does not say.

    Raises
    ------
    ParameterError
        When the image has no projected georeference, and nothing was given.
    """
    crs, transform, _ = _place(path)
    if crs is None or not crs.is_projected:
        if given is not None:
            return given
        raise ParameterError(f"{path}: no projected georeference says how large a pixel is: give gsd_m=")
    _, metres = crs.linear_units_factor
    return math.sqrt(abs(transform.determinant)) * float(metres)


def in_pixels(points: Sequence[Point], path: Path, *, known: bool) -> list[Point]:
    """Points of the image's own coordinate system as pixels of the image.

    Parameters
    ----------
    points : sequence of (x, y)
        In the world, or in pixels where the image is not georeferenced.
    path : pathlib.Path
        Of the image.
    known : bool
        Whether the ground truth says that they are in the world.

    Raises
    ------
    DatasetError
        When the image is not georeferenced though they are in the world, or they lie off the image, as they
        do in another coordinate system.
    """
    crs, transform, size = _place(path)
    if crs is None:
        if known:
            raise DatasetError(f"{path}: objects in the world need a georeferenced image")
        return list(points)
    back = ~transform
    moved = [back @ point for point in points]
    width, height = size
    if not any(-width < x < 2 * width and -height < y < 2 * height for x, y in moved):
        raise DatasetError(
            f"{path}: an object lies far off the image, at column {moved[0][0]:.0f}, row {moved[0][1]:.0f}: "
            f"its coordinates must be those of the image ({crs.to_string()})"
        )
    return moved


def in_world(points: Sequence[Point], path: Path) -> list[Point]:
    """Pixels of an image as points of its coordinate system; as they are where it has none."""
    crs, transform, _ = _place(path)
    return list(points) if crs is None else [transform @ point for point in points]


@functools.lru_cache(maxsize=1024)
def _place(path: Path) -> tuple[Any, Affine, tuple[int, int]]:
    """Coordinate system, transform and size of an image."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # that is what is asked
        with rasterio.open(path) as file:
            return file.crs, file.transform, (file.width, file.height)
