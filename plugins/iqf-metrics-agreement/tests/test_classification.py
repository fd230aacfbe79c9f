"""Classification agrees with scikit-learn, in two steps, under any weights."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn

import iqf_core as iqf
from iqf_metrics_agreement import Classification, confusion_matrix, per_class, read_matches

CLASSES = np.array(["field", "forest", "water", "3"])


def some_table(count: int = 200, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.choice(CLASSES, count, p=[0.5, 0.3, 0.15, 0.05])
    predicted = np.where(rng.random(count) < 0.6, label, rng.choice([*CLASSES, "cloud"], count))
    return pd.DataFrame(
        {
            "image": [f"s{number}.png" for number in range(count)],
            "group": [f"g{number // 4}" for number in range(count)],
            "label": label,
            "predicted": predicted,
            "probability": rng.random(count),
        }
    )


def by_scikit_learn(table: pd.DataFrame, weight: np.ndarray) -> dict[str, float]:
    kept = weight > 0
    truth, predicted, weight = table["label"][kept], table["predicted"][kept], weight[kept]
    recalls = sklearn.recall_score(
        truth, predicted, average=None, labels=sorted(set(truth)), sample_weight=weight, zero_division=0
    )
    f1 = sklearn.f1_score(
        truth, predicted, average="macro", labels=sorted(set(truth)), sample_weight=weight, zero_division=0
    )
    return {
        "accuracy": sklearn.accuracy_score(truth, predicted, sample_weight=weight),
        "balanced_accuracy": recalls.mean(),
        "macro_f1": f1,
        "cohen_kappa": sklearn.cohen_kappa_score(truth, predicted, sample_weight=weight),
    }


def weights_for(table: pd.DataFrame, kind: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    return {
        "none": np.ones(len(table)),
        "bootstrap": rng.multinomial(len(table), np.full(len(table), 1 / len(table))).astype(float),
        "real": rng.random(len(table)),
        "one class": (table["label"] == "field").to_numpy(float),
        "without a class": (table["label"] != "water").to_numpy(float),
    }[kind]


@pytest.mark.parametrize("kind", ["none", "bootstrap", "real", "one class", "without a class"])
@pytest.mark.parametrize("seed", range(3))
def test_against_scikit_learn(kind, seed):
    table = some_table(seed=seed)
    weight = weights_for(table, kind)
    weights = None if kind == "none" else dict(zip(table["image"], weight.tolist(), strict=True))
    found = Classification().aggregate(table, weights)
    for name, value in by_scikit_learn(table, weight).items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    assert found["n"] == pytest.approx(weight.sum(), abs=1e-9)
    counted = table[weight > 0]
    assert found["classes"] == counted["label"].nunique()
    assert found["classes_absent"] == len(set(counted["predicted"]) - set(counted["label"])) > 0


def test_balanced_accuracy_is_scikit_learns_where_it_says_so_itself():
    table = some_table()
    table = table[table["predicted"] != "cloud"]
    assert Classification().aggregate(table)["balanced_accuracy"] == pytest.approx(
        sklearn.balanced_accuracy_score(table["label"], table["predicted"]), abs=1e-12
    )


def test_a_weight_of_two_is_an_image_twice():
    table = some_table(40)
    twice = pd.concat([table, table.iloc[:10]])
    weights = dict.fromkeys(table["image"][:10], 2.0)
    found, expected = Classification().aggregate(table, weights), Classification().aggregate(twice)
    assert found == pytest.approx(expected, abs=1e-12)
    assert found["n"] == 50


def test_by_hand():
    # field: 2 of 3 found, 1 more said; water: 1 of 2 found, 1 more said, and cloud, which nobody saw.
    table = pd.DataFrame(
        {
            "image": list("abcde"),
            "label": ["field", "field", "field", "water", "water"],
            "predicted": ["field", "field", "water", "water", "cloud"],
            "probability": [0.9, 0.6, 0.7, 0.8, 0.55],
        }
    )
    found = Classification(bins=2).aggregate(table)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 4) / 2)
    chance = (3 * 2 + 2 * 2) / 25
    assert found["cohen_kappa"] == pytest.approx((3 / 5 - chance) / (1 - chance))
    assert found["calibration_error"] == pytest.approx(abs(3 / 5 - (0.9 + 0.6 + 0.7 + 0.8 + 0.55) / 5))
    assert (found["n"], found["classes"], found["classes_absent"]) == (5, 2, 1)
    rows = per_class(table)
    assert rows.index.tolist() == ["cloud", "field", "water"]
    assert rows["averaged"].tolist() == [False, True, True]
    assert rows.loc["water", ["support", "predicted", "precision", "recall", "iou"]].tolist() == [
        2, 2, 0.5, 0.5, pytest.approx(1 / 3),
    ]  # fmt: skip
    assert math.isnan(rows.loc["cloud", "recall"])
    matrix = confusion_matrix(table)
    assert matrix.loc["field"].to_dict() == {"cloud": 0, "field": 2, "water": 1}
    assert matrix.index.tolist() == ["field", "water"]


class TestCalibration:
    def error(self, right: list[int], confidence: list[float], weights=None, **parameters) -> float:
        table = pd.DataFrame(
            {
                "image": [f"{number}" for number in range(len(right))],
                "label": "a",
                "predicted": np.where(right, "a", "b"),
                "probability": confidence,
            }
        )
        return Classification(**parameters).aggregate(table, weights)["calibration_error"]

    def test_by_hand(self):
        # Bins (0, 0.5] and (0.5, 1]: 0.5 belongs to the lower.
        assert self.error([0, 1, 1, 0], [0.2, 0.5, 0.9, 0.7], bins=2) == pytest.approx(
            0.5 * abs(0.5 - 0.35) + 0.5 * abs(0.5 - 0.8)
        )

    def test_ends(self):
        assert self.error([0, 1], [0.0, 1.0]) == 0
        assert self.error([1, 0], [0.0, 1.0]) == 1

    def test_weights(self):
        weights = {"0": 3.0, "1": 0.0}
        assert self.error([1, 0, 0], [0.75, 0.1, 0.7], weights, bins=1) == pytest.approx(
            abs(3 / 4 - (3 * 0.75 + 0.7) / 4)
        )

    def test_against_the_definition(self):
        rng = np.random.default_rng(0)
        confidence, right = rng.random(500), rng.integers(0, 2, 500)
        expected = 0.0
        for low in np.arange(15) / 15:
            inside = (confidence > low) & (confidence <= low + 1 / 15)
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        assert self.error(right.tolist(), confidence.tolist()) == pytest.approx(expected, abs=1e-12)

    def test_without_probabilities(self):
        found = self.error([1, 0, 1], [0.5, math.nan, math.nan])
        assert found.reason == "2 of 3 predictions have no probabilities"


def test_one_class_alone_has_no_kappa():
    table = pd.DataFrame({"image": ["a", "b"], "label": "x", "predicted": "x", "probability": math.nan})
    found = Classification().aggregate(table)
    assert found["accuracy"] == found["balanced_accuracy"] == found["macro_f1"] == 1
    assert "chance" in found["cohen_kappa"].reason


def test_nothing_has_any_weight():
    table = some_table(3)
    found = Classification().aggregate(table, dict.fromkeys(table["image"], 0.0))
    assert all(isinstance(value, iqf.Missing) for value in found.values())
    assert all(isinstance(value, iqf.Missing) for value in Classification().aggregate(table[:0]).values())
    with pytest.raises(iqf.ParameterError, match="weight"):
        per_class(table[:0])


@pytest.mark.parametrize("weight", [-1.0, math.inf, math.nan])
def test_weights_that_are_none(weight):
    with pytest.raises(iqf.ParameterError, match=r"s1\.png"):
        Classification().aggregate(some_table(3), {"s1.png": weight})


@pytest.mark.parametrize("right", [[500_000_000, 1], [10_000_000_000, 0], [0, 1]])
def test_kappa_of_a_rare_class_is_scikit_learns(right):
    table = pd.DataFrame({"image": list("abcd"), "label": list("xxyy"), "predicted": list("xyxy")})
    weights = dict(zip("abcd", [right[0], 3.0, 2.0, right[1]], strict=True))
    found = Classification().aggregate(table.assign(probability=math.nan), weights)
    theirs = sklearn.cohen_kappa_score(
        table["label"], table["predicted"], sample_weight=list(weights.values())
    )
    assert found["cohen_kappa"] == pytest.approx(theirs, abs=1e-12)


def test_kappa_where_only_the_truth_has_a_second_class():
    table = pd.DataFrame({"image": list("ab"), "label": list("xy"), "predicted": list("xx")})
    found = Classification().aggregate(table.assign(probability=math.nan), {"a": 1e10})
    assert found["cohen_kappa"] == 0


@pytest.mark.parametrize(
    "names",
    [("1", "2", "10"), ("01", "1", "x"), ("NA", "None", "null"), ("1.0", "1", ""), ("TRUE", "True", "x")],
)
def test_any_names_of_classes_survive_a_csv(names, tmp_path):
    table = some_table(50)
    named = dict(zip(("field", "forest", "water"), names, strict=True))
    table = table.replace({"label": named, "predicted": named})
    table.loc[:9, "group"] = None
    table.to_csv(tmp_path / "classification.csv", index=False)
    again = read_matches(tmp_path / "classification.csv")
    assert again["group"].isna().tolist() == table["group"].isna().tolist()
    assert again["probability"].tolist() == table["probability"].tolist()
    assert Classification().aggregate(again) == Classification().aggregate(table)
    assert per_class(again).index.tolist() == per_class(table).index.tolist()


def test_numbers_are_sorted_as_numbers():
    table = pd.DataFrame(
        {"image": list("abc"), "label": ["1", "2", "10"], "predicted": ["1", "10", "10"], "probability": 0.5}
    )
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)))  # as numbers: they are text again
    assert Classification().aggregate(again) == Classification().aggregate(table)
    assert per_class(again).index.tolist() == ["1", "2", "10"]


def test_a_table_read_without_its_labels_is_refused():
    table = pd.DataFrame({"image": list("ab"), "label": ["NA", "x"], "predicted": "x", "probability": 0.5})
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    with pytest.raises(iqf.ParameterError, match=r"row 0 has no 'label'.*read_matches"):
        Classification().aggregate(again)


@pytest.mark.parametrize(
    "text", ["", "image,output\na,1\n", "image,group,label,predicted,pixels\na,,1,1,x\n"]
)
def test_another_csv_is_refused(text, tmp_path):
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(iqf.ParameterError, match=r"other\.csv: no table of matches"):
        read_matches(tmp_path / "other.csv")


def test_details_are_the_tables_of_classes():
    table = pd.DataFrame(
        {"image": list("abc"), "label": ["label", "x", "x"], "predicted": ["class", "x", "NA"]}
    )
    found = Classification().details(table)
    assert found["per_class"].columns[0] == "class"
    assert found["per_class"]["class"].tolist() == ["NA", "class", "label", "x"]
    assert found["confusion"].to_dict("list") == {
        r"label \ predicted": ["label", "x"], "NA": [0, 1], "class": [1, 0], "label": [0, 0], "x": [0, 1],
    }  # fmt: skip
    assert Classification().details(table[:0]) == {}
