"""Lossless settings give every pixel back, through whole variants, whatever the source."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_modifiers_compression.lossless import Png, Tiff

EVERYTHING = ("uint8", "uint16", "int16", "float32")
OFFERED = {
    "png": ("uint8", "uint16"),
    "tiff": EVERYTHING,
    "tiff(compression='zstd')": EVERYTHING,
    "tiff(compression='lzw', predictor=False)": EVERYTHING,
    "jpeg2000(lossless=True)": ("uint8", "uint16"),
    "jpeg2000(lossless=True, backend='gdal')": ("uint8", "uint16", "int16"),
    "quantise(bits=32)": EVERYTHING,
}
CASES = [(setting, dtype) for setting, dtypes in OFFERED.items() for dtype in dtypes]


@pytest.mark.parametrize("storage", ["source", "codestream"])
@pytest.mark.parametrize(("setting", "dtype"), CASES)
def test_every_pixel_of_every_type_and_number_of_bands(setting, dtype, storage, picture, dataset):
    images = [picture(dtype, bands, size=48) for bands in (1, 3, 4, 6)]
    source = iqf.open_dataset(dataset(*images))
    variant = iqf.make_variant(source, setting, storage=storage)
    assert len(variant.images) == 4
    for name in variant.images:
        before, after = source.read(variant.source_of[name]), variant.read(name)
        assert (after.dtype, after.white) == (before.dtype, before.white)
        np.testing.assert_array_equal(after.pixels, before.pixels)


@pytest.mark.parametrize("storage", ["source", "codestream"])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("setting", OFFERED)
def test_every_pixel_of_other_sources(setting, suffix, storage, picture, dataset):
    source = iqf.open_dataset(dataset(picture(bands=3, size=48), picture(bands=1, size=48), suffix=suffix))
    variant = iqf.make_variant(source, setting, storage=storage)
    for name in variant.images:
        np.testing.assert_array_equal(variant.read(name).pixels, source.read(variant.source_of[name]).pixels)


@pytest.mark.parametrize("setting", ["png", "tiff", "jpeg2000(lossless=True)"])
def test_codestream_is_stored_verbatim(setting, picture, dataset):
    variant = iqf.make_variant(dataset(picture("uint16")), setting, storage="codestream")
    (name,) = variant.images
    codestreams = iqf.modifier(setting).modify(picture("uint16")).codestreams
    assert variant.path(name).read_bytes() == codestreams[0]
    assert variant.manifest.images[0].measured["bytes"] == len(codestreams[0])


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("setting", ["png", "tiff", "jpeg2000(lossless=True)", "jpeg2000(ratio=9)"])
def test_codestream_declares_twelve_bits(setting, bands, picture, dataset):
    image = picture("uint16", bands, white=4095)
    variant = iqf.make_variant(dataset(image), setting, storage="codestream")
    after = variant.read(variant.images[0])
    assert after.white == 4095
    assert after.pixels.max() <= 4095


@pytest.mark.parametrize(
    "setting", ["png", "tiff", "jpeg2000(lossless=True)", "jpeg2000(lossless=True, backend='gdal')"]
)
def test_alpha_stays_alpha(setting, picture, dataset):
    image = picture(bands=4).with_pixels(
        picture(bands=4).pixels, geo=Geo(colorinterp=("red", "green", "blue", "alpha"))
    )
    variant = iqf.make_variant(dataset(image, suffix=".png"), setting, storage="codestream")
    after = variant.read(variant.images[0])
    assert variant.manifest.images[0].stored == "codestream"
    assert after.geo.colorinterp == ("red", "green", "blue", "alpha")
    np.testing.assert_array_equal(after.pixels, image.pixels)


def test_bands_that_are_no_colours_are_coded_one_by_one(picture):
    """A PNG of four bands says that the fourth is alpha."""
    modified = Png().modify(picture(bands=4))
    assert (len(modified.codestreams), modified.suffix) == (4, "")


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_png_refuses_with_the_remedy(dtype, picture):
    with pytest.raises(iqf.UnsupportedImage, match=rf"{dtype}: use tiff"):
        Png().modify(picture(dtype))


def test_effort_and_predictor_pay(picture):
    image = picture("uint16", size=256, white=4095)
    sizes = [Tiff(level=level).modify(image).measured["bytes"] for level in (1, 9)]
    assert sizes[1] < sizes[0]
    assert Tiff().modify(image).measured["bytes"] < Tiff(predictor=False).modify(image).measured["bytes"]
    assert Png(level=0).modify(image).measured["bytes"] > image.pixels.nbytes
    assert Png().modify(image).measured["bytes"] < len(zlib.compress(image.pixels.tobytes()))


def test_not_a_number_survives_tiff(picture):
    image = picture("float32")
    image.pixels[3, 4] = np.nan
    np.testing.assert_array_equal(Tiff().modify(image).decoded().pixels, image.pixels)
