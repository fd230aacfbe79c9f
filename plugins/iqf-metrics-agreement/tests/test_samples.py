"""Many samples of weights at once give what each gives by itself."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest

import iqf_core as iqf
from iqf_metrics_agreement import Classification, Segmentation, samples

NAMES = [f"s{number}.png" for number in range(30)]


def table_of(kind: str, *, seed: int = 0, images: list[str] = NAMES) -> pd.DataFrame:
    """Labels of images, or pairs of labels of their pixels; of few classes, one of them rare."""
    rng = np.random.default_rng(seed)
    rows = len(images) * (1 if kind == "labels" else 6)
    label = rng.choice(["a", "b", "c", "7"], rows, p=[0.6, 0.25, 0.1, 0.05])
    table = pd.DataFrame(
        {
            "image": np.repeat(images, rows // len(images)),
            "group": None,
            "label": label,
            "predicted": np.where(rng.random(rows) < 0.7, label, rng.choice(["a", "b", "cloud"], rows)),
        }
    )
    if kind == "pixels":
        return table.assign(pixels=rng.integers(0, 500, rows))
    table = table.assign(probability=rng.random(rows))
    table.loc[3, ["predicted", "probability"]] = ["(no prediction)", math.nan]
    return table


def weights_of(images: list[str], samples: int, *, seed: int = 1) -> np.ndarray:
    """A bootstrap's, some that are no whole numbers, one image alone, and none at all."""
    rng, count = np.random.default_rng(seed), len(images)
    drawn = rng.multinomial(count, np.full(count, 1 / count), samples).astype(float)
    return np.vstack([drawn, rng.random((3, count)), np.eye(count)[:2], np.zeros((1, count))])


def assert_same(metric, table, weights, images):
    names = [output.name for output in metric.outputs]
    found = metric.aggregate_many(table, weights, images, names)
    expected = iqf.PredictionMetric.aggregate_many(metric, table, weights, images, names)
    assert list(found) == names
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, atol=1e-12, err_msg=name)
    return found


@pytest.mark.parametrize("kind", ["labels", "pixels"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_once", [1, 2000, 1 << 22])
def test_as_one_by_one(kind, seed, at_once, monkeypatch):
    monkeypatch.setattr(samples, "AT_ONCE", at_once)
    metric = Classification() if kind == "labels" else Segmentation()
    found = assert_same(metric, table_of(kind, seed=seed), weights_of(NAMES, 40, seed=seed), NAMES)
    assert all(np.isfinite(values[:40]).all() for values in found.values())
    assert all(np.isnan(values[-1]) for values in found.values())


@pytest.mark.parametrize("kind", ["labels", "pixels"])
def test_images_without_a_weight_count_once_and_others_not_at_all(kind):
    images = ["none.png", *NAMES[10:], "nor.png"]
    metric = Classification(bins=3) if kind == "labels" else Segmentation()
    found = assert_same(metric, table_of(kind), weights_of(images, 10), images)
    assert found["n"][-1] == 10


def test_a_prediction_without_probability_matters_where_it_counts():
    table = table_of("labels")
    table.loc[5, "probability"] = math.nan
    found = assert_same(Classification(), table, weights_of(NAMES, 40), NAMES)["calibration_error"]
    assert 0 < np.isnan(found[:40]).sum() < 40


@pytest.mark.parametrize("kind", ["labels", "pixels"])
def test_a_table_without_rows_and_no_samples(kind):
    metric = Classification() if kind == "labels" else Segmentation()
    table = table_of(kind)
    found = metric.aggregate_many(table[:0], np.ones((2, 1)), NAMES[:1], ["n"])
    assert np.isnan(found["n"]).tolist() == [True, True]
    assert metric.aggregate_many(table, np.ones((0, 30)), NAMES, ["n"])["n"].shape == (0,)


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_weights_that_are_none(weight):
    with pytest.raises(iqf.ParameterError, match="at least 0"):
        Segmentation().aggregate_many(table_of("pixels"), np.full((1, 30), weight), NAMES, ["n"])


@pytest.mark.parametrize("kind", ["labels", "pixels"])
def test_a_thousand_samples_of_500_images(kind):
    images = [f"{number}.png" for number in range(500)]
    metric = Classification() if kind == "labels" else Segmentation()
    table, weights = table_of(kind, images=images), weights_of(images, 1000)
    started = time.process_time()
    metric.aggregate_many(table, weights, images, [output.name for output in metric.outputs])
    assert time.process_time() - started < 3  # 0.1 on a slow machine
