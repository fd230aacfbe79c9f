"""Halving between what passes and what fails."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_report.refining import halved


@pytest.mark.parametrize("integer", [True, False])
@pytest.mark.parametrize("resolution", [1, 4])
@pytest.mark.parametrize("knee", [3.5, 17.2, 60.9, 99.5])
def test_the_knee_is_found_in_as_many_tries_as_halving_needs(knee, resolution, integer):
    found = halved(lambda value: value >= knee, 100, 1, resolution=resolution, integer=integer)
    assert found.failed < knee <= found.passed
    assert found.passed - found.failed <= resolution
    assert len(found.tried) <= math.ceil(math.log2(99 / resolution)) + (1 if integer else 0)
    assert all(float(value).is_integer() for value in found.tried) or not integer


def test_harm_may_grow_with_the_knob():
    found = halved(lambda sigma: sigma <= 1.3, 0.0, 4.0, resolution=0.05)
    assert found.passed <= 1.3 < found.failed
    assert found.failed - found.passed <= 0.05


def test_no_more_than_allowed():
    found = halved(lambda value: value >= 37, 100, 1, resolution=1, integer=True, most=3)
    assert len(found.tried) == 3


def test_as_the_full_grid_in_nine_of_ten_studies():
    """Of 500 simulated studies: a setting passes where its true loss, with noise, is within the margin."""
    rng = np.random.default_rng(0)
    same = 0
    for _ in range(500):
        knee, noise = rng.uniform(10, 90), rng.normal(0, 0.3, 101)
        passes = {quality: quality + 4 * noise[quality] >= knee for quality in range(101)}
        grid = next((q for q in range(99, 0, -1) if not passes[q]), 0) + 1
        found = halved(lambda q, known=passes: known[int(q)], 100, 1, resolution=1, integer=True)
        same += abs(found.passed - grid) <= 2
    assert same >= 450
