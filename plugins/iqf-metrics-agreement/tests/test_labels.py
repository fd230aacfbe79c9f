"""Labels in ``output.json``: the forms that they may have; what is refused, with the place and the remedy."""

from __future__ import annotations

import math

import numpy as np
import pytest

import iqf_core as iqf
from iqf_metrics_agreement import Classification

TRUTH = ["field", "water", "3"]


@pytest.mark.parametrize(
    "value",
    [
        {"s0.png": "field", "s1.png": "field", "s2.png": 3},
        {"s0": "field", "s1.jpg": "field", "images/s2.tif": "3"},
        [
            {"image": "s2.png", "label": "3"},
            {"image_filename": "s0.png", "label": "field"},
            {"file_name": "/any/where/s1.png", "label": "field"},
        ],
        {name: {"label": label} for name, label in [("s0", "field"), ("s1", "field"), ("s2", 3)]},
    ],
)
def test_forms(labelled, output, value):
    table = Classification().match(output(value), labelled(TRUTH))
    assert table["image"].tolist() == ["s0.png", "s1.png", "s2.png"]
    assert table["group"].tolist() == ["g0", "g0", "g1"]
    assert table["label"].tolist() == TRUTH
    assert table["predicted"].tolist() == ["field", "field", "3"]
    assert table["probability"].isna().all()
    assert Classification().aggregate(table)["accuracy"] == pytest.approx(2 / 3)


def test_probabilities(labelled, output):
    value = {
        "s0": {"label": "field", "probabilities": {"field": 0.7, "water": 0.3}},
        "s1": {"probabilities": {"field": 0.25, "water": 0.5}},
        "s2": {"label": 3, "probabilities": {"3": 0.25, "water": 0.75}},
    }
    table = Classification().match(output(value), labelled(TRUTH))
    assert table["predicted"].tolist() == TRUTH
    assert table["probability"].tolist() == [0.7, 0.5, 0.25]
    assert Classification(bins=1).aggregate(table)["calibration_error"] == pytest.approx(1 - 1.45 / 3)


@pytest.mark.parametrize("digits", [2, 3])
def test_probabilities_that_were_rounded_may_add_up_to_more(labelled, output, digits):
    shares = np.random.default_rng(2).dirichlet(np.ones(30), 200).round(digits)
    assert (shares.sum(axis=1) > 1.001).mean() > 0.2
    value = {
        f"s{i}": {"probabilities": dict(zip(map(str, range(30)), row.tolist(), strict=True))}
        for i, row in enumerate(shares)
    }
    table = Classification().match(output(value), labelled(["3"] * 200))
    assert sorted(table["probability"]) == sorted(shares.max(axis=1))


def test_no_prediction_at_all(labelled, output):
    dataset = labelled(TRUTH)
    for nothing in ({}, []):
        with pytest.raises(iqf.OutputError, match="no prediction for 3 of 3 images"):
            Classification().match(output(nothing), dataset)
        found = Classification().aggregate(
            Classification(unpredicted="wrong").match(output(nothing), dataset)
        )
        assert (found["accuracy"], found["macro_f1"], found["cohen_kappa"]) == (0, 0, 0)
        assert (found["n"], found["classes"], found["classes_absent"]) == (3, 3, 0)
        assert "0 of 0 predictions" in found["calibration_error"].reason


def test_entries_of_images_left_out_are_passed_over(labelled, output):
    part = labelled(TRUTH).subset(["s0.png", "s2.png"])
    table = Classification().match(output({"s0": "field", "s1": "x", "s2": "3"}), part)
    assert table["image"].tolist() == ["s0.png", "s2.png"]


def test_an_image_without_a_prediction(labelled, output):
    dataset, path = labelled(TRUTH), output({"s0": "field"})
    with pytest.raises(iqf.OutputError, match=r"2 of 3 images, first 's1\.png'.*unpredicted='wrong'"):
        Classification().match(path, dataset)
    metric = Classification(unpredicted="wrong")
    table = metric.match(path, dataset)
    found = metric.aggregate(table)
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["balanced_accuracy"] == pytest.approx(1 / 3)
    assert (found["n"], found["classes"], found["classes_absent"]) == (3, 3, 0)
    assert "1 of 1 predictions" in found["calibration_error"].reason


def test_an_image_without_a_label(labelled, output, tmp_path):
    dataset = labelled(TRUTH)
    (dataset.root / "labels.csv").write_text("image_filename,label\ns0.png,field\n")
    with pytest.raises(iqf.DatasetError, match=r"s1\.png"):
        Classification().match(output({"s0": 1, "s1": 1, "s2": 1}), iqf.open_dataset(dataset.root))


WHOLE = {"s0": "field", "s1": "water", "s2": "3"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"s0": "field",', "output.json: not readable as JSON"),
        ('{"s0": "field", "s0": "water"}', "'s0' stands twice"),
        ("7", "neither a list"),
        ({**WHOLE, "s7": "x"}, r"entry 3 \('s7'\).*no image of this name.*'s0.png'"),
        ({**WHOLE, "s0.png": "x"}, r"entry 3 \('s0.png'\).*predicted before"),
        ([{"image": "s0", "label": "x"}, {"label": "x"}], "entry 1 names no image"),
        ([{"image": "s0", "label": "x"}, 7], "entry 1 names no image"),
        ({**WHOLE, "s1": 0.5}, r"entry 1 \('s1'\): 0.5 is no label"),
        ({**WHOLE, "s1": True}, r"entry 1 .*True is no label"),
        ({**WHOLE, "s1": None}, r"entry 1 .*None is no label"),
        ({**WHOLE, "s1": ""}, r"entry 1 .*'' is no label"),
        ({**WHOLE, "s1": {"class": "x"}}, "entry 1 .*None is no label"),
        ({**WHOLE, "s1": {"probabilities": {}}}, "entry 1 .*probabilities"),
        ({**WHOLE, "s1": {"probabilities": [0.5]}}, "entry 1 .*probabilities"),
        ({**WHOLE, "s1": {"probabilities": {"a": 1.5}}}, "entry 1 .*probabilities"),
        ({**WHOLE, "s1": {"probabilities": {"a": math.nan}}}, "entry 1 .*probabilities"),
        ({**WHOLE, "s1": {"probabilities": {"a": 0.7, "b": 0.7}}}, "entry 1 .*add up"),
        ({**WHOLE, "s1": {"label": "c", "probabilities": {"a": 0.7}}}, "entry 1 .*'c' has no probability"),
    ],
)
def test_what_is_refused(labelled, output, value, said):
    path = output(value)
    with pytest.raises(iqf.OutputError, match=said) as caught:
        Classification().match(path, labelled(TRUTH))
    assert str(path) in str(caught.value)


def test_two_images_of_one_name_need_their_folders(tmp_path, output, labelled):
    dataset = labelled(["a"], name="flat")
    root = tmp_path / "classes"
    for label in ("field", "water"):
        (root / label).mkdir(parents=True)
        (root / label / "s0.png").write_bytes(dataset.path("s0.png").read_bytes())
    (root / "water" / "s1.png").write_bytes(dataset.path("s0.png").read_bytes())
    opened = iqf.open_dataset(root)
    value = {"field/s0.jpg": "field", "/x/water/s0.png": "field", "s1": "water"}
    table = Classification().match(output(value), opened)
    assert table["predicted"].tolist() == ["field", "field", "water"]
    for written in ("s0.png", "sea/s0.png", "sea/s1.png"):
        with pytest.raises(iqf.OutputError, match="or several"):
            Classification().match(output({written: "field"}), opened)
