"""Oriented detection: upright it is COCO's, turned it is what plain Python and shapely find."""

from __future__ import annotations

import json
import math

import cv2
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_core.testing import prediction_laws
from iqf_detection.coco import CocoDetection
from iqf_detection.oriented import OrientedDetection
from iqf_detection.quads import corners_of_rotated, quad_around, quad_overlaps, uncrossed

SQUARE = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]
AREAS = {"": (0, 1e10), "_small": (0, 32**2), "_medium": (32**2, 96**2), "_large": (96**2, 1e10)}
THRESHOLDS = [0.5 + 0.05 * step for step in range(10)]


def iou(one, other, *, crowd=False):
    found = quad_overlaps(np.array([one], float), np.array([other], float), np.array([crowd]))
    return found.item()


def flat(quad):
    return [float(value) for point in quad for value in point]


# ---------------------------------------------------------------- upright


def as_poly(one):
    x, y, w, h = one.pop("bbox")
    return {**one, "poly": [x, y, x + w, y, x + w, y + h, x, y + h]}


def as_obb(one):
    x, y, w, h = one.pop("bbox")
    return {**one, "obb": [x + w / 2, y + h / 2, w, h, 0]}


def as_turned_obb(one):
    x, y, w, h = one.pop("bbox")
    return {**one, "obb": [x + w / 2, y + h / 2, h, w, -90]}


@pytest.mark.parametrize("way", [dict, as_poly, as_obb, as_turned_obb])
def test_upright_boxes_are_scored_as_by_coco(way, scene, files):
    truth, found = scene(20, 3, 10, 50, seed=4)
    dataset, path = files.dataset(truth), files.output(found)
    turned = files.output([way(dict(one)) for one in found], "turned.json")
    score = {"score_threshold": 0.4}
    coco, oriented = CocoDetection(**score), OrientedDetection(**score)
    known = coco.aggregate(coco.match(path, dataset))
    values = oriented.aggregate(oriented.match(turned, dataset))
    assert values == pytest.approx(known, abs=1e-9)
    assert 0.1 < values["ap"] < values["ap_0.5"] < 0.9


# ---------------------------------------------------------------- turned


def some_quad(rng):
    """A rotated box, or some quadrilateral: convex or with a dent."""
    centre, sides = rng.uniform(0, 300, 2), np.exp(rng.uniform(np.log(8), np.log(150), 2))
    if rng.random() < 0.7:
        return np.array(corners_of_rotated([*centre, *sides, rng.uniform(-180, 180)]))
    angles = (np.arange(4) + rng.uniform(0, 0.7, 4)) * math.pi / 2
    return centre + rng.uniform(0.2, 1, (4, 1)) * sides.max() * np.c_[np.cos(angles), np.sin(angles)]


def random_scenes(count, seed):
    rng = np.random.default_rng(seed)
    truth = {"images": [], "annotations": [], "categories": [{"id": c, "name": f"c{c}"} for c in (1, 2)]}
    found = []
    for image in range(1, count + 1):
        truth["images"].append({"id": image, "file_name": f"{image:03d}.png"})
        for _ in range(rng.poisson(5)):
            quad, label = some_quad(rng), int(rng.integers(1, 3))
            entry = {"image_id": image, "category_id": label}
            crowd = {"iscrowd": int(rng.random() < 0.1), "segmentation": [flat(quad)]}
            truth["annotations"].append({**entry, **crowd, "id": len(truth["annotations"])})
            for _ in range(rng.poisson(1.5)):
                near = quad + rng.normal(0, 0.06, (4, 2)) * np.ptp(quad, axis=0)
                found.append({**entry, "poly": flat(uncrossed(tuple(map(tuple, near))))})
        for _ in range(rng.poisson(2)):
            box = [*rng.uniform(0, 300, 2), *rng.uniform(5, 100, 2), rng.uniform(-400, 400)]
            found.append({"image_id": image, "category_id": int(rng.integers(1, 3)), "obb": box})
    return truth, [{**one, "score": score} for one, score in zip(found, rng.random(len(found)), strict=True)]


def polygon_of(entry):
    if "segmentation" in entry:
        return shapely.Polygon(np.reshape(entry["segmentation"][0], (4, 2)))
    if "poly" in entry:
        return shapely.Polygon(np.reshape(entry["poly"], (4, 2)))
    x, y, width, height, angle = entry["obb"]
    box = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return shapely.affinity.rotate(box, angle, origin=(x, y))


def pairs_of(truth, found):
    """Detections by score, objects, and their overlaps, image by image."""
    for image in truth["images"]:
        for label in (1, 2):
            mine = {"image_id": image["id"], "category_id": label}
            objects = [one for one in truth["annotations"] if mine.items() <= one.items()]
            seen = sorted(
                (one for one in found if mine.items() <= one.items()), key=lambda one: -one["score"]
            )
            shapes, others = [polygon_of(one) for one in objects], [polygon_of(one) for one in seen]
            overlap = [
                [
                    o.intersection(s).area / (o.area if thing["iscrowd"] else o.union(s).area)
                    for s, thing in zip(shapes, objects, strict=True)
                ]
                for o in others
            ]
            yield label, objects, [s.area for s in shapes], seen, [o.area for o in others], overlap


def by_hand(pairs, label, area, threshold, limit=100):
    """Number demanded, and (score, right) of every detection that counts."""
    low, high = area
    demanded, judged = 0, []
    for one, objects, areas, seen, sizes, overlap in pairs:
        if one != label:
            continue
        ignored = [bool(t["iscrowd"]) or not low <= a <= high for t, a in zip(objects, areas, strict=True)]
        demanded += ignored.count(False)
        free = set(range(len(objects)))
        for rank, detection in enumerate(seen[:limit]):
            fits = [
                index
                for index, share in enumerate(overlap[rank])
                if share >= threshold and (index in free or objects[index]["iscrowd"])
            ]
            if not fits:
                if low <= sizes[rank] <= high:
                    judged.append((detection["score"], False))
                continue
            best = max(fits, key=lambda index: (not ignored[index], overlap[rank][index]))
            free.discard(best)
            if not ignored[best]:
                judged.append((detection["score"], True))
    return demanded, sorted(judged, reverse=True)


def precision_by_hand(demanded, judged):
    points, right = [], 0
    for number, (_, good) in enumerate(judged, 1):
        right += good
        points.append((right / demanded, right / number))
    levels = np.linspace(0, 1, 101)  # not k / 100: some differ by a bit, and recalls are often equal to one
    reached = [[p for r, p in points if r >= level] for level in levels]
    return sum(max(values, default=0.0) for values in reached) / 101


def test_200_scenes_are_scored_as_by_hand(files):
    truth, found = random_scenes(200, seed=11)
    metric = OrientedDetection()
    values = metric.aggregate(metric.match(files.output(found), files.dataset(truth)))
    pairs = list(pairs_of(truth, found))
    for name, area in AREAS.items():
        counted = {t: [by_hand(pairs, label, area, t) for label in (1, 2)] for t in THRESHOLDS}
        means = {t: np.mean([precision_by_hand(*one) for one in two]) for t, two in counted.items()}
        assert values[f"ap{name}"] == pytest.approx(np.mean(list(means.values())), abs=1e-9)
        recalls = [sum(good for _, good in judged) / n for two in counted.values() for n, judged in two]
        assert values[f"ar{name or '_100'}"] == pytest.approx(np.mean(recalls), abs=1e-9)
        if not name:
            assert values["ap_0.5"] == pytest.approx(means[0.5], abs=1e-9)
            assert 0.1 < values["ap"] < values["ap_0.5"] < 0.95
            assert values["objects"] == sum(n for n, _ in counted[0.5])
    first = [by_hand(pairs, label, AREAS[""], t, limit=1) for t in THRESHOLDS for label in (1, 2)]
    assert values["ar_1"] == pytest.approx(np.mean([sum(g for _, g in j) / n for n, j in first]), abs=1e-9)


# ---------------------------------------------------------------- overlaps


def test_overlaps_in_closed_form():
    turned = corners_of_rotated([1, 1, 2, 2, 45])
    assert iou(SQUARE, turned) == pytest.approx(math.sqrt(0.5), abs=1e-12)
    assert iou(SQUARE, SQUARE) == 1
    assert iou(SQUARE, SQUARE[::-1]) == 1
    assert iou(SQUARE, np.add(SQUARE, [2, 0])) == 0  # they touch
    assert iou(SQUARE, np.array(SQUARE) * 3, crowd=True) == 1
    assert iou(np.array(SQUARE) * 3, SQUARE, crowd=True) == pytest.approx(1 / 9)
    dart = [[0, 0], [4, 0], [1, 1], [0, 4]]
    assert iou(dart, SQUARE) == pytest.approx((8 / 3) / (4 + 4 - 8 / 3))


@pytest.mark.parametrize(
    "flat_quad",
    [
        [[1, 1], [1, 1], [1, 1], [1, 1]],
        [[0, 0], [1, 1], [2, 2], [0.5, 0.5]],
        [[0, 1], [2, 1], [2, 1], [0, 1]],
        [[0, 0], [2, 0], [1, 0], [2, 0]],
    ],
)
def test_what_has_no_area_overlaps_nothing(flat_quad):
    assert iou(flat_quad, SQUARE) == iou(SQUARE, flat_quad) == iou(flat_quad, flat_quad) == 0


def test_corners_on_a_side_leave_the_rest():
    assert iou([[0, 0], [4, 0], [4, 4], [2, 0]], [[2, 0], [4, 0], [4, 4], [2, 0]]) == 1


corners = st.lists(st.tuples(*[st.integers(0, 3) | st.floats(-5, 5)] * 2), min_size=4, max_size=4)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(corners, corners)
def test_any_corners_give_a_share(one, other):
    a, b = uncrossed(tuple(one)), uncrossed(tuple(other))
    share = iou(a, b)
    assert 0 <= share <= 1
    assert iou(b, a) == pytest.approx(share, abs=1e-9)
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = a
    area = abs((cx - ax) * (dy - by) - (cy - ay) * (dx - bx)) / 2  # half the product of the diagonals
    if area > 1e-6:
        assert iou(a, a) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (0, 1, 3, 2), (3, 2, 1, 0), (2, 1, 3, 0)])
def test_crossed_corners_are_put_in_order(order):
    mixed = tuple(tuple(SQUARE[index]) for index in order)
    assert shapely.Polygon(uncrossed(mixed)).area == 4
    assert iou(uncrossed(mixed), SQUARE) == 1


def test_dents_are_kept():
    dart = ((0, 0), (4, 0), (1, 1), (0, 4))
    assert uncrossed(dart) == dart


@pytest.mark.parametrize("angle", [0, 30, 90, -45, 179, 270])
def test_angles_are_opencv_s(angle):
    box = [40.0, 30.0, 20.0, 6.0, angle]
    known = cv2.boxPoints(((40.0, 30.0), (20.0, 6.0), float(angle)))
    found = corners_of_rotated(box)
    assert sorted(map(tuple, np.round(found, 3))) == sorted(map(tuple, np.round(known.astype(float), 3)))


def test_other_corners_become_the_smallest_rectangle():
    box = corners_of_rotated([50, 40, 30, 10, 27])
    a, b, c, d = (np.array(corner) for corner in box)
    cut = [tuple(p) for p in (a, b, b + (c - b) * 0.6, c + (d - c) * 0.5, d)]
    assert iou(quad_around(cut), box) == pytest.approx(1, abs=1e-9)
    assert quad_around([*box, box[0]]) == box
    assert quad_around([(1, 1), (3, 3), (2, 2)]) == ((1, 1), (3, 3), (3, 3), (1, 1))
    assert quad_around([(1, 1)]) == ((1, 1),) * 4


# ---------------------------------------------------------------- what is read


def one_object(files, **place):
    annotation = {"id": 1, "image_id": 1, "category_id": 1, **place}
    categories = [{"id": 1, "name": "ship"}, {"id": 2, "name": "plane"}]
    images = [{"id": 1, "file_name": "a.png"}]
    return files.dataset({"images": images, "annotations": [annotation], "categories": categories})


def ap_of(metric, dataset, path):
    return metric.aggregate(metric.match(path, dataset))["ap"]


BOX = [10, 20, 30, 10]
TURNED = corners_of_rotated([50, 40, 30, 10, 27])


@pytest.mark.parametrize(
    ("truth", "place"),
    [
        ({"bbox": BOX}, {"bbox": BOX}),
        ({"bbox": BOX}, {"obb": [25, 25, 10, 30, 90]}),
        ({"bbox": BOX}, {"poly": [10, 20, 40, 20, 40, 30, 10, 30], "bbox": [0, 0, 1, 1]}),
        ({"bbox": BOX}, {"poly": [10, 20, 40, 30, 40, 20, 10, 30]}),  # crossed
        ({"segmentation": [flat(TURNED)], "bbox": BOX}, {"obb": [50, 40, 30, 10, 27], "bbox": BOX}),
        ({"segmentation": [flat([*TURNED, TURNED[0]])]}, {"obb": [50, 40, 30, 10, 27 + 180]}),
        ({"segmentation": [flat(TURNED[:3]), flat(TURNED[1:])]}, {"obb": [50, 40, 30, 10, 27]}),
    ],
)
def test_places_are_said_in_three_ways(truth, place, files):
    found = files.output([{"image_id": 1, "category": "ship", "score": 0.9, **place}])
    assert ap_of(OrientedDetection(), one_object(files, **truth), found) == pytest.approx(1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, r"says no place; write poly \[x1, .*\], obb \[centre x, .*\] or bbox \[x, y, width, height\]"),
        (
            {"poly": [1, 2, 3, 4]},
            r"poly is \[1, 2, 3, 4\]; write 8 numbers \[x1, y1, x2, y2, x3, y3, x4, y4\]",
        ),
        ({"poly": [[1, 2], [3, 4], [5, 6], [7, 8]]}, "write 8 numbers"),
        ({"poly": [1, 2, 3, 4, 5, 6, 7, math.nan]}, "is no place in an image"),
        ({"poly": "0 0 1 0 1 1 0 1"}, "write 8 numbers"),
        ({"obb": [1, 2, 3, 4]}, r"write 5 numbers \[centre x, centre y, width, height, angle in degrees\]"),
        ({"obb": [1, 2, 3, -4, 0]}, r"obb \[1, 2, 3, -4, 0\] has a negative side; write \[centre x"),
        ({"obb": [1, 2, 3, 4, math.inf]}, "is no place in an image"),
        ({"bbox": [1, 2, -3, 4]}, "has a negative side"),
    ],
)
def test_the_first_unsound_place_is_named(wrong, said, files):
    good = {"image_id": 1, "category_id": 1, "score": 0.9, "bbox": BOX}
    bad = {"image_id": 1, "category_id": 1, "score": 0.9, **wrong}
    path = files.output([good, bad, {}])
    with pytest.raises(iqf.OutputError, match=rf"output\.json: entry 1: .*{said}"):
        OrientedDetection().match(path, one_object(files, bbox=BOX))


@pytest.mark.parametrize("poly", [[5, 5, 5, 5, 5, 5, 5, 5], [10, 20, 40, 30, 40, 30, 10, 20]])
def test_a_detection_without_area_is_a_false_alarm(poly, files):
    entry = {"image_id": 1, "category_id": 1}
    path = files.output([{**entry, "score": 0.9, "poly": poly}, {**entry, "score": 0.8, "bbox": BOX}])
    metric = OrientedDetection(score_threshold=0.5)
    values = metric.aggregate(metric.match(path, one_object(files, bbox=BOX)))
    assert (values["precision"], values["recall"], values["ap"]) == pytest.approx((0.5, 1, 0.5))


def test_a_class_without_objects_is_empty(files):
    path = files.output([{"image_id": 1, "category_id": 2, "score": 0.9, "bbox": BOX}])
    metric = OrientedDetection(classes=("plane",))
    values = metric.aggregate(metric.match(path, one_object(files, bbox=BOX)))
    assert math.isnan(values["ap"])
    assert (values["objects"], values["detections"]) == (0, 1)


def test_polygons_in_the_world(tmp_path):
    transform = Affine(0.5, 0, 733600, 0, -0.5, 3725139)
    geo = Geo(crs=CRS.from_epsg(32616), transform=transform)
    (tmp_path / "scenes" / "images").mkdir(parents=True)
    image = iqf.Image.from_array(np.zeros((80, 100, 1), np.uint8), geo=geo)
    iqf.write_image(tmp_path / "scenes" / "images" / "a.tif", image)
    ring = [list(transform @ corner) for corner in [*TURNED, TURNED[0]]]
    feature = {
        "type": "Feature",
        "properties": {"image_filename": "a.tif", "class_id": "ship"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    truth = {"type": "FeatureCollection", "features": [feature]}
    (tmp_path / "scenes" / "a.geojson").write_text(json.dumps(truth))
    (tmp_path / "output.json").write_text(
        json.dumps([{"image": "a", "category": "ship", "score": 1, "obb": [50, 40, 30, 10, 27]}])
    )
    dataset = iqf.open_dataset(tmp_path / "scenes")
    assert ap_of(OrientedDetection(), dataset, tmp_path / "output.json") == pytest.approx(1)


# ---------------------------------------------------------------- laws


def example(folder):
    truth, found = random_scenes(6, seed=2)
    root = folder / "scenes"
    (root / "images").mkdir(parents=True)
    for entry in truth["images"]:
        image = iqf.Image.from_array(np.zeros((2, 2, 1), np.uint8))
        iqf.write_image(root / "images" / entry["file_name"], image)
    (root / "annotations.json").write_text(json.dumps(truth))
    (folder / "output.json").write_text(json.dumps(found))
    return folder / "output.json", iqf.open_dataset(root)


LAWS = prediction_laws(OrientedDetection(score_threshold=0.5, iou_thresholds=(0.3, 0.5)), example)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws(law):
    law.check()
