"""A measured value instead of a setting: reached, noted, and never silently out of reach."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.parameters import create
from iqf_modifiers_sensor.blur import Blur
from iqf_modifiers_sensor.noise import Noise
from iqf_modifiers_sensor.response import FREQUENCIES, MEASURES, expected, transfer
from iqf_modifiers_sensor.search import search

AERIAL = Path(__file__).parents[4] / "shared" / "data" / "aerial1"


def measured(name, image):
    return iqf.metric(name).measure(image)


@pytest.fixture
def needs():
    def check(*names):
        for name in names:
            try:
                iqf.metric(name)
            except iqf.IqfError:
                pytest.skip(f"no active plugin measures {name}")

    return check


@pytest.fixture(scope="session")
def ramp():
    """Ramp with noise of a known sigma."""

    def made(sigma, *, level=1000.0, seed=0, dtype="uint16"):
        rng = np.random.default_rng(seed)
        values = np.linspace(0.6, 1.4, 256) * level + rng.normal(0, sigma, (256, 256))
        return iqf.Image.from_array(np.rint(values).astype(dtype), white=4095)

    return made


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
    needs("sharpness")
    image = edges(0.5, dtype=dtype)
    result = Blur(**target, **options).modify(image)
    ((key, wanted),) = target.items()
    output = key.removeprefix("target_")
    found = measured("sharpness", result.decoded())[output]
    assert found == pytest.approx(wanted, rel=0.03)
    assert result.measured[f"{output}_after"] == pytest.approx(found, rel=1e-6)
    own = measured("sharpness", image)[output]
    assert result.measured[f"{output}_before"] == pytest.approx(own, rel=1e-6)
    assert result.measured["already_worse"] == 0
    assert result.measured["knob"] > 0


@pytest.mark.parametrize("wanted", [150.0, 40.0, 8.0])
def test_noise_reaches_what_is_asked_for(wanted, ramp, needs):
    needs("snr")
    result = Noise(target_snr=wanted).modify(ramp(3.0), rng=np.random.default_rng(4))
    found = measured("snr", result.decoded())["snr"]
    assert found == pytest.approx(wanted, rel=0.03)
    assert result.measured["snr_after"] == pytest.approx(found, rel=1e-6)  # of the same draws
    added = np.sqrt((1000 / wanted) ** 2 - 9 - 1 / 6)
    assert result.measured["knob"] == pytest.approx(added, rel=0.04)


@pytest.mark.parametrize(
    ("modifier", "name"),
    [
        (Blur(target_rer=0.3), "sharpness"),
        (Blur(target_fwhm=2.5), "sharpness"),
        (Noise(target_snr=30.0), "snr"),
    ],
)
def test_aerial_photograph(modifier, name, needs):
    needs(name)
    if not AERIAL.is_dir():
        pytest.skip("the photograph is not there")
    (path,) = (AERIAL / "images").iterdir()
    whole = iqf.read_image(path)
    image = iqf.Image.from_array(whole.pixels[300:812, 300:812])
    result = modifier.modify(image, rng=np.random.default_rng(0))
    found = measured(name, result.decoded())[modifier.aim.output]
    assert found == pytest.approx(modifier.aim.wanted, rel=0.10)


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
        assert result.measured["already_worse"] == 1
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
    assert [rows[f"{sigma}.tif"]["already_worse"] for sigma in (0.4, 0.6, 1.2)] == [0, 0, 1]
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


def test_only_a_sample_is_measured(ramp, needs):
    needs("snr")
    seen = []

    def load(name):
        seen.append(name)
        return ramp(4.0, seed=int(name))

    samples = iqf.samples.Samples([str(n) for n in range(9)], load, workers=1)
    found = Noise(target_snr=60.0, sample=3).resolve(samples)
    assert set(seen) == {"0", "4", "8"}
    assert found.target_snr is None
    assert Noise(target_snr=60.0, per_image=True).resolve(samples).target_snr == 60


def test_given_value_needs_no_metric(picture, ramp):
    """The image's own response taken as a Gaussian's: sigmas of FACTS, 0.5 and 1.0, differ by 0.866."""
    result = Blur(target_rer=0.369, measured_rer=0.610, metric="none at all").modify(picture())
    assert result.measured["knob"] == pytest.approx(0.866, rel=0.02)
    assert result.measured["rer_before"] == 0.610
    result = Blur(target_fwhm=2.455, measured_fwhm=1.386, metric="none at all").modify(picture())
    assert result.measured["knob"] == pytest.approx(0.866, rel=0.02)
    result = Noise(target_snr=20.0, measured_snr=100.0, metric="none at all").modify(ramp(0.0))
    assert result.measured["knob"] == pytest.approx(np.sqrt(50**2 - 10**2 - 1 / 12), rel=0.02)
    result = Noise(target_snr=20.0, measured_snr=100.0, level=2000.0).modify(ramp(0.0))
    assert result.measured["knob"] == pytest.approx(np.sqrt(100**2 - 20**2 - 1 / 12), rel=0.02)


@pytest.mark.parametrize(
    ("sigma", "rer", "fwhm"), [(0.4, 0.682, 1.208), (0.8, 0.443, 2.010), (1.6, 0.242, 3.829)]
)
def test_response_of_a_gaussian_behind_a_pixel(sigma, rer, fwhm):
    mtf = np.exp(-2 * (np.pi * sigma * FREQUENCIES) ** 2) * np.sinc(FREQUENCIES)
    assert MEASURES["rer"](mtf) == pytest.approx(rer, abs=6e-4)
    assert MEASURES["fwhm"](mtf) == pytest.approx(fwhm, abs=1.5e-3)


def test_response_after_a_kernel():
    kernel = Blur(sigma_px=1.2).point_spread()
    assert expected("rer", 0.443, kernel) == pytest.approx(0.2662, rel=0.005)  # of sqrt(0.8^2 + 1.2^2)
    np.testing.assert_allclose(
        transfer(kernel.x, np.array([0.0, 0.25])), [1, np.exp(-2 * (np.pi * 0.3) ** 2)], atol=1e-3
    )


@pytest.mark.parametrize(
    ("modifier", "said"),
    [
        (Blur(target_rer=0.02), r"target_rer=0.02\): the nearest is .* ask for less"),
        (Blur(target_rer=0.3, metric="basic"), "has no output 'rer'"),
        (Blur(target_rer=0.3, metric="nothing_of_this_name"), "nothing_of_this_name"),
    ],
)
def test_out_of_reach_is_said(modifier, said, edges, needs):
    needs("sharpness")
    with pytest.raises(iqf.IqfError, match=said):
        modifier.modify(edges(0.5))


def test_image_without_edges_says_why_and_what_to_do(needs):
    needs("sharpness")
    with pytest.raises(iqf.VariantError, match=r"gives no rer \(.+\); say measured_rer="):
        Blur(target_rer=0.3).modify(iqf.Image.from_array(np.full((64, 64), 9, np.uint8)))


def test_search_bisects_takes_what_cannot_be_measured_as_too_harsh_and_says_jumps(caplog):
    def excess(value):
        return np.log(value / 10)

    found = search(lambda x: 50 - x if x < 45 else np.nan, excess, 50, guess=80, top=100, said="t")
    assert found == pytest.approx((40, 10), rel=0.01)
    with pytest.raises(iqf.VariantError, match="nothing can be measured"):
        search(lambda x: 50 - x if x < 20 else np.nan, excess, 50, guess=80, top=100, said="t")
    with pytest.raises(iqf.VariantError, match="the harshest there is"):
        search(lambda x: 50 - x / 10, excess, 50, guess=8, top=100, said="t")
    with caplog.at_level(logging.WARNING, logger="iqf"):
        assert search(lambda x: 50 if x < 20 else 9, excess, 50, guess=8, top=100, said="t")[1] == 9
    assert "the nearest that was found is 9" in caplog.text


@pytest.mark.parametrize(
    "asked",
    [
        {"blur": {"target_rer": 0.3}},
        {"blur": {"kind": "disc", "target_fwhm": 3.0, "measured_fwhm": 1.5, "per_image": True}},
        {"noise": {"target_snr": 40.0, "metric": "snr(method='hb')", "sample": 5}},
    ],
)
def test_target_survives_as_a_spec(asked):
    ((name, parameters),) = asked.items()
    made = create("modifiers", name, parameters, base=iqf.Modifier)
    assert made.spec() == asked
    assert made.label.startswith(name)
    assert "target_" in made.label


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Blur(sigma_px=1.0, target_rer=0.3),
        lambda: Blur(target_fwhm=3.0, target_rer=0.3),
        lambda: Blur(target_fwhm=3.0, measured_rer=0.3),
        lambda: Blur(kind="file", kernel=__file__, target_rer=0.3),
        lambda: Noise(target_snr=3.0, sigma_dn=0.3),
        lambda: Noise(target_snr=0.0),
        lambda: Noise(target_snr=30.0, level=100.0),
    ],
)
def test_contradictions_are_refused(wrong):
    with pytest.raises(iqf.ParameterError):
        wrong()


def test_versions_name_who_measures(needs):
    needs("snr", "sharpness")
    assert "iqf-metrics-snr" in Noise(target_snr=3.0).versions()
    assert "iqf-metrics-sharpness" in Blur(target_rer=0.3).versions()
    assert "iqf-metrics-sharpness" not in Blur(target_rer=0.3, measured_rer=0.5).versions()
