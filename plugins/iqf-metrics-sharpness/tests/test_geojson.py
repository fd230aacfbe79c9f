"""Edges as GeoJSON: where they lie, what they say, and that it is GeoJSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from iqf_core import Image, ParameterError, read_image, write_image
from iqf_core.image import Geo
from iqf_metrics_sharpness import edges, sharpness
from iqf_metrics_sharpness.geojson import as_features, crs_name, sharpness_of

UTM = Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 733600, 0, -0.5, 3725139))
PROPERTIES = {
    "image", "band", "direction", "angle_deg", "contrast_dn", "edge_snr", "r2", "rer", "fwhm_px", "fwhm_m",
    "measured", "clipped", "nodata", "overshoot", "dark_at_zero",
}  # fmt: skip


def lines(found, direction):
    chosen = [one for one in found["features"] if one["properties"]["direction"] == direction]
    return np.array([one["geometry"]["coordinates"] for one in chosen])


def test_edges_lie_where_the_square_ends_and_are_as_long_as_their_window(square):
    found = edges(square())
    steep, flat = lines(found, "x"), lines(found, "y")
    assert len(steep) >= 4
    assert len(flat) >= 4
    for part, across in ((steep, 0), (flat, 1)):
        near = np.abs(part[..., across] - np.where(part[..., across] < 48, 34.5, 66.5))
        assert near.max() < 0.25  # corners are round
        assert np.median(near) < 0.03
        assert np.allclose(np.abs(np.diff(part[..., 1 - across], axis=1)), 7, atol=1e-3)
    assert "centres of pixels are integers" in found["axes"]
    assert "crs" not in found


def test_an_oblique_edge_runs_as_its_pixels_do():
    y, x = np.mgrid[:96, :96]
    step = 50 + 100 / (1 + np.exp(-(x + 0.6 * y - 80) / 0.6))
    found = edges(np.rint(step).astype(np.uint8), edge_length=9)
    assert found["features"]
    for feature in found["features"]:
        points = np.array(feature["geometry"]["coordinates"])
        assert np.allclose(points[:, 0] + 0.6 * points[:, 1], 80, atol=0.1)
        assert math.isclose(abs(points[1, 1] - points[0, 1]), 9, abs_tol=1e-3)
        assert feature["properties"]["angle_deg"] == pytest.approx(math.degrees(math.atan(0.6)), abs=0.5)
        assert feature["properties"]["contrast_dn"] == pytest.approx(100, rel=0.02)


def test_flat_oblique_edges_are_as_long_as_their_window_in_columns():
    y, x = np.mgrid[:96, :96]
    step = 150 - 100 / (1 + np.exp(-(0.3 * x + y - 60) / 0.6))
    found = edges(np.rint(step).astype(np.uint8))
    assert found["features"]
    for feature in found["features"]:
        points = np.array(feature["geometry"]["coordinates"])
        assert np.allclose(0.3 * points[:, 0] + points[:, 1], 60, atol=0.1)
        assert math.isclose(abs(points[1, 0] - points[0, 0]), 7, abs_tol=1e-3)
        assert feature["properties"]["contrast_dn"] == pytest.approx(-100, rel=0.02)


def test_world_coordinates_are_those_of_the_file(square, tmp_path):
    path = tmp_path / "scene.tif"
    write_image(path, Image.from_array(square("uint16", low=500, high=1500, bands=4), geo=UTM))
    image = read_image(path)
    found, pixels = edges(image, bands=[2], name="scene.tif"), edges(image.pixels, bands=[2])
    world, grid = lines(found, "x"), lines(pixels, "x")
    assert np.allclose(world[..., 0], 733600 + 0.5 * (grid[..., 0] + 0.5), rtol=0, atol=1e-4)
    assert np.allclose(world[..., 1], 3725139 - 0.5 * (grid[..., 1] + 0.5), rtol=0, atol=1e-4)
    # the square begins at column 34.5, the corner between pixels 34 and 35: 733600 + 0.5 * 35
    left = world[world[..., 0].max(axis=1) < 733624]
    assert np.median(np.abs(left[..., 0] - 733617.5)) < 0.015
    assert found["crs"] == {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32616"}}
    for feature in found["features"]:
        values = feature["properties"]
        assert (values["image"], values["band"]) == ("scene.tif", 2)
        if values["measured"]:
            assert values["fwhm_m"] == pytest.approx(0.5 * values["fwhm_px"], rel=1e-5)


def test_a_turned_grid():
    geo = Geo(crs=CRS.from_epsg(32616), transform=Affine(3, 4, 100, 2, -5, 200))
    picture = np.full((64, 64), 50, np.uint8)
    picture[:, 32:] = 150
    found = edges(Image.from_array(picture, geo=geo))
    world = lines(found, "x")
    x, y = world[..., 0] - 100, world[..., 1] - 200
    column, row = (5 * x + 4 * y) / 23 - 0.5, (2 * x - 3 * y) / 23 - 0.5
    assert np.allclose(column, 31.5, rtol=0, atol=0.1)
    assert np.allclose(row, lines(edges(picture), "x")[..., 1], rtol=0, atol=1e-3)


def test_it_is_strict_json_with_what_geopandas_needs(square):
    found = json.loads(json.dumps(edges(square()), allow_nan=False))
    assert found["type"] == "FeatureCollection"
    for feature in found["features"]:
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] == "LineString"
        assert np.array(feature["geometry"]["coordinates"]).shape == (2, 2)
        assert set(feature["properties"]) == PROPERTIES
        assert feature["properties"]["fwhm_m"] is None
        assert feature["properties"]["measured"] is True
        assert isinstance(feature["properties"]["rer"], float)


def test_what_is_spoilt_is_there_and_not_measured(square):
    clipped = edges(square(high=400))["features"]
    assert clipped
    assert all(one["properties"]["clipped"] and not one["properties"]["measured"] for one in clipped)
    assert all(one["properties"]["rer"] is None for one in clipped)
    picture = square("uint16", low=5000, high=15000)
    picture[picture == 15001] = 15002
    picture[40:56, 61:63] = 15001
    right = [
        one["properties"]
        for one in edges(Image.from_array(picture, nodata=15001))["features"]
        if one["geometry"]["coordinates"][0][0] > 60 and one["properties"]["direction"] == "x"
    ]
    assert any(one["nodata"] and not one["measured"] for one in right)
    assert not any(one["nodata"] for one in (e["properties"] for e in edges(picture)["features"]))


def test_a_dark_side_of_zero_is_told(square):
    found = edges(square(low=-20, high=150))["features"]
    assert found
    assert all(one["properties"]["dark_at_zero"] for one in found)


def test_no_edges_are_an_empty_collection():
    assert edges(np.full((40, 40), 7, np.uint8))["features"] == []


def test_what_is_given_goes_before_what_the_image_says(square):
    image = Image.from_array(square(), geo=UTM)
    assert edges(image, white=140.0)["features"][0]["properties"]["clipped"]
    assert edges(image, gsd_m=2.0)["features"][0]["properties"]["fwhm_m"] > 2
    assert not any(one["properties"]["measured"] for one in edges(image, nodata=150.0)["features"])


def test_full_scale_of_the_image_counts(square):
    twelve = Image.from_array(square("uint16", low=1000, high=5000).clip(0, 4095), white=4095)
    assert all(one["properties"]["clipped"] for one in edges(twelve)["features"])


def test_transparency_is_no_band_and_where_it_is_full_there_is_no_data(square):
    colour = square(bands=2)
    colour[..., 1] = 255
    colour[:, :47, 1] = 0
    geo = Geo(colorinterp=("gray", "alpha"))
    result = sharpness_of(Image.from_array(colour, geo=geo))
    assert [band.band for band in result.bands] == [0]
    there = result.bands[0].edges
    assert there.measured.any()
    assert (there.column[there.measured] > 47).all()
    same = sharpness_of(Image.from_array(square(bands=2), geo=Geo(colorinterp=("gray", "undefined"))))
    assert [band.band for band in same.bands] == [0, 1]


def test_transparency_adds_to_nodata(square):
    colour = square("uint16", low=5000, high=15000, bands=2)
    colour[..., 1] = 255
    colour[:40, :, 1] = 0
    colour[:, 61:63, 0] = 15001
    geo = Geo(colorinterp=("gray", "alpha"))
    table = sharpness_of(Image.from_array(colour, geo=geo, nodata=15001)).bands[0].edges
    there = table[table.measured]
    assert len(there)
    assert (there.row > 40).all()
    assert ((there.direction == "y") | (there.column < 50)).all()


def test_names_of_reference_systems():
    assert crs_name(CRS.from_epsg(4326)) == "urn:ogc:def:crs:OGC:1.3:CRS84"
    own = CRS.from_proj4("+proj=tmerc +lat_0=3 +lon_0=2 +ellps=bessel +units=m")
    assert CRS.from_wkt(crs_name(own)) == own


@pytest.mark.parametrize("geo", [Geo(transform=UTM.transform), Geo(crs=UTM.crs)])
def test_half_a_georeference_is_none(square, geo):
    found = edges(Image.from_array(square(), geo=geo))
    assert "crs" not in found
    assert np.max(lines(found, "x")) < 96


def test_a_result_can_be_told_without_measuring_again(square):
    pixels = square()
    assert as_features(sharpness(pixels)) == edges(pixels)


def test_unknown_options_are_wrong(square):
    with pytest.raises(ParameterError, match="windw"):
        edges(square(), windw=3)
