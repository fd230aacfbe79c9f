"""The Gaussian's response in closed form against the integral over the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_metrics_sharpness.point_spread import NARROW, boxed_gaussian

DISTANCE = np.linspace(-12, 12, 481)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("degrees", [0, 1.1, 1.2, 7, 30, 45, 60, 83, 90, 135, -30])
def test_it_is_the_integral_over_a_square_pixel(blur, sigma, degrees):
    said = boxed_gaussian(DISTANCE, sigma, np.deg2rad(degrees))
    narrow = min(abs(np.sin(np.deg2rad(degrees))), abs(np.cos(np.deg2rad(degrees))))
    within = 1e-4 if 1e-9 < narrow < NARROW else 1e-9
    np.testing.assert_allclose(said, blur.gaussian(sigma, degrees).edge(DISTANCE), atol=within)


@pytest.mark.parametrize("degrees", [0, 20, 45])
def test_it_rises_from_0_to_1_and_is_symmetric(degrees):
    edge = boxed_gaussian(DISTANCE, 0.7, np.deg2rad(degrees))
    assert (np.diff(edge) > -1e-12).all()
    assert edge[0] == pytest.approx(0, abs=1e-12)
    assert edge[-1] == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(edge + edge[::-1], 1, atol=1e-12)


def test_facts_truth_table():
    for sigma, rer in ((0.4, 0.682), (0.5, 0.610), (0.8, 0.443), (1.0, 0.369), (2.0, 0.195)):
        low, high = boxed_gaussian(np.array([-0.5, 0.5]), sigma, 0.0)
        assert high - low == pytest.approx(rer, abs=6e-4)
    low, high = boxed_gaussian(np.array([-0.5, 0.5]), 0.4, np.pi / 4)
    assert high - low == pytest.approx(0.686, abs=6e-4)
