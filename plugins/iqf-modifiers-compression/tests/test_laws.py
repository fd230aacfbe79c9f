"""What holds for every modifier of the plugin."""

from __future__ import annotations

import doctest
import importlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.errors import ParameterError
from iqf_core.testing import modifier_laws
from iqf_modifiers_compression import jpeg, jpeg2000, lossless, plugin, quantise

COLOUR = {"dtypes": ["uint8"], "bands": [1, 3]}
UNSIGNED = {"dtypes": ["uint8", "uint16"]}
INTEGERS = {"dtypes": ["uint8", "uint16", "int16"]}
SETTINGS = {
    "jpeg(quality=40)": {**COLOUR, "harm": [100, 90, 70, 40, 10, 2]},
    "jpeg(subsampling='4:4:4', progressive=True, optimise=True)": COLOUR,
    "jpeg(bands='each')": {"dtypes": ["uint8"]},
    "jpeg2000(ratio=12)": {**UNSIGNED, "harm": [1, 2, 5, 20, 100, 400]},
    "jpeg2000(psnr=35.5)": UNSIGNED,
    "jpeg2000(lossless=True, levels=3, tile_size=64)": UNSIGNED,
    "jpeg2000(ratio=12, reversible=True, backend='gdal')": INTEGERS,
    "quantise(bits=3)": {"harm": [16, 8, 6, 4, 2, 1]},
    "quantise(bits=3, reconstruction='span')": {},
    "png": UNSIGNED,
    "png(level=1)": UNSIGNED,
    "tiff": {},
    "tiff(compression='zstd', level=3, predictor=False)": {},
    "tiff(compression='lzw')": {},
}
"""What each setting supports; the rest it refuses."""


@pytest.mark.parametrize(
    "law", [law for setting, kinds in SETTINGS.items() for law in modifier_laws(setting, **kinds)], ids=str
)
def test_laws(law):
    law.check()


@pytest.mark.parametrize("setting", SETTINGS)
def test_codestreams_and_rates_are_the_same_from_many_threads(setting, picture):
    modifier = iqf.modifier(setting)
    images = [picture(at=start) for start in (0, 40, 80, 120)]

    def made(image):
        modified = modifier.modify(image)
        return tuple(modified.codestreams), modified.measured["bytes"]

    alone = [made(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(made, images * 3)) == alone * 3


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


def test_jpeg_has_no_identity():
    assert iqf.modifier("jpeg").neutral() is None


@pytest.mark.parametrize("setting", [setting for setting, kinds in SETTINGS.items() if "harm" in kinds])
def test_much_is_lost_and_the_rate_falls_along_the_knob(setting, picture):
    image, modifier, values = picture(size=256), iqf.modifier(setting), SETTINGS[setting]["harm"]
    assert modifier.knob.mild == values[0]
    made = [modifier.with_knob(value).modify(image) for value in values]
    errors = [rmse(image, modified.decoded()) for modified in made]
    assert errors == sorted(errors)
    assert errors[-1] > 4 * max(errors[1], 0.5)
    sizes = [modified.measured["bytes"] for modified in made]
    assert sizes == sorted(sizes, reverse=True)


def rmse(before, after):
    return float(np.sqrt(np.mean((before.pixels.astype(float) - after.pixels.astype(float)) ** 2)))


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
