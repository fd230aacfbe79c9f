"""What holds for every modifier of the plugin."""

from __future__ import annotations

import doctest
import importlib
import math

import numpy as np
import pytest
import yaml

import iqf_core as iqf
from iqf_core.errors import ParameterError
from iqf_core.image import Geo
from iqf_modifiers_sensor import plugin

SETTINGS = [
    "blur(sigma_px=1.2)",
    "blur(kind='disc', radius_px=2.3)",
    "blur(kind='motion', length_px=4.5, angle_deg=30.0)",
    "noise(sigma_dn=5.0)",
    "noise(snr=20.0)",
    "noise(snr=20.0, level=500.0)",
    "noise(a=4.0, b=0.5)",
    "noise(column_sigma_dn=3.0, column_gain_sigma=0.02)",
    "gsd(scale=2.0)",
    "gsd(scale=1.7)",
    "gsd(scale=1.7, restore=True)",
    "gsd(scale=3.0, restore=True, interpolation='nearest')",
    "sharpen",
    "sharpen(sigma_px=0.7, amount=2.0)",
    "bit_depth(bits=5)",
    "bit_depth(white=100.0)",
    "band_shift(dx_px=0.4)",
    "band_shift(dx_px=-1.3, dy_px=0.25, interpolation='linear')",
]
ALONG_KNOB = {
    "blur(sigma_px=0.0)": [0.0, 0.4, 0.8, 1.5, 3.0, 6.0],
    "blur(kind='disc', radius_px=0.0)": [0.0, 0.8, 1.5, 3.0, 6.0],
    "blur(kind='motion', length_px=0.0, angle_deg=20.0)": [0.0, 1.5, 3.0, 6.0, 12.0],
    "noise(sigma_dn=0.0)": [0.0, 1.0, 3.0, 10.0, 30.0],
    "noise(snr=1.0)": [1000.0, 100.0, 30.0, 10.0, 3.0],
    "noise(a=0.0)": [0.0, 1.0, 9.0, 100.0],
    "noise(b=0.0)": [0.0, 0.05, 0.5, 5.0],
    "noise(column_sigma_dn=0.0)": [0.0, 1.0, 3.0, 10.0],
    "noise(column_gain_sigma=0.0)": [0.0, 0.02, 0.05, 0.2],
    "gsd(scale=1.0, restore=True)": [1.0, 1.3, 2.0, 4.0, 9.0],
    "sharpen(amount=0.0)": [0.0, 0.5, 1.0, 3.0],
    "bit_depth(bits=1)": [8, 7, 5, 3, 1],
    "band_shift(dx_px=0.0)": [0.0, 0.25, 0.5, 1.0, 2.0],
    "band_shift(dy_px=1.0)": [0.1, 0.25, 0.5, 1.0, 2.0],
}
TYPES = {"uint8": 255.0, "uint16": 4095.0, "int16": 4095.0, "float32": 4095.0}


def modified(setting, image, seed=0):
    return iqf.modifier(setting).modify(image, rng=np.random.default_rng(seed))


def rmse(before, after):
    difference = before.pixels.astype(float) / before.white - after.pixels.astype(float) / after.white
    return float(np.sqrt(np.mean(difference**2)))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dtype", TYPES)
def test_pixel_contract(setting, dtype, picture):
    """Input untouched, nothing shared, type and bands kept, one nodata for another, any band count."""
    for bands in (1, 3, 4, 6):
        image = picture(dtype, bands, white=TYPES[dtype], nodata=0)
        before = image.pixels.copy()
        result = modified(setting, image)
        after = result.decoded()
        np.testing.assert_array_equal(image.pixels, before)
        assert not np.may_share_memory(after.pixels, image.pixels)
        assert (after.dtype, after.bands, after.nodata) == (image.dtype, bands, 0)
        if result.affine is None:
            assert after.pixels.shape == image.pixels.shape
            np.testing.assert_array_equal(after.nodata_mask(), image.nodata_mask())
        assert (after.white == image.white) != setting.startswith("bit_depth")
        after.pixels[:] = 0  # it is the caller's


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_what_stands_in_nodata_has_no_influence(setting, dtype, picture):
    def changed(nodata):
        image = picture(dtype, 2, white=60_000.0, nodata=nodata)
        after = modified(setting, image).decoded()
        return np.where(after.nodata_mask(), 0, after.pixels)

    np.testing.assert_array_equal(changed(65535), changed(65000))
    if dtype == "float32":
        np.testing.assert_array_equal(changed(math.nan), changed(65000))
        np.testing.assert_array_equal(changed(3.4e38), changed(65000))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (33, 1)])
def test_small_and_odd_sizes(setting, size, picture):
    for dtype, white in TYPES.items():
        for nodata in (None, 0):
            image = iqf.Image.from_array(
                picture(dtype, 3, white=white, size=size).pixels, white=white, nodata=nodata
            )
            after = modified(setting, image).decoded()
            assert after.height >= 1
            assert after.width >= 1
            assert np.isfinite(after.pixels.astype(float)).all()


@pytest.mark.parametrize("setting", SETTINGS)
def test_an_image_of_nothing_but_nodata_stays_one(setting):
    for nodata in (0, 7):
        image = iqf.Image.from_array(np.full((9, 11, 2), nodata, np.uint8), nodata=nodata)
        assert modified(setting, image).decoded().nodata_mask().all()


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS if not setting.startswith("noise")])
def test_a_constant_image_stays_constant(setting, picture):
    for dtype, white in TYPES.items():
        image = iqf.Image.from_array(np.full((23, 31, 3), 81, dtype), white=white, nodata=0)
        image.pixels[3:6, 3:9] = 0
        after = modified(setting, image).decoded()
        valid = after.pixels[~after.nodata_mask()].astype(float) / after.white
        steps = 0.51 / after.white if setting.startswith("bit_depth") else 1e-5
        np.testing.assert_allclose(valid, 81 / white, atol=steps)


@pytest.mark.parametrize("setting", SETTINGS)
def test_georeference_and_tags_stay_on_the_ground(setting, picture, place):
    image = picture("uint16", white=4095.0)
    described = Geo(crs=place.crs, transform=place.transform, descriptions=("a", "b", "c"))
    result = modified(setting, iqf.Image.from_array(image.pixels, white=4095, geo=described))
    after = result.decoded()
    assert after.geo.descriptions == ("a", "b", "c")
    for x, y in ((0, 0), (1, 1), (0, 1)):
        old = described.transform @ (x * image.width, y * image.height)
        assert after.geo.transform @ (x * after.width, y * after.height) == pytest.approx(old, abs=1e-6)


@pytest.mark.parametrize("setting", SETTINGS)
def test_same_seed_same_bytes_on_one_and_four_workers(setting, picture, dataset, tmp_path):
    images = {f"{n}.tif": picture("uint16", 3, white=4095.0, size=(20 + n, 30)) for n in range(4)}
    source = dataset(images)

    def files(workers, seed):
        root = tmp_path / f"variants{workers}-{seed}"
        made = iqf.make_variant(source, setting, variants_root=root, workers=workers, seed=seed)
        return [made.read(name).pixels.tobytes() for name in sorted(made.images)]

    once = files(1, 5)
    assert files(4, 5) == once
    assert (files(4, 6) == once) != iqf.modifier(setting).draws


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dtype", TYPES)
def test_neutral_is_the_identity(setting, dtype, picture):
    for bands in (1, 6):
        image = picture(dtype, bands, white=TYPES[dtype], nodata=0)
        result = iqf.modifier(setting).neutral().modify(image)
        np.testing.assert_array_equal(result.decoded().pixels, image.pixels)
        assert (result.decoded().white, result.affine) == (image.white, None)


@pytest.mark.parametrize("setting", ALONG_KNOB)
def test_harm_grows_along_the_knob(setting, picture):
    image = picture("uint8", size=(96, 96))
    modifier = iqf.modifier(setting)
    values = ALONG_KNOB[setting]
    knob = modifier.knob
    assert (knob.harsh > knob.mild) == (values[-1] > values[0])
    settings = [modifier.with_knob(value) for value in values]
    assert [made.knob_value for made in settings] == values
    harm = [rmse(image, made.modify(image, rng=np.random.default_rng(1)).decoded()) for made in settings]
    assert harm == sorted(harm)
    assert harm[-1] > 3 * harm[1]
    assert len({made.family for made in settings}) == 1


@pytest.mark.parametrize("setting", SETTINGS)
def test_parameters_survive_yaml(setting):
    modifier = iqf.modifier(setting)
    again = iqf.modifier(yaml.safe_load(yaml.safe_dump(modifier.spec())))
    assert again == modifier
    assert hash(again) == hash(modifier)
    assert iqf.modifier(str(modifier)) == modifier
    assert again.label == modifier.label


def test_settings_that_are_not_in_one_order_are_not_of_one_family():
    families = [iqf.modifier(setting).family for setting in ALONG_KNOB]
    assert len(set(families)) == len(families) - 1  # band_shift along x and along y
    assert iqf.modifier("gsd(gsd_m=1.0)").family == "gsd-metres"
    assert iqf.modifier("bit_depth(white=9.0)").family == "bit_depth-white"


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
