"""Larger pixels: energy, corners, nodata, and ground truth that follows."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

import iqf_core as iqf
from iqf_core.image import Geo
from iqf_modifiers_sensor.area import averaged, shares

SCALES = [2.0, 1.7]
SIZE = (150, 203)  # rows, columns: neither is a multiple of either scale
BLOCKS = {  # left, top, width, height and value of what is on the ground
    1: (20, 30, 24, 18),
    2: (101, 11, 33, 47),
    3: (60, 90, 90, 31),
}


@pytest.mark.parametrize("size", [(18, 20), (17, 31), (36, 1), (23, 29), (36, 40), (1, 1)])
@pytest.mark.parametrize("bands", [1, 6])
def test_each_cell_is_the_mean_of_its_area(size, bands, picture, cells):
    pixels = picture("uint16", bands, size=(36, 40)).pixels
    height, width = size
    np.testing.assert_allclose(averaged(pixels, height, width), cells(pixels, height, width), rtol=2e-6)


def test_slivers_count(picture, cells):
    """OpenCV's area mean drops what is less than a thousandth of a pixel; 4999 of 5000 are full of these."""
    pixels = picture("float32", 1, size=(2, 5000)).pixels
    pixels[:, ::2] += 1000
    np.testing.assert_allclose(averaged(pixels, 2, 4999), cells(pixels, 2, 4999), rtol=1e-6)
    np.testing.assert_allclose(averaged(pixels, 1, 2941), cells(pixels, 1, 2941), rtol=1e-6)


def test_shares_are_exact_also_where_a_sliver_is_left():
    for fine, coarse in ((5000, 4999), (1000, 3), (7, 7), (9, 1)):
        matrix = shares(fine, coarse)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose(matrix.sum(axis=0), coarse / fine, rtol=1e-6)


@pytest.mark.parametrize("scale", [*SCALES, 1.01, 3.3, 7.0, 500.0])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_energy_is_conserved(scale, dtype, picture):
    image = picture(dtype, 3, size=SIZE)
    result = iqf.modifier("gsd", scale=scale).modify(image)
    after = result.decoded()
    assert (after.height, after.width) == tuple(max(1, round(side / scale)) for side in SIZE)
    area = result.measured["scale_x"] * result.measured["scale_y"]
    before = image.pixels.sum(dtype=float)
    assert after.pixels.sum(dtype=float) * area == pytest.approx(before, rel=1e-3)
    restored = iqf.modifier("gsd", scale=scale, restore=True, interpolation="nearest").modify(image).decoded()
    assert restored.pixels.mean(dtype=float) == pytest.approx(image.pixels.mean(dtype=float), rel=0.02)


def scene():
    """Blocks on a dark ground, and their mask."""
    mask = np.zeros(SIZE, np.uint8)
    for value, (left, top, width, height) in BLOCKS.items():
        mask[top : top + height, left : left + width] = value
    return np.where(mask > 0, 200, 40).astype(np.uint8), mask


def centroid(weights):
    rows, columns = np.indices(weights.shape)
    return np.array([(columns + 0.5).ravel(), (rows + 0.5).ravel()]) @ weights.ravel() / weights.sum()


def expected_centroids(image):
    """Where the blocks are in the pixels of an image of the whole ground."""
    ratio = np.array([image.width / SIZE[1], image.height / SIZE[0]])
    return {
        value: ratio * (left + width / 2, top + height / 2)
        for value, (left, top, width, height) in BLOCKS.items()
    }


def seen_centroids(image):
    """Where they are seen: of the brightness around where they should be."""
    found = {}
    light = image.pixels[..., 0].astype(float) - 40
    for value, (left, top, width, height) in BLOCKS.items():
        x, y = image.width / SIZE[1], image.height / SIZE[0]
        window = np.zeros_like(light)
        part = np.s_[int((top - 4) * y) : int((top + height + 4) * y) + 1,
                     int((left - 4) * x) : int((left + width + 4) * x) + 1]  # fmt: skip
        window[part] = light[part]
        found[value] = centroid(window)
    return found


def near(found, expected):
    assert found.keys() == expected.keys()
    for key, place in expected.items():
        assert np.abs(np.subtract(found[key], place)).max() < 0.5


def ring(left, top, width, height):
    return [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]


@pytest.mark.parametrize("scale", SCALES)
def test_coco_boxes_and_polygons_follow(scale, dataset):
    pixels, _ = scene()
    truth = {
        "images": [{"id": 7, "file_name": "a.png", "width": SIZE[1], "height": SIZE[0]}],
        "categories": [{"id": value, "name": f"kind {value}"} for value in BLOCKS],
        "annotations": [
            {
                "id": value,
                "image_id": 7,
                "category_id": value,
                "bbox": list(block),
                "segmentation": [np.ravel(ring(*block)).tolist()],
                "area": block[2] * block[3],
                "iscrowd": 0,
            }
            for value, block in BLOCKS.items()
        ],
    }
    source = dataset({"a.png": iqf.Image.from_array(pixels)}, {"annotations.json": truth})
    made = iqf.make_variant(source, iqf.modifier("gsd", scale=scale))
    image = made.read("a.png")
    near(seen_centroids(image), expected_centroids(image))
    written = json.loads((made.root / "annotations.json").read_text())
    assert (written["images"][0]["width"], written["images"][0]["height"]) == (image.width, image.height)
    boxes = {
        a["category_id"]: np.add(a["bbox"][:2], np.divide(a["bbox"][2:], 2)) for a in written["annotations"]
    }
    near(boxes, seen_centroids(image))
    rings = {a["category_id"]: np.reshape(a["segmentation"][0], (-1, 2)) for a in written["annotations"]}
    near({key: corners.mean(axis=0) for key, corners in rings.items()}, seen_centroids(image))
    for value, (_, _, width, height) in BLOCKS.items():
        size = np.ptp(rings[value], axis=0) * (SIZE[1] / image.width, SIZE[0] / image.height)
        np.testing.assert_allclose(size, (width, height), rtol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_masks_follow(scale, dataset):
    pixels, mask = scene()
    source = dataset({"a.png": iqf.Image.from_array(pixels)})
    (source / "images_mask").mkdir()
    cv2.imwrite(str(source / "images_mask" / "a.png"), mask)
    made = iqf.make_variant(source, iqf.modifier("gsd", scale=scale))
    image = made.read("a.png")
    followed = cv2.imread(str(made.root / "images_mask" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert followed.shape == (image.height, image.width)
    near({value: centroid(followed == value) for value in BLOCKS}, seen_centroids(image))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("in_world", [True, False])
def test_geojson_polygons_and_corners_follow(scale, in_world, dataset, place):
    pixels, _ = scene()
    to_world = place.transform if in_world else Affine.identity()
    features = [
        {
            "type": "Feature",
            "properties": {"image_filename": "a.tif", "class_id": value},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[list(to_world @ (x, y)) for x, y in [*ring(*block), ring(*block)[0]]]],
            },
        }
        for value, block in BLOCKS.items()
    ]
    truth = {"type": "FeatureCollection", "features": features}
    image = iqf.Image.from_array(pixels, geo=place if in_world else None)
    source = dataset({"a.tif": image}, {"annotations.geojson": truth})
    made = iqf.make_variant(source, iqf.modifier("gsd", scale=scale))
    after = made.read("a.tif")
    written = json.loads((made.root / "annotations.geojson").read_text())["features"]
    back = ~after.geo.transform if in_world else Affine.identity()
    middles = {}
    for feature in written:
        corners = np.array(feature["geometry"]["coordinates"][0])[:4]
        middles[feature["properties"]["class_id"]] = np.array(back @ tuple(corners.mean(axis=0)))
    near(middles, seen_centroids(after))
    if in_world:
        for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
            corner = after.geo.transform @ (x * after.width, y * after.height)
            assert corner == pytest.approx(place.transform @ (x * SIZE[1], y * SIZE[0]), abs=1e-6)
        assert after.geo.crs == place.crs


def test_nodata_has_no_part_and_wins_where_it_has_more_than_half():
    row = np.array([[10, 0, 30, 0, 0, 60, 7, 9]], np.uint8)
    after = iqf.modifier("gsd(scale=2.0)").modify(iqf.Image.from_array(row, nodata=0)).decoded()
    assert after.pixels.ravel().tolist() == [10, 30, 60, 8]
    after = iqf.modifier("gsd(scale=4.0)").modify(iqf.Image.from_array(row, nodata=0)).decoded()
    assert after.pixels.ravel().tolist() == [20, 25]
    after = iqf.modifier("gsd(scale=4.0)").modify(iqf.Image.from_array(row[:, [0, 1, 3, 4]], nodata=0))
    assert after.decoded().pixels.ravel().tolist() == [0]
    after = iqf.modifier("gsd(scale=3.0)").modify(
        iqf.Image.from_array(np.array([[10, 0, 0, 9, 9, 0]], np.uint8), nodata=0)
    )
    assert after.decoded().pixels.ravel().tolist() == [0, 9]
    meets = iqf.Image.from_array(np.array([[6, 8]], np.uint8), nodata=7)
    assert iqf.modifier("gsd(scale=2.0)").modify(meets).decoded().pixels.ravel().tolist() == [6]
    nan = iqf.Image.from_array(np.array([[1, np.nan, np.nan, np.nan]], np.float32), nodata=np.nan)
    np.testing.assert_array_equal(
        iqf.modifier("gsd(scale=2.0)").modify(nan).decoded().pixels.ravel(), [1, np.nan]
    )


@pytest.mark.parametrize("way", ["nearest", "linear", "cubic"])
def test_restored_lies_where_it_lay(way, place):
    pixels, _ = scene()
    image = iqf.Image.from_array(pixels, geo=place)
    for scale in SCALES:
        result = iqf.modifier("gsd", scale=scale, restore=True, interpolation=way).modify(image)
        after = result.decoded()
        assert (result.affine, after.geo.transform) == (None, place.transform)
        assert after.pixels.shape == image.pixels.shape
        for value, middle in seen_centroids(after).items():
            assert np.abs(middle - expected_centroids(image)[value]).max() < 0.3
    values = {len(np.unique(iqf.modifier(f"gsd(scale=30.0, restore=True, interpolation='{way}')").modify(
        image).decoded().pixels))}  # fmt: skip
    assert (max(values) <= 5 * 7) == (way == "nearest")


def test_distance_in_metres(picture, place):
    image = iqf.Image.from_array(picture(size=(40, 60)).pixels, geo=place)  # 0.5 m
    result = iqf.modifier("gsd(gsd_m=0.8)").modify(image)
    after = result.decoded()
    assert (after.width, after.height) == (round(60 / 1.6), 25)
    assert after.geo.transform.a == pytest.approx(0.8, rel=0.02)
    feet = Geo(crs=CRS.from_epsg(2263), transform=place.transform)  # US survey feet
    after = iqf.modifier("gsd(gsd_m=0.8)").modify(iqf.Image.from_array(image.pixels, geo=feet)).decoded()
    assert after.width == round(60 * 0.5 * 0.3048006 / 0.8)
    same = iqf.modifier("gsd(gsd_m=0.5)").modify(image)
    np.testing.assert_array_equal(same.decoded().pixels, image.pixels)


@pytest.mark.parametrize("geo", [None, Geo(crs=CRS.from_epsg(4326), transform=Affine.scale(1e-5))])
def test_metres_need_a_projection(geo, picture):
    image = iqf.Image.from_array(picture().pixels, geo=geo)
    said = "has none" if geo is None else "is in EPSG:4326"
    with pytest.raises(iqf.UnsupportedImage, match=f"{said}: give scale="):
        iqf.modifier("gsd(gsd_m=0.8)").modify(image)


def test_finer_is_not_to_be_had(picture, place):
    image = iqf.Image.from_array(picture().pixels, geo=place)
    with pytest.raises(iqf.UnsupportedImage, match=r"0\.5 m x 0\.5 m already"):
        iqf.modifier("gsd(gsd_m=0.3)").modify(image)
