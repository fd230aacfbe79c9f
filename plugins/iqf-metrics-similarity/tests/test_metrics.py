"""The metrics of datasets, of variants and of generated images."""

from __future__ import annotations

import math
import re
from typing import ClassVar

import cv2
import numpy as np
import pytest

import iqf_core as iqf
import iqf_metrics_similarity as similarity
from iqf_core.image import Geo, decode_jpeg
from iqf_metrics_similarity import plugin

NAMES = [component.name for component in plugin.iqf_metrics()]


class OwnJpeg(iqf.ImageModifier):
    """A codec whose file has another suffix than the source, for where no plugin has one."""

    name: ClassVar[str] = "own_jpeg"

    def apply(self, image, *, rng):
        order = np.ascontiguousarray(image.pixels[..., ::-1])
        data = cv2.imencode(".jpg", order, [cv2.IMWRITE_JPEG_QUALITY, 50])[1].tobytes()
        return iqf.Modified(lambda: image.with_pixels(decode_jpeg(data)), codestreams=[data], suffix=".jpg")


@pytest.fixture
def scenes(tmp_path, pair, monkeypatch):
    """Three scenes; the folder of another three, with noise."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for folder in ("scenes", "noisy"):
        (tmp_path / folder / "images").mkdir(parents=True)
    for number in range(3):
        one, other = pair("uint8", noise=0.02 * (number + 1), seed=number)
        for folder, pixels in (("scenes", one), ("noisy", other)):
            path = tmp_path / folder / "images" / f"scene{number}.tif"
            iqf.write_image(path, iqf.Image.from_array(pixels))
    return tmp_path / "scenes"


def compare(name: str, one: iqf.Image, other: iqf.Image, **parameters: object) -> dict[str, float]:
    return dict(iqf.metric(name, **parameters).compare_any(one, other))


@pytest.mark.parametrize("modifier", ["own", "jpeg(quality=50)"])
def test_a_variant_against_its_source(scenes, modifier):
    try:
        made = OwnJpeg() if modifier == "own" else iqf.modifier(modifier)
    except iqf.UnknownComponent:
        pytest.skip("iqf-modifiers-compression is not installed")
    variant = iqf.make_variant(scenes, made, storage="codestream", workers=1, progress=False)
    assert all(name.endswith(".jpg") for name in variant.images)
    found = iqf.measure(variant, NAMES, reference=scenes, workers=1, progress=False)
    assert found.reasons.empty
    for number, name in enumerate(variant.images):
        one, other = iqf.open_dataset(scenes).read(f"scene{number}.tif"), variant.read(name)
        assert found.rows["ssim.ssim"][number] == similarity.ssim(one.pixels, other.pixels)
        assert found.rows["psnr.psnr"][number] == similarity.psnr(one.pixels, other.pixels)
    assert found.rows["psnr.psnr"].between(25, 40).all()


def test_any_folder_by_name_and_the_mean_of_decibels(scenes):
    found = iqf.measure(scenes.with_name("noisy"), ["psnr"], reference=scenes, workers=1, progress=False)
    means = found.aggregate()["mean"]
    assert means["psnr.psnr"] == pytest.approx(found.rows["psnr.psnr"].mean())
    everything = similarity.psnr_of_mse(means["psnr.mse"], white=255)
    opened, noisy = iqf.open_dataset(scenes), iqf.open_dataset(scenes.with_name("noisy"))
    whole = [np.hstack([data.read(name).pixels for name in data.images]) for data in (opened, noisy)]
    assert everything == pytest.approx(similarity.psnr(*whole), abs=1e-9)
    assert everything < means["psnr.psnr"]


def test_equal_images_make_the_mean_infinite_and_not_the_median(scenes):
    file = scenes.with_name("noisy") / "images" / "scene0.tif"
    file.write_bytes((scenes / "images" / "scene0.tif").read_bytes())
    found = iqf.measure(scenes.with_name("noisy"), ["psnr"], reference=scenes, workers=1, progress=False)
    table = found.aggregate()
    assert table["mean"]["psnr.psnr"] == math.inf
    assert table["failed"]["psnr.psnr"] == 0
    assert 20 < table["median"]["psnr.psnr"] < 40
    assert 0 < table["mean"]["psnr.mse"] < math.inf


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "bands"), [("uint8", 3), ("uint16", 6), ("int16", 4), ("float32", 3)])
def test_values_are_those_of_the_functions(pair, name, dtype, bands):
    one, other = pair(dtype, bands)
    full = 200 if dtype == "uint8" else 3000
    found = compare(name, *(iqf.Image.from_array(samples, white=full) for samples in (one, other)))
    white = {"white": full} if name in ("psnr", "ssim", "ms_ssim") else {}
    assert found[name] == getattr(similarity, name)(one, other, **white)
    outputs = iqf.metric(name).outputs
    assert list(found) == [output.name for output in outputs]
    assert all(output.low <= found[output.name] <= output.high for output in outputs)


@pytest.mark.parametrize("name", NAMES)
def test_nodata_of_either_image(pair, name):
    one, other = pair("uint16")
    one[:5], other[3:8, :40] = 0, 7
    mask = np.zeros(one.shape, bool)
    mask[:5] = True
    mask[3:8, :40] = True
    one[one == 0] = np.where(mask[one == 0], 0, 1)
    other[(other == 7) & ~mask] = 8
    found = compare(
        name,
        iqf.Image.from_array(one, white=4095, nodata=0),
        iqf.Image.from_array(other, white=4095, nodata=7),
    )
    white = {"white": 4095} if name in ("psnr", "ssim", "ms_ssim") else {}
    assert found[name] == getattr(similarity, name)(one, other, nodata=mask, **white)


def test_full_scales_that_differ(pair):
    one, other = pair("uint16")
    deep, shallow = iqf.Image.from_array(one, white=4095), iqf.Image.from_array(other)
    for name in set(NAMES) - {"sam"}:
        assert "65535 against 4095" in compare(name, deep, shallow)[name].reason
    assert compare("sam", deep, shallow)["sam"] > 0
    assert compare("psnr", deep, iqf.Image.from_array(other.astype(np.float32)))["psnr"] == pytest.approx(
        similarity.psnr(one, other, white=4095)
    )


def test_without_full_scale_the_error_is_there_and_psnr_is_not(pair):
    found = compare("psnr", *(iqf.Image.from_array(samples) for samples in pair("float32")))
    assert "give white=" in found["psnr"].reason
    assert found["mse"] > 0


@pytest.mark.parametrize("name", ["psnr", "ssim", "ms_ssim"])
def test_full_scale_is_not_taken_from_the_image(pair, name):
    one, other = (iqf.Image.from_array(samples) for samples in (pair("float32")[0], pair("uint8")[1]))
    assert other.white == 255
    assert "float32 samples is not known" in compare(name, one, other)[name].reason


def test_alpha_does_not_count(pair):
    one, other = pair("uint8")
    alpha = np.full((*one.shape[:2], 1), 255, np.uint8)
    geo = Geo(colorinterp=("red", "green", "blue", "alpha"))
    images = [iqf.Image.from_array(np.dstack([samples, alpha]), geo=geo) for samples in (one, other)]
    for name in NAMES:
        assert compare(name, *images)[name] == getattr(similarity, name)(one, other)


def test_other_sizes(pair):
    one, other = pair("uint8")
    images = iqf.Image.from_array(one), iqf.Image.from_array(other[::2, ::2])
    assert "resample" in compare("ssim", *images)["ssim"].reason
    assert 0.3 < compare("ssim", *images, resample=True)["ssim"] < 1


def test_share_of_pixels_without_an_angle():
    one = np.zeros((4, 4, 3), np.uint8)
    one[:3] = 9
    found = compare("sam", iqf.Image.from_array(one), iqf.Image.from_array(one))
    assert found == {"sam": 0, "undefined_fraction": 0.25}


def test_ratio_of_ergas():
    one = iqf.Image.from_array(np.full((4, 4, 2), 50, np.uint8))
    other = iqf.Image.from_array(np.full((4, 4, 2), 51, np.uint8))
    assert compare("ergas", one, other, ratio=0.25) == {"ergas": 0.5}
    with pytest.raises(iqf.ParameterError, match="ratio"):
        iqf.metric("ergas", ratio=4.0)


@pytest.mark.parametrize("name", NAMES)
def test_every_output_says_how_a_dataset_is_averaged(name):
    for output in iqf.metric(name).outputs:
        assert re.search(r"\. Of a dataset: mean ", output.description), output.name


def test_public_names():
    for name in similarity.__all__:
        assert getattr(similarity, name).__name__ == name
    assert set(NAMES) < set(similarity.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = similarity.nothing
