"""What is refused, how it is said, and that nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import replace

import cv2
import numpy as np
import PIL.Image
import pytest
import rasterio

from iqf_core.errors import ImageReadError, UnsupportedImage
from iqf_core.image import Image, decode_jpeg, probe_image, read_image, write_codestream, write_image
from tests.image.pictures import full_geo, noise


def container(path, kind):
    """Write a sound file of a kind, whose metadata come last where the format allows."""
    pixels = noise(64, 80)
    suffix, _, compress = kind.partition("-")
    if suffix in ("png", "jp2"):
        return write_image(path / f"a.{suffix}", Image.from_array(pixels, geo=full_geo()))
    if suffix == "jpg":
        PIL.Image.fromarray(pixels).save(path / "a.jpg", progressive=compress == "progressive")
        return path / "a.jpg"
    if suffix == "la":
        PIL.Image.fromarray(pixels).convert("LA").save(path / "a.png")
        return path / "a.png"
    options = {"BIGTIFF": "YES"} if compress == "big" else {"compress": compress, "tiled": compress == "zstd"}
    with rasterio.open(
        path / "a.tif", "w", driver="GTiff", width=80, height=64, count=3, dtype="uint8", crs="EPSG:32616",
        transform=full_geo().transform, **options, blockxsize=32, blockysize=32,
    ) as file:  # fmt: skip
        file.write(pixels.transpose(2, 0, 1))
        file.update_tags(NOTE="x" * 2000)
    return path / "a.tif"


@pytest.mark.parametrize(
    "kind",
    ["png", "la", "jpg", "jpg-progressive", "jp2", "tif-none", "tif-lzw", "tif-zstd", "tif-jpeg", "tif-big"],
)
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, kind, capfd):
    path = container(tmp_path, kind)
    data = path.read_bytes()
    read_image(path)
    points = {
        *np.linspace(1, len(data) - 1, 80).astype(int),
        *range(1, 60),
        *range(len(data) - 20, len(data)),
    }
    for point in sorted(points):
        path.write_bytes(data[:point])
        with pytest.raises(ImageReadError, match=r"a\.(png|jpg|tif|jp2): "):
            read_image(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["png", "la", "tif-lzw", "jp2"])
def test_damaged_bytes_are_refused_where_there_is_a_checksum(tmp_path, kind, capfd):
    path = container(tmp_path, kind)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(3)
    for _ in range(20):
        damaged = data.copy()
        at = int(rng.integers(len(data) // 3, len(data) * 2 // 3))
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        if kind in ("png", "la"):
            with pytest.raises(ImageReadError, match=r"corrupt|checksum|cannot read"):
                read_image(path)
        else:
            with contextlib.suppress(ImageReadError):
                read_image(path)
    said = capfd.readouterr().err  # libpng says of damaged pixels what it found: one line, on stderr
    assert said == "" or kind in ("png", "la")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not a PNG, JPEG, TIFF or JPEG 2000"),
        (b"GIF89a" + bytes(100), "not a PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"\xff\xd8\xff" + bytes(100), "JPEG"),
        (b"\xff\xd8\xff\xd9", "JPEG"),
        (b"II*\0" + bytes(100), "TIFF|GDAL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100), "GDAL"),
    ],
)
def test_what_is_no_image_is_refused_by_name_and_reason(tmp_path, content, reason, capfd):
    path = tmp_path / "picture é.png"
    path.write_bytes(content)
    for read in (read_image, probe_image):
        with pytest.raises(ImageReadError, match=f"picture é.png: .*({reason})"):
            read(path)
    assert capfd.readouterr() == ("", "")


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(ImageReadError, match=str(path)):
            read_image(path)


@pytest.mark.parametrize("kind", ["png", "la", "jpg", "jp2", "tif-lzw"])
def test_the_pixel_limit_is_checked_before_decoding(tmp_path, kind, monkeypatch):
    path = container(tmp_path, kind)
    assert read_image(path, max_pixels=64 * 80).width == 80
    refused = pytest.raises(
        ImageReadError, match=r"80 x 64 pixels are more than the limit of 5119.*max_pixels"
    )
    with refused:
        read_image(path, max_pixels=64 * 80 - 1)
    monkeypatch.setenv("IQF_MAX_PIXELS", "5119")
    with refused:
        read_image(path)
    assert read_image(path, max_pixels=10**6).width == 80


def test_a_bomb_is_not_decoded(tmp_path):
    data = bytearray(container(tmp_path, "jpg").read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    (tmp_path / "bomb.jpg").write_bytes(data)
    with pytest.raises(ImageReadError, match="65535 x 65535 pixels are more than the limit"):
        read_image(tmp_path / "bomb.jpg")


@pytest.mark.parametrize("dtype", ["uint32", "int32", "int8", "float64", "complex64", "complex_int16"])
def test_other_sample_types_are_refused_with_the_remedy(tmp_path, dtype):
    path = tmp_path / "a.tif"
    transform = full_geo().transform
    with rasterio.open(
        path, "w", driver="GTiff", width=9, height=8, count=1, dtype=dtype, transform=transform
    ):
        pass
    for read in (read_image, probe_image):
        with pytest.raises(UnsupportedImage, match=rf"a\.tif: samples of type {dtype}.*(convert|store)"):
            read(path)


def test_a_georeference_of_other_bands_is_refused():
    with pytest.raises(UnsupportedImage, match=r"3 bands.*without_bands"):
        Image.from_array(noise(bands=1), geo=full_geo())


def test_arrays_of_other_types_and_shapes_are_refused():
    for dtype in ("float64", "int32", "bool", "complex64", "U3"):
        with pytest.raises(UnsupportedImage, match=dtype if dtype != "U3" else "<U3"):
            Image.from_array(np.zeros((3, 4), dtype))
    for shape in ((3,), (0, 4), (3, 4, 0), (2, 3, 4, 1)):
        with pytest.raises(UnsupportedImage, match="shape"):
            Image.from_array(np.zeros(shape, np.uint8))
    for white in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UnsupportedImage, match="white"):
            Image.from_array(np.zeros((3, 4), np.uint8), white=white)


@pytest.mark.parametrize("name", ["cmyk.jpg", "cmyk.tif", "lab.tif"])
def test_colours_that_need_a_profile_are_refused(tmp_path, name):
    mode = name[:-4].upper()
    picture = PIL.Image.fromarray(noise())
    (
        picture.convert(mode)
        if mode == "CMYK"
        else PIL.Image.frombytes(mode, picture.size, picture.tobytes())
    ).save(tmp_path / name)
    for read in (read_image, probe_image):
        with pytest.raises(UnsupportedImage, match=rf"{name}: .*convert it to RGB"):
            read(tmp_path / name)


def test_twelve_bits_of_jpeg_are_refused(tmp_path):
    data = bytearray(container(tmp_path, "jpg").read_bytes())
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnsupportedImage, match="12 bits"):
        decode_jpeg(bytes(data))


def test_masks_several_images_and_transparent_colours_are_refused(tmp_path):
    pictures = [PIL.Image.fromarray(noise(seed=seed)) for seed in (1, 2)]
    pictures[0].save(tmp_path / "pages.tif", save_all=True, append_images=pictures[1:])
    pictures[0].save(tmp_path / "frames.png", save_all=True, append_images=pictures[1:])
    pictures[0].save(tmp_path / "colour.png", transparency=(1, 2, 3))
    profile = {"driver": "GTiff", "width": 52, "height": 40, "count": 3, "dtype": "uint8"}
    for name, internal in (("inside.tif", True), ("beside.tif", False)):
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal),
            rasterio.open(tmp_path / name, "w", transform=full_geo().transform, **profile) as file,
        ):
            file.write(noise().transpose(2, 0, 1))
            file.write_mask(noise(bands=1)[:, :, 0] > 99)
    pictures[0].save(tmp_path / "masked.png")
    (tmp_path / "masked.png.msk").write_bytes((tmp_path / "beside.tif.msk").read_bytes())
    reasons = {
        "pages.tif": "2 images", "frames.png": "several images", "colour.png": "transparent colour",
        "inside.tif": "mask", "beside.tif": "mask", "masked.png": "mask",
    }  # fmt: skip
    for name, reason in reasons.items():
        with pytest.raises(UnsupportedImage, match=f"{name}: .*{reason}.*store"):
            read_image(tmp_path / name)


def test_an_orientation_of_a_tiff_is_refused_since_gdal_drops_it(tmp_path):
    picture = PIL.Image.fromarray(noise())
    for orientation in (1, 6):
        picture.save(tmp_path / f"{orientation}.tif", tiffinfo={274: orientation})
    assert read_image(tmp_path / "1.tif").width == 52
    for read in (read_image, probe_image):
        with pytest.raises(UnsupportedImage, match=r"6\.tif: .*orientation"):
            read(tmp_path / "6.tif")


def test_different_nodata_values_are_refused(tmp_path):
    xml = "".join(
        f'<PAMRasterBand band="{band}"><NoDataValue>{band}</NoDataValue></PAMRasterBand>'
        for band in (1, 2, 3)
    )
    path = write_image(tmp_path / "a.png", Image.from_array(noise()))
    (tmp_path / "a.png.aux.xml").write_text(f"<PAMDataset>{xml}</PAMDataset>")
    with pytest.raises(UnsupportedImage, match="different nodata"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.gif", "a"])
def test_lossy_and_unknown_containers_are_not_written(tmp_path, name):
    with pytest.raises(UnsupportedImage, match=r"as \.png, \.tif or \.jp2"):
        write_image(tmp_path / name, Image.from_array(noise()))
    with pytest.raises(UnsupportedImage, match="codestream"):
        write_codestream(tmp_path / name, b"no image", Image.from_array(noise()))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 256 KiB."""
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts file systems")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jp2", "a.jpg"])
def test_a_full_disk_leaves_the_old_file_and_no_other(small_disk, name, capfd):
    path = small_disk / name
    small = Image.from_array(noise(20, 20), nodata=1, geo=full_geo())
    large = Image.from_array(noise(400, 400), nodata=2, geo=full_geo())

    def write(image):
        if path.suffix == ".jpg":
            data = cv2.imencode(".jpg", image.pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
            return write_codestream(path, data, image)
        return write_image(path, image)

    write(small)
    before = {file.name: file.read_bytes() for file in small_disk.iterdir()}
    with pytest.raises(OSError, match="No space left"):
        write(large)
    assert {file.name: file.read_bytes() for file in small_disk.iterdir()} == before
    assert read_image(path).nodata == 1
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_image(tmp_path / "missing" / "a.png", Image.from_array(noise()))


def test_out_of_range_nodata_marks_nothing(tmp_path):
    path = container(tmp_path, "png")
    (tmp_path / "a.png.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>-9999</NoDataValue></PAMRasterBand>'
        '<PAMRasterBand band="2"><NoDataValue>-9999</NoDataValue></PAMRasterBand>'
        '<PAMRasterBand band="3"><NoDataValue>-9999</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    assert read_image(path).nodata is None
    image = replace(read_image(path), nodata=-9999.0)
    assert not image.nodata_mask().any()
