"""Ground sampling distance against closed forms."""

from __future__ import annotations

import math

import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from iqf_core.image import Geo
from iqf_metrics_sharpness import ground_sampling_distance

UTM, PLATE, WEB, NEW_YORK_FEET, PARIS_GRADS = 32616, 4326, 3857, 2263, 4807
AXIS, FLAT = 6378137.0, 1 / 298.257223563


def gsd(epsg, transform, height=100, width=100):
    return ground_sampling_distance(Geo(crs=CRS.from_epsg(epsg), transform=transform), height, width)


def radii(latitude_deg, axis=AXIS, flat=FLAT):
    """Meridional radius of curvature, and the radius of the parallel."""
    square = flat * (2 - flat)
    w = math.sqrt(1 - square * math.sin(math.radians(latitude_deg)) ** 2)
    return axis * (1 - square) / w**3, axis / w * math.cos(math.radians(latitude_deg))


def test_a_metre_grid_is_what_the_map_says():
    assert gsd(UTM, Affine(0.5, 0, 733601, 0, -0.5, 3725139)) == 0.5


def test_two_axes_give_their_geometric_mean_turned_or_not():
    turned = Affine.translation(733601, 3725139) @ Affine.rotation(33) @ Affine.scale(2, -0.5)
    assert gsd(UTM, turned) == pytest.approx(1, rel=1e-12)
    sheared = Affine(2, 7, 733601, 0, -0.5, 3725139)
    assert gsd(UTM, sheared) == pytest.approx(1, rel=1e-12)


def test_feet_become_metres():
    assert gsd(NEW_YORK_FEET, Affine(1, 0, 981000, 0, -1, 200000)) == pytest.approx(1200 / 3937, rel=1e-9)


@pytest.mark.parametrize("latitude", [0, 45, -60, 80])
def test_degrees_on_the_ellipsoid(latitude):
    step = 1e-5
    along, across = radii(latitude)
    expected = math.radians(step) * math.sqrt(along * across)
    assert gsd(PLATE, Affine(step, 0, 10, 0, -step, latitude + 50 * step)) == pytest.approx(
        expected, rel=1e-9
    )


def test_the_latitude_is_that_of_the_centre():
    assert gsd(PLATE, Affine(0.01, 0, 0, 0, -0.01, 70), 2000, 10) == pytest.approx(
        math.radians(0.01) * math.sqrt(math.prod(radii(60))), rel=1e-9
    )


def test_grads_on_their_own_ellipsoid():
    along, across = radii(45, 6378249.2, 1 / 293.466021293627)
    expected = math.radians(0.9e-5) * math.sqrt(along * across)
    assert gsd(PARIS_GRADS, Affine(1e-5, 0, 2, 0, -1e-5, 50), 2, 2) == pytest.approx(expected, rel=1e-6)


def test_a_map_that_is_wrong_about_lengths_is_not_believed():
    """Web Mercator at 60 degrees: a metre of the map is about half a metre on the ground."""
    northing = AXIS * math.log(math.tan(math.pi / 4 + math.radians(60) / 2))
    along, across = radii(60)
    true = math.sqrt(math.cos(math.radians(60)) / AXIS * along * across / AXIS)
    found = gsd(WEB, Affine(0.6, 0, 1e6, 0, -0.6, northing + 30))
    assert found == pytest.approx(0.6 * true, rel=1e-5)
    assert found == pytest.approx(0.3, rel=0.01)
    assert gsd(WEB, Affine(0.6, 0, 1e6, 0, -0.6, 0)) == 0.6


def test_across_the_antimeridian():
    half = math.pi * AXIS
    northing = AXIS * math.log(math.tan(math.pi / 4 + math.radians(60) / 2))
    here = gsd(WEB, Affine(0.6, 0, 1e6, 0, -0.6, northing + 30))
    assert gsd(WEB, Affine(0.6, 0, half - 30, 0, -0.6, northing + 30)) == pytest.approx(here, rel=1e-6)


@pytest.mark.parametrize(
    "geo",
    [
        None,
        Geo(),
        Geo(crs=CRS.from_epsg(UTM)),
        Geo(transform=Affine(0.5, 0, 0, 0, -0.5, 0)),
        Geo(crs=CRS.from_epsg(UTM), gcps=(GroundControlPoint(0, 0, 1, 2),)),
        Geo(crs=CRS.from_epsg(UTM), transform=Affine(0, 0, 0, 0, 0, 0)),
        Geo(crs=CRS.from_epsg(4978), transform=Affine(1, 0, 0, 0, -1, 0)),
    ],
)
def test_nothing_where_it_cannot_be_said(geo):
    assert ground_sampling_distance(geo, 10, 10) is None
