from __future__ import annotations

import cv2
import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.image import decode_jpeg
from iqf_modifiers_compression.jpeg import MAX_SIDE, Jpeg


def sampling_factors(codestream: bytes) -> list[int]:
    """Sampling factors of the components in the frame header (H and V in one byte)."""
    marker = b"\xff\xc2" if b"\xff\xc2" in codestream else b"\xff\xc0"
    at = codestream.index(marker) + 9
    return [codestream[at + 2 + 3 * i] for i in range(codestream[at])]


@pytest.mark.parametrize(("subsampling", "factor"), [("4:4:4", 0x11), ("4:2:2", 0x21), ("4:2:0", 0x22)])
def test_subsampling_is_what_the_header_says(subsampling, factor, picture):
    (codestream,) = Jpeg(subsampling=subsampling).modify(picture()).codestreams
    assert sampling_factors(codestream) == [factor, 0x11, 0x11]


def test_progressive_and_optimised_are_smaller_and_the_same_pixels(picture):
    image = picture(size=256)
    plain = Jpeg().modify(image)
    optimised = Jpeg(optimise=True).modify(image)
    progressive = Jpeg(progressive=True).modify(image)
    assert b"\xff\xc2" in progressive.codestreams[0][:1000]
    assert optimised.measured["bytes"] < plain.measured["bytes"]
    assert progressive.measured["bytes"] < plain.measured["bytes"]
    for other in (optimised, progressive):
        np.testing.assert_array_equal(other.decoded().pixels, plain.decoded().pixels)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_one_decoder_everywhere(subsampling, picture, tmp_path):
    """GDAL decodes the same 4:2:0 codestream up to 11 levels differently."""
    modified = Jpeg(subsampling=subsampling).modify(picture())
    (codestream,) = modified.codestreams
    by_cv2 = cv2.imdecode(np.frombuffer(codestream, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]
    (tmp_path / "stored.jpg").write_bytes(codestream)
    for pixels in (
        modified.decoded().pixels,
        decode_jpeg(codestream),
        iqf.read_image(tmp_path / "stored.jpg").pixels,
    ):
        np.testing.assert_array_equal(pixels, by_cv2)


def test_bands_are_red_green_blue(picture):
    image = picture()
    image.pixels[:] = (200, 100, 50)
    assert np.abs(Jpeg(quality=95).modify(image).decoded().pixels - np.array([200, 100, 50])).max() <= 2


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_more_than_eight_bits_are_refused(dtype, picture):
    """The ancestor's JPEG of uint16 saturates: 784..3128 became 255 everywhere."""
    with pytest.raises(iqf.UnsupportedImage, match=f"{dtype}: convert the images to uint8"):
        Jpeg(bands="each").modify(picture(dtype))


@pytest.mark.parametrize("bands", [2, 4, 6])
def test_other_numbers_of_bands_are_refused_or_coded_each(bands, picture):
    """The ancestor made three bands of four, and crashed on six."""
    image = picture(bands=bands)
    with pytest.raises(iqf.UnsupportedImage, match="bands='each'"):
        Jpeg().modify(image)
    modified = Jpeg(bands="each", quality=95).modify(image)
    after = modified.decoded()
    assert after.pixels.shape == image.pixels.shape
    assert np.abs(after.pixels.astype(int) - image.pixels).mean() < 3
    assert (len(modified.codestreams), modified.suffix) == (bands, "")
    for band, codestream in enumerate(modified.codestreams):
        np.testing.assert_array_equal(decode_jpeg(codestream)[:, :, 0], after.pixels[:, :, band])


def test_one_grey_codestream_is_a_file(picture):
    modified = Jpeg(bands="each").modify(picture(bands=1))
    assert (len(modified.codestreams), modified.suffix) == (1, ".jpg")


@pytest.mark.parametrize("shape", [(1, MAX_SIDE, 1), (MAX_SIDE, 1, 3)])
def test_largest_side(shape):
    image = iqf.Image.from_array(np.zeros(shape, np.uint8))
    assert Jpeg().modify(image).decoded().pixels.shape == shape
    larger = iqf.Image.from_array(np.zeros([side + (side == MAX_SIDE) for side in shape], np.uint8))
    with pytest.raises(iqf.UnsupportedImage, match="at most 65500 a side; cut the image into tiles"):
        Jpeg().modify(larger)


@pytest.mark.parametrize("storage", ["source", "codestream"])
def test_a_jpeg_source_is_compressed_once(storage, picture, dataset):
    """The ancestor compressed a ``.jpg`` source a second time on writing."""
    source = iqf.open_dataset(dataset(picture(), picture(bands=1), suffix=".jpg"))
    variant = iqf.make_variant(source, "jpeg(quality=30)", storage=storage)
    assert variant.images == source.images
    for name in source.images:
        once = Jpeg(quality=30).modify(source.read(name))
        assert variant.path(name).read_bytes() == once.codestreams[0]
        np.testing.assert_array_equal(variant.read(name).pixels, once.decoded().pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_both_storages_hold_the_same_pixels(suffix, picture, dataset):
    source = dataset(picture(), picture(bands=1), suffix=suffix)
    pixels = iqf.make_variant(source, "jpeg(quality=30)")
    coded = iqf.make_variant(source, "jpeg(quality=30)", storage="codestream")
    assert [name.rpartition(".")[2] for name in coded.images] == ["jpg", "jpg"]
    for one, other in zip(pixels.images, coded.images, strict=True):
        np.testing.assert_array_equal(pixels.read(one).pixels, coded.read(other).pixels)
    for rate in ("bits_per_pixel", "bits_per_pixel_band", "compression_ratio"):
        assert pixels.manifest.rates[rate] == coded.manifest.rates[rate] > 0


def test_compressed_size_is_kept(picture, dataset):
    """The ancestor threw it away."""
    image = picture()
    variant = iqf.make_variant(dataset(image), "jpeg(quality=30)")
    size = len(Jpeg(quality=30).modify(image).codestreams[0])
    assert variant.manifest.images[0].measured["bytes"] == size
    assert variant.manifest.rates["bits_per_pixel"] == pytest.approx(8 * size / (96 * 96))
    assert variant.manifest.rates["compression_ratio"] == pytest.approx(96 * 96 * 3 / size)
