from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from iqf_report.bounds import Estimate, needed
from iqf_report.estimates import bootstrapped, crossed, distance, draws_of, paired
from iqf_report.rule import error_rate, in_sequence, judged

ALPHAS = (0.05, 0.01, 0.05 / 6)


def table(repetitions: int, images: int, *, seed: int = 0, of_images: float = 1.0) -> np.ndarray:
    """Distances of repetitions, images and their pairs, all of which vary."""
    rng = np.random.default_rng(seed)
    return (
        0.1
        + 0.3 * rng.standard_normal((repetitions, 1))
        + of_images * rng.standard_normal((1, images))
        + 0.5 * rng.standard_normal((repetitions, images))
    )


def mean_squares(values: np.ndarray) -> tuple[float, float, float]:
    """Of rows, columns and the rest, cell by cell as a textbook has them."""
    rows, columns = values.shape
    grand = sum(map(sum, values)) / (rows * columns)
    of_row = [sum(row) / columns for row in values]
    of_column = [sum(column) / rows for column in values.T]
    rest = sum(
        (values[i, j] - of_row[i] - of_column[j] + grand) ** 2 for i in range(rows) for j in range(columns)
    )
    return (
        columns * sum((mean - grand) ** 2 for mean in of_row) / (rows - 1),
        rows * sum((mean - grand) ** 2 for mean in of_column) / (columns - 1),
        rest / ((rows - 1) * (columns - 1)),
    )


def sampled(values: np.ndarray, sizes: np.ndarray, draws: int, seed: int = 1) -> np.ndarray:
    """Means over images of clusters drawn anew: (draws, repetitions)."""
    weights = draws_of(sizes.size, draws, np.random.default_rng(seed)) * sizes
    return weights @ values.T / weights.sum(axis=1, keepdims=True)


# Closed forms


@pytest.mark.parametrize(("repetitions", "images"), [(3, 4), (5, 30), (2, 7)])
def test_crossed_is_the_analysis_of_variance(repetitions, images):
    values = table(repetitions, images)
    of_rows, of_columns, of_rest = mean_squares(values)
    total = max(of_rows + of_columns - of_rest, of_rows, of_columns) / values.size
    found = crossed(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.se == pytest.approx(math.sqrt(total))
    assert found.var_repetitions == pytest.approx(of_rows / values.size)
    assert (found.repetitions, found.clusters, found.df_images) == (
        repetitions,
        images,
        pytest.approx(images - 1),
    )


def test_the_quantile_of_two_parts_is_the_mean_of_theirs_by_variance():
    one = Estimate(0.0, "images crossed with repetitions", 4, 30, 3.0, 1.0, df_images=29)
    expected = 0.75 * stats.t.isf(0.05, 3) + 0.25 * stats.t.isf(0.05, 29)
    assert one.upper(0.05) == pytest.approx(expected * 2)
    assert one.lower(0.05) == pytest.approx(-expected * 2)
    assert 3 < one.df < 29


@pytest.mark.parametrize("alpha", ALPHAS)
def test_bounds_are_never_closer_than_those_of_repetitions_alone(alpha):
    for seed in range(30):
        values = table(3, 40, seed=seed, of_images=0.1)
        assert crossed(values).lower(alpha) <= paired(values.mean(axis=1)).lower(alpha) + 1e-12


@pytest.mark.parametrize("alpha", ALPHAS)
def test_paired_is_the_paired_t_test(alpha):
    rng = np.random.default_rng(2)
    setting, reference = rng.standard_normal((2, 6))
    test = stats.ttest_rel(setting, reference, alternative="greater")
    found = paired(distance(setting, reference, margin=0.0, relative=False, sign=1))
    assert found.lower(alpha) == pytest.approx(test.confidence_interval(1 - alpha).low)
    assert (found.lower(alpha) >= 0) == (test.pvalue <= alpha)
    assert found.df == 5


def test_one_model_is_the_t_test_of_its_images():
    values = np.random.default_rng(3).standard_normal(25)
    values = np.concatenate([values, -values])  # not skewed
    found = crossed(values[None])
    assert found.basis == "images of one model"
    low = stats.ttest_1samp(values, 0, alternative="greater").confidence_interval(0.95).low
    assert found.lower(0.05) == pytest.approx(low)


def test_scenes_of_unequal_size_are_a_jackknifed_ratio():
    rng = np.random.default_rng(4)
    sizes = np.array([2.0, 3.0, 7.0, 1.0, 11.0])
    values = rng.standard_normal((1, 5))
    totals = values[0] * sizes
    without = np.array([(totals.sum() - t) / (sizes.sum() - n) for t, n in zip(totals, sizes, strict=True)])
    mean = totals.sum() / sizes.sum()
    found = crossed(values, sizes)
    assert found.mean == pytest.approx(mean)
    assert found.se == pytest.approx(math.sqrt(4 / 5 * ((without - mean) ** 2).sum()))
    assert found.df_images == pytest.approx(sizes.sum() ** 2 / (sizes**2).sum() - 1)


def test_hall_quantile_inverts_his_transformation():
    skewness = -0.2  # of the mean: what Hall writes as gamma / sqrt(n)
    one = Estimate(0.0, "images of one model", 1, 50, 0.0, 1.0, df_images=49, skewness=skewness)
    t = -one.lower(0.05)
    transformed = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
    assert transformed == pytest.approx(stats.t.isf(0.05, 49))


@pytest.mark.parametrize("scenes", [np.ones(60), np.tile([1.0, 2.0, 3.0], 20)])
@pytest.mark.parametrize("repetitions", [1, 4])
def test_bootstrap_of_a_mean_is_crossed(scenes, repetitions):
    values = table(repetitions, 60)
    share = scenes / scenes.sum()
    drawn = bootstrapped(values @ share, sampled(values, scenes, 20_000), scenes)
    known = crossed(values, scenes)
    assert drawn.mean == pytest.approx(known.mean)
    assert drawn.se == pytest.approx(known.se, rel=0.03)
    assert drawn.var_repetitions == pytest.approx(known.var_repetitions)
    assert drawn.df_images == pytest.approx(known.df_images)
    assert drawn.skewness == pytest.approx(known.skewness, abs=0.06)


def test_bootstrap_of_few_clusters_makes_up_for_what_it_falls_short():
    variances = []
    for seed in range(60):
        values = table(1, 5, seed=seed)
        drawn = bootstrapped(values.mean(axis=1), sampled(values, np.ones(5), 2000, seed), np.ones(5))
        variances.append(drawn.se**2 / crossed(values).se ** 2)
    assert np.mean(variances) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("sign", [1, -1])
def test_distance_is_zero_at_the_margin(sign):
    assert distance(0.8 - sign * 0.03, 0.8, margin=0.03, relative=False, sign=sign) == pytest.approx(0)
    assert distance(0.8 * (1 - sign * 0.05), 0.8, margin=0.05, relative=True, sign=sign) == pytest.approx(0)
    better, worse = (distance(0.8 + sign * by, 0.8, margin=0.03, relative=False, sign=sign) for by in (1, -1))
    assert better > 0 > worse


# Laws


def estimates(values: np.ndarray) -> list[Estimate]:
    sizes = np.tile([1.0, 4.0], values.shape[1] // 2)
    share = sizes / sizes.sum()
    return [
        crossed(values),
        crossed(values, sizes),
        crossed(values[:1], sizes),
        paired(values.mean(axis=1)),
        bootstrapped(values @ share, sampled(values, sizes, 300), sizes),
    ]


def test_bounds_scale_and_shift_with_the_values():
    values = table(4, 12)
    for one, other in zip(estimates(values), estimates(3 * values + 7), strict=True):
        assert other.lower(0.05) == pytest.approx(3 * one.lower(0.05) + 7)
        assert other.upper(0.01) == pytest.approx(3 * one.upper(0.01) + 7)


def test_better_and_worse_change_places():
    values = table(4, 12)
    for one, other in zip(estimates(values), estimates(-values), strict=True):
        assert other.lower(0.05) == pytest.approx(-one.upper(0.05))


def test_the_order_of_repetitions_and_images_does_not_matter():
    rng = np.random.default_rng(5)
    values, sizes = table(4, 12), np.arange(1.0, 13)
    of_repetitions, of_images = rng.permutation(4), rng.permutation(12)
    again = crossed(values[of_repetitions][:, of_images], sizes[of_images])
    assert again.lower(0.05) == pytest.approx(crossed(values, sizes).lower(0.05))


def test_unit_of_sizes_does_not_matter():
    values, sizes = table(4, 12), np.arange(1.0, 13)
    assert crossed(values, 10 * sizes).se == pytest.approx(crossed(values, sizes).se)
    assert crossed(values, np.full(12, 5.0)).se == pytest.approx(crossed(values).se)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_bounds_widen_with_confidence_and_hold_the_mean(alpha):
    for one in estimates(table(4, 12)):
        assert one.lower(alpha / 2) < one.lower(alpha) < one.mean < one.upper(alpha) < one.upper(alpha / 2)


def test_one_sided_losses_lower_the_lower_bound_and_spare_the_upper():
    values = np.zeros((1, 40))
    values[0, :3] = -1
    found = crossed(values)
    plain = replace(found, skewness=0.0)
    assert found.skewness < 0
    assert found.lower(0.05) < plain.lower(0.05)
    assert found.upper(0.05) == plain.upper(0.05)


def test_steps_widen_and_a_margin_of_few_steps_is_not_ruled_out_by_none_lost():
    same = np.full((1, 100), 0.02)  # none of 100 images lost; a margin of 2
    assert crossed(same).lower(0.05) == pytest.approx(0.02)
    assert crossed(same, step=0.01, margin=0.02).lower(0.05) < 0
    assert (
        crossed(same + 0.03, step=0.01, margin=0.05).lower(0.05) > 0
    )  # nor is a margin of 5 asked too much of
    values = table(4, 12)
    assert crossed(values, step=0.1).se > crossed(values).se


# Edges


def test_equal_repetitions_are_not_certainty():
    found = paired(np.zeros(3), step=0.01)
    assert found.se == 0.01
    assert found.lower(0.05) == pytest.approx(-0.01 * stats.t.isf(0.05, 2))
    assert crossed(np.zeros((3, 50)), step=0.02).lower(0.05) < 0
    assert bootstrapped(np.zeros(3), np.zeros((50, 3)), np.ones(50), step=0.02).lower(0.05) < 0


def test_without_a_step_zero_spread_is_the_mean_itself():
    assert crossed(np.ones((3, 5))).lower(0.05) == 1
    assert paired(np.ones(3)).upper(0.05) == 1


@pytest.mark.parametrize(
    "found",
    [
        crossed(np.ones((1, 1))),
        paired(np.ones(1)),
        bootstrapped(np.ones(1), np.ones((9, 1)), np.ones(1)),
        bootstrapped(np.ones(3), np.full((9, 3), np.nan), np.ones(4)),
    ],
    ids=["one image", "one repetition", "one cluster", "no draw"],
)
def test_nothing_follows_from_one(found):
    assert found.mean == 1
    assert (found.lower(0.05), found.upper(0.05)) == (-math.inf, math.inf)
    assert judged(found, 0.05) == "undecided"
    assert needed(found, 0.05) == {}


def test_one_cluster_is_repetitions_alone():
    values = table(4, 1)
    assert crossed(values) == paired(values[:, 0])
    assert bootstrapped(values[:, 0], np.ones((9, 4)), np.array([30])) == paired(values[:, 0])


def test_draws_without_a_value_do_not_count():
    values = table(3, 20)
    samples = sampled(values, np.ones(20), 400)
    gaps = samples.copy()
    gaps[::7, 1] = np.nan
    kept = np.delete(samples, np.s_[::7], axis=0)
    means = values.mean(axis=1)
    assert bootstrapped(means, gaps, np.ones(20)) == bootstrapped(means, kept, np.ones(20))


def test_inputs_stay_as_they_are():
    values, sizes = table(3, 6), np.arange(1.0, 7)
    before = values.copy()
    crossed(values, sizes)
    bootstrapped(values.mean(axis=1), values.T.copy(), sizes)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(sizes, np.arange(1.0, 7))


def test_draws_are_of_as_many_clusters():
    draws = draws_of(7, 5, np.random.default_rng(0))
    assert draws.shape == (5, 7)
    assert (draws.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(draws, draws_of(7, 5, np.random.default_rng(0)))


# What would decide it


def grown(estimate: Estimate, name: str, count: int) -> Estimate:
    """The same mean and components of variance, of more repetitions or of more clusters."""
    if name == "repetitions":
        part = estimate.var_repetitions * estimate.repetitions / count
        return replace(estimate, repetitions=count, var_repetitions=part)
    factor = estimate.clusters / count
    return replace(
        estimate,
        clusters=count,
        var_images=estimate.var_images * factor,
        df_images=(estimate.df_images + 1) / factor - 1,
        skewness=estimate.skewness * math.sqrt(factor),
        floor=estimate.floor * math.sqrt(factor),
    )


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("alpha", "mean"), [(0.05, 0.04), (0.05 / 6, 0.07)])
def test_what_is_needed_decides_and_one_fewer_does_not(sign, alpha, mean):
    mean = sign * mean
    one = Estimate(
        mean, "images crossed with repetitions", 3, 50, 0.01**2, 0.02**2, df_images=49, skewness=-0.1
    )
    assert judged(one, alpha) == "undecided"
    found = needed(one, alpha)
    assert found
    for name, count in found.items():
        assert judged(grown(one, name, count), alpha) == ("accepted" if mean > 0 else "inferior")
        fewer = count - 1
        assert fewer == getattr(one, name) or judged(grown(one, name, fewer), alpha) == "undecided"


def test_more_of_what_does_not_vary_is_no_way():
    one = Estimate(0.01, "images crossed with repetitions", 3, 50, 0.02**2, 1e-8, df_images=49)
    assert set(needed(one, 0.05)) == {"repetitions"}
    assert set(needed(replace(one, var_repetitions=1e-8, var_images=0.02**2), 0.05)) == {"clusters"}
    assert needed(replace(one, mean=0.0), 0.05) == {}


def test_repetitions_alone_need_no_images():
    found = needed(paired(np.array([0.1, -0.08, 0.05])), 0.05)
    assert set(found) == {"repetitions"}


# The rule


def test_levels_are_tested_until_one_fails():
    seen = []

    def test(level: int) -> int:
        seen.append(level)
        return level

    assert list(in_sequence([1, 2, -3, 4], test, lambda level: level > 0)) == [1, 2, -3]
    assert seen == [1, 2, -3]


def test_verdicts():
    one = Estimate(0.0, "repetitions alone", 5, 0, 1.0, 0.0)
    reach = one.upper(0.05)
    assert judged(replace(one, mean=reach), 0.05) == "accepted"
    assert judged(replace(one, mean=0.99 * reach), 0.05) == "undecided"
    assert judged(replace(one, mean=-1.01 * reach), 0.05) == "inferior"


def test_families_and_looks_share_the_error_rate():
    assert error_rate(0.95, families=1) == pytest.approx(0.05)
    assert error_rate(0.94, families=4, looks=3) == pytest.approx(0.005)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
def test_the_error_rate_is_kept_where_satterthwaite_does_not(alpha):
    """Three repetitions that vary more than the images: the case that decides the quantile."""
    rng = np.random.default_rng(6)
    studies = 2000
    values = np.sqrt(0.9 * 3) * rng.standard_normal((studies, 3, 1))
    values = values + np.sqrt(0.1 * 40) * rng.standard_normal((studies, 1, 40))
    errors = sum(crossed(one).lower(alpha) >= 0 for one in values) / studies
    assert errors <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / studies)
