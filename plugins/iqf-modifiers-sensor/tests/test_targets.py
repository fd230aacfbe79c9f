"""A measured value instead of a setting: reached, noted, and never silently out of reach."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import iqf_core as iqf
from iqf_modifiers_sensor.blur import Blur
from iqf_modifiers_sensor.noise import Noise
from iqf_modifiers_sensor.response import expected

TRUTH = {"rer": 0.610, "fwhm": 1.386}  # of a Gaussian of 0.5 px and the pixel


def measured(name, image):
    return iqf.metric(name).measure(image)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ({"target_rer": 0.40}, {}),
        ({"target_rer": 0.30}, {}),
        ({"target_fwhm": 2.6}, {}),
        ({"target_fwhm": 2.4}, {"kind": "disc"}),
        ({"target_rer": 0.40}, {"kind": "motion", "angle_deg": 45.0}),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_blur_reaches_what_is_asked_for(target, options, dtype, edges, needs):
    """As the metric says, and but for a motion, which edges meet at all angles, as the truth is."""
    needs("sharpness")
    image = edges(0.5, dtype=dtype)
    asked = Blur(**target, **options)
    result = asked.modify(image)
    ((key, wanted),) = target.items()
    output = key.removeprefix("target_")
    found = measured("sharpness", result.decoded())[output]
    assert found == pytest.approx(wanted, rel=0.03)
    if asked.kind != "motion":
        kernel = asked.plain(result.measured["knob"]).point_spread()
        assert expected(output, TRUTH[output], kernel) == pytest.approx(wanted, rel=0.03)
    assert result.measured[f"{output}_after"] == pytest.approx(found, rel=1e-6)
    own = measured("sharpness", image)[output]
    assert result.measured[f"{output}_before"] == pytest.approx(own, rel=1e-6)
    assert result.measured[f"{output}_already_worse"] == 0
    assert result.measured["knob"] == result.measured[asked.knob.field] > 0


@pytest.mark.parametrize(
    ("wanted", "dtype", "level", "sigma"),
    [
        (150.0, "uint16", 1000.0, 3.0),
        (40.0, "uint16", 1000.0, 3.0),
        (8.0, "uint16", 1000.0, 3.0),
        (20.0, "uint8", 120.0, 1.0),
        (30.0, "int16", 2000.0, 5.0),
        (50.0, "float32", 0.2, 0.001),  # a reflectance: far below the smallest step of whole numbers
    ],
)
def test_noise_reaches_what_is_asked_for(wanted, dtype, level, sigma, ramp, needs):
    """As the metric says, and as the variances add up to."""
    needs("snr")
    image = ramp(sigma, level=level, dtype=dtype, white={"uint8": 255.0, "float32": 1.0}.get(dtype, 4095.0))
    result = Noise(target_snr=wanted).modify(image, rng=np.random.default_rng(4))
    found = measured("snr", result.decoded())["snr"]
    assert found == pytest.approx(wanted, rel=0.03)
    assert result.measured["snr_after"] == pytest.approx(found, rel=1e-6)  # of the same draws
    rounding = 0 if dtype == "float32" else 1 / 6  # before and after
    total = sigma**2 + result.measured["sigma_dn"] ** 2 + rounding
    assert level / total**0.5 == pytest.approx(wanted, rel=0.03)


def test_image_that_is_worse_stays_as_it_is_and_is_noted(edges, ramp, needs, caplog):
    needs("sharpness", "snr")
    for modifier, image, output in (
        (Blur(target_rer=0.5), edges(1.0), "rer"),
        (Blur(target_fwhm=1.5), edges(1.0), "fwhm"),
        (Noise(target_snr=500.0), ramp(20.0), "snr"),
    ):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="iqf"):
            result = modifier.modify(image)
        np.testing.assert_array_equal(result.decoded().pixels, image.pixels)
        assert result.measured[f"{output}_already_worse"] == 1
        assert result.measured["knob"] == 0
        assert result.measured[f"{output}_before"] == result.measured[f"{output}_after"]
        assert "already worse than that: the image" in caplog.text


def test_one_setting_for_a_dataset(edges, dataset, needs, caplog):
    """The mean has the value asked for; who was worse is named, and noted image by image."""
    needs("sharpness")
    source = dataset({f"{sigma}.tif": edges(sigma) for sigma in (0.4, 0.6, 1.2)})
    asked = Blur(target_rer=0.42)
    with caplog.at_level(logging.WARNING, logger="iqf"):
        made = iqf.make_variant(source, asked, workers=2)
    assert "already worse than that: 1.2.tif" in caplog.text
    values = [measured("sharpness", made.read(name))["rer"] for name in made.images]
    assert np.mean(values) == pytest.approx(0.42, rel=0.03)
    rows = {row.image: row.measured for row in made.manifest.images}
    assert [rows[f"{sigma}.tif"]["rer_already_worse"] for sigma in (0.4, 0.6, 1.2)] == [0, 0, 1]
    assert rows["0.6.tif"]["rer_before"] == pytest.approx(0.5451, rel=0.02)
    found = made.manifest.resolved["blur"]
    assert found.keys() == {"sigma_px"}
    assert made.manifest.knob == found["sigma_px"]
    plain = iqf.make_variant(source, {"blur": found})
    np.testing.assert_array_equal(plain.read("0.4.tif").pixels, made.read("0.4.tif").pixels)


def test_noise_found_for_a_dataset_is_that_of_its_setting(ramp, dataset, needs):
    needs("snr")
    source = dataset({f"{n}.tif": ramp(4.0, seed=n, level=900 + 100 * n) for n in range(3)})
    made = iqf.make_variant(source, Noise(target_snr=60.0), seed=3, workers=2)
    values = [measured("snr", made.read(name))["snr"] for name in made.images]
    assert np.mean(values) == pytest.approx(60, rel=0.03)
    plain = iqf.make_variant(source, made.manifest.resolved, seed=3)
    np.testing.assert_array_equal(plain.read("1.tif").pixels, made.read("1.tif").pixels)
    each = iqf.make_variant(source, Noise(target_snr=60.0, per_image=True), seed=3)
    for name in each.images:
        assert measured("snr", each.read(name))["snr"] == pytest.approx(60, rel=0.03)
    knobs = {row.measured["knob"] for row in each.manifest.images}
    assert len(knobs) == 3
    again = iqf.make_variant(
        source, Noise(target_snr=60.0, per_image=True), seed=3, variants_root=source / "again", workers=4
    )
    np.testing.assert_array_equal(again.read("1.tif").pixels, each.read("1.tif").pixels)
