"""What is written and read again is the same, in every container that can represent it."""

from __future__ import annotations

import hashlib
import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC

from iqf_core.errors import UnsupportedImage
from iqf_core.image import Encoding, Geo, Image, read_image, write_codestream, write_image
from tests.image.pictures import assert_same, full_geo, noise

TYPES = ("uint8", "uint16", "int16", "float32")


def holds(suffix, dtype, bands):
    if suffix == ".png":
        return dtype.startswith("uint") and bands <= 4
    return suffix == ".tif" or dtype != "float32"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
@pytest.mark.parametrize("bands", [1, 3, 4, 6])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_pixel_and_the_georeference_survive(tmp_path, suffix, dtype, bands):
    geo = full_geo(bands)
    if suffix == ".png" and bands == 4:
        geo = replace(geo, colorinterp=("red", "green", "blue", "alpha"))
    image = Image.from_array(noise(bands=bands, dtype=dtype), nodata=7, geo=geo)
    path = tmp_path / f"image{suffix}"
    if not holds(suffix, dtype, bands):
        with pytest.raises(UnsupportedImage, match=r"image.*: write a \.tif"):
            write_image(path, image)
        assert list(tmp_path.iterdir()) == []
        return
    assert write_image(path, image) == path
    assert_same(read_image(path), image)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_an_image_that_says_nothing_still_says_nothing(tmp_path, suffix, bands):
    image = Image.from_array(noise(bands=bands))
    again = read_image(write_image(tmp_path / f"i{suffix}", image))
    if suffix == ".png" and bands == 4:
        assert again.geo == Geo(colorinterp=("red", "green", "blue", "alpha"))
        image = replace(image, geo=again.geo)
    assert_same(again, image)
    assert [file.name for file in tmp_path.iterdir()] == [f"i{suffix}"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pixels=st.sampled_from(TYPES).flatmap(
        lambda dtype: arrays.arrays(dtype, st.tuples(*[st.integers(1, 20)] * 2, st.integers(1, 5)))
    ),
    suffix=st.sampled_from([".png", ".tif", ".jp2"]),
)
def test_any_array_comes_back_or_is_refused(tmp_path, pixels, suffix):
    image = Image.from_array(pixels)
    if holds(suffix, str(pixels.dtype), pixels.shape[2]):
        again = read_image(write_image(tmp_path / f"any{suffix}", image))
        np.testing.assert_array_equal(again.pixels, pixels)
        assert again.white == image.white
    else:
        with pytest.raises(UnsupportedImage):
            write_image(tmp_path / f"any{suffix}", image)


LAYOUTS = {
    "plain": {},
    "lzw": {"compress": "lzw", "predictor": 2},
    "deflate": {"compress": "deflate"},
    "zstd": {"compress": "zstd", "predictor": 2},
    "packbits": {"compress": "packbits"},
    "lzma": {"compress": "lzma"},
    "tiled": {"tiled": True, "blockxsize": 32, "blockysize": 16, "compress": "deflate"},
    "planar": {"interleave": "band", "compress": "lzw"},
    "big": {"BIGTIFF": "YES", "compress": "deflate"},
    "big-endian": {"ENDIANNESS": "BIG"},
    "strips": {"blockysize": 5},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_a_tiff_keeps_its_layout(tmp_path, layout, dtype):
    options = {"tiled": False, **LAYOUTS[layout]}
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    shape = {"width": 70, "height": 50, "count": 3, "dtype": dtype, "crs": "EPSG:32616"}
    pixels = noise(50, 70, 3, dtype)
    transform = full_geo().transform
    with rasterio.open(source, "w", driver="GTiff", transform=transform, **shape, **options) as file:
        file.write(pixels.transpose(2, 0, 1))
    image = read_image(source)
    np.testing.assert_array_equal(image.pixels, pixels)
    write_image(target, image)
    assert_same(read_image(target), image)
    with rasterio.open(source) as one, rasterio.open(target) as other:
        assert other.profile == one.profile
        structures = one.tags(ns="IMAGE_STRUCTURE"), other.tags(ns="IMAGE_STRUCTURE")
        assert structures[0] == structures[1]
    assert (source.read_bytes()[2] == 43) == (layout == "big")


@pytest.mark.parametrize("compress", ["JPEG", "WEBP", "LERC"])
def test_lossy_tiff_compression_becomes_deflate(tmp_path, compress):
    options = {"photometric": "YCBCR"} if compress == "JPEG" else {"MAX_Z_ERROR": 3}
    source = tmp_path / "source.tif"
    transform = full_geo().transform
    with rasterio.open(
        source, "w", driver="GTiff", width=70, height=50, count=3, dtype="uint8",
        transform=transform, compress=compress, **options,
    ) as file:  # fmt: skip
        file.write(noise(50, 70).transpose(2, 0, 1))
    image = read_image(source)
    assert image.encoding.lossy
    write_image(tmp_path / "target.tif", image)
    assert_same(read_image(tmp_path / "target.tif"), image)
    with rasterio.open(tmp_path / "target.tif") as file:
        assert file.profile["compress"] == "deflate"


def packed_tiff(path, bits, pixels):
    height, width, bands = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype=pixels.dtype, nbits=bits,
        transform=full_geo().transform,
    ) as file:  # fmt: skip
        file.write(pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("bits", [2, 4, 10, 12])
def test_the_depth_of_a_packed_tiff_is_its_white_and_is_kept(tmp_path, bits):
    dtype = "uint16" if bits > 8 else "uint8"
    packed_tiff(tmp_path / "a.tif", bits, noise(dtype=dtype) >> (8 * np.dtype(dtype).itemsize - bits))
    image = read_image(tmp_path / "a.tif")
    assert (image.white, image.bits_per_sample) == (2**bits - 1, bits)
    write_image(tmp_path / "b.tif", image)
    assert_same(read_image(tmp_path / "b.tif"), image)
    with rasterio.open(tmp_path / "b.tif") as file:
        assert file.tags(1, ns="IMAGE_STRUCTURE")["NBITS"] == str(bits)


def test_samples_beyond_the_depth_are_not_clipped(tmp_path):
    packed_tiff(tmp_path / "a.tif", 12, noise(dtype="uint16") >> 4)
    image = read_image(tmp_path / "a.tif")
    brighter = image.with_pixels(image.pixels + np.uint16(1000))
    assert brighter.pixels.max() > 4095
    for suffix in (".tif", ".png", ".jp2"):
        again = read_image(write_image(tmp_path / f"b{suffix}", brighter))
        assert_same(again, brighter)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jp2"])
@pytest.mark.parametrize("white", [1023, 4095, 10000])
def test_white_is_kept_without_a_packed_source(tmp_path, suffix, white):
    image = Image.from_array(np.minimum(noise(dtype="uint16"), white), white=white)
    assert_same(read_image(write_image(tmp_path / f"b{suffix}", image)), image)


def test_white_of_floats_is_kept_and_an_argument_goes_first(tmp_path):
    path = write_image(tmp_path / "f.tif", Image.from_array(noise(dtype="float32"), white=1.0))
    assert read_image(path).white == 1.0
    assert read_image(path, white=2.5).white == 2.5
    plain = write_image(tmp_path / "g.tif", Image.from_array(noise(dtype="float32")))
    with pytest.raises(UnsupportedImage, match="white="):
        read_image(plain).require_white()


def test_half_floats_are_not_written_back_as_half_floats(tmp_path):
    packed_tiff(tmp_path / "a.tif", 16, noise(dtype="float32"))
    image = read_image(tmp_path / "a.tif")
    finer = image.with_pixels(image.pixels + np.float32(1 / 3))
    assert_same(read_image(write_image(tmp_path / "b.tif", finer)), finer)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 0.0), ("int16", -32768.0), ("float32", math.nan), ("float32", -3.4028235e38)],
)
def test_nodata_survives(tmp_path, dtype, nodata):
    pixels = noise(dtype=dtype)
    pixels[3:5, 4:9] = nodata
    image = Image.from_array(pixels, nodata=nodata, geo=full_geo())
    suffixes = {"uint8": (".tif", ".png", ".jp2"), "int16": (".tif", ".jp2")}
    for suffix in suffixes.get(dtype, (".tif",)):
        again = read_image(write_image(tmp_path / f"a{suffix}", image))
        assert_same(again, image)
        assert again.nodata_mask()[3:5, 4:9].all()
        assert again.nodata_mask().sum() == image.nodata_mask().sum() < pixels.size


RPCS = RPC(
    height_off=10.0, height_scale=500.0, lat_off=33.5, lat_scale=0.1, long_off=-84.0, long_scale=0.2,
    line_off=20.0, line_scale=20.5, samp_off=26.0, samp_scale=26.5, err_bias=0.5, err_rand=0.25,
    line_num_coeff=[i / 8 for i in range(20)], line_den_coeff=[1.0, *[0.0] * 19],
    samp_num_coeff=[i / 16 for i in range(20)], samp_den_coeff=[1.0, *[0.0] * 19],
)  # fmt: skip


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jp2"])
def test_rational_polynomials_and_control_points_survive(tmp_path, suffix):
    points = (
        GroundControlPoint(row=0, col=0.5, x=100.25, y=200, z=3, id="a", info="corner"),
        GroundControlPoint(row=40, col=0, x=100, y=160, z=0, id="b"),
        GroundControlPoint(row=0, col=52, x=152, y=200, z=0, id="c"),
    )
    image = Image.from_array(noise(), geo=replace(full_geo(), transform=None, crs=None, rpcs=RPCS))
    again = read_image(write_image(tmp_path / f"r{suffix}", image))
    assert again.geo.rpcs.to_dict() == RPCS.to_dict()
    image = Image.from_array(noise(), geo=replace(full_geo(), transform=None, gcps=points))
    again = read_image(write_image(tmp_path / f"g{suffix}", image))
    assert again.geo.crs == CRS.from_epsg(32616)
    for one, other in zip(again.geo.gcps, points, strict=True):
        assert (one.row, one.col, one.x, one.y, one.z or 0) == (
            other.row,
            other.col,
            other.x,
            other.y,
            other.z,
        )
        assert one.id == other.id or suffix == ".tif"  # TIFF numbers them


ROLES = [
    ("gray", "alpha"),
    ("red", "green", "blue", "alpha"),
    ("red", "green", "blue", "nir"),
    ("blue", "green", "red"),
]


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jp2"])
@pytest.mark.parametrize("roles", ROLES, ids="-".join)
def test_the_roles_of_bands_are_kept_or_refused(tmp_path, suffix, roles):
    image = Image.from_array(noise(bands=len(roles), dtype="uint16"), geo=Geo(colorinterp=roles))
    if suffix == ".png" and roles[-1] == "nir":
        with pytest.raises(UnsupportedImage, match="alpha"):
            write_image(tmp_path / "a.png", image)
        return
    again = read_image(write_image(tmp_path / f"a{suffix}", image))
    np.testing.assert_array_equal(again.pixels, image.pixels)
    assert again.geo.colorinterp == roles


def test_a_mirrored_identity_and_an_odd_crs_survive(tmp_path):
    wkt = (
        'PROJCS["odd",GEOGCS["mine",DATUM["mine",SPHEROID["mine",6378000,298]],PRIMEM["Greenwich",0],'
        'UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
        'PARAMETER["latitude_of_origin",1],PARAMETER["central_meridian",2],PARAMETER["scale_factor",0.99],'
        'PARAMETER["false_easting",3],PARAMETER["false_northing",4],UNIT["metre",1]]'
    )
    for crs in (CRS.from_wkt(wkt), CRS.from_epsg(4326), CRS.from_epsg(3035)):
        geo = Geo(crs=crs, transform=Affine(1, 0, 0, 0, -1, 0))
        for suffix in (".tif", ".png", ".jp2"):
            again = read_image(write_image(tmp_path / f"a{suffix}", Image.from_array(noise(), geo=geo)))
            assert again.geo.transform == geo.transform
            assert again.geo.crs == geo.crs


@pytest.mark.parametrize(
    "name", ["with space", "a#b", "àéî 测试", "a?b=1&c", "100%", "file:x", "[1,2]", "a!b"]
)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
def test_any_file_name(tmp_path, name, suffix):
    image = Image.from_array(noise(), geo=full_geo())
    path = tmp_path / name / f"{name}{suffix}"
    path.parent.mkdir()
    assert_same(read_image(write_image(path, image)), image)
    assert not [file for file in path.parent.iterdir() if file.name.startswith(".")]


EXIF = (
    b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6: rotated by 90 degrees
)


@pytest.mark.parametrize("geo", [None, full_geo()], ids=["plain", "georeferenced"])
def test_a_codestream_is_stored_as_it_is(tmp_path, geo):
    from iqf_core.image import decode_jpeg

    data = cv2.imencode(".jpg", noise())[1].tobytes()
    image = Image.from_array(noise(), nodata=0 if geo else None, geo=geo)
    path = write_codestream(tmp_path / "a b#é.jpg", data, image)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    again = read_image(path)
    np.testing.assert_array_equal(again.pixels, decode_jpeg(data))
    if geo is None:
        assert [file.name for file in tmp_path.iterdir()] == [path.name]
        return
    assert again.geo == geo
    with rasterio.open(path) as file:
        assert (file.crs, file.transform, file.nodata) == (geo.crs, geo.transform, 0)
    assert path.read_bytes() == data


def test_exif_and_profile_of_a_codestream_are_inserted(tmp_path):
    data = cv2.imencode(".jpg", noise())[1].tobytes()
    profile = bytes(range(256)) * 600  # more than one segment holds
    image = replace(Image.from_array(noise()), encoding=Encoding("JPEG", lossy=True, exif=EXIF, icc=profile))
    path = write_codestream(tmp_path / "a.jpg", data, image)
    again = read_image(path)
    assert (again.encoding.exif, again.encoding.icc) == (EXIF, profile)
    np.testing.assert_array_equal(again.pixels, read_image(write_codestream(path, data, again)).pixels)
    stored = path.read_bytes()
    inserted = len(stored) - len(data)
    start = stored.index(b"\xff\xe1")
    assert stored[:start] + stored[start + inserted :] == data


def test_exif_orientation_is_neither_applied_nor_lost(tmp_path):
    data = cv2.imencode(".jpg", noise(40, 52))[1].tobytes()
    rotated = replace(Image.from_array(noise()), encoding=Encoding("JPEG", lossy=True, exif=EXIF))
    image = read_image(write_codestream(tmp_path / "a.jpg", data, rotated))
    assert (image.height, image.width) == (40, 52)
    for suffix in (".png", ".tif", ".jp2"):
        again = read_image(write_image(tmp_path / f"b{suffix}", image))
        assert again.encoding.exif == EXIF
        np.testing.assert_array_equal(again.pixels, image.pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
def test_colour_profiles_survive(tmp_path, suffix):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = replace(Image.from_array(noise()), encoding=Encoding("PNG", icc=profile))
    assert read_image(write_image(tmp_path / f"a{suffix}", image)).encoding.icc == profile


def test_a_codestream_of_jpeg_2000_gets_its_georeference_beside(tmp_path):
    bare = write_image(tmp_path / "bare.jp2", Image.from_array(noise())).read_bytes()
    image = Image.from_array(noise(), nodata=3, geo=full_geo())
    path = write_codestream(tmp_path / "a.jp2", bare, image)
    assert path.read_bytes() == bare
    assert_same(read_image(path), image)


def test_premultiplied_alpha_and_a_raster_point_are_kept(tmp_path):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=52, height=40, count=4, dtype="uint8", photometric="RGB",
        ALPHA="PREMULTIPLIED", transform=full_geo().transform,
    ) as file:  # fmt: skip
        file.write(noise(bands=4).transpose(2, 0, 1))
        file.update_tags(AREA_OR_POINT="Point")
        file.update_tags(ns="xml:XMP", **{"<x:xmpmeta xmlns:x": '"adobe:ns:meta/"/>'})
    image = read_image(path)
    assert image.encoding.premultiplied
    assert image.geo.tags[""]["AREA_OR_POINT"] == "Point"
    again = read_image(write_image(tmp_path / "b.tif", image))
    assert again.encoding.premultiplied
    for suffix in (".tif", ".png", ".jp2"):
        again = read_image(write_image(tmp_path / f"b{suffix}", image))
        assert again.geo.crs is None
        xmp = again.geo.tags["xml:XMP"]["xml:XMP"]
        assert ElementTree.fromstring(xmp).tag == "{adobe:ns:meta/}xmpmeta"
        assert again.geo.tags[""] == image.geo.tags[""]


def test_a_layout_may_come_from_another_image(tmp_path):
    layout = Encoding("TIFF", compress="LZW", interleave="BAND", tiled=True, block=(16, 32), predictor=2)
    path = write_image(tmp_path / "a.tif", Image.from_array(noise(), geo=full_geo()), like=layout)
    with rasterio.open(path) as file:
        profile = file.profile
    assert (profile["compress"], profile["interleave"]) == ("lzw", "band")
    assert (profile["blockysize"], profile["blockxsize"]) == (16, 32)


def test_packed_samples_are_stored_without_a_predictor(tmp_path):
    image = Image.from_array(noise(dtype="uint16") >> 4, white=4095)
    layout = Encoding("TIFF", bits=12, compress="DEFLATE", predictor=2)
    again = read_image(write_image(tmp_path / "a.tif", image, like=layout))
    np.testing.assert_array_equal(again.pixels, image.pixels)
    assert (again.encoding.bits, again.encoding.predictor) == (12, 1)


@pytest.mark.parametrize("side", [40, 2100])
def test_a_large_tiff_is_tiled_by_default(tmp_path, side):
    image = Image.from_array(np.zeros((side, side), np.uint8), geo=Geo(transform=full_geo().transform))
    with rasterio.open(write_image(tmp_path / "a.tif", image)) as file:
        assert file.profile["compress"] == "deflate"
        assert file.profile["blockxsize"] == min(side, 512)


@pytest.mark.parametrize("level", [0, 1, 6])
def test_every_png_level_is_lossless(tmp_path, level):
    image = Image.from_array(noise(dtype="uint16"))
    assert_same(read_image(write_image(tmp_path / "a.png", image, png_level=level)), image)


def test_a_codestream_that_has_its_exif_gets_no_second_one(tmp_path):
    data = cv2.imencode(".jpg", noise())[1].tobytes()
    image = replace(Image.from_array(noise()), encoding=Encoding("JPEG", lossy=True, exif=EXIF, icc=b"icc"))
    once = write_codestream(tmp_path / "a.jpg", data, image).read_bytes()
    assert len(once) > len(data)
    assert write_codestream(tmp_path / "b.jpg", once, image).read_bytes() == once


def test_statistics_do_not_outlive_the_pixels(tmp_path):
    geo = replace(full_geo(), band_tags=({"": {"STATISTICS_MEAN": "3", "NAME": "x"}},) * 3)
    image = Image.from_array(noise(), geo=geo)
    assert read_image(write_image(tmp_path / "a.tif", image)).geo == geo
    other = image.with_pixels(image.pixels // 2)
    assert other.geo.band_tags == ({"": {"NAME": "x"}},) * 3


def test_real_pictures(data, tmp_path):
    for source in sorted(data.glob("*/images/*")):
        image = read_image(source)
        for suffix in (".tif", ".png", ".jp2"):
            assert_same(read_image(write_image(tmp_path / f"{source.stem}{suffix}", image)), image)


@pytest.mark.parametrize(
    ("dtype", "white"), [("uint16", 255), ("uint8", 1), ("uint16", 4095), ("uint16", 10000)]
)
def test_jpeg_2000_keeps_a_full_scale_that_openjpeg_cannot_declare(tmp_path, dtype, white):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, white + 1, (64, 64, 1)).astype(dtype)
    image = Image.from_array(pixels, white=float(white))
    back = read_image(write_image(tmp_path / "a.jp2", image))
    assert back.white == white
    assert back.dtype == dtype
    np.testing.assert_array_equal(back.pixels, pixels)
    again = write_codestream(tmp_path / "b.jp2", (tmp_path / "a.jp2").read_bytes(), image)
    assert read_image(again).white == white


def test_a_png_codestream_carries_the_exif_of_its_source(tmp_path):
    pixels = np.zeros((4, 4, 1), np.uint8)
    exif = b"II*\0\x08\0\0\0\0\0\0\0\0\0"
    source = Image(pixels, 255.0, None, None, Encoding("PNG", False, None, exif))
    bare = write_image(tmp_path / "bare.png", Image.from_array(pixels))
    stored = write_codestream(tmp_path / "a.png", bare.read_bytes(), source)
    assert read_image(stored).encoding.exif == exif
    twice = write_codestream(tmp_path / "b.png", stored.read_bytes(), source)
    assert twice.read_bytes() == stored.read_bytes()
