"""What is measured is what was put in."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data

from iqf_metrics_snr import dct, snr
from iqf_metrics_snr.homogeneous import _typical, chi_square_median

METHODS = ["dct", "hb", "ha"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["flat", "ramp", "step", "steps"])
@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 1), ("uint16", 1), ("int16", 1), ("float32", 1)])
def test_known_noise(method, kind, dtype, scale, scene):
    result = snr(scene(kind, dtype), method=method)
    rounding = 0 if dtype == "float32" else 1 / 12
    assert result.sigma == pytest.approx(math.sqrt(16 + rounding), rel=0.02)
    assert result.snr == pytest.approx(np.median(scene(kind, dtype)) / result.sigma)
    assert result.snr_db == pytest.approx(20 * math.log10(result.snr))
    assert result.reason == ""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sigma", [0.7, 1.0])
def test_rounding_is_part_of_the_noise(method, sigma, scene):
    """Without the 1/12 the answer would be 4 to 8 % lower."""
    assert snr(scene(sigma=sigma, size=512), method=method).sigma == pytest.approx(
        math.sqrt(sigma**2 + 1 / 12), rel=0.015
    )


@pytest.mark.parametrize("method", ["dct", "hb"])
def test_a_steep_ramp_is_no_noise(method):
    rng = np.random.default_rng(0)
    ramp = np.linspace(2000, 60000, 512) + np.linspace(0, 3000, 512)[:, None] + rng.normal(0, 9, (512, 512))
    assert snr(np.rint(ramp).astype(np.uint16), method=method).sigma == pytest.approx(9, rel=0.015)


@pytest.mark.parametrize("sigma", [2.0, 5.0])
@pytest.mark.parametrize("power", [2.0, 2.3])
def test_texture_is_no_noise_to_the_default(sigma, power, texture):
    rng = np.random.default_rng(1)
    field = 120 + 10 * texture(512, 0, power=power)
    noisy = np.clip(np.rint(field + rng.normal(0, sigma, field.shape)), 0, 255).astype(np.uint8)
    truth = math.sqrt(sigma**2 + 1 / 12)
    assert snr(noisy).sigma == pytest.approx(truth, rel=0.05)
    assert snr(noisy, method="hb").sigma > 1.1 * truth
    model = snr(noisy).bands[0].model
    assert model is not None
    assert 1.5 * dct.SYSTEMATIC < model.systematic < dct.SYSTEMATIC + dct.UNLIKE


@pytest.mark.parametrize("name", ["camera", "brick", "coins"])
def test_noise_added_to_a_photograph_is_found(name):
    picture = getattr(skimage.data, name)()
    noise = np.random.default_rng(2).normal(0, 5, picture.shape)
    after = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
    added = snr(after).sigma ** 2 - snr(picture).sigma ** 2
    assert added == pytest.approx(25 + 1 / 12, rel=0.12)


def test_areas_are_corrected_for_their_choice(scene):
    """Blocks whose pattern looks like noise have 1.5 % more variance than all."""
    found = [snr(scene(seed=seed, sigma=9, size=512), method="ha").sigma for seed in range(6)]
    assert np.mean(found) == pytest.approx(math.sqrt(81 + 1 / 12), rel=0.003)


def test_blocks_with_an_edge_do_not_count():
    """One block of ten with an edge would raise the median of their variances by a tenth."""
    variances = np.random.default_rng(6).chisquare(6, 20000) / 6
    clean = _typical(variances)
    assert clean == pytest.approx(chi_square_median(6)[0], rel=0.015)
    variances[::10] += 100
    assert _typical(variances) == pytest.approx(clean, rel=0.015)
    assert np.median(variances) > 1.05 * clean


@pytest.mark.parametrize("method", METHODS)
def test_more_noise_never_measures_as_less(method, scene):
    sigmas = [snr(scene("steps", sigma=sigma), method=method).sigma for sigma in (1, 2, 4, 8)]
    assert sigmas == sorted(sigmas)


@pytest.mark.parametrize("method", METHODS)
def test_photon_noise_has_its_model(method, scene):
    gain, read = 0.2, 2.0
    band = snr(scene("ramp", sigma=read, gain=gain, size=512), method=method).bands[0]
    assert band.model is not None
    assert band.model.b == pytest.approx(gain, rel=0.1)
    for level in (60, 100, 180):
        truth = level / math.sqrt(read**2 + gain * level + 1 / 12)
        at = band.snr_at(level)
        assert at.snr == pytest.approx(truth, rel=0.04)
        assert at.interval[0] < at.snr < at.interval[1]
        assert not at.extrapolated
    assert band.snr_at(1000).extrapolated


def test_reference_level_is_the_one_asked_for(scene):
    pixels = scene("ramp", gain=0.2, sigma=2.0)
    band = snr(pixels, reference_level=70).bands[0]
    assert (band.reference_level, band.snr) == (70, snr(pixels).bands[0].snr_at(70).snr)


@pytest.mark.parametrize("method", ["dct", "hb"])
def test_intervals_cover_the_truth_and_are_narrow(method, scene):
    results = [snr(scene("ramp", seed=seed), method=method) for seed in range(40)]
    truth = 120 / math.sqrt(16 + 1 / 12)
    covered = [low <= truth <= high for low, high in (result.interval for result in results)]
    assert sum(covered) >= 35
    assert np.mean([(high - low) / truth for low, high in (r.interval for r in results)]) < 0.06


def test_less_confidence_is_narrower(scene):
    (low, high), (lower, higher) = (snr(scene(), confidence=c).interval for c in (0.5, 0.99))
    assert lower < low < high < higher


def test_bands_are_measured_by_themselves_and_combined(scene):
    planes = [scene("steps", sigma=sigma, seed=seed) for seed, sigma in enumerate((2.0, 4.0, 8.0))]
    result = snr(np.dstack(planes))
    alone = [snr(plane).bands[0] for plane in planes]
    assert result.bands == tuple(alone)
    assert result.snr == pytest.approx(np.mean([band.snr for band in alone]))
    assert result.sigma == pytest.approx(math.sqrt(np.mean([band.sigma**2 for band in alone])))
    assert result.blocks == sum(band.blocks for band in alone)
    assert result.interval[0] == pytest.approx(np.mean([band.interval[0] for band in alone]))
    assert result.snr_at(100).snr == pytest.approx(np.mean([band.snr_at(100).snr for band in alone]))
