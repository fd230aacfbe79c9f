"""Looking for the setting that a target needs: what is noted, said and refused, whoever measures."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.parameters import create
from iqf_modifiers_sensor.blur import Blur
from iqf_modifiers_sensor.noise import Noise
from iqf_modifiers_sensor.response import FREQUENCIES, MEASURES, expected, transfer
from iqf_modifiers_sensor.search import search


def test_only_a_sample_is_measured(ramp, plain_metric):
    seen = []

    def load(name):
        seen.append(name)
        return ramp(4.0, seed=int(name))

    samples = iqf.samples.Samples([str(n) for n in range(9)], load, workers=1)
    found = Noise(target_snr=60.0, metric=plain_metric, sample=3).resolve(samples)
    assert set(seen) == {"0", "4", "8"}
    assert found.target_snr is None
    each = Noise(target_snr=60.0, metric=plain_metric, per_image=True)
    assert each.resolve(samples).target_snr == 60


def test_two_aims_of_a_chain_are_noted_each(ramp, dataset, plain_metric):
    """The image was too blurred already, and not too noisy: neither hides the other."""
    source = dataset({"a.tif": ramp(20.0), "b.tif": ramp(25.0, seed=1)})
    rer = iqf.metric(plain_metric).measure(ramp(20.0))["rer"]
    for options in ("", ", per_image=True"):
        blur = f"blur(target_rer={2 * rer}, metric='plain'{options})"
        made = iqf.make_variant(source, f"{blur} | noise(target_snr=10.0, metric='plain'{options})")
        for row in made.manifest.images:
            assert (row.measured["rer_already_worse"], row.measured["snr_already_worse"]) == (1, 0)
            assert row.measured["snr_before"] > 10
            assert iqf.metric(plain_metric).measure(made.read(row.image))["snr"] == pytest.approx(10, rel=0.1)
            if options:
                assert row.measured["sigma_px"] == 0
                assert row.measured["sigma_dn"] == row.measured["knob"] > 0


def test_image_of_a_dataset_that_cannot_be_measured_is_modified_and_not_judged(ramp, dataset, plain_metric):
    flat = iqf.Image.from_array(np.full((256, 256), 700, np.uint16), white=4095)
    source = dataset({"a.tif": ramp(4.0), "b.tif": flat})
    made = iqf.make_variant(source, Noise(target_snr=20.0, metric=plain_metric), seed=2)
    rows = {row.image: row.measured for row in made.manifest.images}
    assert rows["a.tif"]["snr_already_worse"] == 0
    assert not {"snr_before", "snr_already_worse"} & rows["b.tif"].keys()
    assert made.read("b.tif").pixels.std() > 10
    each = Noise(target_snr=20.0, metric=plain_metric, per_image=True)
    with pytest.raises(iqf.UnsupportedImage, match=r"b\.tif: .* give measured_snr= .* leave out per_image"):
        iqf.make_variant(source, each)


def test_nothing_but_nodata_is_left_as_it_is(ramp, dataset, plain_metric):
    empty = iqf.Image.from_array(np.full((30, 40), 9, np.uint16), nodata=9)
    source = dataset({"a.tif": ramp(4.0), "b.tif": empty})
    for modifier in (
        Noise(target_snr=20.0, measured_snr=90.0),
        Noise(target_snr=20.0, metric=plain_metric),
        Noise(target_snr=20.0, metric=plain_metric, per_image=True),
        Noise(target_snr=20.0, measured_snr=90.0, per_image=True),
        Blur(target_rer=0.2, measured_rer=0.5, per_image=True),
    ):
        np.testing.assert_array_equal(iqf.make_variant(source, modifier).read("b.tif").pixels, empty.pixels)


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


@pytest.mark.parametrize("level", [0.0, -300.0])
def test_level_without_light_has_no_snr(level, ramp, dataset):
    image = iqf.Image.from_array(np.full((20, 20), level, np.int16), white=4095)
    asked = Noise(target_snr=20.0, measured_snr=100.0)
    with pytest.raises(iqf.UnsupportedImage, match=f"median is {level:g} DN: give the level="):
        asked.modify(image)
    source = iqf.open_dataset(dataset({"a.tif": ramp(4.0), "dark.tif": image}), white=4095)
    with pytest.raises(iqf.UnsupportedImage, match=r"dark\.tif: its median"):
        iqf.make_variant(source, asked)
    assert asked.replaced(level=400.0).modify(image).measured["knob"] == pytest.approx(19.6, rel=0.01)


@pytest.mark.parametrize(
    ("modifier", "error", "said"),
    [
        (
            Blur(target_rer=0.001, metric="plain"),
            iqf.UnsupportedImage,
            r"target_rer=0\.001.*: the nearest is .* ask for less",
        ),
        (Blur(target_rer=0.3, metric="basic"), iqf.ParameterError, "has no output 'rer': name one"),
        (Blur(target_rer=0.3, metric="psnr"), iqf.IqfError, "psnr"),
        (
            Blur(target_fwhm=3.0, metric="nothing_of_this_name"),
            iqf.UnknownComponent,
            r"'nothing_of_this_name'.* would measure fwhm; or give measured_fwhm=",
        ),
    ],
)
def test_what_cannot_be_had_is_said(modifier, error, said, edges, plain_metric):
    with pytest.raises(error, match=said):
        modifier.modify(edges(0.5))


@pytest.mark.parametrize("name", ["sharpness", "plain"])
def test_image_without_edges_says_why_and_what_to_do(name, needs, plain_metric):
    needs(name)
    with pytest.raises(iqf.UnsupportedImage, match=r"gives no rer \(.+\); give measured_rer="):
        Blur(target_rer=0.3, metric=name).modify(iqf.Image.from_array(np.full((64, 64), 9, np.uint8)))


def test_search_bisects_takes_what_cannot_be_measured_as_too_harsh_and_says_jumps(caplog):
    def excess(value):
        return np.log(value / 10)

    found = search(lambda x: 50 - x if x < 45 else np.nan, excess, 50, guess=80, top=100, said="t")
    assert found == pytest.approx((40, 10), rel=0.01)
    with pytest.raises(iqf.VariantError, match="nothing can be measured"):
        search(lambda x: 50 - x if x < 20 else np.nan, excess, 50, guess=80, top=100, said="t")
    with pytest.raises(iqf.VariantError, match="the harshest there is"):
        search(lambda x: 50 - x / 10, excess, 50, guess=8, top=100, said="t")
    reflectance = search(lambda x: 1 / (1e-3 + x / 0.2), excess, 1000, guess=1250, top=1e4, said="t")
    assert reflectance == pytest.approx((0.0198, 10), rel=0.01)  # far below where it began
    with pytest.raises(iqf.VariantError, match="at no setting can it be measured"):
        search(lambda x: np.nan, excess, 50, guess=8, top=100, said="t")
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
