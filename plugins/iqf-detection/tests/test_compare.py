"""Objects lost and found, false alarms new and gone."""

from __future__ import annotations

import math

import pytest

import iqf_core as iqf
from iqf_detection import CocoDetection


def box(image, x, y, score=0.9, label=1, side=20):
    return {"image_id": image, "category_id": label, "bbox": [x, y, side, side], "score": score}


@pytest.fixture
def truth():
    objects = [box(1, 0, 0), box(1, 50, 0, label=2), box(1, 0, 50), box(2, 0, 0, label=2), box(2, 50, 50)]
    annotations = [
        {**one, "id": n + 1, "area": 400.0, "iscrowd": int(n == 4)} for n, one in enumerate(objects)
    ]
    images = [{"id": n, "file_name": f"{n}.png", "group": f"g{n}"} for n in (1, 2)]
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "truck"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def tables(files, truth, *found, **parameters):
    metric = CocoDetection(**parameters)
    dataset = files.dataset(truth)
    return metric, [metric.match(files.output(one), dataset) for one in found]


def test_lost_and_gained_and_alarms(files, truth):
    before = [box(1, 0, 0), box(1, 50, 0, label=2), box(1, 90, 90), box(2, 90, 0, 0.8), box(2, 50, 50)]
    after = [box(1, 1, 0), box(1, 50, 0, 0.3, label=2), box(1, 0, 50), box(1, 91, 90), box(2, 30, 90, 0.7)]
    metric, (a, b) = tables(files, truth, before, after, gsd_m=0.5)
    found = metric.compare(a, b, scores=(0.5, 0.5))
    rows = found[["change", "image", "group", "class"]].to_numpy().tolist()
    assert rows == [
        ["false alarm gone", "2.png", "g2", "car"],
        ["gained", "1.png", "g1", "car"],
        ["lost", "1.png", "g1", "truck"],
        ["new false alarm", "2.png", "g2", "car"],
    ]
    lost = found[found["change"] == "lost"].iloc[0]
    assert (lost["size_px"], lost["size_m"]) == (20, 10)
    assert (lost["score_a"], lost["score_b"]) == (0.9, 0.3)
    assert (lost["x"], lost["y"]) == (50, 0)
    new = found[found["change"] == "new false alarm"].iloc[0]
    assert (new["score_b"], new["x"]) == (0.7, 30)
    assert math.isnan(new["score_a"])


def test_with_itself_nothing_has_changed(files, truth):
    metric, (a,) = tables(files, truth, [box(1, 0, 0), box(2, 90, 90)])
    assert metric.compare(a, a, scores=(0.1, 0.1)).empty


def test_a_score_is_needed_and_may_be_the_metrics(files, truth):
    metric, (a, b) = tables(files, truth, [box(1, 0, 0)], [box(1, 0, 0, 0.2)])
    with pytest.raises(iqf.ParameterError, match="give scores="):
        metric.compare(a, b)
    assert CocoDetection(score_threshold=0.5).compare(a, b)["change"].tolist() == ["lost"]


def test_containers_may_differ_and_images_may_not(files, truth):
    metric, (a, b) = tables(files, truth, [box(1, 0, 0)], [])
    other = b.assign(image=b["image"].str.replace(".png", ".tif"))
    assert metric.compare(a, other, scores=(0.5, 0.5))["change"].tolist() == ["lost"]
    with pytest.raises(iqf.ParameterError, match="4 and 3 objects, of which 3 are the same"):
        metric.compare(a, b[b["image"] != "2.png"], scores=(0.5, 0.5))


def test_false_alarms_on_other_grids_are_compared_in_metres(files, truth):
    metric, (a, b) = tables(files, truth, [box(1, 80, 80)], [box(1, 40, 40, side=10)])
    one, other = a.assign(pixel_m=0.5), b.assign(pixel_m=1.0)
    assert metric.compare(one, other, scores=(0.5, 0.5)).empty
    assert len(metric.compare(a, b, scores=(0.5, 0.5))) == 2
