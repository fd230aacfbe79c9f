"""What holds for every modifier of the plugin."""

from __future__ import annotations

import doctest
import importlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.errors import ParameterError
from iqf_modifiers_compression import jpeg, jpeg2000, lossless, plugin, quantise

SETTINGS = [
    "jpeg(quality=40)",
    "jpeg(subsampling='4:4:4', progressive=True, optimise=True)",
    "jpeg(bands='each')",
    "jpeg2000(ratio=12)",
    "jpeg2000(psnr=35.5)",
    "jpeg2000(lossless=True, levels=3, tile_size=64)",
    "jpeg2000(ratio=12, reversible=True, backend='gdal')",
    "quantise(bits=3)",
    "quantise(bits=3, reconstruction='span')",
    "png",
    "png(level=1)",
    "tiff",
    "tiff(compression='zstd', level=3, predictor=False)",
    "tiff(compression='lzw')",
]
LOSSY_ALONG_KNOB = {
    "jpeg": [100, 90, 70, 40, 10, 2],
    "jpeg2000": [1, 2, 5, 20, 100, 400],
    "quantise": [16, 8, 6, 4, 2, 1],
}


def rmse(before, after):
    return float(np.sqrt(np.mean((before.pixels.astype(float) - after.pixels.astype(float)) ** 2)))


@pytest.mark.parametrize("setting", SETTINGS)
def test_input_is_untouched_and_nothing_is_shared(setting, picture):
    image = picture()
    before = image.pixels.copy()
    after = iqf.modifier(setting).modify(image).decoded()
    np.testing.assert_array_equal(image.pixels, before)
    assert not np.may_share_memory(after.pixels, image.pixels)
    assert (after.dtype, after.pixels.shape, after.white) == (image.dtype, image.pixels.shape, image.white)
    after.pixels[:] = 0  # it is the caller's


@pytest.mark.parametrize("setting", SETTINGS)
def test_same_bytes_again_and_from_many_threads(setting, picture):
    modifier = iqf.modifier(setting)
    images = [picture(at=start) for start in (0, 40, 80, 120)]

    def made(image):
        modified = modifier.modify(image)
        return modified.decoded().pixels.tobytes(), tuple(modified.codestreams), modified.measured["bytes"]

    alone = [made(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(made, images * 3)) == alone * 3


@pytest.mark.parametrize("setting", SETTINGS)
def test_parameters_survive_the_round_trip(setting):
    modifier = iqf.modifier(setting)
    again = iqf.modifier(modifier.spec())
    assert again == modifier
    assert hash(again) == hash(modifier)
    assert iqf.modifier(str(modifier)) == modifier
    assert again.label == modifier.label


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_reports_its_rate(setting, picture):
    modified = iqf.modifier(setting).modify(picture())
    assert modified.measured["bytes"] > 0
    if modified.codestreams:
        assert modified.measured["bytes"] == sum(map(len, modified.codestreams))
        assert modified.measured["encode_s"] > 0
        assert "decode_s" not in modified.measured
        modified.decoded()
        assert modified.measured["decode_s"] > 0


@pytest.mark.parametrize("name", ["jpeg2000(ratio=50)", "quantise(bits=2)", "png", "tiff"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_neutral_is_the_identity(name, dtype, picture):
    image = picture(dtype)
    neutral = iqf.modifier(name).neutral()
    if (name, dtype) in {("png", "int16"), ("png", "float32")} or (
        name.startswith("jpeg2000") and dtype in ("int16", "float32")
    ):
        with pytest.raises(iqf.UnsupportedImage):
            neutral.modify(image).decoded()
        return
    np.testing.assert_array_equal(neutral.modify(image).decoded().pixels, image.pixels)


def test_jpeg_has_no_identity():
    assert iqf.modifier("jpeg").neutral() is None


@pytest.mark.parametrize("name", LOSSY_ALONG_KNOB)
def test_error_grows_and_rate_falls_along_the_knob(name, picture):
    image = picture(size=256)
    knob = type(iqf.modifier(f"{name}(ratio=1)" if name == "jpeg2000" else name)).knob
    values = LOSSY_ALONG_KNOB[name]
    assert (knob.mild, knob.harsh > knob.mild) == (values[0], values[-1] > values[0])
    made = [iqf.modifier(name, **{knob.field: value}).modify(image) for value in values]
    errors = [rmse(image, modified.decoded()) for modified in made]
    assert errors == sorted(errors)
    assert errors[-1] > 4 * max(errors[1], 0.5)
    sizes = [modified.measured["bytes"] for modified in made]
    assert sizes == sorted(sizes, reverse=True)


def test_codecs_decode_nothing_until_asked(picture, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("decoded")

    for module in (jpeg2000, lossless):
        monkeypatch.setattr(module, "decode_file", refuse)
    monkeypatch.setattr(jpeg, "decode_jpeg", refuse)
    for setting in ("jpeg", "jpeg2000(ratio=10)", "png", "tiff"):
        modified = iqf.modifier(setting).modify(picture())
        with pytest.raises(AssertionError, match="decoded"):
            modified.decoded()


def test_no_two_instances_share_parameters():
    """The ancestor's modifiers shared one mutable default ``params``."""
    first, second = iqf.modifier("jpeg"), iqf.modifier("jpeg", quality=10)
    assert (first.quality, second.quality) == (75, 10)
    with pytest.raises(ValueError, match="frozen"):
        first.quality = 5
    assert iqf.modifier("jpeg").quality == 75


@pytest.mark.parametrize(
    "wrong",
    [
        "jpeg(quality=0)",
        "jpeg(quality=101)",
        "jpeg(quality=True)",
        "jpeg(qualty=5)",
        "jpeg(subsampling='4:1:1')",
        "jpeg2000",
        "jpeg2000(ratio=10, psnr=40)",
        "jpeg2000(ratio=0.5)",
        "jpeg2000(lossless=True, reversible=False)",
        "jpeg2000(psnr=40, backend='gdal')",
        "quantise(bits=0)",
        "quantise(bits=2.5)",
        "png(level=10)",
        "tiff(compression='jpeg')",
        "tiff(level=12)",
        "tiff(compression='lzw', level=1)",
    ],
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ParameterError):
        iqf.modifier(wrong)


@pytest.mark.parametrize("module", [jpeg, jpeg2000, lossless, quantise])
def test_examples_in_docstrings_run(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_what_the_plugin_offers_is_there():
    for component in plugin.iqf_modifiers():
        module, _, attribute = component.target.partition(":")
        offered = getattr(importlib.import_module(module), attribute)
        assert offered.name == component.name
        for field in offered.model_fields.values():
            assert field.description


def test_versions_name_the_codec():
    assert iqf.modifier("jpeg").versions().keys() >= {"opencv", "libjpeg-turbo"}
    assert iqf.modifier("jpeg2000(ratio=2)").versions().keys() == {"glymur", "openjpeg", "gdal"}
    assert iqf.modifier("jpeg2000(ratio=2, backend='gdal')").versions().keys() == {"gdal"}
    assert iqf.modifier("png").versions().keys() >= {"opencv", "libpng"}
    assert iqf.modifier("tiff").versions().keys() == {"gdal"}
