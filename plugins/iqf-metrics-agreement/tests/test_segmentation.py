"""Segmentation agrees with scikit-learn, pixel by pixel, in two steps, under any weights."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn

import iqf_core as iqf
from iqf_metrics_agreement import Segmentation, confusion_matrix, per_class
from iqf_metrics_agreement.masks import counted_pairs

RNG = np.random.default_rng(5)


def some_masks(count: int = 3, dtype: str = "uint8", *, top: int = 4) -> tuple[list, list]:
    truths = [RNG.choice(top, (13, 17), p=[0.6, 0.3] + [0.1 / (top - 2)] * (top - 2)) for _ in range(count)]
    predicted = [np.where(RNG.random(t.shape) < 0.7, t, RNG.integers(0, top + 1, t.shape)) for t in truths]
    return [t.astype(dtype) for t in truths], [p.astype(dtype) for p in predicted]


def matched(masked, output, truths, predicted, **parameters) -> pd.DataFrame:
    value = [f"masks/s{number}.png" for number in range(len(predicted))]
    path = output(value, **{f"s{number}": mask for number, mask in enumerate(predicted)})
    return Segmentation(**parameters).match(path, masked(*truths))


def by_scikit_learn(truth, predicted, weight) -> dict[str, float]:
    kept = weight > 0
    truth, predicted, weight = truth[kept], predicted[kept], weight[kept]
    over = {"average": "macro", "labels": np.unique(truth), "sample_weight": weight, "zero_division": 0}
    return {
        "overall_accuracy": sklearn.accuracy_score(truth, predicted, sample_weight=weight),
        "mean_iou": sklearn.jaccard_score(truth, predicted, **over),
        "macro_f1": sklearn.f1_score(truth, predicted, **over),
        "kappa": sklearn.cohen_kappa_score(truth, predicted, sample_weight=weight),
        "pixels": weight.sum(),
    }


@pytest.mark.parametrize("weights", [None, {"s0.png": 2.0, "s1.png": 0.0}, {"s2.png": 0.3}])
@pytest.mark.parametrize("ignore", [None, 0, 255])
def test_against_scikit_learn(masked, output, weights, ignore):
    truths, predicted = some_masks()
    for truth in truths:
        truth[:2, :3] = 255
    table = matched(masked, output, truths, predicted, ignore=ignore)
    found = Segmentation(ignore=ignore).aggregate(table, weights)
    of_image = np.array([(weights or {}).get(f"s{number}.png", 1.0) for number in range(3)])
    truth, said = np.stack(truths), np.stack(predicted)
    weight = np.broadcast_to(of_image[:, None, None], truth.shape) * (
        truth != (-1 if ignore is None else ignore)
    )
    for name, value in by_scikit_learn(truth, said, weight).items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    assert found["n"] == of_image.sum()
    assert found["classes"] == 4 + (ignore is None)
    assert found["classes_absent"] == 1 + (ignore == 0)


def test_per_class_is_scikit_learns(masked, output):
    truths, predicted = some_masks(2)
    table = matched(masked, output, truths, predicted)
    truth, said = (np.stack(masks).ravel() for masks in (truths, predicted))
    rows = per_class(table)
    assert rows.index.tolist() == ["0", "1", "2", "3", "4"]
    iou = sklearn.jaccard_score(truth, said, average=None, labels=range(5), zero_division=0)
    f1 = sklearn.f1_score(truth, said, average=None, labels=range(5), zero_division=0)
    precision, recall, _, support = sklearn.precision_recall_fscore_support(
        truth, said, labels=range(5), zero_division=np.nan
    )
    for name, values in {
        "iou": iou, "precision": precision, "recall": recall, "f1": f1, "support": support,
    }.items():  # fmt: skip
        assert rows[name].to_numpy() == pytest.approx(values, abs=1e-12, nan_ok=True), name
    assert confusion_matrix(table).to_numpy() == pytest.approx(
        sklearn.confusion_matrix(truth, said, labels=range(5))[:4]
    )


def test_by_hand(masked, output):
    truth = np.array([[0, 0, 0, 1], [0, 1, 9, 9]], np.uint8)
    predicted = np.array([[0, 0, 1, 1], [2, 1, 0, 1]], np.uint8)
    table = matched(masked, output, [truth], [predicted], ignore=9)
    assert table.to_dict("list") == {
        "image": ["s0.png"] * 4, "group": ["s0"] * 4,
        "label": ["0", "0", "0", "1"], "predicted": ["0", "1", "2", "1"], "pixels": [2, 1, 1, 2],
    }  # fmt: skip
    found = Segmentation().aggregate(table)
    assert found["overall_accuracy"] == pytest.approx(4 / 6)
    assert found["mean_iou"] == pytest.approx((2 / 4 + 2 / 3) / 2)
    assert found["macro_f1"] == pytest.approx((4 / 6 + 4 / 5) / 2)
    assert (found["pixels"], found["n"], found["classes"], found["classes_absent"]) == (6, 1, 2, 1)
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    assert Segmentation().aggregate(again) == found


@pytest.mark.parametrize(
    ("dtype", "values"),
    [("uint8", (0, 255)), ("int16", (-5, 3)), ("uint16", (7, 60000)), ("uint16", (0, 65535))],
)
def test_pairs_of_any_labels(dtype, values):
    truth, predicted = RNG.integers(*values, (2, 40, 50), endpoint=True).astype(dtype)
    pairs = pd.DataFrame({"t": truth.ravel(), "p": predicted.ravel()}).value_counts(sort=False)
    expected = sorted((int(t), int(p), int(n)) for (t, p), n in pairs.items())
    assert counted_pairs(truth, predicted) == expected
    assert counted_pairs(truth[:0], predicted[:0]) == []


def test_an_image_without_a_prediction(masked, output):
    truths, predicted = some_masks(2)
    path, dataset = output(["masks/s0.png"], s0=predicted[0]), masked(*truths)
    with pytest.raises(iqf.OutputError, match=r"1 of 2 images, first 's1\.png'"):
        Segmentation().match(path, dataset)
    metric = Segmentation(unpredicted="wrong", ignore=3)
    found = metric.aggregate(metric.match(path, dataset))
    counts = [truth != 3 for truth in truths]
    right = (truths[0] == predicted[0])[counts[0]].sum()
    assert found["overall_accuracy"] == pytest.approx(right / (counts[0].sum() + counts[1].sum()))
    assert found["n"] == 2
    assert "(no prediction)" not in per_class(metric.match(path, dataset)).index


@pytest.mark.parametrize(
    "value",
    [
        ["masks/s1_mask.png", "masks/s0_mask.png"],
        {"s0.png": "masks/s0_mask.png", "s1": "masks/s1_mask.png"},
        [{"image": "s0", "mask": "masks/s0_mask.png"}, {"image": "s1.tif", "mask": "masks/s1_mask.png"}],
    ],
)
def test_forms(masked, output, value):
    truths, _ = some_masks(2)
    path = output(value, s0_mask=truths[0], s1_mask=truths[1])
    found = Segmentation().aggregate(Segmentation().match(path, masked(*truths)))
    assert found["overall_accuracy"] == found["mean_iou"] == found["kappa"] == 1


def test_nodata_of_the_truth_does_not_count(masked, output):
    truth = np.array([[0, 1], [200, 200]], np.uint8)
    dataset = masked(truth, suffix=".tif", nodata=200)
    table = Segmentation().match(output(["masks/s0.png"], s0=np.zeros((2, 2), np.uint8)), dataset)
    assert table[["label", "predicted", "pixels"]].to_numpy().tolist() == [["0", "0", 1], ["1", "0", 1]]


def test_every_pixel_ignored(masked, output):
    truth = np.full((3, 3), 255, np.uint8)
    metric = Segmentation(ignore=255)
    found = metric.aggregate(metric.match(output(["masks/s0.png"], s0=truth), masked(truth)))
    assert "no pixel counts" in found["mean_iou"].reason


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (["masks/s0.png", "masks/s1.png", "masks/s2.png"], r"entry 2 \('masks/s2.png'\).*no image"),
        (["masks/s0.png", "masks/s0.png"], r"entry 1 .*predicted before"),
        ({"s0": "masks/s0.png", "s1": "masks/lost.png"}, r"entry 1 \('s1'\): no file .*lost.png"),
        ({"s0": "masks/s0.png", "s1": 7}, r"entry 1 \('s1'\): no path"),
        ([{"image": "s0", "label": 1}, {"image": "s1", "mask": "x"}], r"entry 0 \('s0'\): no path"),
        ({"s0": "masks/s0.png", "s1": "masks/small.png"}, r"entry 1 .*16x13 pixels, where .* has 17x13"),
        ({"s0": "masks/s0.png", "s1": "output.json"}, r"entry 1 \('s1'\): .*output.json"),
        ({"s0": "masks/s0.png", "s1": "masks/lossy.jpg"}, r"entry 1 .*lossy"),
        ({"s0": "masks/s0.png", "s1": "masks/real.tif"}, r"entry 1 .*whole numbers, not float32"),
        ({"s0": "masks/s0.png", "s1": "masks/colours.png"}, r"entry 1 .*colours are no labels"),
    ],
)
def test_what_is_refused(masked, output, value, said):
    truths, predicted = some_masks(2)
    colours = np.dstack([predicted[1], predicted[1], predicted[1] + 1]).astype(np.uint8)
    path = output(value, s0=predicted[0], s1=predicted[1], small=predicted[1][:, 1:], colours=colours)
    folder = path.parent / "masks"
    iqf.write_image(folder / "real.tif", iqf.Image.from_array(predicted[1].astype(np.float32)))
    import cv2

    (folder / "lossy.jpg").write_bytes(cv2.imencode(".jpg", predicted[1])[1].tobytes())
    with pytest.raises(iqf.OutputError, match=said):
        Segmentation().match(path, masked(*truths))


def test_grey_stored_as_colours_is_read(masked, output):
    truths, _ = some_masks(1)
    path = output(["masks/s0.png"], s0=np.dstack([truths[0]] * 3))
    assert Segmentation().aggregate(Segmentation().match(path, masked(*truths)))["mean_iou"] == 1


def test_a_truth_without_mask(masked, output):
    truths, _ = some_masks(2)
    dataset = masked(*truths)
    (dataset.root / "images_mask" / "s1.png").unlink()
    with pytest.raises(iqf.DatasetError, match=r"no mask for 's1\.png'"):
        Segmentation().match(output(["masks/s0.png", "masks/s1.png"], s0=truths[0], s1=truths[1]), dataset)
