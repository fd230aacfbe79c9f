"""Pictures and georeferences to test with, and how two images are compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from iqf_core.image import Geo

DATA = Path(__file__).parents[2] / "../shared/data"


def noise(height=40, width=52, bands=3, dtype="uint8", seed=7):
    """Return smooth structure and noise over the whole range of a type."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=(height, width, bands)).astype(dtype) * 1e4
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, (height, width, bands), dtype=dtype, endpoint=True)


def full_geo(bands=3):
    """Return a georeference in which everything is set."""
    return Geo(
        crs=CRS.from_epsg(32616),
        transform=Affine(0.5, 0, 733601, 0, -0.5, 3725139),
        tags={"": {"AREA_OR_POINT": "Area", "MISSION": "Sentinel <2> & co é"}, "ESA": {"LEVEL": "L1C"}},
        band_tags=tuple({"": {"WAVELENGTH": str(400 + band)}} for band in range(bands)),
        descriptions=tuple(f"band {band}" for band in range(bands)),
        units=("W/m2/sr",) * bands,
        colorinterp=({1: ("gray",), 3: ("red", "green", "blue")}).get(
            bands, ("red", "green", "blue", *("undefined",) * (bands - 3))
        ),
        scales=tuple(0.1 * (band + 1) for band in range(bands)),
        offsets=tuple(float(band) for band in range(bands)),
    )


def assert_same(one, other):
    """Compare two images in everything but their encoding."""
    assert one.pixels.dtype == other.pixels.dtype
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one.white == other.white
    assert repr(one.nodata) == repr(other.nodata)
    assert one.geo == other.geo
