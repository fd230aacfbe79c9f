"""The shared response against responses that are known."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_metrics_sharpness.measures import jacobian
from iqf_metrics_sharpness.point_spread import boxed_gaussian
from iqf_metrics_sharpness.response import (
    BINS_PER_PIXEL,
    FINE,
    SPACING,
    _binned,
    _knots,
    _normalised,
    _splines,
    interpolated,
    pooled_response,
)

REACH = 10.5


def pixels(edge, count=6000, noise=0.0, seed=0):
    """Distances, values and weights of pixels of a response."""
    rng = np.random.default_rng(seed)
    distance = rng.uniform(-REACH, REACH, count)
    return distance, edge(distance) + rng.normal(0, noise or 0, count), np.ones(count)


def fitted(edge, *, sigma=1.0, degrees=0.0, noise=0.0, departs=True, seed=0, count=6000, rounding=0.0):
    variance = max(noise, 1e-4) ** 2
    return pooled_response(
        *pixels(edge, count, noise, seed), reach=REACH, sigma=sigma, angle=np.deg2rad(degrees),
        noise=variance, rounding=rounding, departs=departs,
    )  # fmt: skip


@pytest.mark.parametrize("degrees", [0.0, 45.0])
def test_a_gaussian_is_found(blur, degrees):
    truth = blur.gaussian(0.9, degrees)
    found = fitted(truth.edge, sigma=0.95, degrees=degrees)
    np.testing.assert_allclose(found.edge, truth.edge(found.distance), atol=1.5e-3)
    assert found.sigma == pytest.approx(0.9, abs=0.02)
    assert len(found.distance) == 2 * int(REACH * FINE) + 1
    assert found.distance[len(found.distance) // 2] == 0


def test_what_is_no_gaussian_needs_a_departure(blur):
    truth = blur.sharpened(0.8, 0.8, 1.5)
    with_it, without = (fitted(truth.edge, sigma=0.8, departs=departs) for departs in (True, False))
    off = [np.abs(one.edge - truth.edge(one.distance)).max() for one in (with_it, without)]
    assert off[0] < 4e-3
    assert off[1] > 0.04


def test_without_need_there_is_no_departure(blur):
    truth = blur.gaussian(1.0)
    found = fitted(truth.edge, noise=0.02)
    plain = fitted(truth.edge, noise=0.02, departs=False)
    np.testing.assert_allclose(found.edge, plain.edge, atol=2e-3)


def test_offset_contrast_and_position_of_the_pixels_are_taken_out(blur):
    truth = blur.gaussian(1.0)
    found = fitted(lambda d: 0.03 + 1.05 * truth.edge(d + 0.04))
    assert found.edge[:FINE].mean() == pytest.approx(0, abs=1e-3)
    assert found.edge[-FINE:].mean() == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(found.edge, truth.edge(found.distance + 0.04), atol=2e-3)


def test_what_the_gaussian_lacks_at_the_ends_is_not_cut_off():
    truth = lambda d: boxed_gaussian(d, 5.0, 0.0)  # noqa: E731 - 1.8 % are beyond the reach
    found = fitted(truth, sigma=5.0, departs=False)
    np.testing.assert_allclose(found.edge, truth(found.distance), atol=2e-3)
    assert found.edge[-1] < 0.99


def test_the_width_moves_within_bounds(blur):
    wide = fitted(blur.gaussian(2.0).edge, sigma=0.6, departs=False)
    assert 0.6 < wide.sigma <= 1.2
    narrow = fitted(blur.gaussian(0.3).edge, sigma=1.5, departs=False)
    assert 0.75 <= narrow.sigma < 1.5
    assert fitted(blur.gaussian(0.02).edge, sigma=0.13, departs=False).sigma >= 0.12


def test_heavy_pixels_count_more(blur):
    distance = np.tile(np.linspace(-REACH, REACH, 2000), 2)
    sharp, soft = blur.gaussian(0.6), blur.gaussian(1.4)
    value = np.where(np.arange(4000) < 2000, sharp.edge(distance), soft.edge(distance))
    for share, near in ((1e6, sharp), (1e-6, soft)):
        weight = np.where(np.arange(4000) < 2000, share, 1.0)
        found = pooled_response(
            distance, value, weight, reach=REACH, sigma=1.0, angle=0.0, noise=1e-6 * max(share, 1),
            rounding=0.0, departs=True,
        )  # fmt: skip
        np.testing.assert_allclose(found.edge, near.edge(found.distance), atol=5e-3)


@pytest.mark.parametrize("departs", [False, True])
def test_the_stated_error_is_the_scatter(blur, departs):
    truth = blur.gaussian(1.0)
    said, got = [], []
    for seed in range(36):
        found = fitted(truth.edge, noise=0.03, seed=seed, count=1500, departs=departs)
        values, slopes = jacobian(found)
        got.append(values["rer"])
        said.append(np.sqrt(slopes["rer"] @ found.covariance @ slopes["rer"]))
    assert np.std(got) == pytest.approx(np.mean(said), rel=0.35)
    assert np.mean(got) == pytest.approx(truth.truth["rer"], abs=3 * np.std(got) / np.sqrt(36) + 5e-4)


def test_influence_is_what_a_pixel_adds(blur):
    truth = blur.gaussian(1.0)
    distance, value, weight = pixels(truth.edge, noise=0.02)
    given = {"reach": REACH, "sigma": 1.0, "angle": 0.0, "noise": 4e-4, "rounding": 0.0, "departs": False}
    before = pooled_response(distance, value, weight, **given)
    one = int(np.argmin(np.abs(distance - 0.8)))
    value = value.copy()
    value[one] += 0.5
    after = pooled_response(distance, value, weight, **given)
    for name in ("rer", "mtf_half_nyquist"):
        slope = jacobian(before)[1][name]
        change = jacobian(after)[0][name] - jacobian(before)[0][name]
        expected = 0.5 * interpolated(slope @ before.influence, before.distance, distance[one : one + 1])[0]
        assert change == pytest.approx(expected, rel=0.15), name


def test_where_pixels_say_nothing_position_and_width_are_as_sure_as_beforehand(blur):
    distance = np.concatenate([np.linspace(-REACH, -7, 300), np.linspace(7, REACH, 300)])
    found = pooled_response(
        distance, blur.gaussian(0.8).edge(distance), np.ones(600), reach=REACH, sigma=0.8, angle=0.0,
        noise=1e-4, rounding=0.0, departs=False,
    )  # fmt: skip
    said = np.sqrt(np.diag(found.covariance))[2:4]
    np.testing.assert_allclose(said, [0.1, 0.3 * 0.8], rtol=1e-3)


def test_what_each_parameter_adds_is_the_derivative_of_the_normalised_response(blur):
    grid = np.linspace(-REACH, REACH, 673)
    base = blur.gaussian(1.0).edge(grid)
    every = np.stack([np.ones_like(grid), base, np.tanh(grid / 3), np.cos(grid / 5)], axis=1)
    chosen, tiny = np.array([0.1, 0.3, -0.2, 0.15]), 1e-6
    edge, shapes = _normalised(grid, base, every, chosen)
    assert edge[grid <= grid[0] + 1].mean() == pytest.approx(base[grid <= grid[0] + 1].mean(), abs=2e-6)
    for one in range(4):
        changed, _ = _normalised(grid, base, every, chosen + tiny * np.eye(4)[one])
        np.testing.assert_allclose((changed - edge) / tiny, shapes[one], atol=1e-5)
    np.testing.assert_allclose(shapes[0], 0, atol=1e-12)  # an offset is taken out


def test_rounding_adds_to_the_uncertainty(blur):
    truth = blur.gaussian(1.0)
    errors = []
    for rounding in (0.0, 1e-4):
        found = fitted(truth.edge, noise=0.01, rounding=rounding, departs=False)
        slope = jacobian(found)[1]["rer"]
        errors.append(slope @ found.covariance @ slope)
    assert errors[1] > 2 * errors[0]


def test_at_and_slope(blur):
    found = fitted(blur.gaussian(1.0).edge)
    np.testing.assert_allclose(found.at(found.distance), found.edge, atol=1e-6)
    middle = found.at(np.array([0.25 + 0.5 / FINE]))[0]
    low, high = found.at(np.array([0.25, 0.25 + 1 / FINE]))
    assert middle == pytest.approx((low + high) / 2)
    assert found.slope(np.zeros(1))[0] == pytest.approx(blur.gaussian(1.0).line(np.zeros(1))[0], rel=0.01)
    assert found.at(np.array([-99.0, 99.0])) == pytest.approx([found.edge[0], found.edge[-1]], abs=1e-6)


def test_bins_are_means():
    rng = np.random.default_rng(0)
    distance, value = rng.uniform(-5, 5, 500), rng.normal(size=500)
    weight = rng.uniform(1, 2, 500)
    where, mean, heavy = _binned(distance, value, weight, 5.0)
    assert heavy.sum() == pytest.approx(weight.sum())
    assert (heavy * mean).sum() == pytest.approx((weight * value).sum())
    assert (heavy * where).sum() == pytest.approx((weight * distance).sum())
    assert (np.diff(where) > 0).all()
    own = np.floor((distance + 5) * BINS_PER_PIXEL) == np.floor((where[7] + 5) * BINS_PER_PIXEL)
    assert mean[7] == pytest.approx(np.average(value[own], weights=weight[own]))
    ends, _, _ = _binned(np.array([-5.0, 5.0]), np.zeros(2), np.ones(2), 5.0)
    assert ends.tolist() == [-5, 5]


@pytest.mark.parametrize("reach", [6.5, 10.5, 20.5])
def test_knots(reach):
    knots = _knots(reach)
    assert (knots == -knots[::-1]).all()
    assert (np.diff(knots) > 0).all()
    assert knots[-4] >= reach > knots[-5]
    inner = np.diff(knots[(knots >= 0) & (knots <= 4)])
    assert (inner == SPACING[0][1]).all()
    where = np.linspace(-reach, reach, 301)
    np.testing.assert_allclose(_splines(where, knots).sum(axis=1), 1, atol=1e-12)
