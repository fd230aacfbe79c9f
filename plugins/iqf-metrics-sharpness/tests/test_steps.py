"""Steps fitted to windows whose step is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.steps import START, Steps, _normal, accepted, fit_steps
from iqf_metrics_sharpness.windows import Lines

OPTIONS = EdgeOptions()


def picture(position=40.3, slope=0.2, sigma=1.1, low=50.0, contrast=80.0, shape=(81, 81)):
    """A Gaussian's integral, sampled: its window is the model itself."""
    row, column = np.indices(shape)
    distance = (column - position - slope * (row - 40)) / np.hypot(1, slope)
    return low + contrast * ndtr(distance / sigma)


def lines(*given):
    row, position, slope = zip(*given, strict=True)
    return Lines(np.array(row), np.array(position, float), np.array(slope, float))


def good(**changed):
    """One step that is accepted."""
    values = {
        "row": 20, "position": 30.0, "slope": 0.1, "low": 50.0, "contrast": 80.0, "sigma": 1.0, "noise": 2.0,
        "r2": 0.99, "moved": 0.1, "whole": True,
    }  # fmt: skip
    return Steps(**{name: np.array([value]) for name, value in (values | changed).items()})


@pytest.mark.parametrize("sigma", [0.5, 1.1, 2.4])
@pytest.mark.parametrize("slope", [0.0, 0.2, -0.95])
@pytest.mark.parametrize(("low", "contrast"), [(50, 80), (60000, -59000), (-0.01, 1e-3)])
def test_the_model_itself_is_found(sigma, slope, low, contrast):
    scene = picture(slope=slope, sigma=sigma, low=low, contrast=contrast)
    found = fit_steps(scene, lines((40, 40.5, slope + 0.05)), OPTIONS)
    assert found.position[0] == pytest.approx(40.3, abs=2e-3)
    assert found.slope[0] == pytest.approx(slope, abs=2e-3)
    assert found.sigma[0] == pytest.approx(sigma, rel=0.02)
    assert found.low[0] == pytest.approx(low, abs=2e-3 * abs(contrast))
    assert found.contrast[0] == pytest.approx(contrast, rel=4e-3)
    assert found.noise[0] < 3e-3 * abs(contrast)
    assert found.r2[0] > 0.9999
    assert found.moved[0] == pytest.approx(0.2, abs=2e-3)
    assert found.whole[0]


def test_noise_is_that_of_the_pixels():
    rng = np.random.default_rng(0)
    found = [
        fit_steps(picture() + rng.normal(0, 4, (81, 81)), lines((40, 40.3, 0.2)), OPTIONS) for _ in range(60)
    ]
    variance = np.mean([one.noise[0] ** 2 for one in found])
    assert variance == pytest.approx(16, rel=0.08)  # 60 windows of 86 degrees of freedom: 2 %
    spread = np.std([one.position[0] for one in found])
    assert 0.005 < spread < 0.06
    explained = np.mean([one.r2[0] for one in found])
    window = picture()[37:44, 34:47]
    assert explained == pytest.approx(1 - 16 / (window.var() + 16), abs=0.002)


def test_each_window_by_itself_whatever_their_order(monkeypatch):
    rng = np.random.default_rng(1)
    scene = picture(sigma=0.8) + rng.normal(0, 1, (81, 81))
    many = lines(*[(row, 40.3 + 0.2 * (row - 40), slope) for row in range(5, 75) for slope in (0.15, 0.9)])
    whole = fit_steps(scene, many, OPTIONS)
    monkeypatch.setattr("iqf_metrics_sharpness.steps.CHUNK", 9)
    parts = fit_steps(scene, many, OPTIONS)
    backwards = fit_steps(scene, many[::-1], OPTIONS)[::-1]
    assert (whole.row == many.row).all()
    for name in ("position", "contrast", "sigma", "noise"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(getattr(backwards, name), getattr(parts, name), rtol=1e-3, atol=1e-3)


def test_a_window_over_the_rim_is_not_whole_and_its_missing_pixels_do_not_count():
    scene = picture(position=5.0, slope=0.0)
    found = fit_steps(scene, lines((40, 5.0, 0.0), (2, 5.0, 0.0), (40, 40.0, 0.0)), OPTIONS)
    assert found.whole.tolist() == [False, False, True]
    assert found.position[0] == pytest.approx(5.0, abs=2e-3)
    assert found.contrast[0] == pytest.approx(80, rel=1e-2)
    near = fit_steps(picture(position=4.0, slope=0.0, sigma=2.4), lines((40, 4.0, 0.0)), OPTIONS)
    assert near.sigma[0] == pytest.approx(2.4, rel=0.02)
    assert near.r2[0] > 0.9999


def test_what_lies_beside_the_window_does_not_count_even_where_others_need_it():
    scene = picture(slope=0.0) + np.random.default_rng(2).normal(0, 6, (81, 81))
    scene[:, 48:] += 300
    alone = fit_steps(scene, lines((40, 40.3, 0.0)), OPTIONS)
    beside = fit_steps(scene, lines((40, 40.3, 0.0), (40, 40.3, 1.0)), OPTIONS)  # its window is wider
    for name in ("r2", "noise", "contrast", "position"):
        assert getattr(beside, name)[0] == pytest.approx(getattr(alone, name)[0], rel=1e-3), name


def test_a_flat_window_is_no_edge_and_says_no_warning():
    found = fit_steps(np.full((81, 81), 7.0), lines((40, 40.0, 0.0)), OPTIONS)
    assert not accepted(found, OPTIONS, 1.0)[0]
    assert np.isfinite(found.sigma[0])


def test_nothing():
    found = fit_steps(picture(), Lines(np.empty(0, int), np.empty(0), np.empty(0)), OPTIONS)
    assert len(found) == 0
    assert len(accepted(found, OPTIONS, 1.0)) == 0


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("whole", True, False),
        ("contrast", -25.0, 24.9),
        ("r2", 0.95, 0.949),
        ("noise", 8.0, 8.1),
        ("sigma", 2.6, 2.61),
        ("slope", -1.05, 1.06),
        ("slope", 1.05, -1.06),
        ("moved", 1.49, 1.5),
    ],
)
def test_each_threshold(name, inside, outside):
    low = {"noise": 1.0} if name == "contrast" else {}
    assert accepted(good(**{name: inside}, **low), OPTIONS, 25.0)[0]
    assert not accepted(good(**{name: outside}, **low), OPTIONS, 25.0)[0]


def test_thresholds_are_those_of_the_options():
    assert not accepted(good(), EdgeOptions(min_r2=0.995), 1.0)[0]
    assert not accepted(good(), EdgeOptions(min_edge_snr=41.0), 1.0)[0]
    assert not accepted(good(), EdgeOptions(max_sigma=0.9), 1.0)[0]


def test_the_window_is_as_wide_as_asked():
    scene = picture(slope=0.0)
    scene[:, 45:] += 60  # beyond a window of 9 px, within one of 13
    assert fit_steps(scene, lines((40, 40.3, 0.0)), OPTIONS).r2[0] < 0.98
    assert fit_steps(scene, lines((40, 40.3, 0.0)), EdgeOptions(window=9)).r2[0] > 0.9999
    scene = picture(slope=0.0)
    scene[:, 48:] += 500
    assert fit_steps(scene, lines((40, 40.3, 0.0)), OPTIONS).r2[0] > 0.9999


def test_normal_distribution():
    u = np.linspace(-9, 9, 2001, dtype=np.float32)
    step, density = _normal(u)
    np.testing.assert_allclose(step, ndtr(u.astype(float)), atol=4e-7)
    np.testing.assert_allclose(density, np.exp(-(u.astype(float) ** 2) / 2) / np.sqrt(2 * np.pi), atol=1e-7)


def test_joining_and_choosing():
    both = Steps.joined([good(), replace(good(), row=np.array([7]))])
    assert both.row.tolist() == [20, 7]
    assert both[1:].lines.row.tolist() == [7]
    assert START > 0
