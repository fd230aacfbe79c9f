"""Sharpening, another full scale, and bands that are shifted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_modifiers_sensor.band_shift import shifting


def test_sharpen_adds_what_the_gaussian_takes(picture):
    image = picture("float32", 2, size=(60, 60))
    after = iqf.modifier("sharpen(sigma_px=1.5, amount=0.8)").modify(image).decoded()
    for band in range(2):
        plain = image.pixels[..., band].astype(float)
        expected = plain + 0.8 * (plain - gaussian_filter(plain, 1.5, mode="reflect", truncate=4.0))
        np.testing.assert_allclose(after.pixels[..., band], expected, atol=1e-4)


def test_sharpen_saturates_at_white():
    step = iqf.Image.from_array(np.repeat(np.array([[100, 4000]], np.uint16), 8, axis=1), white=4095)
    after = iqf.modifier("sharpen(amount=4.0)").modify(step).decoded()
    assert (after.pixels.min(), after.pixels.max()) == (0, 4095)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_bit_depth_scales_and_rounds(dtype):
    values = np.array([[0, 100, 2047, 2048, 4095]], dtype)
    after = iqf.modifier("bit_depth(bits=8)").modify(iqf.Image.from_array(values, white=4095)).decoded()
    np.testing.assert_array_equal(after.pixels[..., 0], np.rint(values * 255.0 / 4095))
    assert (after.white, after.dtype) == (255, dtype)
    small = iqf.modifier("bit_depth(bits=8, dtype='smallest')")
    assert small.modify(iqf.Image.from_array(values, white=4095)).decoded().dtype == np.uint8
    wide = iqf.modifier("bit_depth(white=10000.0, dtype='smallest')")
    after = wide.modify(iqf.Image.from_array(values, white=4095)).decoded()
    assert (after.dtype, int(after.pixels.max())) == (np.uint16, 10_000)


def test_bit_depth_invents_no_bits_and_rounds_halves_to_even():
    image = iqf.Image.from_array(np.arange(256, dtype=np.uint8).reshape(16, 16))
    for bits in (8, 12, 16):
        after = iqf.modifier("bit_depth", bits=bits).modify(image).decoded()
        assert after.white == 255
        np.testing.assert_array_equal(after.pixels, image.pixels)
    twelve = iqf.Image.from_array(np.array([[0, 5, 4095]], np.uint16), white=4095)
    for bits in (12, 14):
        after = iqf.modifier("bit_depth", bits=bits).modify(twelve).decoded()
        assert (after.white, after.pixels.ravel().tolist()) == (4095, [0, 5, 4095])
    halves = iqf.Image.from_array(np.array([[1, 3, 5, 7]], np.uint8), white=14)
    after = iqf.modifier("bit_depth(white=7.0)").modify(halves).decoded()
    assert after.pixels.ravel().tolist() == [0, 2, 2, 4]


def test_bit_depth_is_read_again_as_it_was_written(picture, dataset):
    source = dataset({"a.tif": picture("uint16", 3, white=4095.0)})
    made = iqf.make_variant(source, "bit_depth(bits=6)")
    assert made.read("a.tif").white == 63
    assert made.read("a.tif").pixels.max() <= 63
    small = iqf.make_variant(source, "bit_depth(bits=8, dtype='smallest')").read("a.tif")
    assert (small.dtype, small.white) == (np.uint8, 255)


@pytest.mark.parametrize(
    ("said", "scale"),
    [
        ({"scales": (0.5,), "offsets": (3.0,)}, 0.5 * 4095 / 255),
        ({"scales": (1.0,), "offsets": (0.0,), "units": ("mW",)}, 4095 / 255),
        ({"scales": (1.0,), "offsets": (0.0,), "units": (None,)}, 1.0),  # what is read of a file without any
    ],
)
def test_bit_depth_keeps_physical_values_where_there_are_any(said, scale):
    image = iqf.Image.from_array(np.full((2, 2), 4095, np.uint16), white=4095, geo=Geo(**said))
    after = iqf.modifier("bit_depth(bits=8)").modify(image).decoded()
    assert after.geo.scales == (pytest.approx(scale),)
    assert (after.geo.offsets, after.geo.units) == (image.geo.offsets, image.geo.units)


@pytest.mark.parametrize(
    ("dtype", "white", "nodata", "setting", "smallest"),
    [
        ("uint16", 4095, None, "bit_depth(bits=8, dtype='smallest')", "uint8"),
        ("uint16", 4095, 255, "bit_depth(bits=8, dtype='smallest')", "uint8"),
        ("uint16", 4095, 65535, "bit_depth(bits=8, dtype='smallest')", "uint16"),
        ("uint16", 4095, -9999, "bit_depth(bits=8, dtype='smallest')", "uint8"),  # uint16 has it neither
        ("uint16", 255, None, "bit_depth(bits=8, dtype='smallest')", "uint8"),
        ("uint16", 255, None, "bit_depth(bits=16, dtype='smallest')", "uint8"),
        ("int16", 4095, -32768, "bit_depth(bits=10, dtype='smallest')", "int16"),
        ("int16", 4095, 0, "bit_depth(bits=10, dtype='smallest')", "uint16"),
        ("float32", 1, math.nan, "bit_depth(bits=8, dtype='smallest')", "float32"),
        ("float32", 1, None, "bit_depth(bits=12, dtype='smallest')", "uint16"),
        ("float32", 1, None, "bit_depth(bits=24, dtype='smallest')", "float32"),
    ],
)
def test_smallest_type_holds_full_scale_and_nodata(dtype, white, nodata, setting, smallest):
    pixels = (np.array([[0.25, 0.5], [0.75, 1]]) * white).astype(dtype)
    image = iqf.Image.from_array(pixels, white=white, nodata=nodata)
    after = iqf.modifier(setting).modify(image).decoded()
    assert (str(after.dtype), after.nodata is None) == (smallest, nodata is None)
    np.testing.assert_allclose(after.pixels / after.white, image.pixels / white, atol=1.01 / after.white)


def test_nodata_above_the_new_full_scale_is_read_again_as_nodata(picture, dataset):
    image = picture("uint16", 4, white=4095.0, nodata=65535)
    source = iqf.open_dataset(dataset({"a.tif": image}), white=4095)
    for setting, limit in (("bit_depth(bits=8)", 255), ("bit_depth(white=1000.0, dtype='smallest')", 1000)):
        again = iqf.make_variant(source, setting).read("a.tif")
        np.testing.assert_array_equal(again.nodata_mask(), image.nodata_mask())
        assert again.pixels[~again.nodata_mask()].max() <= limit == again.white


@pytest.mark.parametrize(
    ("pixels", "options", "setting", "said"),
    [
        (np.array([[5000]], np.uint16), {"white": 4095}, "bit_depth(bits=8)", "give the `white=`"),
        (np.array([[-5]], np.int16), {"white": 99}, "bit_depth(bits=4, dtype='smallest')", "dtype='keep'"),
        (np.array([[9]], np.int16), {}, "bit_depth(bits=4)", "give `white=`"),
        (np.array([[9]], np.uint8), {}, "bit_depth(white=300.0)", "holds no full scale"),
        (
            np.array([[np.nan]], np.float32),
            {"white": 1.0},
            "bit_depth(bits=8, dtype='smallest')",
            "holds no NaN",
        ),
        (
            np.array([[np.inf]], np.float32),
            {"white": 1.0},
            "bit_depth(bits=8, dtype='smallest')",
            "dtype='keep'",
        ),
    ],
)
def test_bit_depth_refuses_what_has_no_value(pixels, options, setting, said):
    with pytest.raises(iqf.UnsupportedImage, match=said):
        iqf.modifier(setting).modify(iqf.Image.from_array(pixels, **options))


@pytest.mark.parametrize("way", ["cubic", "linear"])
def test_whole_pixels_are_exact(way, picture):
    image = picture("uint8", 5, size=(20, 30))
    after = iqf.modifier("band_shift", dx_px=3.0, dy_px=-2.0, band=4, interpolation=way).modify(image)
    expected = image.pixels.copy()
    wide = np.pad(image.pixels[..., 4], 3, mode="symmetric")
    expected[..., 4] = wide[5:25, 0:30]
    np.testing.assert_array_equal(after.decoded().pixels, expected)


@pytest.mark.parametrize(("way", "error"), [("cubic", 0.004), ("linear", 0.03)])
def test_a_wave_is_where_it_was_shifted_to(way, error):
    rows, columns = np.mgrid[:40, :40].astype(float)

    def wave(dx, dy):
        return np.sin((columns - dx) / 2.5) * np.cos((rows - dy) / 3.5) + 2

    image = iqf.Image.from_array(np.dstack([wave(0, 0)] * 3).astype(np.float32))
    setting = iqf.modifier("band_shift", dx_px=[[0.0, 0.3, -1.6]], dy_px=[[0.0, 2.5, 0.0]], interpolation=way)
    after = setting.modify(image).decoded().pixels[6:-6, 6:-6]
    for band, (dx, dy) in enumerate([(0, 0), (0.3, 2.5), (-1.6, 0)]):
        np.testing.assert_allclose(after[..., band], wave(dx, dy)[6:-6, 6:-6], atol=error)


def test_interpolations_are_the_ones_that_are_named():
    np.testing.assert_allclose(shifting(0.25, "linear"), [0, 0, 0.75, 0.25, 0])
    keys = [-0.0703125, 0.8671875, 0.2265625, -0.0234375]  # Keys 1981 at a quarter, a = -1/2
    np.testing.assert_allclose(shifting(0.25, "cubic"), [0, *keys])


def test_shifted_from_too_little_that_is_valid_keeps_its_value():
    row = iqf.Image.from_array(np.array([[0, 0, 0, 90, 10, 0, 0, 0]], np.uint8), nodata=0)
    after = iqf.modifier("band_shift(dx_px=0.5)").modify(row).decoded().pixels.ravel().tolist()
    assert after == [0, 0, 0, 90, 50, 0, 0, 0]  # at 3 the weights are 0.5625 less 0.0625 of the farther one
    after = iqf.modifier("band_shift(dx_px=2.0)").modify(row).decoded().pixels.ravel().tolist()
    assert after == [0, 0, 0, 90, 10, 0, 0, 0]


def test_bands_that_are_not_there(picture):
    with pytest.raises(iqf.UnsupportedImage, match="band=3"):
        iqf.modifier("band_shift(dx_px=1.0, band=3)").modify(picture())
    with pytest.raises(iqf.UnsupportedImage, match="each of the image's 3"):
        iqf.modifier("band_shift", dx_px=(0.5, 0.5)).modify(picture())
