"""Georeferenced and aerial images keep what they are, or are refused with the remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

import iqf_core as iqf
from iqf_core.image import Geo, write_image

DATA = Path(__file__).parents[4] / "shared" / "data"
SETTINGS = [
    "jpeg(quality=50)",
    "jpeg(quality=50, bands='each')",
    "jpeg2000(ratio=10)",
    "jpeg2000(psnr=35)",
    "jpeg2000(ratio=10, backend='gdal')",
    "jpeg2000(lossless=True)",
    "quantise(bits=3)",
    "png",
    "tiff",
]


@pytest.fixture(params=["geo10", "aerial1"])
def real(request, tmp_path):
    folder = DATA / request.param
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    images = sorted((folder / "images").glob("*.tif"))[:2]
    (tmp_path / "real" / "images").mkdir(parents=True)
    for image in images:
        shutil.copy(image, tmp_path / "real" / "images" / image.name)
    return iqf.open_dataset(tmp_path / "real")


@pytest.mark.parametrize("storage", ["source", "codestream"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_everything_but_the_pixels_is_kept(setting, storage, real):
    before = {name: real.read(name) for name in real.images}
    if setting.startswith("jpeg(") and any(image.dtype != np.uint8 for image in before.values()):
        with pytest.raises(
            iqf.UnsupportedImage, match=r"convert the images to uint8 first .*, or use jpeg2000"
        ):
            iqf.make_variant(real, setting, storage=storage)
        return
    variant = iqf.make_variant(real, setting, storage=storage)
    assert len(variant.images) == len(real.images)
    for name in variant.images:
        image, after = before[variant.source_of[name]], variant.read(name)
        assert (after.dtype, after.pixels.shape) == (image.dtype, image.pixels.shape)
        assert after.nodata == image.nodata
        if image.nodata is not None:
            np.testing.assert_array_equal(after.nodata_mask(), image.nodata_mask())
        if image.geo is not None and image.geo.referenced:
            assert (after.geo.crs, after.geo.transform) == (image.geo.crs, image.geo.transform)
        if setting in ("png", "tiff", "jpeg2000(lossless=True)"):
            np.testing.assert_array_equal(after.pixels, image.pixels)


@pytest.fixture
def georeferenced(picture):
    def made(*image, nodata=None, **options):
        plain = picture(*image, **options)
        geo = Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 733601, 0, -0.5, 3725139))
        return iqf.Image(plain.pixels, plain.white, nodata, geo)

    return made


@pytest.mark.parametrize("storage", ["source", "codestream"])
@pytest.mark.parametrize(
    "setting", ["jpeg", "jpeg2000(ratio=10)", "jpeg2000(ratio=10, backend='gdal')", "png", "tiff"]
)
def test_georeference_is_kept(setting, storage, georeferenced, dataset):
    """The ancestor always lost it."""
    image = georeferenced("uint8", 3)
    variant = iqf.make_variant(dataset(image), setting, storage=storage)
    assert variant.manifest.images[0].stored == ("pixels" if storage == "source" else "codestream")
    after = variant.read(variant.images[0])
    assert (after.geo.crs, after.geo.transform) == (image.geo.crs, image.geo.transform)


@pytest.mark.parametrize("setting", ["jpeg", "jpeg2000"])
def test_rate_is_pixels_not_georeference(setting, georeferenced, picture):
    modifier = iqf.modifier(setting, quality=50) if setting == "jpeg" else iqf.modifier(setting, ratio=9)
    assert modifier.modify(georeferenced()).codestreams == modifier.modify(picture()).codestreams


@pytest.mark.parametrize("storage", ["source", "codestream"])
@pytest.mark.parametrize(
    "setting", ["jpeg(quality=75)", "jpeg2000(ratio=10)", "jpeg2000(psnr=35)", "quantise(bits=2)"]
)
def test_nodata_is_nodata_behind_a_lossy_codec(setting, storage, georeferenced, dataset):
    """After JPEG alone, one in ten nodata pixels is no longer nodata, and dark pixels become it."""
    image = georeferenced("uint8", 3, nodata=0)
    image.pixels[:] = np.maximum(image.pixels // 16, 1)
    image.pixels[20:60, 10:50] = 0
    variant = iqf.make_variant(dataset(image), setting, storage=storage)
    after = variant.read(variant.images[0])
    assert (after.nodata, variant.manifest.images[0].stored) == (0, "pixels")
    np.testing.assert_array_equal(after.nodata_mask(), image.nodata_mask())


def test_four_bands_stay_four(georeferenced, dataset):
    """The ancestor made three of them."""
    image = georeferenced("uint8", 4)
    source = dataset(image)
    with pytest.raises(iqf.UnsupportedImage, match="bands='each'"):
        iqf.make_variant(source, "jpeg")
    for setting in ("jpeg(bands='each')", "jpeg2000(ratio=5)", "quantise(bits=5)"):
        variant = iqf.make_variant(source, setting, storage="codestream")
        assert variant.read(variant.images[0]).bands == 4


def test_a_stack_of_two_lossy_steps(picture, tmp_path):
    write_image(tmp_path / "a.tif", picture("uint16", white=4095))
    image = iqf.read_image(tmp_path / "a.tif", white=4095)
    modified = iqf.modifier("quantise(bits=6) | jpeg2000(ratio=10)").modify(image)
    assert modified.decoded().white == 4095
    assert 12 * image.pixels.size / 8 / modified.measured["bytes"] == pytest.approx(10, rel=0.05)
