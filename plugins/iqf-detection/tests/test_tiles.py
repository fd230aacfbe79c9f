"""Scenes cut into chips: every pixel is in one, and no object that is mostly inside is lost."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_core.records import Move, Thing
from iqf_core.testing import modifier_laws
from iqf_detection.quads import corners_of_rotated
from iqf_detection.tiles import Chips, starts

SIZE, OVERLAP = 64, 20
WIDTH, HEIGHT = 150, 100


def write_images(root, names, *, width=WIDTH, height=HEIGHT, geo=None):
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(5)
    for name in names:
        pixels = rng.integers(0, 255, (height, width, 3), np.uint8)
        iqf.write_image(root / "images" / name, iqf.Image.from_array(pixels, geo=geo))


def random_quads(count, seed):
    rng = np.random.default_rng(seed)
    boxes = np.c_[rng.uniform(0, [WIDTH, HEIGHT], (count, 2)), rng.uniform(4, 50, (count, 2))]
    return [
        corners_of_rotated([*box, angle])
        for box, angle in zip(boxes, rng.uniform(0, 180, count), strict=True)
    ]


def flat(points):
    return [float(value) for point in points for value in point]


def place_of(chip):
    left, _, top = chip.rpartition(".")[0].rpartition("__1__")[2].partition("___")
    return int(left), int(top)


def cut(root, **parameters):
    dataset = iqf.open_dataset(root)
    return iqf.make_variant(dataset, Chips(**{"size_px": SIZE, "overlap_px": OVERLAP, **parameters}))


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize(
    ("length", "size", "overlap", "found"),
    [
        (100, 64, 20, [0, 36]),
        (64, 64, 20, [0]),
        (30, 64, 20, [0]),
        (65, 64, 63, [0, 1]),
        (128, 64, 0, [0, 64]),
        (129, 64, 0, [0, 64, 65]),
    ],
)
def test_the_last_chip_ends_at_the_border(length, size, overlap, found):
    assert starts(length, size, overlap) == found


def test_every_pixel_is_where_its_name_says(tmp_path):
    geo = Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 733600, 0, -0.5, 3725139))
    write_images(tmp_path / "scenes", ["a.tif", "b.tif"], geo=geo)
    variant = cut(tmp_path / "scenes")
    assert len(variant.images) == 2 * 3 * 2
    for scene in ("a", "b"):
        whole = iqf.read_image(tmp_path / "scenes" / "images" / f"{scene}.tif").pixels
        seen = np.zeros(whole.shape, bool)
        for name in (name for name in variant.images if name.startswith(scene)):
            left, top = place_of(name)
            chip = variant.read(name)
            assert chip.pixels.shape == (SIZE, SIZE, 3)
            window = np.s_[top : top + SIZE, left : left + SIZE]
            np.testing.assert_array_equal(chip.pixels, whole[window])
            assert chip.geo.transform == geo.transform @ Affine.translation(left, top)
            seen[window] = True
        assert seen.all()


def test_a_scene_is_the_group_of_its_chips(tmp_path):
    write_images(tmp_path / "scenes", ["a.png", "b.png"])
    records = cut(tmp_path / "scenes").records
    assert {record.group for record in records} == {"a.png", "b.png"}
    assert all(record.group == f"{record.image[0]}.png" for record in records)


def test_a_small_image_stays_whole(tmp_path):
    write_images(tmp_path / "scenes", ["a.png"], width=50, height=100)
    variant = cut(tmp_path / "scenes")
    assert variant.images == ("a__1__0___0.png", "a__1__0___36.png")
    assert variant.read("a__1__0___36.png").pixels.shape == (64, 50, 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size_px": 64, "overlap_px": 64}, "overlap_px=64 must be less than size_px=64"),
        ({"size_px": 0}, "size_px=0"),
        ({"overlap_px": -1}, "overlap_px=-1"),
        ({"min_inside": 0.0}, r"min_inside=0\.0"),
        ({"min_inside": 1.1}, r"min_inside=1\.1"),
    ],
)
def test_parameters_are_refused(wrong, said):
    with pytest.raises(iqf.ParameterError, match=said):
        Chips(**wrong)


@pytest.mark.parametrize("law", modifier_laws(Chips(size_px=32, overlap_px=8, min_inside=0.25)), ids=str)
def test_laws(law):
    law.check()


# ---------------------------------------------------------------- DOTA


def expected(quads, chip, least):
    """Index of each object of a chip -> what of it lies inside, in pixels of the chip."""
    left, top = place_of(chip)
    found = {}
    for index, quad in enumerate(quads):
        whole = shapely.Polygon(np.array(quad) - [left, top])
        inside = whole.intersection(shapely.box(0, 0, SIZE, SIZE))
        if inside.area >= least * whole.area:
            found[index] = inside
    return found


@pytest.mark.parametrize("least", [0.5, 0.7])
@pytest.mark.parametrize("seed", range(6))
def test_no_dota_object_that_is_mostly_inside_is_lost(seed, least, tmp_path):
    write_images(tmp_path / "scenes", ["a.png"])
    quads = random_quads(40, seed)
    (tmp_path / "scenes" / "labelTxt").mkdir()
    lines = [" ".join(map(repr, flat(quad))) + f" c{index} 0\n" for index, quad in enumerate(quads)]
    (tmp_path / "scenes" / "labelTxt" / "a.txt").write_text("gsd:0.5\n" + "".join(lines))
    variant = cut(tmp_path / "scenes", min_inside=least)
    pieces = 0
    for record in iqf.open_dataset(variant.root).records:
        known = expected(quads, record.image, least)
        assert record.extras["header"] == ("gsd:0.5",)
        assert [thing.label for thing in record.things] == [f"c{index}" for index in known]
        for thing, (index, inside) in zip(record.things, known.items(), strict=True):
            ring = thing.polygons[0][0]
            left, top = place_of(record.image)
            kept = shapely.Polygon(ring)
            assert kept.covers(inside.buffer(-1e-6))
            whole = np.array(quads[index]) - [left, top]
            if inside.area > shapely.Polygon(whole).area - 1e-9:
                np.testing.assert_allclose(ring, whole, atol=1e-9)  # uncut, from the same corner
                continue
            pieces += 1
            smallest = inside if len(inside.exterior.coords) == 5 else shapely.oriented_envelope(inside)
            assert kept.area == pytest.approx(smallest.area, rel=1e-6)
    assert pieces > 20


def test_dota_corners_keep_their_order(tmp_path):
    write_images(tmp_path / "scenes", ["a.png"])
    (tmp_path / "scenes" / "labelTxt").mkdir()
    text = "70 30 50 30 50 10 70 10 ship 0\n"
    (tmp_path / "scenes" / "labelTxt" / "a.txt").write_text(text)
    variant = cut(tmp_path / "scenes")
    assert (variant.root / "labelTxt" / "a__1__0___0.txt").read_text() == "64 30 50 30 50 10 64 10 ship 0\n"
    assert (variant.root / "labelTxt" / "a__1__44___0.txt").read_text() == "26 30 6 30 6 10 26 10 ship 0\n"


def test_any_part_of_what_is_difficult_is_kept(tmp_path):
    write_images(tmp_path / "scenes", ["a.png"])
    (tmp_path / "scenes" / "labelTxt").mkdir()
    text = "60 10 100 10 100 30 60 30 ship 1\n60 40 100 40 100 50 60 50 ship 0\n"
    (tmp_path / "scenes" / "labelTxt" / "a.txt").write_text(text)
    variant = cut(tmp_path / "scenes")
    assert (variant.root / "labelTxt" / "a__1__0___0.txt").read_text() == "60 10 64 10 64 30 60 30 ship 1\n"


def test_crossed_and_flat_dota_quads_are_cut(tmp_path):
    write_images(tmp_path / "scenes", ["a.png"])
    (tmp_path / "scenes" / "labelTxt").mkdir()
    crossed, flat_one = "50 10 70 30 70 10 50 30 ship 0\n", "60 5 80 5 80 5 60 5 ship 0\n"
    (tmp_path / "scenes" / "labelTxt" / "a.txt").write_text(crossed + flat_one)
    variant = cut(tmp_path / "scenes")
    (line,) = (variant.root / "labelTxt" / "a__1__0___0.txt").read_text().splitlines()
    assert shapely.Polygon(np.reshape(list(map(float, line.split()[:8])), (4, 2))).area == 14 * 20


# ---------------------------------------------------------------- COCO


def coco(root, annotations, **image):
    write_images(root, ["a.png"])
    truth = {
        "images": [{"id": 7, "file_name": "a.png", "width": WIDTH, "height": HEIGHT, **image}],
        "annotations": [{"image_id": 7, "category_id": 1, "iscrowd": 0, **one} for one in annotations],
        "categories": [{"id": 1, "name": "ship"}],
    }
    (root / "annotations.json").write_text(json.dumps(truth))
    return root


def annotations_of(variant, chip):
    truth = json.loads((variant.root / "annotations.json").read_text())
    (image,) = (one["id"] for one in truth["images"] if one["file_name"] == chip)
    return [one for one in truth["annotations"] if one["image_id"] == image]


def test_coco_boxes_are_cut(tmp_path):
    boxes = [[50, 10, 20, 20], [60, 40, 20, 10], [10, 10, 5, 5]]
    entries = [{"id": i, "bbox": box, "area": box[2] * box[3] / 2} for i, box in enumerate(boxes, 1)]
    variant = cut(coco(tmp_path / "scenes", entries))
    first = annotations_of(variant, "a__1__0___0.png")
    assert [(one["bbox"], one["area"]) for one in first] == [([50, 10, 14, 20], 140), ([10, 10, 5, 5], 12.5)]
    second = annotations_of(variant, "a__1__44___0.png")
    assert [one["bbox"] for one in second] == [[6, 10, 20, 20], [16, 40, 20, 10]]
    every = json.loads((variant.root / "annotations.json").read_text())["annotations"]
    assert len({one["id"] for one in every}) == len(every)


def test_exactly_the_least_share_is_kept(tmp_path):
    half = coco(tmp_path / "scenes", [{"id": 1, "bbox": [54, 10, 20, 20], "area": 400}])
    assert len(annotations_of(cut(half), "a__1__0___0.png")) == 1
    assert len(annotations_of(cut(half, min_inside=0.51), "a__1__0___0.png")) == 0


@pytest.mark.parametrize("seed", range(3))
def test_coco_polygons_are_cut(seed, tmp_path):
    rng = np.random.default_rng(seed)
    stars = []
    for _ in range(30):  # of any number of corners, many of them dents
        count = int(rng.integers(4, 9))
        angles = (np.arange(count) + rng.uniform(0, 0.9, count)) * 2 * math.pi / count
        radii = rng.uniform(3, 30, (angles.size, 1))
        stars.append(rng.uniform(0, [WIDTH, HEIGHT]) + radii * np.c_[np.cos(angles), np.sin(angles)])
    shapes = [shapely.Polygon(star) for star in stars]
    entries = [
        {"id": i, "segmentation": [flat(star)], "area": shape.area, "bbox": flat_box(shape)}
        for i, (star, shape) in enumerate(zip(stars, shapes, strict=True))
    ]
    variant = cut(coco(tmp_path / "scenes", entries))
    for chip in variant.images:
        left, top = place_of(chip)
        frame = shapely.box(left, top, left + SIZE, top + SIZE)
        known = [s.intersection(frame) for s in shapes if s.intersection(frame).area >= s.area / 2]
        found = annotations_of(variant, chip)
        assert len(found) == len(known)
        for one, inside in zip(found, known, strict=True):
            here = shapely.transform(inside, lambda points, at=(left, top): points - at)
            parts = [shapely.Polygon(np.reshape(part, (-1, 2))) for part in one["segmentation"]]
            assert shapely.union_all(parts).symmetric_difference(here).area == pytest.approx(0, abs=1e-6)
            assert one["area"] == pytest.approx(here.area)
            assert one["bbox"] == pytest.approx(flat_box(here), abs=1e-9)


def flat_box(shape):
    left, top, right, bottom = shape.bounds
    return [left, top, right - left, bottom - top]


@pytest.mark.parametrize(
    ("polygon", "area"),
    [
        ([50, 10, 70, 30, 70, 10, 50, 30], 100 + 16),  # sides cross: two triangles
        ([50, 10, 70, 30], 14 * 20),  # two points: the box counts
    ],
)
def test_unsound_coco_polygons_are_cut(polygon, area, tmp_path):
    entry = {"id": 1, "segmentation": [polygon], "bbox": [50, 10, 20, 20]}
    variant = cut(coco(tmp_path / "scenes", [entry]))
    (one,) = annotations_of(variant, "a__1__0___0.png")
    parts = [shapely.Polygon(np.reshape(part, (-1, 2))) for part in one["segmentation"]]
    assert all(part.is_valid for part in parts)
    assert sum(part.area for part in parts) == area


def test_coco_run_lengths_are_cut(tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:20, 50:74] = 1
    mask[20:30, 50:60] = 1
    changes = np.flatnonzero(np.diff(mask.T.ravel(), prepend=0, append=2))
    runs = {"size": [HEIGHT, WIDTH], "counts": np.diff(changes, prepend=0).tolist()}
    entry = {"segmentation": runs, "bbox": [50, 10, 24, 20], "area": int(mask.sum())}
    root = coco(tmp_path / "scenes", [{"id": 1, **entry}, {"id": 2, **entry, "iscrowd": 1}])
    variant = cut(root, min_inside=0.8)
    crowd = annotations_of(variant, "a__1__0___0.png")
    assert [(one["iscrowd"], one["bbox"], one["area"]) for one in crowd] == [(1, [50, 10, 14, 20], 240)]
    whole = annotations_of(variant, "a__1__44___0.png")
    assert [(one["bbox"], one["area"]) for one in whole] == [([6, 10, 24, 20], 340)] * 2
    below = annotations_of(variant, "a__1__0___36.png")
    assert below == []


def test_what_has_no_place_stays(tmp_path):
    thing = Thing("ship", extras={"note": "somewhere"})
    assert Chips().left_of(thing, Move("a.png", 10, 10, Affine.identity())) == thing


# ---------------------------------------------------------------- GeoJSON


def geojson(root, geometry, *, geo=None, suffix=".png"):
    write_images(root, [f"a{suffix}"], geo=geo)
    properties = {"image_filename": f"a{suffix}", "class_id": "lake", "depth_m": 3}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    (root / "lakes.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return root


def test_geojson_in_pixels_is_cut_with_its_holes(tmp_path):
    outer = [[40, 10], [80, 10], [80, 40], [40, 40], [40, 10]]
    hole = [[45, 20], [45, 30], [55, 30], [55, 20], [45, 20]]
    root = geojson(tmp_path / "scenes", {"type": "Polygon", "coordinates": [outer, hole]})
    variant = cut(root, min_inside=0.4)
    features = json.loads((variant.root / "lakes.geojson").read_text())["features"]
    by_chip = {one["properties"]["image_filename"]: one for one in features}
    assert set(by_chip) == {"a__1__0___0.png", "a__1__44___0.png"}
    first = by_chip["a__1__0___0.png"]
    rings = first["geometry"]["coordinates"]
    assert all(ring[0] == ring[-1] for ring in rings)
    assert shapely.geometry.shape(first["geometry"]).equals(
        shapely.Polygon([(40, 10), (64, 10), (64, 40), (40, 40)], [hole])
    )
    assert first["properties"]["depth_m"] == 3


def test_what_falls_apart_becomes_several(tmp_path):
    comb = [[70, 5], [40, 5], [40, 20], [70, 20], [70, 30], [40, 30], [40, 45], [75, 45], [75, 5], [70, 5]]
    root = geojson(tmp_path / "scenes", {"type": "Polygon", "coordinates": [comb]})
    variant = cut(root)
    features = json.loads((variant.root / "lakes.geojson").read_text())["features"]
    (first,) = (one for one in features if one["properties"]["image_filename"] == "a__1__0___0.png")
    assert first["geometry"]["type"] == "MultiPolygon"
    assert shapely.geometry.shape(first["geometry"]).area == 2 * 24 * 15


def test_geojson_in_the_world_is_refused(tmp_path):
    transform = Affine(0.5, 0, 733600, 0, -0.5, 3725139)
    ring = [list(transform @ point) for point in [(40, 10), (80, 10), (80, 40), (40, 10)]]
    geo = Geo(crs=CRS.from_epsg(32616), transform=transform)
    polygon = {"type": "Polygon", "coordinates": [ring]}
    root = geojson(tmp_path / "scenes", polygon, geo=geo, suffix=".tif")
    with pytest.raises(iqf.DatasetError, match="are not cut; write them in pixels first: iqf convert"):
        cut(root)


def test_chips_opened_as_a_dataset_keep_their_scenes_together(tmp_path):
    root = tmp_path / "scenes"
    (root / "images").mkdir(parents=True)
    for number in range(4):
        pixels = np.full((40, 40, 1), 50 * number, np.uint8)
        iqf.write_image(root / "images" / f"s{number}.png", iqf.Image.from_array(pixels))
    made = iqf.make_variant(root, "chips(size_px=24, overlap_px=8)")
    opened = iqf.open_dataset(made.root)
    assert {record.group for record in opened.records} == {f"s{number}.png" for number in range(4)}
    parts = opened.split({"train": 0.5, "test": 0.5}, seed=1)
    scenes = [{record.group for record in part.records} for part in parts.values()]
    assert not scenes[0] & scenes[1]
