"""What is read of each kind of file, against other decoders."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import PIL.Image
import pytest
import rasterio

from iqf_core.image import (
    Geo,
    Image,
    decode_jpeg,
    is_image,
    lossless_suffix,
    probe_image,
    read_image,
    write_codestream,
    write_image,
)
from tests.image.pictures import assert_same, full_geo, noise


def save(path, pixels, mode=None, **options):
    pixels = pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels
    picture = PIL.Image.fromarray(pixels) if mode is None else PIL.Image.fromarray(pixels).convert(mode)
    picture.save(path, **options)
    return path


def smooth(bands=3):
    return cv2.GaussianBlur(noise(60, 80, 3), (0, 0), 4)[:, :, :bands]


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]
)
@pytest.mark.parametrize("bands", [1, 3])
def test_jpeg(tmp_path, options, bands):
    path = save(tmp_path / "a.jpg", smooth(bands), **options)
    image = read_image(path)
    truth = np.asarray(PIL.Image.open(path)).reshape(60, 80, bands)
    assert np.abs(image.pixels.astype(int) - truth).max() <= 1
    assert image.encoding.lossy
    np.testing.assert_array_equal(decode_jpeg(path.read_bytes()), image.pixels)
    trailing = tmp_path / "b.jpg"
    trailing.write_bytes(path.read_bytes() + b"appended by a telephone")
    np.testing.assert_array_equal(read_image(trailing).pixels, image.pixels)


@pytest.mark.parametrize("shape", [(1, "uint8"), (3, "uint8"), (4, "uint8"), (1, "uint16"), (3, "uint16")])
def test_png(tmp_path, shape):
    pixels = noise(bands=shape[0], dtype=shape[1])
    swapped = pixels if shape[0] == 1 else cv2.cvtColor(pixels, {3: 4, 4: 5}[shape[0]])
    cv2.imwrite(str(tmp_path / "a.png"), swapped)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, pixels)
    if shape == (3, "uint8"):
        truth = np.asarray(PIL.Image.open(tmp_path / "a.png"))
        np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, truth)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_palette_is_expanded_to_what_it_shows(tmp_path, suffix):
    quantised = PIL.Image.fromarray(smooth()).quantize(64)
    quantised.save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image.pixels, np.asarray(quantised.convert("RGB")))
    assert image.white == 255
    assert_same(read_image(write_image(tmp_path / f"b{suffix}", image)), image)
    assert probe_image(tmp_path / f"a{suffix}").bands == 3


def test_a_palette_with_transparency_becomes_rgba(tmp_path):
    quantised = PIL.Image.fromarray(smooth()).quantize(64)
    quantised.save(tmp_path / "a.png", transparency=5)
    image = read_image(tmp_path / "a.png")
    truth = np.asarray(PIL.Image.open(tmp_path / "a.png").convert("RGBA"))
    np.testing.assert_array_equal(image.pixels, truth)
    assert (image.pixels[:, :, 3] == 0).any()
    assert image.geo == Geo(colorinterp=("red", "green", "blue", "alpha"))
    index = np.asarray(quantised)
    colours = dict(enumerate(map(tuple, np.reshape(quantised.getpalette(), (-1, 3)))))
    with rasterio.open(
        tmp_path / "b.tif", "w", driver="GTiff", width=80, height=60, count=1, dtype="uint8", nodata=5,
        transform=full_geo().transform,
    ) as file:  # fmt: skip
        file.write(index, 1)
        file.write_colormap(1, colours)
    tiff = read_image(tmp_path / "b.tif")
    np.testing.assert_array_equal(tiff.pixels[truth[:, :, 3] > 0], truth[truth[:, :, 3] > 0])
    assert not tiff.pixels[index == 5, 3].any()
    assert tiff.geo.transform == full_geo().transform


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit_is_black_and_white_of_eight_bits(tmp_path, suffix):
    bits = smooth(1)[:, :, 0] > 128
    PIL.Image.fromarray(bits).save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image.pixels[:, :, 0], bits * np.uint8(255))
    assert image.white == 255
    assert_same(read_image(write_image(tmp_path / f"b{suffix}", image)), image)


def test_grey_and_alpha_of_a_png(tmp_path):
    pixels = noise(bands=2)
    bands = [PIL.Image.fromarray(np.ascontiguousarray(band)) for band in pixels.transpose(2, 0, 1)]
    PIL.Image.merge("LA", bands).save(tmp_path / "la.png")
    image = read_image(tmp_path / "la.png")
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.geo.colorinterp == ("gray", "alpha")
    assert_same(read_image(write_image(tmp_path / "b.png", image)), image)
    with PIL.Image.open(tmp_path / "b.png") as written:
        assert written.mode == "LA"


def test_a_transparent_grey_of_a_png_is_nodata(tmp_path):
    pixels = noise(bands=1)
    save(tmp_path / "a.png", pixels, transparency=7)
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.nodata == 7
    assert_same(read_image(write_image(tmp_path / "b.png", image)), image)


def test_significant_bits_of_a_png_are_its_white_unless_samples_are_scaled(tmp_path):
    twelve = Image.from_array(noise(dtype="uint16") >> 4, white=4095)
    path = write_image(tmp_path / "a.png", twelve)
    assert probe_image(path).white == read_image(path).white == 4095
    scaled = write_image(tmp_path / "b.png", twelve.with_pixels(twelve.pixels)).read_bytes()
    chunk = scaled[33:48]  # sBIT follows IHDR
    assert chunk[4:8] == b"sBIT"
    full = cv2.imencode(".png", noise(dtype="uint16"))[1].tobytes()
    (tmp_path / "c.png").write_bytes(full[:33] + chunk + full[33:])
    assert read_image(tmp_path / "c.png").white == 65535


def test_the_content_decides_not_the_suffix(tmp_path):
    path = write_image(tmp_path / "a.tif", Image.from_array(noise()))
    wrong = path.rename(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(wrong).pixels, noise())
    assert probe_image(wrong).format == "TIFF"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
@pytest.mark.parametrize(("dtype", "bands"), [("uint8", 3), ("uint16", 1), ("uint8", 4)])
def test_the_probe_agrees_with_reading(tmp_path, suffix, dtype, bands):
    white = 4095 if dtype == "uint16" else None
    pixels = np.minimum(noise(bands=bands, dtype=dtype), white or 255)
    path = write_image(tmp_path / f"a{suffix}", Image.from_array(pixels, white=white))
    info, image = probe_image(path), read_image(path)
    assert (info.height, info.width, info.bands) == image.pixels.shape
    assert (info.dtype, info.white, info.lossy) == (str(image.dtype), image.white, image.encoding.lossy)
    assert info.format == image.encoding.format


def test_a_lossy_jpeg_2000_is_told_from_a_reversible_one(tmp_path):
    import rasterio.shutil

    source = write_image(tmp_path / "a.tif", Image.from_array(noise(200, 200), geo=full_geo()))
    lossy, exact = tmp_path / "lossy.jp2", tmp_path / "exact.jp2"
    rasterio.shutil.copy(source, lossy, driver="JP2OpenJPEG", QUALITY=20, REVERSIBLE="NO")
    rasterio.shutil.copy(source, exact, driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES")
    assert read_image(lossy).encoding.lossy
    assert probe_image(lossy).lossy
    assert not read_image(exact).encoding.lossy
    np.testing.assert_array_equal(read_image(exact).pixels, noise(200, 200))
    assert_same(read_image(write_image(tmp_path / "b.jp2", read_image(lossy))), read_image(lossy))


def test_is_image(tmp_path):
    for suffix in (".png", ".tif", ".jp2"):
        assert is_image(write_image(tmp_path / f"a{suffix}", Image.from_array(noise())))
    (tmp_path / "a.txt").write_text("not an image")
    (tmp_path / "empty.png").touch()
    for name in ("a.txt", "empty.png", "missing.png", "."):
        assert not is_image(tmp_path / name)


def test_world_files_and_sidecars_are_read_for_the_georeference_only(tmp_path):
    path = save(tmp_path / "a.png", noise())
    (tmp_path / "a.pgw").write_text("2\n0\n0\n-2\n501\n899\n")
    image = read_image(path)
    assert image.geo.transform.to_gdal() == (500, 2, 0, 900, 0, -2)
    np.testing.assert_array_equal(image.pixels, noise())
    jpeg = write_codestream(tmp_path / "b.jpg", cv2.imencode(".jpg", noise())[1].tobytes(), image)
    assert read_image(jpeg).geo.transform == image.geo.transform
    np.testing.assert_array_equal(read_image(jpeg).pixels, decode_jpeg(jpeg.read_bytes()))


def test_a_stale_sidecar_is_not_left_behind(tmp_path):
    path = write_image(tmp_path / "a.png", Image.from_array(noise(), nodata=3, geo=full_geo()))
    write_image(path, Image.from_array(noise()))
    assert read_image(path).geo is None
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_what_a_lossy_source_becomes():
    assert lossless_suffix(Image.from_array(noise())) == ".png"
    assert lossless_suffix(Image.from_array(noise(dtype="uint16", bands=1))) == ".png"
    assert lossless_suffix(Image.from_array(noise(), geo=full_geo())) == ".tif"
    assert lossless_suffix(Image.from_array(noise(), nodata=0)) == ".tif"
    assert lossless_suffix(Image.from_array(noise(bands=6))) == ".tif"
    assert lossless_suffix(Image.from_array(noise(dtype="float32"))) == ".tif"


def test_many_threads_read_and_write_at_once(tmp_path):
    image = Image.from_array(noise(120, 130, 4, "uint16"), nodata=9, geo=full_geo(4))
    sources = [write_image(tmp_path / f"s{suffix}", image) for suffix in (".tif", ".jp2")]
    sources.append(write_image(tmp_path / "s.png", Image.from_array(noise(120, 130))))

    def work(i):
        read = read_image(sources[i % 3])
        return read, read_image(write_image(tmp_path / f"t{i}{sources[i % 3].suffix}", read))

    with ThreadPoolExecutor(8) as pool:
        for one, other in pool.map(work, range(60)):
            assert_same(one, other)


def test_importing_the_core_imports_no_codec():
    code = "import sys, iqf_core; print(sorted({'cv2', 'rasterio', 'numpy'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
