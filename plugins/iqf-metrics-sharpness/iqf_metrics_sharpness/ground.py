"""Ground sampling distance from a georeference."""

from __future__ import annotations

import math
import re
from typing import Any

from iqf_core.image import Geo

DISTORTION = 0.01
"""Share by which a map may be wrong about lengths and its unit still be taken for a metre of the ground.

UTM and national grids stay within 0.1 %; Mercator, in which web maps are drawn, is wrong by 100 % at 60
degrees of latitude.
"""

_ELLIPSOID = re.compile(r'(?:SPHEROID|ELLIPSOID)\["[^"]*",\s*([\d.eE+]+),\s*([\d.eE+]+)')


def ground_sampling_distance(geo: Geo | None, height: int, width: int) -> float | None:
    """Ground sampling distance of an image, from its georeference.

    The square root of the area of the pixel in the middle of the image: the geometric mean of both axes,
    whether or not the grid is turned. With a projected reference system ``sqrt(|det|)`` of the transform in
    metres, as the map has it, unless the map is wrong about lengths there by more than 1 %; then, and with
    a geographic system, on the ellipsoid::

        GSD^2 = |d(lon, lat) / d(column, row)| M N cos(lat)

    with the radii of curvature ``M = a (1 - e^2) / W^3``, ``N = a / W``, ``W^2 = 1 - e^2 sin^2(lat)``.

    Parameters
    ----------
    geo : Geo or None
        Georeference. Ground control points and rational polynomials alone give no GSD.
    height, width : int
        Of the image, in pixels.

    Returns
    -------
    float or None
        Metres; None where the image has no reference system or no transform.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> utm = Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 733601, 0, -0.5, 3725139))
    >>> ground_sampling_distance(utm, 90, 90)
    0.5
    """
    if geo is None or geo.crs is None or geo.transform is None:
        return None
    affine = geo.transform
    area = abs(affine.a * affine.e - affine.b * affine.d)
    if not (area > 0 and math.isfinite(area)):
        return None
    if geo.crs.is_geographic:
        latitude = affine.d * width / 2 + affine.e * height / 2 + affine.f
        radians = float(geo.crs.units_factor[1])
        return math.sqrt(area) * radians * _metres_per_radian(geo.crs, latitude * radians)
    if not geo.crs.is_projected:
        return None
    nominal = math.sqrt(area) * float(geo.crs.units_factor[1])
    true = _on_ellipsoid(geo.crs, affine, height, width)
    return true if true is not None and abs(nominal / true - 1) > DISTORTION else nominal


def _metres_per_radian(crs: Any, latitude: float) -> float:
    """Geometric mean of what a radian of longitude and one of latitude are on the ground."""
    found = _ELLIPSOID.search(crs.to_wkt())
    axis, inverse = (float(found[1]), float(found[2])) if found else (6378137.0, 298.257223563)
    flat = 1 / inverse if inverse else 0.0
    square = flat * (2 - flat)
    w_squared = 1 - square * math.sin(latitude) ** 2
    return axis * math.sqrt((1 - square) * abs(math.cos(latitude))) / w_squared


def _on_ellipsoid(crs: Any, affine: Any, height: int, width: int) -> float | None:
    """Side of the pixel in the middle in metres, through longitude and latitude; None where off the map."""
    from rasterio.crs import CRS
    from rasterio.errors import RasterioError
    from rasterio.warp import transform

    world = CRS.from_epsg(4326)
    corners = [(width / 2 + dx, height / 2 + dy) for dx, dy in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))]
    eastings = [affine.a * x + affine.b * y + affine.c for x, y in corners]
    northings = [affine.d * x + affine.e * y + affine.f for x, y in corners]
    try:
        longitude, latitude = transform(crs, world, eastings, northings)
    except RasterioError:
        return None
    east = [(longitude[i + 1] - longitude[i] + 180) % 360 - 180 for i in (0, 2)]
    north = [latitude[i + 1] - latitude[i] for i in (0, 2)]
    area = abs(east[0] * north[1] - east[1] * north[0])
    if not (area > 0 and math.isfinite(area)):
        return None
    middle = math.radians(sum(latitude) / 4)
    return math.radians(1) * math.sqrt(area) * _metres_per_radian(world, middle)
