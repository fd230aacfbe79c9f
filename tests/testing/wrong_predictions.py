"""Metrics of predictions that are right, and for each law one that breaks it and no other."""

from __future__ import annotations

import json
import math
import random
from typing import ClassVar

import numpy as np
import pandas as pd

from iqf_core import Missing, Output, PredictionMetric, open_dataset, write_image
from iqf_core.testing import scene

TRUTH = {"a.tif": "wood", "b.tif": "wood", "c.tif": "sand", "d.tif": "sand"}


def example(folder):
    """Four images, one of which is taken for another."""
    root = folder / "scenes"
    (root / "images").mkdir(parents=True)
    for seed, name in enumerate(TRUTH):
        write_image(root / "images" / name, scene("uint8", 1, size=(8, 8), seed=seed))
    predictions = folder / "output.json"
    predictions.write_text(json.dumps({**TRUTH, "b.tif": "sand"}))
    return predictions, open_dataset(root)


class Hits(PredictionMetric):
    """Share of images whose label is right: right in every way."""

    name: ClassVar[str] = "hits"
    outputs: ClassVar[tuple[Output, ...]] = (Output("share", "1", "higher", 0, 1, "Share of right labels."),)

    power: float = 1.0

    def match(self, predictions, dataset):
        found = json.loads(predictions.read_text())
        rows = [{"image": name, "group": None, "hit": found[name] == TRUTH[name]} for name in dataset.images]
        return pd.DataFrame(rows)

    def aggregate(self, table, weights=None):
        weight = self.weights(table, weights or {})
        if not weight.sum() > 0:
            return self.missing("no image has any weight")
        return {"share": float((table["hit"].to_numpy() * weight).sum() / weight.sum())}

    def weights(self, table, weights):
        return np.array([weights.get(image, 1.0) for image in table["image"]], float)


class NeedsWeights(Hits):
    name: ClassVar[str] = "needs_weights"

    def aggregate(self, table, weights=None):
        return {"share": 1 / len(weights)}


class HasNoGroup(Hits):
    name: ClassVar[str] = "has_no_group"

    def match(self, predictions, dataset):
        return super().match(predictions, dataset).drop(columns="group")


class GivesMore(Hits):
    name: ClassVar[str] = "gives_more"

    def aggregate(self, table, weights=None):
        values = super().aggregate(table, weights)
        return values if math.isnan(values["share"]) else {**values, "count": 4.0}


class LeavesItsRange(Hits):
    name: ClassVar[str] = "leaves_its_range"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("share", "1", "higher", 0.1, 1, "Share of right labels."),
    )


class GivesBareNan(Hits):
    name: ClassVar[str] = "gives_bare_nan"

    def aggregate(self, table, weights=None):
        values = super().aggregate(table, weights)
        return {"share": math.nan} if values["share"] == 0 else values


class RoundsWithoutWeights(Hits):
    """A short way for equal weights that is not as exact."""

    name: ClassVar[str] = "rounds_without_weights"

    def aggregate(self, table, weights=None):
        values = super().aggregate(table, weights)
        shorter = weights is not None and set(weights.values()) <= {1.0} and len(table)
        return {"share": values["share"] * (1 - 1e-6)} if shorter else values


class IgnoresWeights(Hits):
    name: ClassVar[str] = "ignores_weights"

    def weights(self, table, weights):
        return np.ones(len(table))


class CountsEachImageOnce(Hits):
    """Weights from how often an image occurs, not from its rows."""

    name: ClassVar[str] = "counts_each_image_once"

    def weights(self, table, weights):
        return np.sqrt(super().weights(table, weights))


class DrawsTheSameSampleAlways(Hits):
    name: ClassVar[str] = "draws_the_same_sample_always"

    def aggregate_many(self, table, weights, images, outputs):
        found = super().aggregate_many(table, weights, images, outputs)
        return {name: np.repeat(values[:1], len(values)) for name, values in found.items()}


class BelievesTheFirst(Hits):
    name: ClassVar[str] = "believes_the_first"

    def aggregate(self, table, weights=None):
        values = super().aggregate(table, weights)
        starts_well = len(table) and table["image"].iloc[0] == "a.tif"
        return {"share": values["share"] * (1 - 1e-6 * bool(starts_well))} if len(table) else values


class CallsNothingZero(Hits):
    name: ClassVar[str] = "calls_nothing_zero"

    def aggregate(self, table, weights=None):
        return super().aggregate(table, weights) if len(table) else {"share": 0.0}


class WarnsOnNothing(Hits):
    name: ClassVar[str] = "warns_on_nothing"

    def aggregate(self, table, weights=None):
        mean = np.mean(table["hit"].to_numpy(float))
        return super().aggregate(table, weights) if len(table) else {"share": Missing(f"{mean} of nothing")}


class WritesToTheTable(Hits):
    name: ClassVar[str] = "writes_to_the_table"

    def aggregate(self, table, weights=None):
        values = super().aggregate(table, weights)
        table["weight"] = self.weights(table, weights or {})
        return values


class Wavers(Hits):
    name: ClassVar[str] = "wavers"

    def aggregate(self, table, weights=None):
        values = super().aggregate(table, weights)
        return {"share": values["share"] * (1 - 1e-12 * random.random())} if len(table) else values


class ForgetsAParameter(Hits):
    name: ClassVar[str] = "forgets_a_parameter"

    def spec(self):
        return {self.name: {}}


BREAKS = [
    (NeedsWeights(), "works"),
    (HasNoGroup(), "rows_have_image_and_group"),
    (GivesMore(), "outputs_are_as_declared"),
    (LeavesItsRange(), "values_are_in_range"),
    (GivesBareNan(), "missing_values_say_why"),
    (RoundsWithoutWeights(), "weights_of_one_change_nothing"),
    (IgnoresWeights(), "weight_two_is_the_rows_twice"),
    (CountsEachImageOnce(), "weight_two_is_the_rows_twice"),
    (DrawsTheSameSampleAlways(), "many_samples_are_each_alone"),
    (BelievesTheFirst(), "order_does_not_matter"),
    (CallsNothingZero(), "an_empty_table_says_why"),
    (WarnsOnNothing(), "an_empty_table_says_why"),
    (WritesToTheTable(), "table_is_untouched"),
    (Wavers(), "same_table_same_values"),
    (ForgetsAParameter(power=2.0), "parameters_survive_yaml"),
]
"""Metric, and the one law that it breaks."""
