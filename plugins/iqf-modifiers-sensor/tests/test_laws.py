"""What holds for every modifier of the plugin."""

from __future__ import annotations

import doctest
import importlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.errors import ParameterError
from iqf_core.testing import modifier_laws
from iqf_modifiers_sensor import plugin

FILE = f"blur(kind='file', kernel={str(Path(__file__).with_name('psf.csv'))!r})"
ANOTHER_SCALE = {"keeps_white": False}
SETTINGS = {
    "blur(sigma_px=1.2)": {"harm": [0, 0.4, 0.8, 1.5, 3, 6, 200]},
    "blur(kind='disc', radius_px=2.3)": {"harm": [0, 0.8, 1.5, 3, 6]},
    "blur(kind='motion', length_px=4.5, angle_deg=30.0)": {"harm": [0, 1.5, 3, 6, 12]},
    FILE: {},
    "noise(sigma_dn=5.0)": {"harm": [0, 1, 3, 10, 30]},
    "noise(snr=20.0)": {"harm": [1000, 100, 30, 10, 3]},
    "noise(snr=20.0, level=500.0)": {"harm": [1000, 100, 30, 10, 3]},
    "noise(a=4.0)": {"harm": [0, 1, 9, 100]},
    "noise(b=0.5)": {"harm": [0, 0.05, 0.5, 5]},
    "noise(a=4.0, b=0.5)": {},
    "noise(column_sigma_dn=0.3)": {"harm": [0, 1, 3, 10]},
    "noise(column_gain_sigma=0.02)": {"harm": [0, 0.02, 0.05, 0.2]},
    "noise(sigma_dn=1.0, column_sigma_dn=0.3, column_gain_sigma=0.02)": {},
    "gsd(scale=2.0)": {"harm": [1, 2, 4, 9]},
    "gsd(scale=1.7)": {},
    "gsd(gsd_m=0.8)": {"harm": [0.5, 1, 2, 4]},
    "gsd(scale=1.7, restore=True)": {"harm": [1, 1.3, 2, 4, 9]},
    "gsd(scale=3.0, restore=True, interpolation='linear')": {},
    "gsd(scale=3.0, restore=True, interpolation='nearest')": {},
    "gsd(gsd_m=0.8, restore=True)": {"harm": [0.5, 1, 2, 4]},
    "sharpen": {"harm": [0, 0.5, 1, 3]},
    "sharpen(sigma_px=0.7, amount=2.0)": {},
    "bit_depth(bits=5)": {**ANOTHER_SCALE, "harm": [8, 7, 5, 3, 1]},
    "bit_depth(bits=8, dtype='smallest')": ANOTHER_SCALE,
    "bit_depth(white=100.0)": ANOTHER_SCALE,
    "bit_depth(white=100.0, dtype='smallest')": ANOTHER_SCALE,
    "band_shift(dx_px=0.4)": {"harm": [0, 0.25, 0.5, 1, 2]},
    "band_shift(dx_px=0.4, band=2)": {"bands": [3, 6]},
    "band_shift(dy_px=0.4)": {"harm": [0.1, 0.25, 0.5, 1, 2]},
    "band_shift(dx_px=-1.3, dy_px=0.25, interpolation='linear')": {},
    "band_shift(dx_px=(0.5, -0.5, 0.25))": {"bands": [3]},
    "band_shift(dx_px=(0.5, -0.5, 0.25), dy_px=(0.0, 1.0, 2.0), interpolation='linear')": {"bands": [3]},
}
"""Values along which harm grows, where the knob is what sets it, and what each setting supports."""
TARGETS = [
    "blur(target_rer=0.2, metric='plain')",
    "blur(target_rer=0.2, metric='plain', per_image=True)",
    "blur(kind='disc', target_fwhm=3.0, measured_fwhm=1.5)",
    "noise(target_snr=8.0, metric='plain')",
    "noise(target_snr=8.0, metric='plain', per_image=True)",
    "noise(target_snr=20.0, measured_snr=100.0, level=500.0)",
]
TYPES = {"uint8": 255.0, "uint16": 4095.0, "int16": 4095.0, "float32": 4095.0}


@pytest.mark.parametrize(
    "law", [law for setting, kinds in SETTINGS.items() for law in modifier_laws(setting, **kinds)], ids=str
)
def test_laws(law):
    law.check()


@pytest.mark.parametrize("law", [law for setting in TARGETS for law in modifier_laws(setting)], ids=str)
def test_laws_of_targets(law, plain_metric):
    law.check()


def modified(setting, image, seed=0):
    return iqf.modifier(setting).modify(image, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_what_stands_in_nodata_has_no_influence(setting, dtype, picture, place):
    def changed(nodata):
        image = replace(picture(dtype, 3, white=60_000.0, nodata=nodata), geo=place)
        after = modified(setting, image).decoded()
        return np.where(after.nodata_mask(), 0, after.pixels)

    np.testing.assert_array_equal(changed(65535), changed(65000))
    if dtype == "float32":
        np.testing.assert_array_equal(changed(math.nan), changed(65000))
        np.testing.assert_array_equal(changed(3.4e38), changed(65000))


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS if "smallest" not in setting])
def test_nan_and_infinities_that_nobody_calls_nodata_have_no_influence_either(setting, picture, place):
    """They stay where they are; on a coarser grid they are nodata, NaN where no value stands for it."""
    holes = picture("float32", 3, white=4000.0, nodata=-1).nodata_mask()

    def changed(unreal, nodata):
        pixels = picture("float32", 3, white=4000.0).pixels
        pixels[holes] = np.resize(unreal, holes.sum())
        image = iqf.Image.from_array(pixels, white=4000, nodata=nodata, geo=place)
        return image.pixels, modified(setting, image)

    before, result = changed([np.nan, np.inf, -np.inf], None)
    after = result.decoded().pixels
    _, declared = changed([np.nan], np.nan)
    lost = ~np.isfinite(after)
    np.testing.assert_array_equal(lost, declared.decoded().nodata_mask())
    np.testing.assert_array_equal(after[~lost], declared.decoded().pixels[~lost])
    if result.affine is None:
        np.testing.assert_array_equal(after[holes], before[holes])
    else:
        _, coarse = changed([np.nan, np.inf, -np.inf], -9.0)
        np.testing.assert_array_equal(coarse.decoded().pixels == -9, lost)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("dtype", "nodata"), [("uint16", -9999), ("uint8", 0.5), ("uint16", math.nan)])
def test_a_nodata_value_that_the_type_has_not_is_none(setting, dtype, nodata, picture, place):
    pixels = picture(dtype, 3).pixels // 2
    pixels[::3, ::3] = 0

    def changed(nodata):
        return modified(setting, iqf.Image.from_array(pixels, nodata=nodata, geo=place)).decoded().pixels

    np.testing.assert_array_equal(changed(nodata), changed(None))


@pytest.mark.parametrize("setting", [*SETTINGS, *TARGETS])
def test_an_image_of_nothing_but_nodata_stays_one(setting, plain_metric, place):
    for nodata in (0, 7):
        pixels = np.full((9, 11, 3), nodata, np.uint8)
        image = iqf.Image.from_array(pixels, nodata=nodata, geo=place)
        assert modified(setting, image).decoded().nodata_mask().all()


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS if not setting.startswith("noise")])
def test_a_constant_image_stays_constant(setting, place):
    for dtype, white in TYPES.items():
        image = iqf.Image.from_array(np.full((23, 31, 3), 81, dtype), white=white, nodata=0, geo=place)
        image.pixels[3:6, 3:9] = 0
        after = modified(setting, image).decoded()
        valid = after.pixels[~after.nodata_mask()].astype(float) / after.white
        steps = 0.51 / after.white if setting.startswith("bit_depth") else 1e-5
        np.testing.assert_allclose(valid, 81 / white, atol=steps)


@pytest.mark.parametrize("setting", [setting for setting, kinds in SETTINGS.items() if "harm" in kinds])
def test_harm_grows_by_much_and_within_one_family(setting, picture, place):
    image = iqf.Image.from_array(picture("uint8", size=(96, 96)).pixels, geo=place)
    modifier, values = iqf.modifier(setting), SETTINGS[setting]["harm"]
    assert (modifier.knob.harsh > modifier.knob.mild) == (values[-1] > values[0])
    settings = [modifier.with_knob(value) for value in values]
    assert [made.knob_value for made in settings] == values
    assert len({made.family for made in settings}) == 1
    same_size = [made for made in settings if made.name != "gsd" or made.restore]
    harm = [rmse(image, modified(made, image, seed=1).decoded()) for made in same_size]
    assert not harm or harm[-1] > 3 * harm[1]


def rmse(before, after):
    difference = before.pixels.astype(float) / before.white - after.pixels.astype(float) / after.white
    return float(np.sqrt(np.mean(difference**2)))


def test_settings_that_are_not_in_one_order_are_not_of_one_family():
    families = {
        setting: iqf.modifier(setting).family for setting, kinds in SETTINGS.items() if "harm" in kinds
    }
    shared = {"noise-snr", "band_shift"}  # with and without a level; along x and along y
    assert len(set(families.values())) == len(families) - len(shared)
    assert iqf.modifier("bit_depth(white=9.0)").family == "bit_depth-white"


@pytest.mark.parametrize("setting", [*SETTINGS, *TARGETS])
def test_what_is_printed_can_be_read_again(setting):
    modifier = iqf.modifier(setting)
    assert iqf.modifier(str(modifier)) == modifier


@pytest.mark.parametrize(
    "wrong",
    [
        "blur",
        "blur(sigma_px=True)",
        "blur(sigma_px=-1.0)",
        "blur(sigma_px=1.0, radius_px=2.0)",
        "blur(kind='disc', sigma_px=1.0)",
        "blur(sigma_px=1.0, angle_deg=10.0)",
        "blur(kind='file')",
        "blur(sigma=1.0)",
        "blur(sigma_px=1.0, per_image=True)",
        "blur(sigma_px=1.0, measured_rer=0.5)",
        "blur(sigma_px=1.0, metric='snr')",
        "noise",
        "noise(sigma_dn=1.0, snr=3.0)",
        "noise(sigma_dn=1.0, a=3.0)",
        "noise(snr=0.0)",
        "noise(sigma_dn=1.0, level=100.0)",
        "noise(sigma_dn=1.0, sample=4)",
        "gsd",
        "gsd(scale=0.5)",
        "gsd(scale=2.0, gsd_m=1.0)",
        "gsd(scale=2.0, interpolation='linear')",
        "gsd(scale=2.0, restore=True, interpolation='area')",
        "sharpen(amount=-0.5)",
        "sharpen(sigma_px=0.0)",
        "bit_depth",
        "bit_depth(bits=8, white=255.0)",
        "bit_depth(white=99.5)",
        "bit_depth(bits=0)",
        "band_shift(dx_px=(0.1, 0.2), band=1)",
        "band_shift(dx_px=(0.1, 0.2), dy_px=(0.1,))",
        "band_shift(dx_px=(0.1, 0.2), dy_px=0.5)",
        "band_shift(dx_px=300.0)",
        "band_shift(band=-1)",
    ],
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ParameterError):
        iqf.modifier(wrong)


@pytest.mark.parametrize("module", ["blur", "noise", "gsd", "sharpen", "bit_depth", "band_shift"])
def test_examples_in_docstrings_run(module):
    found = doctest.testmod(importlib.import_module(f"iqf_modifiers_sensor.{module}"))
    assert found.attempted
    assert not found.failed


def test_what_the_plugin_offers_is_there():
    for component in plugin.iqf_modifiers():
        module, _, attribute = component.target.partition(":")
        offered = getattr(importlib.import_module(module), attribute)
        assert offered.name == component.name
        for field in offered.model_fields.values():
            assert field.description
