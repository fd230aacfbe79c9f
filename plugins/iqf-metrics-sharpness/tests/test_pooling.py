"""Many edges pooled: what they share, what each is, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iqf_metrics_sharpness.pooling import (
    EXACT,
    SHARED,
    _error,
    _reach,
    _refitted,
    _rounding,
    _shared,
    _weights,
    pool,
)
from iqf_metrics_sharpness.samples import Samples

HALF = 6.5


def edges(shape, count=30, *, noise=0.0, reach=11.5, seed=0, wrong=0.0, stretch=None, contrast=100.0):
    """Pixels of edges of 7 rows at random places, of a shape; ``wrong`` about what is said of them."""
    rng = np.random.default_rng(seed)
    contrasts = contrast * rng.choice([-1, 1], count) * rng.uniform(0.6, 1.4, count)
    lows = rng.uniform(50, 150, count)
    places, slopes = rng.uniform(-0.5, 0.5, count), rng.uniform(-0.2, 0.2, count)
    parts = []
    for one in range(count):
        column, along = np.meshgrid(np.arange(-25, 26.0), np.arange(-3, 4.0))
        distance = (column - places[one] - slopes[one] * along) / np.hypot(1, slopes[one])
        used = np.abs(distance) <= (reach if np.isscalar(reach) else reach[one])
        wide = 1.0 if stretch is None else stretch[one]
        value = lows[one] + contrasts[one] * shape(distance[used] / wide)
        parts.append((np.full(used.sum(), one), column[used], along[used], value))
    edge, column, along, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    value = value + rng.normal(0, 1, len(value)) * noise

    def off(scale):
        return wrong * scale * rng.normal(size=count)

    return Samples(
        edge, column, along, value, places + off(0.1), slopes + off(0.02), lows + off(2), contrasts + off(2),
        np.full(count, max(noise, 1e-3)), np.full(count, np.nan),
    )  # fmt: skip


def pooled(samples, sigma=1.0, step=0.0):
    return pool(samples, sigma=sigma, angle=0.0, half=HALF, step=step)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
def test_wrong_places_and_levels_are_put_right(blur, sigma):
    truth = blur.gaussian(sigma)
    found = pooled(edges(truth.edge, wrong=1.0), sigma=1.15 * sigma)
    for name, value in truth.truth.items():
        assert found.values[name] == pytest.approx(value, rel=7e-3, abs=2e-3), name
    assert found.reach == 11.5
    np.testing.assert_allclose(found.rer, truth.truth["rer"], rtol=0.01)
    np.testing.assert_allclose(found.fwhm, truth.truth["fwhm"], rtol=0.01)


def test_a_departure_is_found_and_every_edge_overshoots(blur):
    truth = blur.sharpened(0.8, 0.8, 1.5)
    found = pooled(edges(truth.edge, wrong=1.0, noise=0.5), sigma=0.8)
    assert found.values["overshoot"] == pytest.approx(truth.truth["overshoot"], abs=0.01)
    assert found.values["rer"] == pytest.approx(truth.truth["rer"], rel=0.02)
    assert found.overshoot.all()


@pytest.mark.parametrize("noise", [0.0, 2.0, 12.0])
def test_a_gaussian_does_not_overshoot(blur, noise):
    assert not pooled(edges(blur.gaussian(1.0).edge, noise=noise)).overshoot.any()


def test_one_side_is_enough_to_overshoot(blur):
    def shape(distance):
        return blur.gaussian(0.8).edge(distance) + 0.06 * np.exp(-0.5 * ((distance - 2.5) / 0.8) ** 2)

    for one in (shape, lambda distance: 1 - shape(-distance)):
        assert pooled(edges(one, noise=0.5), sigma=0.8).overshoot.mean() > 0.9


def test_single_edges_that_are_wider_say_so(blur):
    stretch = np.repeat([0.9, 1.0, 1.1], 10)
    found = pooled(edges(blur.gaussian(1.2).edge, stretch=stretch), sigma=1.2)
    by_width = found.fwhm.reshape(3, 10).mean(axis=1) / found.values["fwhm"]
    np.testing.assert_allclose(by_width, [0.9, 1.0, 1.1], atol=0.015)
    by_width = found.rer.reshape(3, 10).mean(axis=1)
    assert by_width[0] > 1.05 * by_width[1] > 1.1 * by_width[2]


def test_errors_are_the_scatter_of_repetitions(blur):
    runs = [pooled(edges(blur.gaussian(1.0).edge, 12, noise=2.0, seed=seed)) for seed in range(24)]
    for name in ("rer", "fwhm", "mtf_half_nyquist"):
        scatter = np.std([run.values[name] for run in runs])
        said = np.sqrt(np.mean([run.errors[name] ** 2 for run in runs]))
        assert 0.7 * scatter < said < 1.8 * scatter, name


def test_few_edges_are_less_sure_than_many(blur):
    errors = [
        pooled(edges(blur.gaussian(1.0).edge, count, noise=2.0)).errors["rer"] for count in (1, 4, 16, 64)
    ]
    assert errors == sorted(errors)[::-1]
    assert errors[1] / errors[3] == pytest.approx(4, rel=0.5)


def test_the_scatter_of_unlike_edges_adds_to_the_error(blur):
    alike = pooled(edges(blur.gaussian(1.2).edge, noise=0.3), sigma=1.2)
    unlike = pooled(edges(blur.gaussian(1.2).edge, noise=0.3, stretch=np.tile([0.8, 1.25], 15)), sigma=1.2)
    assert unlike.errors["rer"] > 5 * alike.errors["rer"]
    expected = np.std(unlike.rer, ddof=1) / np.sqrt(30)
    assert unlike.errors["rer"] == pytest.approx(expected, rel=0.5)


def test_one_edge_has_the_error_of_its_noise(blur):
    found = pooled(edges(blur.gaussian(1.0).edge, 1, noise=2.0))
    assert 0 < found.errors["rer"] < 0.1
    assert found.values["rer"] == pytest.approx(0.369, abs=4 * found.errors["rer"])


def test_clear_edges_count_more_but_not_without_bound(blur):
    samples = edges(blur.gaussian(1.0).edge, 4)
    samples = replace(samples, noise=np.array([1.0, 2.0, 4.0, 1e-9]), contrast=np.full(4, -100.0))
    weight = _weights(samples)
    assert weight[0] / weight[1] == pytest.approx(4)
    assert weight[3] == pytest.approx(10 / np.median((samples.noise / 100) ** 2))
    assert (_weights(replace(samples, weight=np.arange(4.0))) == np.arange(4)).all()
    half = replace(samples, weight=np.array([1.0, np.nan, 1, 1]))
    assert (_weights(half) == weight).all()


def test_weights_are_those_that_are_said(blur):
    samples = edges(blur.gaussian(1.0).edge, 10, noise=1.0)
    given = pooled(replace(samples, weight=np.arange(1.0, 11)))
    assert (given.weight == np.arange(1.0, 11)).all()


def test_reach_is_that_of_a_quarter_of_the_edges_on_the_shorter_side(blur):
    reaches = np.append(np.full(30, 6.5), np.full(10, 15.5))
    assert _reach(edges(blur.gaussian(1.0).edge, 40, reach=reaches), HALF) == 15.5
    reaches[30] = 9.5  # 9 of 40 are too few
    assert _reach(edges(blur.gaussian(1.0).edge, 40, reach=reaches), HALF) == 9.5
    assert _reach(edges(blur.gaussian(1.0).edge, 4, reach=np.array([6.5, 8.5, 10.5, 12.5])), HALF) == 8.5
    assert _reach(edges(blur.gaussian(1.0).edge, 2, reach=np.array([6.5, 8.5])), HALF) == 6.5
    samples = edges(blur.gaussian(1.0).edge, 10, reach=15.5)
    assert _reach(samples.within(samples.distance > -8.5), HALF) == 8.5


def test_pixels_beyond_the_reach_do_not_count(blur):
    reaches = np.append(np.full(30, 11.5), 20.0)
    samples = edges(blur.gaussian(1.0).edge, 31, reach=reaches)
    far = np.abs(samples.distance) > 12.5
    assert far.any()
    spoilt = replace(samples, value=np.where(far, 1e4, samples.value))
    assert pooled(spoilt).values == pooled(samples).values


def test_rounding_is_shared_where_noise_does_not_scatter_it(blur):
    samples = edges(blur.gaussian(1.0).edge, 5)
    samples = replace(samples, contrast=np.full(5, -50.0))
    clean = replace(samples, noise=np.full(5, np.sqrt(1 / 12)))
    assert _rounding(clean, 1.0) == pytest.approx(SHARED / 12 / 50**2)
    noisy = replace(samples, noise=np.full(5, np.sqrt(1 / 12 + 0.04)))
    assert _rounding(noisy, 1.0) == pytest.approx(SHARED / 12 / 50**2 * np.exp(-4 * np.pi**2 * 0.04))
    assert _rounding(replace(samples, noise=np.full(5, 3.0)), 1.0) < 1e-12
    assert _rounding(clean, 0.0) == EXACT < 1e-10


def test_a_refit_from_the_truth_stays_and_from_beside_it_comes_back(blur):
    truth = edges(blur.gaussian(1.0).edge)
    beside = edges(blur.gaussian(1.0).edge, wrong=0.3)
    fit = _shared(truth, 1.0, 0.0, noise=1.0, reach=11.5, step=0.0, departs=False)
    again = _refitted(truth, fit)
    np.testing.assert_allclose(again.position, truth.position, atol=2e-3)
    np.testing.assert_allclose(again.contrast, truth.contrast, rtol=2e-3)
    for _ in range(3):
        fit = _shared(beside, 1.0, 0.0, noise=1.0, reach=11.5, step=0.0, departs=False)
        beside = _refitted(beside, fit)
    np.testing.assert_allclose(beside.position, truth.position, atol=4e-3)
    np.testing.assert_allclose(beside.slope, truth.slope, atol=4e-3)
    np.testing.assert_allclose(beside.low, truth.low, atol=0.4)
    np.testing.assert_allclose(beside.contrast, truth.contrast, rtol=4e-3)
    assert (beside.noise < 0.5).all()


def test_noise_of_an_edge_is_that_of_its_pixels(blur):
    samples = edges(blur.gaussian(1.0).edge, 40, noise=3.0)
    fit = _shared(samples, 1.0, 0.0, noise=1.0, reach=11.5, step=0.0, departs=False)
    refitted = _refitted(samples, fit)
    assert np.sqrt(np.mean(refitted.noise**2)) == pytest.approx(3, rel=0.06)
    assert fit.noise == pytest.approx(1, rel=0.1)


def test_error_is_the_larger_of_noise_and_scatter(blur):
    samples = edges(blur.gaussian(1.0).edge, 20, noise=2.0)
    fit = _shared(samples, 1.0, 0.0, noise=1.0, reach=11.5, step=0.0, departs=False)
    slope = np.zeros(len(fit.response.covariance))
    slope[1] = 1.0
    noise = float(np.sqrt(fit.response.covariance[1, 1]))
    assert _error(samples, fit, slope) >= noise
    calm = replace(fit, value=fit.shape)  # nothing is left: no scatter
    assert _error(samples, calm, slope) == pytest.approx(noise)


def test_edges_that_are_all_alike_and_exact_say_something_finite():
    # 0 ... 0 50 100 ... 100 in each row: a bare pixel, met in one phase, that the fit leaves nothing of.
    column, along = np.meshgrid(np.arange(-20.0, 21), np.arange(-3.0, 4))
    count, size = 9, column.size
    samples = Samples(
        np.repeat(np.arange(count), size), np.tile(column.ravel(), count), np.tile(along.ravel(), count),
        np.tile(np.clip(50 + 50 * column, 0, 100).ravel(), count), np.zeros(count), np.zeros(count),
        np.zeros(count), np.full(count, 100.0), np.full(count, 1e-6), np.full(count, np.nan),
    )  # fmt: skip
    found = pooled(samples, sigma=0.2)
    assert 0.8 < found.values["rer"] < 1.01
    assert 0.9 < found.values["fwhm"] < 1.1
    assert found.errors["rer"] < 0.2
