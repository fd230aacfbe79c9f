from __future__ import annotations

import numpy as np
import pytest

import iqf_core as iqf
from iqf_modifiers_compression.quantise import Quantise


def every_value(white: int, dtype: str = "uint16") -> iqf.Image:
    return iqf.Image.from_array(np.arange(white + 1).astype(dtype)[np.newaxis], white=white)


def quantised(image, **parameters):
    return Quantise(**parameters).modify(image).decoded().pixels[0, :, 0].astype(int)


@pytest.mark.parametrize(
    ("dtype", "depth"), [("uint8", 8), ("uint8", 4), ("uint16", 12), ("uint16", 16), ("int16", 15)]
)
@pytest.mark.parametrize("bits", [1, 2, 3])
def test_high_bits_are_kept(dtype, depth, bits, picture):
    """The ancestor drops the high bits of uint16."""
    values = np.arange(2**depth)
    low = quantised(every_value(2**depth - 1, dtype), bits=bits, reconstruction="low")
    np.testing.assert_array_equal(low, values >> (depth - bits) << (depth - bits))
    mid = quantised(every_value(2**depth - 1, dtype), bits=bits)
    np.testing.assert_array_equal(mid, low + 2 ** (depth - bits - 1))
    assert np.abs(mid - values).max() <= 2 ** (depth - bits - 1)


@pytest.mark.parametrize("white", [255, 4095, 10000, 65535])
@pytest.mark.parametrize("bits", [1, 3, 5])
def test_span_reaches_black_and_white(white, bits):
    levels = np.unique(quantised(every_value(white), bits=bits, reconstruction="span"))
    assert (levels[0], levels[-1], len(levels)) == (0, white, 2**bits)
    assert np.ptp(np.diff(levels)) <= 1


@pytest.mark.parametrize("reconstruction", ["mid", "low", "span"])
@pytest.mark.parametrize("white", [99, 10000])
def test_full_scale_of_no_whole_number_of_bits(white, reconstruction):
    """All levels are used, and none lies above white."""
    image = every_value(white)
    for bits in (1, 2, 6):
        values = quantised(image, bits=bits, reconstruction=reconstruction)
        assert len(np.unique(values)) == 2**bits
        assert values.max() <= white
        if reconstruction != "span":
            again = iqf.Image.from_array(values[np.newaxis].astype(np.uint16), white=white)
            np.testing.assert_array_equal(quantised(again, bits=bits, reconstruction=reconstruction), values)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_as_many_bits_as_there_are_is_the_identity(bits, picture):
    image = picture("uint8")
    modified = Quantise(bits=bits).modify(image)
    np.testing.assert_array_equal(modified.decoded().pixels, image.pixels)
    assert modified.measured["fixed_bits_per_pixel"] == 24


def test_twelve_bits_in_sixteen():
    image = every_value(4095)
    np.testing.assert_array_equal(quantised(image, bits=12), np.arange(4096))
    assert len(np.unique(quantised(image, bits=11))) == 2048


@pytest.mark.parametrize("reconstruction", ["mid", "low", "span"])
def test_float(reconstruction):
    values = np.linspace(0, 0.7, 1001, dtype=np.float32)
    image = iqf.Image.from_array(values[np.newaxis], white=0.7)
    after = Quantise(bits=2, reconstruction=reconstruction).modify(image).decoded().pixels
    assert after.dtype == np.float32
    levels = {
        "mid": [0.0875, 0.2625, 0.4375, 0.6125],
        "low": [0, 0.175, 0.35, 0.525],
        "span": [0, 0.7 / 3, 1.4 / 3, 0.7],
    }
    np.testing.assert_allclose(np.unique(after), levels[reconstruction], atol=1e-7)


def test_float_of_many_bits(picture):
    image = picture("float32", white=1.0)
    modified = Quantise(bits=20).modify(image)
    assert np.abs(modified.decoded().pixels - image.pixels).max() <= 2.0**-21
    assert modified.measured["bytes"] > 0


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_unknown_full_scale_is_refused_with_the_remedy(dtype, picture):
    with pytest.raises(iqf.UnsupportedImage, match="white="):
        Quantise(bits=4).modify(picture(dtype))


@pytest.mark.parametrize(
    ("dtype", "white", "value"),
    [("uint16", 4095, 4096), ("int16", 4095, -1), ("float32", 1.0, 1.5), ("float32", 1.0, np.nan)],
)
def test_samples_outside_full_scale_are_refused_not_clipped(dtype, white, value, picture):
    image = picture(dtype, white=white)
    image.pixels[5, 5] = value
    with pytest.raises(iqf.UnsupportedImage, match="give the `white="):
        Quantise(bits=4).modify(image)


@pytest.mark.parametrize(("dtype", "white", "nodata"), [("int16", 3000, -32768), ("float32", 1.0, np.nan)])
def test_nodata_needs_no_index_and_stays(dtype, white, nodata, picture):
    plain = picture(dtype, white=white)
    plain.pixels[:8] = nodata
    image = iqf.Image(plain.pixels, white, nodata)
    after = Quantise(bits=2).modify(image).decoded()
    np.testing.assert_array_equal(after.nodata_mask(), image.nodata_mask())
    assert len(np.unique(after.pixels[8:])) == 4


@pytest.mark.parametrize("bits", [1, 4, 5, 8, 12])
def test_rates(bits, picture):
    """Fixed-length rate is bits x bands; the coded rate is lower on a photograph."""
    image = picture("uint16", white=65535, size=256)
    measured = Quantise(bits=bits).modify(image).measured
    assert measured["fixed_bits_per_pixel"] == 3 * bits
    assert 0 < 8 * measured["bytes"] / 256**2 < 3 * bits


def test_no_codestream_is_claimed(picture, dataset):
    variant = iqf.make_variant(dataset(picture()), "quantise(bits=3)", storage="codestream")
    assert variant.manifest.images[0].stored == "pixels"
    assert variant.manifest.rates["fixed_bits_per_pixel"] == 9
