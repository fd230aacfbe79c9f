"""The image and its georeference by themselves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC

import iqf_core.image
from iqf_core.image import Geo, Image
from tests.image.pictures import full_geo, noise

ONES = [1.0, *[0.0] * 19]


def test_an_image_shares_no_memory_with_its_array_and_is_frozen():
    array = noise()
    image = Image.from_array(array)
    array[:] = 0
    assert image.pixels.any()
    with pytest.raises(dataclasses.FrozenInstanceError):
        image.white = 3
    assert Image.from_array(noise()[:, :, 0]).pixels.shape == (40, 52, 1)
    assert Image.from_array(noise(dtype="uint16").astype(">u2")).pixels.dtype == np.dtype("uint16")


@pytest.mark.parametrize(
    ("dtype", "white", "bits"),
    [("uint8", None, 8), ("uint8", 1, 1), ("uint16", None, 16), ("uint16", 4095, 12), ("uint16", 4096, 13),
     ("uint16", 10000, 14), ("int16", None, 16), ("int16", 4095, 16), ("float32", 1.0, 32)],
)  # fmt: skip
def test_bits_per_sample(dtype, white, bits):
    assert Image.from_array(np.zeros((2, 3), dtype), white=white).bits_per_sample == bits


def test_the_nodata_mask():
    pixels = np.array([[0, 1], [2, np.nan]], np.float32)
    assert Image.from_array(pixels).nodata_mask() is None
    mask = Image.from_array(pixels, nodata=np.nan).nodata_mask()
    assert mask.tolist() == [[[False], [False]], [[False], [True]]]
    assert Image.from_array(pixels, nodata=1).nodata_mask().sum() == 1
    tenth = Image.from_array(np.full((1, 1), 0.1, np.float32), nodata=0.1)
    assert tenth.nodata_mask().all()


def test_other_pixels_share_the_rest():
    image = Image.from_array(noise(dtype="uint16"), white=4095, nodata=3, geo=full_geo())
    other = image.with_pixels(image.pixels // 2)
    assert (other.white, other.nodata, other.geo) == (4095, 3, image.geo)
    single = image.with_pixels(image.pixels[:, :, :1])
    assert single.geo == Geo(image.geo.crs, image.geo.transform, image.geo.tags)
    assert image.with_pixels(image.pixels, geo=None).geo is None
    moved = image.geo.moved(Affine.scale(0.5))
    assert image.with_pixels(image.pixels[::2, ::2], geo=moved).geo == moved


def place(affine, point):
    return affine.a * point[0] + affine.b * point[1] + affine.c, (
        affine.d * point[0] + affine.e * point[1] + affine.f
    )


def test_a_moved_georeference_finds_the_same_places():
    geo = dataclasses.replace(full_geo(), gcps=(GroundControlPoint(row=8, col=6, x=1, y=2, z=3, id="p"),))
    affine = Affine(0.5, 0, -3, 0, 0.25, 5)
    moved = geo.moved(affine)
    for point in ((0, 0), (10, 20), (3.5, 7.25)):
        assert place(moved.transform, place(affine, point)) == pytest.approx(place(geo.transform, point))
    assert (moved.gcps[0].col, moved.gcps[0].row) == (0, 7)
    assert (moved.gcps[0].x, moved.gcps[0].id) == (1, "p")
    assert (moved.crs, moved.tags) == (geo.crs, geo.tags)


def test_rational_polynomials_are_rescaled_or_dropped():
    rpcs = RPC(
        height_off=0, height_scale=1, lat_off=0, lat_scale=1, long_off=0, long_scale=1, line_off=99.5,
        line_scale=100, samp_off=49.5, samp_scale=50, line_num_coeff=ONES, line_den_coeff=ONES,
        samp_num_coeff=ONES, samp_den_coeff=ONES,
    )  # fmt: skip
    geo = Geo(rpcs=rpcs)
    halved = geo.moved(Affine.scale(0.5)).rpcs
    # The corner coordinate 100 becomes 50, which is 49.5 from the centre of the first pixel.
    assert (halved.line_off, halved.line_scale, halved.samp_off, halved.samp_scale) == (49.5, 50, 24.5, 25)
    assert rpcs.line_off == 99.5
    shifted = geo.moved(Affine.translation(-10, 4)).rpcs
    assert (shifted.line_off, shifted.samp_off, shifted.line_scale) == (103.5, 39.5, 100)
    for affine in (Affine.rotation(5), Affine.scale(-1, 1)):
        assert geo.moved(affine).rpcs is None


def test_what_is_exported_is_there():
    for name in iqf_core.image.__all__:
        assert getattr(iqf_core.image, name).__doc__ or name == "IMAGE_SUFFIXES"
