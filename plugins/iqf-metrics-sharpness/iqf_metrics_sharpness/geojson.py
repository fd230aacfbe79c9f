"""The edges that were measured, as GeoJSON: in pixels, or in the world where the image is georeferenced."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_core import Image
from iqf_core.image import Geo
from iqf_metrics_sharpness.ground import ground_sampling_distance
from iqf_metrics_sharpness.measuring import sharpness
from iqf_metrics_sharpness.result import BandSharpness, SharpnessResult
from iqf_metrics_sharpness.windows import Bools, Floats

PIXEL_AXES = "x is the column and y the row, which goes down; centres of pixels are integers"
WORLD_AXES = "x and y of the crs, x being the easting or the longitude"

NUMBERS = ("angle_deg", "contrast_dn", "edge_snr", "r2", "rer", "fwhm_px", "fwhm_m")
FLAGS = ("measured", "clipped", "nodata", "overshoot", "dark_at_zero")


def edges(
    image: Image | npt.ArrayLike,
    *,
    white: float | None = None,
    nodata: float | Sequence[float] | Bools | None = None,
    gsd_m: float | None = None,
    bands: Sequence[int] | None = None,
    name: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Find and measure the edges of an image, each as a line with its own values.

    Parameters
    ----------
    image : Image or array_like, shape (H, W) or (H, W, C)
        An `iqf_core.Image` brings its full scale, nodata and georeference.
    white, nodata, gsd_m, bands
        As in `sharpness`; what is given here goes before what the image says.
    name : str, optional
        Property ``image`` of each edge.
    **options
        As in `EdgeOptions`.

    Returns
    -------
    dict
        A GeoJSON FeatureCollection without NaN: ``json.dump`` writes it, ``geopandas.GeoDataFrame
        .from_features`` reads it. Each edge is a LineString along the edge, as long as its window. The member
        ``axes`` says what coordinates are; ``crs`` is there where they are of the world. Properties:
        ``image``, ``band``, ``direction`` of the normal (x, y, other), ``angle_deg`` of the normal in pixels
        from +x towards +y (down), ``contrast_dn`` (level beyond the edge along the normal less that before
        it), ``edge_snr``, ``r2``, ``rer``, ``fwhm_px``, ``fwhm_m``, ``measured``, ``clipped``, ``nodata``,
        ``overshoot``, ``dark_at_zero``. What is left out has ``measured`` false and no rer.

    Examples
    --------
    >>> from scipy.ndimage import gaussian_filter
    >>> picture = np.full((64, 64), 50.0)
    >>> picture[:, 32:] = 150.0
    >>> found = edges(gaussian_filter(picture, 1.0).round().astype(np.uint8))
    >>> found["features"][0]["geometry"]["type"], found["features"][0]["properties"]["direction"]
    ('LineString', 'x')
    """
    if not isinstance(image, Image):
        result = sharpness(image, white=white, nodata=nodata, gsd_m=gsd_m, bands=bands, **options)
        return as_features(result, name=name)
    result = sharpness_of(image, white=white, nodata=nodata, gsd_m=gsd_m, bands=bands, **options)
    return as_features(result, geo=image.geo, name=name)


def sharpness_of(
    image: Image,
    *,
    white: float | None = None,
    nodata: float | Sequence[float] | Bools | None = None,
    gsd_m: float | None = None,
    bands: Sequence[int] | None = None,
    **options: Any,
) -> SharpnessResult:
    """`sharpness` of an image, with the full scale, nodata and georeference that it has.

    A band of transparency is not measured unless it is named; where it is 0 there is no data.
    """
    roles = image.geo.colorinterp if image.geo is not None else ()
    clear = [band for band, role in enumerate(roles) if role == "alpha"]
    seen = [band for band in range(image.bands) if band not in clear] or list(range(image.bands))
    if nodata is None:
        nodata = image.nodata_mask()
        if clear and len(clear) < image.bands:
            hidden = (image.pixels[..., clear] == 0).any(axis=-1, keepdims=True)
            nodata = hidden[..., 0] if nodata is None else nodata | hidden
    if gsd_m is None:
        gsd_m = ground_sampling_distance(image.geo, image.height, image.width)
    return sharpness(
        image.pixels,
        white=image.white if white is None else white,
        nodata=nodata,
        gsd_m=gsd_m,
        bands=seen if bands is None else bands,
        **options,
    )


def as_features(
    result: SharpnessResult, *, geo: Geo | None = None, name: str | None = None
) -> dict[str, Any]:
    """What was measured, as a FeatureCollection: see `edges`."""
    world = geo is not None and geo.crs is not None and geo.transform is not None
    collection: dict[str, Any] = {"type": "FeatureCollection", "axes": WORLD_AXES if world else PIXEL_AXES}
    if geo is not None and world:
        collection["crs"] = {"type": "name", "properties": {"name": crs_name(geo.crs)}}
    collection["features"] = [
        feature
        for band in result.bands
        for feature in _features(
            band, geo.transform if geo is not None and world else None, name, result.gsd_m
        )
    ]
    return collection


def crs_name(crs: Any) -> str:
    """Name of a reference system as GeoJSON of 2008 has it; its definition (WKT) where it has none."""
    authority = crs.to_authority()
    if authority is None:
        return str(crs.to_wkt())
    if authority == ("EPSG", "4326"):
        return "urn:ogc:def:crs:OGC:1.3:CRS84"  # longitude first, as GeoJSON has it
    return f"urn:ogc:def:crs:{authority[0]}::{authority[1]}"


def ends(band: BandSharpness) -> Floats:
    """Both ends of each edge in pixels, shape (E, 2, 2): x, y; as long as the window."""
    table = band.edges
    sine, cosine = np.sin(table.angle), np.cos(table.angle)
    half = table.options.edge_length / 2 / np.abs(np.where(table.flat, sine, cosine))
    along = np.stack([-sine, cosine], axis=1) * half[:, None]
    middle = np.stack([table.column, table.row], axis=1)
    return np.stack([middle - along, middle + along], axis=1)


def _features(
    band: BandSharpness, affine: Any, name: str | None, gsd_m: float | None
) -> Iterator[dict[str, Any]]:
    table = band.edges
    lines = _rounded(ends(band), affine).tolist()
    values = {
        "angle_deg": np.degrees(table.angle),
        "contrast_dn": table.contrast,
        "edge_snr": table.edge_snr,
        "r2": table.r2,
        "rer": table.rer,
        "fwhm_px": table.fwhm,
        "fwhm_m": table.fwhm * (np.nan if gsd_m is None else gsd_m),
    }
    for index, line in enumerate(lines):
        properties = {
            "image": name,
            "band": band.band,
            "direction": str(table.direction[index]),
            **{key: _number(values[key][index]) for key in NUMBERS},
            **{key: bool(getattr(table, key)[index]) for key in FLAGS},
        }
        yield {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": line},
            "properties": properties,
        }


def _rounded(points: Floats, affine: Any) -> Floats:
    """Points of the pixel grid, or of the world where there is a transform, to 1/10000 px."""
    if affine is None:
        return np.round(points, 4)
    x, y = points[..., 0] + 0.5, points[..., 1] + 0.5  # its origin is the corner of the first pixel
    moved = [affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f]
    pixel = math.sqrt(abs(affine.a * affine.e - affine.b * affine.d)) or 1.0
    return np.round(np.stack(moved, axis=-1), 4 - math.floor(math.log10(pixel)))


def _number(value: float) -> float | None:
    """Six digits; None for what is not finite, which JSON does not know."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
