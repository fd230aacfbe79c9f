"""COCO, DOTA and GeoJSON into each other: nothing is lost that is not named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_detection.coco import CocoDetection
from iqf_detection.conversion import command, convert
from iqf_detection.oriented import OrientedDetection
from iqf_detection.quads import corners_of_rotated

CLASSES = ("plane", "ship", "large-vehicle")
TRANSFORM = Affine(0.5, 0, 733600, 0, -0.5, 3725139)


def write_images(root, names, *, geo=None):
    (root / "images").mkdir(parents=True)
    for name in names:
        pixels = np.zeros((60, 80, 1), np.uint8)
        iqf.write_image(root / "images" / name, iqf.Image.from_array(pixels, geo=geo))
    return root


def flat(points):
    return [float(value) for point in points for value in point]


def random_dota(root, seed, *, count=4, geo=None, header=True):
    """Some images, with quadrilaterals of which some are difficult."""
    rng = np.random.default_rng(seed)
    write_images(root, [f"P{index}.tif" for index in range(count)], geo=geo)
    (root / "labelTxt").mkdir()
    for index in range(count):
        lines = ["imagesource:GoogleEarth", "gsd:0.15"] if header else []
        for _ in range(rng.poisson(4) + (index == 0)):
            box = [*rng.uniform(10, 50, 2), *rng.uniform(3, 20, 2), rng.uniform(-90, 90)]
            quad = " ".join(f"{value:.2f}" for value in flat(corners_of_rotated(box)))
            lines.append(f"{quad} {rng.choice(CLASSES)} {rng.choice([0, 0, 0, 1, 2])}")
        (root / "labelTxt" / f"P{index}.txt").write_text("".join(f"{line}\n" for line in lines))
    return iqf.open_dataset(root, annotations=root / "labelTxt")


def coco(root, annotations, **more):
    write_images(root, ["a.png", "b.png"])
    truth = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "annotations": [
            {"id": i, "image_id": 7, "category_id": 1, **one} for i, one in enumerate(annotations)
        ],
        "categories": [{"id": 1, "name": "ship"}],
        **more,
    }
    (root / "annotations.json").write_text(json.dumps(truth))
    return iqf.open_dataset(root)


def geojson(root, geometry, **properties):
    write_images(root, ["a.png"])
    named = {"image_filename": "a.png", "class_id": "lake", **properties}
    feature = {"type": "Feature", "properties": named, "geometry": geometry}
    (root / "lakes.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return iqf.open_dataset(root)


def facts(dataset, *, digits=6):
    """What is said of objects, whatever the format: image, class, corners, difficulty."""
    found = []
    for record in dataset.records:
        for thing in record.things:
            ring = thing.polygons[0][0]
            ring = ring[:-1] if ring[0] == ring[-1] else ring
            said = thing.extras.get("properties") or thing.extras
            corners = tuple(tuple(round(float(value), digits) for value in point) for point in ring)
            found.append((record.image, str(thing.label), corners, said.get("difficult", 0)))
    return found


def names_of(dataset, path):
    return iqf.open_dataset(dataset.root, annotations=path)


# ---------------------------------------------------------------- nothing is lost


@pytest.mark.parametrize("seed", range(3))
def test_dota_to_coco_and_back_is_the_same(seed, tmp_path):
    dataset = random_dota(tmp_path / "scenes", seed)
    done = convert(dataset, "coco", tmp_path / "coco.json")
    assert (done.images, done.lost) == (4, {})
    there = names_of(dataset, tmp_path / "coco.json")
    assert facts(there) == facts(dataset)
    convert(there, "dota", tmp_path / "back")
    numbers = [line.read_text().split() for line in sorted((tmp_path / "back").iterdir())]
    before = [line.read_text().split() for line in sorted((dataset.root / "labelTxt").iterdir())]
    assert [_parsed(words) for words in numbers] == [_parsed(words) for words in before]


def _parsed(words):
    return [float(word) if word.lstrip("-").replace(".", "").isdigit() else word for word in words]


@pytest.mark.parametrize("geo", [None, Geo(crs=CRS.from_epsg(32616), transform=TRANSFORM)])
def test_dota_to_geojson_to_coco_and_back(geo, tmp_path):
    dataset = random_dota(tmp_path / "scenes", 5, geo=geo, header=False)
    convert(dataset, "geojson", tmp_path / "a.geojson")
    first = names_of(dataset, tmp_path / "a.geojson")
    convert(first, "coco", tmp_path / "a.json")
    convert(names_of(dataset, tmp_path / "a.json"), "dota", tmp_path / "back")
    assert facts(names_of(dataset, tmp_path / "back"), digits=5) == facts(dataset, digits=5)
    point = first.records[0].things[0].polygons[0][0][0]
    assert (point[0] > 1000) is (geo is not None)


def test_coco_to_geojson_and_back(tmp_path):
    square = [1, 1, 9, 1, 9, 9, 1, 9]
    pentagon = [20, 1, 30, 1, 30, 9, 25, 14, 20, 9]
    annotations = [
        {"segmentation": [pentagon], "bbox": [20, 1, 10, 13], "area": 105.0, "iscrowd": 0, "note": "é"},
        {"segmentation": [square, pentagon], "bbox": [1, 1, 29, 13], "area": 169.0, "iscrowd": 1},
    ]
    whole = {"info": {"year": 2026}, "categories": [{"id": 4, "name": "ship", "supercategory": "boat"}]}
    annotations = [{**one, "category_id": 4} for one in annotations]
    dataset = coco(tmp_path / "scenes", annotations, **whole)
    assert convert(dataset, "geojson", tmp_path / "a.geojson").lost == {}
    feature = json.loads((tmp_path / "a.geojson").read_text())["features"][1]
    assert feature["geometry"]["type"] == "MultiPolygon"
    assert feature["properties"] == {"image_filename": "a.png", "class_id": "ship", "iscrowd": 1}
    convert(names_of(dataset, tmp_path / "a.geojson"), "coco", tmp_path / "back.json")
    back = json.loads((tmp_path / "back.json").read_text())
    assert {key: back[key] for key in whole} == whole
    assert [_without_ids(one) for one in back["annotations"]] == annotations
    assert [image["file_name"] for image in back["images"]] == ["a.png", "b.png"]
    assert [(image["width"], image["height"]) for image in back["images"]] == [(80, 60)] * 2


def _without_ids(annotation):
    return {key: value for key, value in annotation.items() if key not in ("id", "image_id")}


def test_boxes_become_corners(tmp_path):
    dataset = coco(tmp_path / "scenes", [{"bbox": [1, 2, 10, 5], "area": 50, "iscrowd": 0}])
    assert convert(dataset, "dota", tmp_path / "labelTxt").lost == {}
    assert (tmp_path / "labelTxt" / "a.txt").read_text() == "1 2 11 2 11 7 1 7 ship 0\n"
    assert (tmp_path / "labelTxt" / "b.txt").read_text() == ""


@pytest.mark.parametrize("metric", [CocoDetection, OrientedDetection])
def test_scores_are_the_same_in_every_format(metric, tmp_path):
    dataset = random_dota(tmp_path / "scenes", 7, header=False)
    rng = np.random.default_rng(1)
    found = [
        {"image": image, "category": label, "poly": moved.tolist(), "score": float(rng.random())}
        for image, label, corners, _ in facts(dataset)
        for moved in [np.ravel(corners) + rng.normal(0, 1, 8)]
    ]
    for one in found:
        x, y = one["poly"][0::2], one["poly"][1::2]
        one["bbox"] = [min(x), min(y), max(x) - min(x), max(y) - min(y)]
    (tmp_path / "output.json").write_text(json.dumps(found))
    convert(dataset, "coco", tmp_path / "a.json")
    convert(dataset, "geojson", tmp_path / "a.geojson")
    made = metric(score_threshold=0.5)
    truths = [dataset, *(names_of(dataset, tmp_path / name) for name in ("a.json", "a.geojson"))]
    first, *others = ({**made.aggregate(made.match(tmp_path / "output.json", one))} for one in truths)
    for values in others:
        assert values == pytest.approx(first, abs=1e-9, nan_ok=True)
    assert 0.1 < first["ap"] < 1


# ---------------------------------------------------------------- what would be lost


TRIANGLE, QUAD = [1, 1, 9, 1, 9, 9], [1, 1, 9, 1, 9, 9, 1, 9]
RUNS = {"size": [60, 80], "counts": [61, 5, 4734]}


@pytest.mark.parametrize(
    ("annotation", "to", "said"),
    [
        ({"segmentation": [TRIANGLE]}, "dota", "a polygon of other than four corners, or several"),
        ({"segmentation": [QUAD, QUAD]}, "dota", "a polygon of other than four corners, or several"),
        ({"segmentation": RUNS, "bbox": [1, 1, 1, 5]}, "dota", "a mask of run lengths"),
        ({"segmentation": RUNS, "bbox": [1, 1, 1, 5]}, "geojson", "a mask of run lengths"),
        ({"segmentation": [QUAD], "iscrowd": 1}, "dota", "'iscrowd', where DOTA has 'difficult' for both"),
        ({"segmentation": [QUAD], "area": 12}, "dota", "a stated area that is not that of the shape"),
        ({"segmentation": [QUAD], "area": 12}, "geojson", "a stated area that is not that of the shape"),
        ({"segmentation": [QUAD], "bbox": [0, 0, 9, 9]}, "dota", "a box that is not the one around"),
        ({"segmentation": [QUAD], "bbox": [0, 0, 9, 9]}, "geojson", "a box that is not the one around"),
        ({"segmentation": [QUAD], "colour": "red"}, "dota", "the attribute 'colour'"),
        ({"segmentation": [QUAD], "keypoints": [1, 1, 2]}, "geojson", "the attribute 'keypoints'"),
        ({"segmentation": [QUAD], "group": 3}, "geojson", "the attribute 'group', whose name GeoJSON has"),
        (
            {"segmentation": [QUAD], "difficult": 7, "iscrowd": 1},
            "dota",
            "a difficulty that is not 0, 1 or 2",
        ),
        ({"caption": "nowhere"}, "geojson", "an object without box or polygon"),
    ],
)
def test_what_of_an_object_would_be_lost_is_named(annotation, to, said, tmp_path):
    dataset = coco(tmp_path / "scenes", [{"segmentation": [QUAD]}, annotation])
    path = tmp_path / ("labelTxt" if to == "dota" else "a.geojson")
    with pytest.raises(iqf.DatasetError, match=rf"annotations\.json: {to} cannot say: .*{said}.*\(a\.png\)"):
        convert(dataset, to, path)
    assert not path.exists()
    done = convert(dataset, to, path, allow_loss=True)
    assert any(kind.startswith(said) for kind in done.lost)
    assert done.objects == len(facts(names_of(dataset, path))) == 1 + ("caption" not in annotation)


@pytest.mark.parametrize(
    ("more", "to", "said"),
    [
        ({"info": {"year": 2026}}, "dota", "'info' of the whole"),
        ({"categories": [{"id": 1, "name": "ship", "supercategory": "boat"}]}, "dota", "more of one than"),
        (
            {"categories": [{"id": 1, "name": "ship"}, {"id": 2, "name": "car"}]},
            "dota",
            "categories without an",
        ),
        ({"categories": [{"id": 1, "name": "a ship"}]}, "dota", "blanks in the name of a class"),
        ({"categories": [{"id": i, "name": "ship"} for i in (1, 2)]}, "coco", "that has the name of another"),
        ({"images": [{"id": 7, "file_name": "a.png", "licence": 3}]}, "dota", "'licence' of an image"),
        ({"images": [{"id": 7, "file_name": "a.png", "licence": 3}]}, "geojson", "'licence' of an image"),
        ({"images": [{"id": 7, "file_name": "a.png", "group": "g"}]}, "dota", "the group of an image"),
        ({"images": [{"id": 7, "file_name": "z.png"}]}, "dota", "an image that is not in the folder"),
    ],
)
def test_what_of_the_rest_would_be_lost_is_named(more, to, said, tmp_path):
    dataset = coco(tmp_path / "scenes", [{"segmentation": [QUAD]}], **more)
    path = tmp_path / ("labelTxt" if to == "dota" else "a.geojson")
    if to == "coco":  # on the way back
        convert(dataset, "geojson", path)
        dataset, path = names_of(dataset, path), tmp_path / "a.json"
    with pytest.raises(iqf.DatasetError, match=f"{to} cannot say: .*{said}"):
        convert(dataset, to, path)
    assert any(said in kind for kind in convert(dataset, to, path, allow_loss=True).lost)


OUTER = [[1, 1], [9, 1], [9, 9], [1, 9], [1, 1]]
HOLE = [[2, 2], [2, 3], [3, 3], [2, 2]]


@pytest.mark.parametrize(
    ("geometry", "properties", "said"),
    [
        ({"type": "Polygon", "coordinates": [OUTER, HOLE]}, {}, "holes"),
        ({"type": "Point", "coordinates": [1, 2]}, {}, "a geometry of type Point"),
        (None, {}, "a geometry of type None"),
        ({"type": "Polygon", "coordinates": [[[*p, 5] for p in OUTER]]}, {}, "heights of points"),
        ({"type": "Polygon", "coordinates": [OUTER]}, {"bbox": [1, 2]}, "'bbox', whose name COCO has"),
    ],
)
def test_what_of_geojson_would_be_lost_is_named(geometry, properties, said, tmp_path):
    dataset = geojson(tmp_path / "scenes", geometry, **properties)
    with pytest.raises(iqf.DatasetError, match=f"coco cannot say: .*{said}"):
        convert(dataset, "coco", tmp_path / "a.json")
    done = convert(dataset, "coco", tmp_path / "a.json", allow_loss=True)
    (image,) = json.loads((tmp_path / "a.json").read_text())["images"]
    assert (image["file_name"], done.images) == ("a.png", 1)


def test_losses_are_counted(tmp_path):
    dataset = coco(tmp_path / "scenes", [{"segmentation": [TRIANGLE]}] * 3)
    with pytest.raises(iqf.DatasetError, match=r"four corners, or several \(3 times, first in a\.png\)"):
        convert(dataset, "dota", tmp_path / "labelTxt")


def test_dota_s_header_has_no_place_in_geojson(tmp_path):
    dataset = random_dota(tmp_path / "scenes", 1)
    with pytest.raises(iqf.DatasetError, match=r"'imagesource' of an image .*'gsd' of an image"):
        convert(dataset, "geojson", tmp_path / "a.geojson")


def test_a_triangle_becomes_its_smallest_rectangle(tmp_path):
    dataset = coco(tmp_path / "scenes", [{"segmentation": [[0, 0, 8, 0, 0, 6]]}])
    convert(dataset, "dota", tmp_path / "labelTxt", allow_loss=True)
    words = (tmp_path / "labelTxt" / "a.txt").read_text().split()
    corners = np.reshape([float(word) for word in words[:8]], (4, 2))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    assert sides[0] * sides[1] == pytest.approx(48)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("to", "path", "said"),
    [
        ("coco", "new.json", "is of the format coco already"),
        ("geojson", "a.txt", r"a ground truth in geojson is a file that ends in \.geojson or \.json"),
        ("dota", "scenes", "is there already"),
    ],
)
def test_wrong_ways_are_refused(to, path, said, tmp_path):
    dataset = coco(tmp_path / "scenes", [{"segmentation": [QUAD]}])
    with pytest.raises(iqf.DatasetError, match=said):
        convert(dataset, to, tmp_path / path)


def test_unknown_formats_and_no_ground_truth_are_refused(tmp_path):
    dataset = iqf.open_dataset(write_images(tmp_path / "scenes", ["a.png"]))
    with pytest.raises(iqf.ParameterError, match=r"no conversion to 'yolo'\. Known: coco, dota, geojson"):
        convert(dataset, "yolo", tmp_path / "x")
    with pytest.raises(
        iqf.DatasetError, match="one ground truth in coco, dota, geojson is needed; found: none"
    ):
        convert(dataset, "dota", tmp_path / "x")


def test_a_class_that_is_no_name_is_refused(tmp_path):
    dataset = geojson(tmp_path / "scenes", {"type": "Polygon", "coordinates": [OUTER]}, class_id=["a"])
    with pytest.raises(iqf.DatasetError, match=r"a\.png: a class is \['a'\]; write a name or a number"):
        convert(dataset, "coco", tmp_path / "a.json")


def test_what_a_killed_conversion_left_is_replaced(tmp_path):
    dataset = coco(tmp_path / "scenes", [{"segmentation": [QUAD]}])
    (tmp_path / ".labelTxt.partial").mkdir()
    (tmp_path / ".labelTxt.partial" / "old.txt").write_text("torn")
    convert(dataset, "dota", tmp_path / "labelTxt")
    assert sorted(path.name for path in (tmp_path / "labelTxt").iterdir()) == ["a.txt", "b.txt"]


# ---------------------------------------------------------------- the command


def run(*arguments):
    command.main([str(one) for one in arguments], prog_name="iqf convert", standalone_mode=False)


def test_the_command(tmp_path, capsys):
    dataset = random_dota(tmp_path / "scenes", 2)
    labels = dataset.root / "labelTxt"
    run(dataset.root, "--annotations", labels, "--to", "coco", "-o", tmp_path / "a.json", "--json")
    said = json.loads(capsys.readouterr().out)
    objects = len(facts(dataset))
    assert said == {
        **{"path": str(tmp_path / "a.json"), "format": "coco"},
        **{"images": 4, "objects": objects, "lost": {}},
    }
    geo = ("--to", "geojson", "-o", tmp_path / "a.geojson")
    with pytest.raises(iqf.DatasetError, match="--allow-loss"):
        run(dataset.root, "--annotations", labels, *geo)
    run(dataset.root, "--annotations", labels, *geo, "--allow-loss")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [str(tmp_path / "a.geojson"), f"{objects} objects in 4 images"]
    assert lines[2:] == ["lost: 'imagesource' of an image (4)", "lost: 'gsd' of an image (4)"]
    run(dataset.root, "--annotations", labels, "--to", "coco", "-o", tmp_path / "\x1b[31mred\u202e.json")
    assert capsys.readouterr().out.startswith(f"{tmp_path}/ [31mred .json\n")
