"""What responses say whose measures are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from iqf_metrics_sharpness.measures import FREQUENCIES, MEASURES, jacobian, measures, mtf, scaled
from iqf_metrics_sharpness.response import FINE, Response

GRID = np.arange(-20 * FINE, 20 * FINE + 1) / FINE
TO_FWHM = 2 * np.sqrt(2 * np.log(2))


def gaussian(sigma, middle=0.0):
    return ndtr((GRID - middle) / sigma)


def response(edge, shapes):
    count = len(shapes)
    return Response(GRID, edge, shapes, np.eye(count), np.zeros((count, len(GRID))), 1.0)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("middle", [0.0, 0.37, -1.2])
def test_gaussian(sigma, middle):
    found = measures(GRID, gaussian(sigma, middle)[None])
    assert set(found) == set(MEASURES)
    assert found["rer"][0] == pytest.approx(2 * ndtr(0.5 / sigma) - 1, rel=1e-3)
    assert found["fwhm"][0] == pytest.approx(TO_FWHM * sigma, rel=2e-3)
    assert found["mtf_nyquist"][0] == pytest.approx(np.exp(-2 * (np.pi * sigma * 0.5) ** 2), abs=1e-3)
    assert found["mtf_half_nyquist"][0] == pytest.approx(np.exp(-2 * (np.pi * sigma * 0.25) ** 2), abs=1e-3)
    assert found["mtf50"][0] == pytest.approx(np.sqrt(np.log(2) / 2) / np.pi / sigma, rel=4e-3)
    assert found["overshoot"][0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("degrees", [0.0, 45.0])
def test_overshoot_of_a_sharpened_edge(blur, degrees):
    sharp = blur.sharpened(0.8, 0.8, 1.5, degrees)
    found = {name: one[0] for name, one in measures(GRID, sharp.edge(GRID)[None]).items()}
    for name, truth in sharp.truth.items():
        assert found[name] == pytest.approx(truth, rel=3e-3, abs=1e-4), name
    assert found["overshoot"] > 0.08


def test_undershoot_counts_too():
    edge = gaussian(1.0) - 0.07 * np.exp(-0.5 * (GRID + 4) ** 2)
    assert measures(GRID, edge[None])["overshoot"][0] == pytest.approx(0.07, rel=1e-2)


def test_mtf_is_1_at_0_and_follows_the_transform(blur):
    for sigma in (0.6, 1.5):
        line = np.gradient(blur.gaussian(sigma).edge(GRID), 1 / FINE)
        curve = mtf(GRID, line[None], FREQUENCIES)[0]
        assert curve[0] == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(curve, blur.gaussian(sigma).mtf(FREQUENCIES), atol=2e-3)
    assert FREQUENCIES[[0, 32, 64]].tolist() == [0, 0.5, 1]


def test_a_box_falls_through_its_half_level_at_its_rims():
    edge = np.clip(GRID / 3 + 0.5, 0, 1)
    found = measures(GRID, edge[None])
    assert found["fwhm"][0] == pytest.approx(3, abs=1.5 / FINE)
    assert found["rer"][0] == pytest.approx(1 / 3, rel=1e-3)


def test_ripples_on_the_peak_widen_nothing():
    line = np.exp(-0.5 * (GRID / 1.5) ** 2)
    rippled = line + 0.04 * np.cos(2 * np.pi * 4 * GRID) * (np.abs(GRID) < 1)
    fwhm = [measures(GRID, (np.cumsum(one) / one.sum())[None])["fwhm"][0] for one in (line, rippled)]
    assert fwhm[1] == pytest.approx(fwhm[0], rel=0.01)


def test_a_side_lobe_is_not_part_of_the_width():
    line = np.exp(-0.5 * GRID**2) + 0.8 * np.exp(-0.5 * (GRID - 7) ** 2)
    assert measures(GRID, (np.cumsum(line) / line.sum())[None])["fwhm"][0] == pytest.approx(TO_FWHM, rel=0.01)


def test_where_half_the_peak_is_never_reached_there_is_no_width():
    ramp = (GRID - GRID[0]) / (GRID[-1] - GRID[0])
    found = measures(GRID, ramp[None])
    assert np.isnan(found["fwhm"][0])
    assert found["rer"][0] == pytest.approx(1 / 40)


def test_where_half_the_peak_is_reached_on_one_side_only_there_is_no_width():
    line = np.exp(-0.5 * ((GRID - GRID[-1]) / 2) ** 2)
    for one in (line, line[::-1]):
        assert np.isnan(measures(GRID, (np.cumsum(one) / one.sum())[None])["fwhm"][0])


def test_where_the_mtf_stays_above_a_half_there_is_no_mtf50():
    found = measures(GRID, np.stack([(GRID > 0).astype(float), gaussian(1.0)]))
    assert np.isnan(found["mtf50"][0])
    assert found["mtf50"][1] > 0.1


def test_mtf50_is_the_first_of_several():
    edge = np.clip(GRID / 4 + 0.5, 0, 1) * 0.1 + 0.9 * ((GRID > -2) * 0.5 + (GRID > 2) * 0.5)
    found = measures(GRID, edge[None])["mtf50"][0]
    scan = np.linspace(0, 0.3, 3001)
    truth = np.abs(0.1 * np.sinc(4 * scan) + 0.9 * np.cos(4 * np.pi * scan))
    assert found == pytest.approx(scan[np.argmax(truth < 0.5)], abs=2e-3)


def test_the_crossing_nearest_the_middle_counts():
    edge = gaussian(0.8) + 1.5 * np.exp(-0.5 * ((GRID + 12) / 0.5) ** 2)
    assert measures(GRID, edge[None])["rer"][0] == pytest.approx(2 * ndtr(0.5 / 0.8) - 1, rel=2e-3)


def test_jacobian_is_the_change_by_each_parameter():
    edge, tiny = gaussian(1.0), 1e-6
    wider = (gaussian(1.0 + tiny) - gaussian(1.0 - tiny)) / (2 * tiny)
    moved = (gaussian(1.0, -tiny) - gaussian(1.0, tiny)) / (2 * tiny)
    values, slopes = jacobian(response(edge, np.stack([wider, moved])))
    for name, alone in measures(GRID, edge[None]).items():
        assert values[name] == pytest.approx(alone[0], rel=1e-3, abs=1e-12), name
    density = np.exp(-0.125) / np.sqrt(2 * np.pi)
    assert slopes["rer"][0] == pytest.approx(-density, rel=5e-3)
    assert slopes["fwhm"][0] == pytest.approx(TO_FWHM, rel=0.02)
    assert slopes["mtf_half_nyquist"][0] == pytest.approx(
        -4 * (np.pi / 4) ** 2 * np.exp(-2 * (np.pi / 4) ** 2), rel=0.01
    )
    assert slopes["rer"][1] == pytest.approx(0, abs=0.01)
    assert slopes["mtf_nyquist"][1] == pytest.approx(0, abs=1e-3)


def test_a_response_made_wider():
    found = scaled(response(gaussian(1.0), np.zeros((1, len(GRID)))), np.array([0.5, 1.0, 2.0]))
    np.testing.assert_allclose(found["fwhm"], TO_FWHM * np.array([0.5, 1, 2]), rtol=2e-3)
    np.testing.assert_allclose(found["rer"], 2 * ndtr(0.5 / np.array([0.5, 1, 2])) - 1, rtol=2e-3)
