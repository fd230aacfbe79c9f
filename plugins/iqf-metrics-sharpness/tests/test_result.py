"""Estimates, and means over bands."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_metrics_sharpness.measures import MEASURES
from iqf_metrics_sharpness.result import (
    MEASURED,
    SURE,
    SYSTEMATIC,
    Curve,
    DirectionSharpness,
    Estimate,
    SharpnessResult,
    over_bands,
)


def direction(count, value, statistical=0.1, curve=None, plateau=11.5):
    estimate = Estimate.of("fwhm", value, statistical, np.array([value, value + 1]))
    return DirectionSharpness(
        count=count, **dict.fromkeys(MEASURED, estimate), curve=curve, plateau=plateau
    )  # fmt: skip


def test_both_uncertainties_make_the_interval():
    estimate = Estimate(10.0, 0.3, 0.4)
    assert estimate.error == pytest.approx(0.5)
    assert estimate.high - estimate.value == pytest.approx(1.959964 * 0.5)
    assert estimate.value - estimate.low == pytest.approx(1.959964 * 0.5)
    assert math.erf(SURE / math.sqrt(2)) == pytest.approx(0.95, abs=1e-7)


def test_no_measure_is_below_0():
    assert Estimate(0.001, 0.1, 0.0).low == 0


def test_nothing_has_no_interval():
    nothing = Estimate(np.nan)
    assert np.isnan([nothing.low, nothing.high, nothing.error, nothing.mean]).all()


def test_the_systematic_part_is_a_share_or_absolute():
    assert Estimate.of("fwhm", 4.0, 0.1).systematic == pytest.approx(0.005 * 4)
    assert Estimate.of("mtf_nyquist", 0.3, 0.1).systematic == pytest.approx(0.001)
    assert Estimate.of("fwhm", 4.0, 0.1).statistical == 0.1
    assert set(SYSTEMATIC) == set(MEASURED) == {*MEASURES, "edge_snr"}
    assert all(share + absolute > 0 for share, absolute in SYSTEMATIC.values())


def test_single_edges():
    each = np.array([1.0, 2.0, 6.0])
    estimate = Estimate.of("rer", 2.5, 0.1, each)
    assert (estimate.value, estimate.mean, estimate.median) == (2.5, 3.0, 2.0)
    assert estimate.spread == pytest.approx(np.sqrt(7))
    assert np.isnan(Estimate.of("rer", 2.5, 0.1, each[:1]).spread)
    assert np.isnan(Estimate.of("rer", 2.5, 0.1, each[:0]).mean)


def test_mean_over_bands_that_have_edges():
    frequency = np.array([0.0, 0.5])
    curves = [Curve(frequency, np.array([1.0, value])) for value in (0.2, 0.4)]
    none = DirectionSharpness(reason="no")
    mean = over_bands([direction(3, 2.0, 0.1, curves[0], 9.5), none, direction(5, 4.0, 0.3, curves[1])])
    assert mean.count == 8
    assert mean.fwhm.value == 3
    assert mean.fwhm.statistical == pytest.approx(0.2)  # the same edges: averaged, not reduced
    assert mean.fwhm.systematic == pytest.approx(0.015)
    assert mean.rer.median == 3.5
    assert mean.plateau == 9.5
    assert mean.curve.mtf.tolist() == [1, pytest.approx(0.3)]
    assert mean.reason == ""


def test_a_band_that_lacks_a_value_leaves_it_to_the_others():
    mean = over_bands([direction(3, np.nan), direction(5, 4.0)])
    assert mean.fwhm.value == 4


def test_one_band_is_its_own_mean():
    one = direction(3, 2.0)
    assert over_bands([DirectionSharpness(reason="no"), one]) is one


def test_no_edges_keep_the_reason():
    assert over_bands([DirectionSharpness(reason="why")]).reason == "why"
    assert over_bands([]).reason == "no band was measured"


def test_on_the_ground():
    part = direction(3, 2.0)
    result = SharpnessResult((), part, part, part, part, gsd_m=0.5)
    assert result.fwhm_m == pytest.approx(1.0)
    assert result.rer_per_m == pytest.approx(4.0)
    without = SharpnessResult((), part, part, part, part)
    assert np.isnan([without.fwhm_m, without.rer_per_m]).all()
    assert without.flags == {}
