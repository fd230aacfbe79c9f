from __future__ import annotations

import struct
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_modifiers_compression import openjpeg
from iqf_modifiers_compression.jpeg2000 import Jpeg2000


def psnr(before, after):
    error = np.mean((before.pixels.astype(float) - after.pixels.astype(float)) ** 2)
    return 10 * np.log10(before.white**2 / error)


def declared(codestream: bytes) -> tuple[int, bool, int]:
    """Depth and sign of the first component (SIZ), and the multi-component transform (COD)."""
    siz, cod = codestream.index(b"\xff\x51"), codestream.index(b"\xff\x52")
    depth = codestream[siz + 40]
    return (depth & 0x7F) + 1, bool(depth & 0x80), codestream[cod + 8]


DEPTHS = [("uint8", 255), ("uint16", 4095), ("uint16", 65535), ("uint16", 10000), ("uint8", 15)]


@pytest.mark.parametrize("backend", ["glymur", "gdal"])
@pytest.mark.parametrize(("dtype", "white"), DEPTHS)
def test_ratio_counts_the_bits_of_white(dtype, white, backend, picture):
    """glymur counts raw bytes of 16 bits for whatever is in uint16."""
    image = picture(dtype, white=white, size=256)
    modified = Jpeg2000(ratio=12, backend=backend, reversible=white == 15).modify(image)
    raw = image.pixels.size * image.bits_per_sample / 8
    assert raw / modified.measured["bytes"] == pytest.approx(12, rel=0.05)
    assert modified.decoded().pixels.max() <= 2**image.bits_per_sample - 1


@pytest.mark.parametrize(("dtype", "white"), DEPTHS)
@pytest.mark.parametrize("asked", [30, 38])
def test_psnr_is_against_white(dtype, white, asked, picture):
    """glymur's is against the type's maximum: 12 bits in uint16 would be 24 dB off."""
    image = picture(dtype, white=white, size=256)
    modified = Jpeg2000(psnr=asked, reversible=white == 15).modify(image)
    after = modified.decoded()
    assert psnr(image, after) == pytest.approx(asked, abs=1)
    assert modified.measured["psnr_db"] == pytest.approx(psnr(image, after), abs=1e-3)


def test_psnr_is_corrected_where_the_estimate_is_off(picture):
    """OpenJPEG's own estimate gives 47.6 dB for 50 on a photograph of 8 bits."""
    image = picture(size=256)
    assert psnr(image, Jpeg2000(psnr=49).modify(image).decoded()) == pytest.approx(49, abs=1)


def test_a_psnr_out_of_reach_names_the_remedy(picture):
    with pytest.raises(iqf.UnsupportedImage, match=r"out of reach.*reversible=True"):
        Jpeg2000(psnr=70).modify(picture())
    assert psnr_db(Jpeg2000(psnr=70, reversible=True), picture()) >= 69


def test_psnr_of_a_simple_image_is_the_next_above(picture):
    """Few samples and fewer grey levels: OpenJPEG goes from 33.6 to 39.8 dB in one step."""
    image = picture()
    image.pixels[:] = np.maximum(image.pixels // 16, 1)
    image.pixels[20:60, 10:50] = 0
    assert 34 <= psnr_db(Jpeg2000(psnr=35), image) < 41


def psnr_db(modifier, image):
    modified = modifier.modify(image)
    modified.decoded()
    return modified.measured["psnr_db"]


def test_samples_above_white_are_not_clipped(picture):
    image = picture("uint16", white=4095, size=256)
    image.pixels[10:20, 10:20] = 60000
    after = Jpeg2000(lossless=True).modify(image).decoded()
    np.testing.assert_array_equal(after.pixels, image.pixels)
    modified = Jpeg2000(ratio=12).modify(image)
    assert image.pixels.size * 12 / 8 / modified.measured["bytes"] == pytest.approx(12, rel=0.05)
    assert abs(int(modified.decoded().pixels[15, 15, 0]) - 60000) < 2000


@pytest.mark.parametrize("backend", ["glymur", "gdal"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 6])
def test_header_declares_depth_and_colour_transform(bands, backend, picture):
    image = picture("uint16", bands, white=4095)
    (codestream,) = Jpeg2000(ratio=5, backend=backend).modify(image).codestreams
    assert declared(codestream) == (12, False, int(bands == 3))


@pytest.mark.parametrize("backend", ["glymur", "gdal"])
def test_eight_bits_in_uint16_stay_uint16(backend, picture):
    image = picture("uint16", white=255)
    after = Jpeg2000(lossless=True, backend=backend).modify(image).decoded()
    assert after.dtype == np.uint16
    np.testing.assert_array_equal(after.pixels, image.pixels)


@pytest.mark.parametrize("storage", ["source", "codestream"])
@pytest.mark.parametrize("setting", ["lossless=True", "lossless=True, backend='gdal'"])
def test_four_bands_of_sixteen_bits(setting, storage, picture, dataset):
    """Pillow silently decodes such a file to uint8, OpenCV to nothing."""
    source = iqf.open_dataset(dataset(picture("uint16", 4)))
    variant = iqf.make_variant(source, f"jpeg2000({setting})", storage=storage)
    after = variant.read(variant.images[0])
    assert after.dtype == np.uint16
    np.testing.assert_array_equal(after.pixels, source.read(source.images[0]).pixels)
    if storage == "codestream":
        with (
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            rasterio.open(variant.path(variant.images[0])) as independent,
        ):
            assert (independent.count, independent.dtypes[0]) == (4, "uint16")


@pytest.mark.parametrize("backend", ["glymur", "gdal"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 31), (31, 32), (20, 700), (33, 16)])
def test_small_images(shape, backend):
    """glymur fails below 32 pixels with its default levels."""
    rows, cols = shape
    pixels = np.add.outer(np.arange(rows), np.arange(cols)).astype(np.uint8)
    image = iqf.Image.from_array(pixels)
    after = Jpeg2000(lossless=True, backend=backend).modify(image).decoded()
    np.testing.assert_array_equal(after.pixels, image.pixels)
    assert Jpeg2000(ratio=4, backend=backend).modify(image).decoded().pixels.shape == (*shape, 1)


@pytest.mark.parametrize("backend", ["glymur", "gdal"])
@pytest.mark.parametrize(("dtype", "white"), [("uint8", 1), ("uint8", 3), ("uint8", 255), ("uint16", 4095)])
def test_noise_fits(dtype, white, backend):
    """OpenJPEG's output buffer is too small for noise of one bit."""
    rng = np.random.default_rng(0)
    image = iqf.Image.from_array(rng.integers(0, white + 1, (300, 300, 3)).astype(dtype), white=white)
    after = Jpeg2000(lossless=True, backend=backend).modify(image).decoded()
    np.testing.assert_array_equal(after.pixels, image.pixels)


@pytest.mark.parametrize("backend", ["glymur", "gdal"])
def test_levels_and_tiles_are_what_the_header_says(backend, picture):
    (codestream,) = Jpeg2000(ratio=5, levels=2, tile_size=64, backend=backend).modify(picture()).codestreams
    siz, cod = codestream.index(b"\xff\x51"), codestream.index(b"\xff\x52")
    assert struct.unpack_from(">II", codestream, siz + 22) == (64, 64)
    assert codestream[cod + 9] == 2
    (codestream,) = Jpeg2000(ratio=5, levels=32, tile_size=32, backend=backend).modify(picture()).codestreams
    assert codestream[codestream.index(b"\xff\x52") + 9] == (5 if backend == "glymur" else 4)


def test_wavelet(picture):
    def transform(**options):
        (codestream,) = Jpeg2000(**options).modify(picture()).codestreams
        return codestream[codestream.index(b"\xff\x52") + 13]

    irreversible, reversible = 0, 1
    assert transform(ratio=5) == transform(psnr=30) == irreversible
    assert transform(ratio=5, reversible=True) == transform(lossless=True) == reversible
    assert transform(ratio=5, backend="gdal") == irreversible
    assert transform(ratio=5, reversible=True, backend="gdal") == reversible


def test_backends_agree(picture):
    """Two builds of OpenJPEG: the same rate, nearly the same pixels."""
    image = picture(size=256)
    one, other = (Jpeg2000(ratio=10, backend=backend).modify(image) for backend in ("glymur", "gdal"))
    assert one.measured["bytes"] == pytest.approx(other.measured["bytes"], rel=0.02)
    assert psnr(image, one.decoded()) == pytest.approx(psnr(image, other.decoded()), abs=0.1)


def test_glymur_decodes_the_same_pixels(picture, tmp_path):
    modified = Jpeg2000(ratio=10).modify(picture())
    (tmp_path / "a.jp2").write_bytes(modified.codestreams[0])
    by_glymur = openjpeg.load().Jp2k(tmp_path / "a.jp2")[:]
    assert np.abs(by_glymur.astype(int) - modified.decoded().pixels).max() <= 1


def test_signed_samples_through_gdal(picture):
    image = picture("int16")
    with pytest.raises(iqf.UnsupportedImage, match="backend='gdal'"):
        Jpeg2000(lossless=True).modify(image)
    modified = Jpeg2000(lossless=True, backend="gdal").modify(image)
    assert declared(modified.codestreams[0])[:2] == (16, True)
    np.testing.assert_array_equal(modified.decoded().pixels, image.pixels)
    assert image.pixels.min() < 0
    after = Jpeg2000(ratio=8, backend="gdal").modify(image).decoded()
    assert np.abs(after.pixels.astype(int) - image.pixels).mean() < 60


@pytest.mark.parametrize("backend", ["glymur", "gdal"])
def test_float_is_refused_with_the_remedy(backend, picture):
    with pytest.raises(iqf.UnsupportedImage, match="scale them to uint16 first, or use tiff"):
        Jpeg2000(lossless=True, backend=backend).modify(picture("float32"))


def test_what_openjpeg_says_becomes_the_error(picture, monkeypatch):
    monkeypatch.setattr(openjpeg, "most_levels", lambda *_: 30)
    with pytest.raises(iqf.UnsupportedImage, match="OpenJPEG cannot write it"):
        Jpeg2000(ratio=5, levels=30).modify(picture(size=33))


def test_grey_with_alpha(picture):
    image = picture(bands=2).with_pixels(picture(bands=2).pixels, geo=Geo(colorinterp=("gray", "alpha")))
    after = Jpeg2000(lossless=True).modify(image).decoded()
    np.testing.assert_array_equal(after.pixels, image.pixels)


def test_knob_is_the_ratio_where_there_is_one():
    assert Jpeg2000(ratio=20).knob_value == 20
    assert Jpeg2000(psnr=40).knob_value is None
    assert Jpeg2000(lossless=True).knob_value is None
    assert Jpeg2000(ratio=20).with_knob(30).ratio == 30


def test_both_storages_hold_the_same_pixels(picture, dataset):
    source = dataset(picture("uint16", white=4095), picture("uint16", 1, white=4095))
    pixels = iqf.make_variant(source, "jpeg2000(ratio=20)")
    coded = iqf.make_variant(source, "jpeg2000(ratio=20)", storage="codestream")
    assert [name.rpartition(".")[2] for name in coded.images] == ["jp2", "jp2"]
    for one, other in zip(pixels.images, coded.images, strict=True):
        np.testing.assert_array_equal(pixels.read(one).pixels, coded.read(other).pixels)
