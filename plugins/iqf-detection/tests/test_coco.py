"""The twelve numbers, against the reference code to the last bit; weights, sizes in metres, the rest."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from rasterio.crs import CRS

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_detection import CocoDetection, matching
from iqf_detection.averages import TWELVE

SHARED = Path(__file__).parents[4] / "shared" / "data"


def twelve(values):
    return [-1.0 if math.isnan(values[name]) else values[name] for name in TWELVE]


@pytest.mark.parametrize("seed", range(6))
def test_to_the_last_bit(seed, scene, files, pycocotools):
    truth, found = scene(20, 4, 12, 60, seed=seed)
    if seed % 2:  # equal scores, within an image and between images
        found = [{**one, "score": round(one["score"], 1)} for one in found]
    metric = CocoDetection()
    table = metric.match(files.output(found), files.dataset(truth))
    assert twelve(metric.aggregate(table)) == pycocotools(truth, found)


def test_shared_pictures():
    if not SHARED.is_dir():
        pytest.skip("the shared pictures are not there")
    metric = CocoDetection()
    dataset = iqf.open_dataset(SHARED / "coco10")
    table = metric.match(SHARED / "coco10-detections.json", dataset)
    known = [1, 1, 1, 1, 1, 1, 0.7012303556658395, 0.9950372208436726, 1, 1, 1, 1]
    assert twelve(metric.aggregate(table)) == pytest.approx(known, abs=1e-12)


def test_with_other_parameters(scene, files, pycocotools):
    truth, found = scene(10, 2, 30, 120, seed=3)
    metric = CocoDetection(max_detections=20, iou_thresholds=(0.3, 0.5, 0.75), area_sides=(20.0, 60.0))
    table = metric.match(files.output(found), files.dataset(truth))
    values = metric.aggregate(table)
    known = pycocotools(
        truth,
        found,
        maxDets=[1, 10, 20],
        iouThrs=np.array([0.3, 0.5, 0.75]),
        areaRng=[[0, 1e10], [0, 400], [400, 3600], [3600, 1e10]],
    )
    assert [values[name] for name in ("ar_1", "ar_10", "ar_100", "ar_small")] == known[6:8] + known[8:10]
    assert values["ap_0.75"] == known[2] > 0


def test_in_small_portions_it_is_the_same(scene, files, monkeypatch):
    truth, found = scene(20, 3, 12, 60, seed=9)
    metric = CocoDetection()
    dataset, path = files.dataset(truth), files.output(found)
    whole = metric.match(path, dataset)
    monkeypatch.setattr(matching, "PAIRS_AT_ONCE", 7)
    pd.testing.assert_frame_equal(metric.match(path, dataset), whole)


@pytest.mark.parametrize("seed", range(4))
def test_a_weight_counts_an_image_so_many_times(seed, scene, files, pycocotools):
    truth, found = scene(15, 3, 10, 40, seed=seed)
    weights = np.random.default_rng(seed).integers(0, 4, 15)
    metric = CocoDetection()
    table = metric.match(files.output(found), files.dataset(truth))
    names = [entry["file_name"] for entry in truth["images"]]
    values = metric.aggregate(table, dict(zip(names, weights.astype(float), strict=True)))
    repeated = {"images": [], "annotations": [], "categories": truth["categories"]}
    again = []
    for image, weight in enumerate(weights, start=1):
        for _ in range(weight):
            number = len(repeated["images"]) + 1
            repeated["images"].append({"id": number, "width": 640, "height": 640})
            for one in truth["annotations"]:
                if one["image_id"] == image:
                    identity = len(repeated["annotations"]) + 1
                    repeated["annotations"].append({**one, "image_id": number, "id": identity})
            again += [{**one, "image_id": number} for one in found if one["image_id"] == image]
    assert twelve(values) == pytest.approx(pycocotools(repeated, again), abs=1e-9)


def test_many_samples_at_once(scene, files, monkeypatch):
    truth, found = scene(12, 3, 8, 30, seed=2)
    metric = CocoDetection(score_threshold=0.4)
    table = metric.match(files.output(found), files.dataset(truth))
    names = [entry["file_name"] for entry in truth["images"]]
    weights = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), 25).astype(float)
    weights[3] = 0
    monkeypatch.setattr("iqf_detection.detection.AT_ONCE", 300)
    many = metric.aggregate_many(table, weights, names, [*TWELVE, "f1"])
    for row in range(25):
        one = metric.aggregate(table, dict(zip(names, weights[row], strict=True)))
        for name in (*TWELVE, "f1"):
            assert many[name][row] == pytest.approx(one[name], abs=1e-12, nan_ok=True)
    few = metric.aggregate_many(table, weights[:, :4], names[:4], ["ap"])
    one = metric.aggregate(table, dict(zip(names[:4], weights[5, :4], strict=True)))
    assert few["ap"][5] == pytest.approx(one["ap"], abs=1e-12)


def test_the_table_survives_a_csv(scene, files, tmp_path):
    truth, found = scene(8, 2, 8, 30, seed=4)
    truth["images"].append({"id": 99, "file_name": "empty.png", "width": 640, "height": 640})
    metric = CocoDetection(score_threshold=0.5)
    table = metric.match(files.output(found), files.dataset(truth))
    assert table[table["kind"] == "image"]["image"].tolist() == ["empty.png"]
    table.to_csv(tmp_path / "table.csv", index=False)
    again = pd.read_csv(tmp_path / "table.csv")
    assert metric.aggregate(again) == metric.aggregate(table)


def square(x, y, side=20.0, **more):
    return {"bbox": [x, y, side, side], "category_id": 1, "image_id": 1, **more}


@pytest.fixture
def simple():
    """Four objects in one image, a second image without any."""
    images = [{"id": n, "file_name": f"{n}.tif", "width": 64, "height": 64} for n in (1, 2)]
    corners = [(0, 0), (40, 0), (0, 40), (40, 40)]
    objects = [square(x, y, id=n + 1, area=400.0, iscrowd=0) for n, (x, y) in enumerate(corners)]
    return {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "car"}]}


def test_by_hand(simple, files):
    """Right, wrong, right, a false alarm on the empty image: precision 1 up to recall 1/4, 2/3 up to 1/2."""
    found = [
        square(0, 0, score=0.9),
        square(20, 20, score=0.8),
        square(41, 0, score=0.7),
        square(5, 5, score=0.6, image_id=2),
    ]
    metric = CocoDetection(score_threshold=0.65)
    values = metric.aggregate(metric.match(files.output(found), files.dataset(simple)))
    assert values["ap_0.5"] == pytest.approx((26 * 1 + 25 * 2 / 3) / 101)
    assert (values["precision"], values["recall"]) == (pytest.approx(2 / 3), 0.5)
    assert values["f1"] == pytest.approx(4 / 7)
    assert (values["objects"], values["detections"], values["capped"]) == (4, 4, 0)


def test_finding_nothing_is_legal_and_scores_nothing(simple, files):
    metric = CocoDetection(score_threshold=0.5)
    table = metric.match(files.output([]), files.dataset(simple))
    values = metric.aggregate(table)
    assert (values["ap"], values["ar_100"], values["recall"], values["f1"]) == (0, 0, 0, 0)
    assert values["precision"].reason == "no detection reaches score_threshold"
    assert values["ap_large"].reason == "no large object of any weight is to be found"


def test_reaching_the_limit_is_said_with_the_count(simple, files, caplog):
    metric = CocoDetection(max_detections=2)
    found = [square(0, 0, score=0.9 - n / 10) for n in range(4)]
    with caplog.at_level(logging.WARNING, logger="iqf"):
        table = metric.match(files.output(found), files.dataset(simple))
    assert "1 images reached max_detections=2 in a class, first 1.tif" in caplog.text
    values = metric.aggregate(table)
    assert (values["capped"], values["detections"]) == (1, 2)


def test_sizes_in_metres(simple, files):
    """Pixels of 0.5 m: a square of 20 px is 10 m wide, and no longer smaller than 32."""
    geo = Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 7e5, 0, -0.5, 4e6))
    image = iqf.Image.from_array(np.zeros((64, 64, 4), np.uint16), geo=geo)
    dataset, path = files.dataset(simple, image=image), files.output([square(0, 0, score=1.0)])
    for metric, name in (
        (CocoDetection(area_unit="m", area_sides=(5.0, 12.0)), "medium"),
        (CocoDetection(area_unit="m", area_sides=(5.0, 12.0), gsd_m=1.0), "medium"),  # the image says 0.5
        (CocoDetection(area_sides=(25.0, 40.0)), "small"),
    ):
        table = metric.match(path, dataset)
        assert metric.aggregate(table)[f"ar_{name}"] == 0.25
        assert table["area"].max() == 400
    plain = files.dataset(simple, name="plain")
    with pytest.raises(iqf.ParameterError, match=r"1\.tif: no projected georeference .* give gsd_m="):
        CocoDetection(area_unit="m").match(path, plain)
    given = CocoDetection(area_unit="m", area_sides=(5.0, 12.0), gsd_m=1.0)
    assert given.aggregate(given.match(path, plain))["ar_large"] == 0.25


def test_some_classes_alone(scene, files, pycocotools):
    truth, found = scene(10, 4, 10, 40, seed=5)
    metric = CocoDetection(classes=("class 2", "class 4"))
    table = metric.match(files.output(found), files.dataset(truth))
    assert set(table["class"].dropna()) == {"class 2", "class 4"}
    assert metric.aggregate(table)["ap"] == pycocotools(truth, found, catIds=[2, 4])[0]
    with pytest.raises(iqf.ParameterError, match=r"no class 'class'\. Did you mean"):
        CocoDetection(classes=("class",)).match(files.output(found), files.dataset(truth, name="again"))


def test_each_class_by_itself_and_the_curves(scene, files, pycocotools):
    truth, found = scene(10, 3, 10, 40, seed=6)
    metric = CocoDetection(score_threshold=0.3)
    table = metric.match(files.output(found), files.dataset(truth))
    details = metric.details(table)
    classes = details["classes"].set_index("class")
    for number in (1, 2, 3):
        known = pycocotools(truth, found, catIds=[number])
        row = classes.loc[f"class {number}"]
        assert [-1 if math.isnan(row[name]) else row[name] for name in TWELVE] == known
    curves = details["curves"]
    half = curves[(curves["size"] == "all") & (curves["iou"] == 0.5)]
    assert half.groupby("class")["precision"].mean().mean() == pytest.approx(
        metric.aggregate(table)["ap_0.5"]
    )
    assert (half["recall"].iloc[:101].to_numpy() == np.round(np.linspace(0, 1, 101), 10)).all()


def test_the_score_threshold_is_the_one_of_the_best_f1(scene, files):
    truth, found = scene(20, 2, 8, 30, seed=7)
    metric = CocoDetection()
    dataset, path = files.dataset(truth), files.output(found)
    table = metric.match(path, dataset)
    assert metric.aggregate(table)["f1"].reason.startswith("no score_threshold")
    chosen = metric.calibrate(table)
    best = chosen.aggregate(table)["f1"]
    for score in np.linspace(0, 1, 41):
        values = CocoDetection(score_threshold=float(score)).aggregate(table)
        assert not values["f1"] > best + 1e-12
    assert chosen.aggregate(table)["score_threshold"] == chosen.score_threshold
    given = CocoDetection(score_threshold=0.25)
    assert given.calibrate(table) is given
    assert metric.calibrate(metric.match(files.output([]), dataset)) == metric


def test_a_class_of_which_there_is_nothing(simple, files):
    truth = {**simple, "categories": [*simple["categories"], {"id": 2, "name": "ship"}]}
    metric = CocoDetection(classes=("ship",), score_threshold=0.5)
    table = metric.match(files.output([square(0, 0, score=0.9)]), files.dataset(truth))
    values = metric.aggregate(table)
    assert "no object of any weight" in values["ap"].reason
    assert metric.details(table)["curves"].empty


def test_unsound_ground_truth(simple, files, caplog):
    twice = {**simple, "images": [simple["images"][0], {**simple["images"][1], "id": 1}]}
    with pytest.raises(iqf.DatasetError, match="two images have the id 1"):
        CocoDetection().match(files.output([]), files.dataset(twice))
    text = {**simple, "annotations": [{**one, "iscrowd": "0"} for one in simple["annotations"]]}
    table = CocoDetection().match(files.output([]), files.dataset(text, name="text"))
    assert CocoDetection().aggregate(table)["objects"] == 4
    dataset = files.dataset(simple, name="absent")
    (dataset.images_dir / "2.tif").unlink()
    with caplog.at_level(logging.WARNING, logger="iqf"):
        CocoDetection().match(files.output([]), iqf.open_dataset(dataset.root))
    assert "1 images of the ground truth are not in the folder, first 2.tif" in caplog.text


def test_names_will_do_for_ids(simple, files):
    found = [{"image": "1.png", "category": "car", "bbox": [0, 0, 20, 20], "score": 1}]
    metric = CocoDetection()
    assert metric.aggregate(metric.match(files.output(found), files.dataset(simple)))["ar_1"] == 0.25


def test_a_view_of_a_dataset_passes_over_what_it_leaves_out(scene, files):
    truth, found = scene(6, 2, 8, 30, seed=8)
    whole = files.dataset(truth)
    metric = CocoDetection()
    part = metric.match(files.output(found), whole.subset(whole.images[:3]))
    assert part["image"].nunique() == 3
    every = metric.match(files.output(found), whole)
    weights = dict.fromkeys(whole.images[3:], 0.0)
    assert metric.aggregate(part)["ap"] == pytest.approx(metric.aggregate(every, weights)["ap"])


def test_a_dataset_without_objects_is_refused(simple, files):
    with pytest.raises(iqf.DatasetError, match="no object in its ground truth"):
        CocoDetection().match(files.output([]), files.dataset({**simple, "annotations": []}))


@pytest.mark.parametrize("where", ["pixels", "world", "elsewhere", "nowhere"])
def test_geojson_is_a_ground_truth_too(where, files, tmp_path):
    root = tmp_path / "geo"
    (root / "images").mkdir(parents=True)
    crs, transform = CRS.from_epsg(32616), Affine(0.5, 0, 7e5, 0, -0.5, 4e6)
    geo = None if where in ("pixels", "nowhere") else Geo(crs=crs, transform=transform)
    iqf.write_image(root / "images" / "a.tif", iqf.Image.from_array(np.zeros((64, 64, 1), np.uint8), geo=geo))
    ring = [(10, 10), (30, 10), (30, 40), (10, 40), (10, 10)]
    if where == "world":
        ring = [transform @ point for point in ring]
    feature = {
        "type": "Feature",
        "properties": {"image_filename": "a.tif", "class_id": 3},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    truth = {"type": "FeatureCollection", "features": [feature]}
    if where != "pixels":
        truth["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32616"}}
    (root / "truth.geojson").write_text(json.dumps(truth))
    found = files.output([{"image": "a.tif", "category": "3", "bbox": [10, 10, 20, 30], "score": 0.5}])
    metric, dataset = CocoDetection(), iqf.open_dataset(root)
    if where in ("pixels", "world"):
        assert metric.aggregate(metric.match(found, dataset))["ap"] == pytest.approx(1)
        return
    said = {"elsewhere": r"far off the image.*EPSG:32616", "nowhere": "need a georeferenced image"}[where]
    with pytest.raises(iqf.DatasetError, match=rf"a\.tif: .*{said}"):
        metric.match(found, dataset)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iou_thresholds": (0.0, 0.5)},
        {"iou_thresholds": (0.75, 0.5)},
        {"iou_thresholds": ()},
        {"area_sides": (96.0, 32.0)},
        {"max_detections": 0},
        {"score_threshold": 1.5},
        {"gsd_m": -1.0},
    ],
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(iqf.ParameterError):
        CocoDetection(**wrong)


def test_a_table_of_other_thresholds_is_refused(scene, files):
    truth, found = scene(4, 2, 8, 10, seed=1)
    table = CocoDetection().match(files.output(found), files.dataset(truth))
    with pytest.raises(iqf.ParameterError, match="matched at 10 thresholds of overlap, and 1 are asked for"):
        CocoDetection(iou_thresholds=(0.5,)).aggregate(table)
    with pytest.raises(iqf.ParameterError, match="not a table of detections"):
        CocoDetection().aggregate(table[["image", "group"]])
