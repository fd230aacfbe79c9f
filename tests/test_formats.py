from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from affine import Affine

from iqf_core.errors import DatasetError
from iqf_core.formats import (
    ClassesFormat,
    CocoFormat,
    FolderFormat,
    GeoJsonFormat,
    MasksFormat,
    OtherJsonFormat,
    finder,
)
from iqf_core.formats.labels import nearest
from iqf_core.image import Image, read_image, write_image
from iqf_core.records import Move
from tests.datasets import HEIGHT, WIDTH, coco_of, mask_of, square

SCALE = Affine.scale(2)
STAY = {f"scene{i}.jpg": [Move(f"scene{i}.jpg", WIDTH, HEIGHT)] for i in range(4)}


def runs_of(mask):
    """Lengths of runs of 0 and 1 in turn, down the columns: the plain way."""
    runs, current = [0], 0
    for value in mask.T.ravel():
        if value != current:
            runs.append(0)
            current = value
        runs[-1] += 1
    return runs


def text_of_runs(runs):
    """Text of pycocotools (rleToString in its maskApi.c), written down again for these tests."""
    text = ""
    for index, run in enumerate(runs):
        value = run - (runs[index - 2] if index > 2 else 0)
        while True:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr(48 + (bits | (0x20 if more else 0)))
            if not more:
                break
    return text


def written(tmp_path, value, name="truth.json"):
    path = tmp_path / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def followed(form, source, moves):
    target = source.with_name("followed" + source.suffix)
    form.follow(source, target, moves)
    return json.loads(target.read_bytes())


@pytest.mark.parametrize(
    ("names", "asked", "found"),
    [
        (["a.png"], "a.png", "a.png"),
        (["a.png"], "a.jpg", "a.png"),
        (["a.png"], "a", "a.png"),
        (["a.png"], "./a.png", "a.png"),
        (["a.png"], "train/a.png", "a.png"),
        (["a.png"], "/home/me/images/a.png", "a.png"),
        (["sub/a.png"], "a.png", "sub/a.png"),
        (["sub/a.png"], "images/sub/a.png", "sub/a.png"),
        (["sub/a.png"], "other/a.png", None),
        (["x/a.png", "y/a.png"], "a.png", None),
        (["x/a.png", "y/a.png"], "y/a.png", "y/a.png"),
        (["x/a.png", "y/a.png"], "y/a", "y/a.png"),
        (["a.png", "a.jpg"], "a.jpg", "a.jpg"),
        (["a.png", "a.jpg"], "a.tif", None),
        (["a.png", "a.jpg", "a.tif"], "a", None),
        (["a.v1.png", "a.v2.png"], "a.v1", "a.v1.png"),
        (["a b#é.png"], "a b#é", "a b#é.png"),
        (["a.png"], "b.png", None),
        (["a.png"], "", None),
        (["a.png"], "/", None),
        (["a.png"], "..", None),
    ],
)
def test_images_are_found_as_the_ground_truth_writes_them(names, asked, found):
    assert finder(names)(asked) == found


class TestCoco:
    form = CocoFormat()

    def test_reading(self, tmp_path):
        truth = self.form.read(written(tmp_path, coco_of(".jpg", 2)))
        first = truth.records[0]
        assert (first.image, first.width, first.height, len(truth.records)) == (
            "scene0.jpg",
            WIDTH,
            HEIGHT,
            2,
        )
        assert [thing.label for thing in first.things] == ["ship", "plane"]
        assert first.boxes == [(2, 3, 5, 4), (20, 14, 6, 8)]
        assert first.polygons[0] == (((2, 3), (7, 3), (7, 7)),)
        assert truth.header["info"] == {"year": 2026}

    def test_what_is_read_is_written_again(self, tmp_path):
        value = coco_of(".jpg", 3)
        value["annotations"][0] |= {"keypoints": [1, 2, 2], "attributes": {"é": None}}
        value["annotations"][1]["segmentation"] = {"counts": "abc", "size": [4, 4]}
        value["images"][1]["group"] = 7
        source = written(tmp_path, value)
        truth = self.form.read(source)
        assert truth.records[1].group == "7"
        self.form.write(truth, tmp_path / "again.json")
        again = json.loads((tmp_path / "again.json").read_bytes())
        again["annotations"].sort(key=lambda annotation: annotation["id"])
        assert again == value

    def test_images_that_stay_leave_the_file_as_it_is(self, tmp_path):
        source = tmp_path / "truth.json"
        source.write_bytes(json.dumps(coco_of(".jpg", 9), indent=3).encode("utf-8-sig"))
        self.form.follow(source, tmp_path / "copy.json", STAY)
        assert (tmp_path / "copy.json").read_bytes() == source.read_bytes()

    def test_renamed_images(self, tmp_path):
        value = coco_of(".jpg", 2)
        value["images"][1]["file_name"] = "train/scene1.jpg"
        moves = {f"scene{i}.jpg": [Move(f"scene{i}.png", WIDTH, HEIGHT)] for i in range(2)}
        found = followed(self.form, written(tmp_path, value), moves)
        assert [image.pop("file_name") for image in found["images"]] == ["scene0.png", "train/scene1.png"]
        assert found["annotations"] == value["annotations"]
        for image in value["images"]:
            del image["file_name"]
        assert found["images"] == value["images"]

    def test_left_out_images_keep_the_size_of_the_others(self, tmp_path):
        moves = {"scene0.jpg": [], "scene1.jpg": [Move("scene1.jpg", 0, 0)]}
        found = followed(self.form, written(tmp_path, coco_of(".jpg", 2)), moves)
        assert [(i["file_name"], i["width"], i["height"]) for i in found["images"]] == [
            ("scene1.jpg", WIDTH, HEIGHT)
        ]
        assert {annotation["image_id"] for annotation in found["annotations"]} == {11}

    def test_moved_pixels(self, tmp_path):
        value = coco_of(".jpg", 1)
        value["annotations"][0]["keypoints"] = [3, 4, 2, 0, 0, 0]
        moves = {"scene0.jpg": [Move("scene0.jpg", 2 * WIDTH, 2 * HEIGHT, SCALE)]}
        found = followed(self.form, written(tmp_path, value), moves)
        image, (first, second) = found["images"][0], found["annotations"]
        assert (image["width"], image["height"], image["id"]) == (2 * WIDTH, 2 * HEIGHT, 10)
        assert first["bbox"] == [4, 6, 10, 8]
        assert first["segmentation"] == [[4, 6, 14, 6, 14, 14]]
        assert first["area"] == 40
        assert first["keypoints"] == [6, 8, 2, 0, 0, 0]
        assert second["bbox"] == [40, 28, 12, 16]
        assert second["score_of_somebody"] == 0.5

    def test_areas_follow_a_turn(self, tmp_path):
        turned = Affine(0, 1, 0, -1, 0, WIDTH)
        moves = {"scene0.jpg": [Move("scene0.jpg", HEIGHT, WIDTH, turned)]}
        first = followed(self.form, written(tmp_path, coco_of(".jpg", 1)), moves)["annotations"][0]
        assert (first["bbox"], first["area"]) == ([3, WIDTH - 7, 4, 5], 10)

    def test_an_area_without_a_box_follows_too(self, tmp_path):
        value = coco_of(".jpg", 1)
        del value["annotations"][0]["bbox"]
        moves = {"scene0.jpg": [Move("scene0.jpg", 2 * WIDTH, 2 * HEIGHT, SCALE)]}
        first = followed(self.form, written(tmp_path, value), moves)["annotations"][0]
        assert (first["area"], first["segmentation"]) == (40, [[4, 6, 14, 6, 14, 14]])

    @pytest.mark.parametrize("as_text", [False, True])
    @pytest.mark.parametrize(
        ("affine", "size"),
        [(SCALE, (64, 48)), (Affine(-1, 0, 32, 0, 1, 0), (32, 24)), (Affine.translation(-12, -10), (20, 14))],
    )
    def test_run_lengths_follow(self, tmp_path, affine, size, as_text):
        pixels = mask_of(3).pixels
        value = coco_of(".jpg", 1)
        counts = runs_of(pixels[..., 0] > 0)
        counts = text_of_runs(counts) if as_text else counts
        segmentation = {"counts": counts, "size": [HEIGHT, WIDTH]}
        value["annotations"][0] |= {"segmentation": segmentation, "bbox": [0, 0, WIDTH, HEIGHT]}
        moves = {"scene0.jpg": [Move("scene0.jpg", *size, affine)]}
        found = followed(self.form, written(tmp_path, value), moves)["annotations"]
        expected = nearest(pixels, affine, size)[..., 0] > 0
        segmentation = next(a["segmentation"] for a in found if isinstance(a["segmentation"], dict))
        assert segmentation == {"counts": runs_of(expected), "size": [size[1], size[0]]}

    @pytest.mark.parametrize(
        "segmentation",
        [{"counts": [5, 2], "size": [4, 4]}, {"counts": "é", "size": [4, 4]}, {"counts": [16]}],
    )
    def test_run_lengths_that_are_none_are_named(self, tmp_path, segmentation):
        value = coco_of(".jpg", 1)
        value["annotations"][0]["segmentation"] = segmentation
        moves = {"scene0.jpg": [Move("scene0.jpg", 2 * WIDTH, 2 * HEIGHT, SCALE)]}
        with pytest.raises(DatasetError, match=r"truth\.json: scene0\.jpg: annotation 100 is not COCO"):
            followed(self.form, written(tmp_path, value), moves)

    def test_what_is_cut_away_is_gone(self, tmp_path):
        moves = {"scene0.jpg": [Move("scene0.jpg", 16, 12, Affine.translation(-16, -12))]}
        found = followed(self.form, written(tmp_path, coco_of(".jpg", 1)), moves)
        assert [(a["id"], a["bbox"]) for a in found["annotations"]] == [(101, [4, 2, 6, 8])]

    def test_many_of_one_have_identifiers_of_their_own(self, tmp_path):
        tiles = [Move(f"scene0_{left}.jpg", 16, HEIGHT, Affine.translation(-left, 0)) for left in (0, 16)]
        value = coco_of(".jpg", 2)
        value["annotations"][0]["bbox"] = [14, 3, 5, 4]  # in both tiles
        moves = {"scene0.jpg": tiles, "scene1.jpg": [Move("scene1.jpg", WIDTH, HEIGHT)]}
        found = followed(self.form, written(tmp_path, value), moves)
        ids = {image["file_name"]: image["id"] for image in found["images"]}
        assert len(set(ids.values())) == 3
        assert ids["scene0_0.jpg"] == 10
        annotations = [(a["image_id"], a["category_id"], a["bbox"][0]) for a in found["annotations"]]
        assert sorted(annotations) == sorted(
            [
                (ids["scene0_0.jpg"], 1, 14),
                (ids["scene0_16.jpg"], 1, -2),
                (ids["scene0_16.jpg"], 2, 4),
                (ids["scene1.jpg"], 1, 2),
                (ids["scene1.jpg"], 2, 20),
            ]
        )
        assert len({a["id"] for a in found["annotations"]}) == 5

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"images": 5}, "'images' must be a list of objects"),
            ({"images": ["a"]}, "'images' must be a list of objects"),
            ({"annotations": {"a": 1}}, "'annotations' must be a list of objects"),
            ({"categories": [1]}, "'categories' must be a list of objects"),
            ({"images": [{"id": 1}]}, r"images\[0\] needs an 'id' and a 'file_name'"),
            ({"images": [{"id": 1, "file_name": 5}]}, r"images\[0\]"),
            ({"annotations": [{}]}, r"annotations\[0\] is not COCO"),
            ({"annotations": [{"image_id": 10, "bbox": [1, 2]}]}, r"annotations\[0\] is not COCO"),
            ({"annotations": [{"image_id": 10, "segmentation": [[1, 2, 3]]}]}, r"annotations\[0\]"),
        ],
    )
    def test_what_is_no_coco_is_named(self, tmp_path, change, said):
        with pytest.raises(DatasetError, match=r"truth\.json: .*" + said):
            self.form.read(written(tmp_path, {**coco_of(".jpg", 1), **change}))

    @pytest.mark.parametrize(
        ("text", "known"),
        [
            ('{"images": [], "annotations": []}', True),
            ('{"images": []}', False),
            ("[1]", False),
            ("{", False),
            ("", False),
            ("5", False),
        ],
    )
    def test_detecting(self, tmp_path, text, known):
        (tmp_path / "a.json").write_text(text)
        assert self.form.detect(tmp_path / "a.json") is known

    def test_missing_parts_are_empty(self, tmp_path):
        truth = self.form.read(
            written(tmp_path, {"images": [{"id": 1, "file_name": "a"}], "annotations": None})
        )
        assert (truth.records[0].things, truth.records[0].width) == ((), None)


class TestGeoJson:
    form = GeoJsonFormat()

    @staticmethod
    def value(*features, **others):
        return {"type": "FeatureCollection", "features": list(features), **others}

    def test_reading(self, tmp_path):
        feature = square(1, "a.tif", world=False)
        feature["properties"]["group"] = 3
        truth = self.form.read(
            written(tmp_path, self.value(feature, square(2, "a.tif", world=False), name="n"))
        )
        (record,) = truth.records
        assert (record.image, record.group, truth.header["name"]) == ("a.tif", "3", "n")
        assert [thing.label for thing in record.things] == [1, 0]
        outer, hole = record.polygons[0]
        assert outer == ((4, 6), (8, 6), (8, 10), (4, 10), (4, 6))
        assert len(hole) == 4

    def test_world_coordinates_stay_and_pixels_move(self, tmp_path):
        feature = square(0, "a.tif", world=False)
        for others, georeferenced, moves_too in (
            ({}, False, True),
            ({}, True, False),
            ({"crs": {"type": "name"}}, False, False),
        ):
            move = Move("b.tif", 2 * WIDTH, 2 * HEIGHT, SCALE, georeferenced)
            source = written(tmp_path, self.value(feature, **others), "truth.geojson")
            (found,) = followed(self.form, source, {"a.tif": [move]})["features"]
            assert found["properties"] == {**feature["properties"], "image_filename": "b.tif"}
            factor = 2 if moves_too else 1
            rings = [
                [[factor * x, factor * y] for x, y in ring] for ring in feature["geometry"]["coordinates"]
            ]
            assert found["geometry"] == {"type": "Polygon", "coordinates": rings}

    def test_several_polygons(self, tmp_path):
        feature = square(0, "a.tif", world=False)
        rings = feature["geometry"]["coordinates"]
        feature["geometry"] = {"type": "MultiPolygon", "coordinates": [rings, rings[:1]]}
        move = Move("a.tif", WIDTH, HEIGHT, Affine.translation(-1, -2))
        (found,) = followed(self.form, written(tmp_path, self.value(feature)), {"a.tif": [move]})["features"]
        assert found["geometry"]["type"] == "MultiPolygon"
        assert found["geometry"]["coordinates"][1] == [[[x - 1, y - 2] for x, y in rings[0]]]

    def test_what_is_cut_away_is_gone(self, tmp_path):
        tiles = [Move(f"a_{left}.tif", 16, HEIGHT, Affine.translation(-left, 0)) for left in (0, 16)]
        value = self.value(square(0, "a.tif", world=False))
        found = followed(self.form, written(tmp_path, value), {"a.tif": tiles})["features"]
        assert [feature["properties"]["image_filename"] for feature in found] == ["a_0.tif"]

    def test_points_in_pixels_cannot_follow(self, tmp_path):
        feature = square(0, "a.tif", world=False) | {"geometry": {"type": "Point", "coordinates": [1, 2]}}
        source = written(tmp_path, self.value(feature))
        with pytest.raises(DatasetError, match=r"truth\.json: a\.tif: a geometry of type Point"):
            followed(self.form, source, {"a.tif": [Move("a.tif", WIDTH, HEIGHT, SCALE)]})
        kept = followed(
            self.form, source, {"a.tif": [Move("b.tif", WIDTH, HEIGHT, SCALE, georeferenced=True)]}
        )
        assert kept["features"][0]["geometry"] == feature["geometry"]

    def test_a_feature_without_geometry_travels_along(self, tmp_path):
        feature = square(0, "a.tif", world=False) | {"geometry": None}
        moves = {"a.tif": [Move("b.tif", WIDTH, HEIGHT, SCALE)]}
        (found,) = followed(self.form, written(tmp_path, self.value(feature)), moves)["features"]
        assert (found["geometry"], found["properties"]["image_filename"]) == (None, "b.tif")

    @pytest.mark.parametrize(
        "feature",
        [
            {},
            5,
            None,
            {"properties": None},
            {"properties": {"class_id": 1}},
            {"properties": {"image_filename": None}},
            {"properties": {"image_filename": "a"}, "geometry": {"type": "Polygon"}},
            {"properties": {"image_filename": "a"}, "geometry": {"type": "Polygon", "coordinates": [[[]]]}},
            {"properties": {"image_filename": "a"}, "geometry": 5},
        ],
    )
    def test_what_is_no_feature_is_named(self, tmp_path, feature):
        source = written(tmp_path, self.value(square(0, "a", world=False), feature), "truth.geojson")
        assert self.form.detect(source)
        with pytest.raises(DatasetError, match=r"truth\.geojson: features\[1\]"):
            self.form.read(source)

    def test_features_of_something_else_are_not_understood(self, tmp_path):
        source = written(tmp_path, self.value({"properties": {"area": 5}, "geometry": None}), "aoi.geojson")
        assert not self.form.detect(source)
        assert OtherJsonFormat().detect(source)

    @pytest.mark.parametrize("value", [5, [], {}, {"features": 5}])
    def test_what_is_no_collection_is_named(self, tmp_path, value):
        assert not self.form.detect(written(tmp_path, value, "a.json"))
        with pytest.raises(DatasetError, match="feature collection"):
            self.form.read(written(tmp_path, value, "a.geojson"))


class TestMasks:
    form = MasksFormat()

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "images_mask"
        folder.mkdir()
        write_image(folder / "a_mask.png", mask_of(0))
        write_image(folder / "b.tif", mask_of(1))
        (folder / "notes.txt").write_text("no mask")
        return folder

    def test_reading(self, folder):
        assert self.form.detect(folder)
        assert not self.form.detect(folder.parent)
        found = {record.image: record.mask for record in self.form.read(folder).records}
        assert found == {"a": "a_mask.png", "b": "b.tif"}

    def test_masks_of_renamed_images_are_copied(self, folder, tmp_path):
        moves = {"a.jpg": [Move("a.png", WIDTH, HEIGHT)], "b.jpg": [Move("b.jpg.tif", WIDTH, HEIGHT)]}
        self.form.follow(folder, tmp_path / "out", moves)
        files = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
        assert files == {
            "a_mask.png": (folder / "a_mask.png").read_bytes(),
            "b.jpg.tif": (folder / "b.tif").read_bytes(),
        }

    @pytest.mark.parametrize(
        ("affine", "size", "expected"),
        [
            (SCALE, (2 * WIDTH, 2 * HEIGHT), lambda m: m.repeat(2, 0).repeat(2, 1)),
            (Affine.scale(1 / 2), (WIDTH // 2, HEIGHT // 2), lambda m: m[1::2, 1::2]),
            (Affine(-1, 0, WIDTH, 0, 1, 0), (WIDTH, HEIGHT), lambda m: m[:, ::-1]),
            (Affine(1, 0, 0, 0, -1, HEIGHT), (WIDTH, HEIGHT), lambda m: m[::-1]),
            (Affine.translation(-5, -7), (16, 10), lambda m: m[7:17, 5:21]),
            (
                Affine.translation(3, 2),
                (WIDTH, HEIGHT),
                lambda m: np.pad(m, ((2, 0), (3, 0), (0, 0)))[:HEIGHT, :WIDTH],
            ),
            (Affine(0, 1, 0, -1, 0, WIDTH), (HEIGHT, WIDTH), lambda m: np.rot90(m)),
        ],
        ids=["double", "half", "mirror", "upside down", "crop", "beyond", "quarter turn"],
    )
    def test_masks_of_moved_images_are_mapped(self, folder, tmp_path, affine, size, expected):
        self.form.follow(folder, tmp_path / "out", {"a.jpg": [Move("a.png", *size, affine)]})
        found = read_image(tmp_path / "out" / "a_mask.png").pixels
        np.testing.assert_array_equal(found, expected(mask_of(0).pixels))

    @pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
    def test_labels_of_every_type(self, tmp_path, dtype):
        labels = np.arange(HEIGHT * WIDTH, dtype=dtype).reshape(HEIGHT, WIDTH)
        (tmp_path / "masks").mkdir()
        write_image(tmp_path / "masks" / "a.tif", Image.from_array(labels))
        self.form.follow(
            tmp_path / "masks",
            tmp_path / "out",
            {"a.tif": [Move("a.tif", WIDTH, HEIGHT, Affine(-1, 0, WIDTH, 0, 1, 0))]},
        )
        np.testing.assert_array_equal(read_image(tmp_path / "out" / "a.tif").pixels[..., 0], labels[:, ::-1])

    def test_masks_wider_than_opencv_can_map(self, tmp_path):
        labels = np.arange(40_000, dtype=np.uint16)[np.newaxis]
        (tmp_path / "masks").mkdir()
        write_image(tmp_path / "masks" / "a.png", Image.from_array(labels))
        moves = {"a.tif": [Move("a.tif", 100, 1, Affine.translation(-39_000, 0))]}
        self.form.follow(tmp_path / "masks", tmp_path / "out", moves)
        np.testing.assert_array_equal(
            read_image(tmp_path / "out" / "a.png").pixels[0, :, 0], labels[0, 39_000:39_100]
        )

    def test_tiles_have_tiles_of_the_mask(self, folder, tmp_path):
        tiles = [Move(f"a_{left}.png", 16, HEIGHT, Affine.translation(-left, 0)) for left in (0, 16)]
        self.form.follow(folder, tmp_path / "out", {"a.jpg": tiles, "b.tif": []})
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a_0_mask.png", "a_16_mask.png"]
        right = read_image(tmp_path / "out" / "a_16_mask.png").pixels
        np.testing.assert_array_equal(right, mask_of(0).pixels[:, 16:])

    def test_numbers_of_colours_cannot_follow(self, tmp_path):
        (tmp_path / "masks").mkdir()
        palette_png(tmp_path / "masks" / "a.png")
        self.form.follow(tmp_path / "masks", tmp_path / "copied", {"a.jpg": [Move("a.png", 4, 1)]})
        assert (tmp_path / "copied" / "a.png").read_bytes() == (tmp_path / "masks" / "a.png").read_bytes()
        with pytest.raises(DatasetError, match=r"a\.png: a mask with a palette"):
            self.form.follow(tmp_path / "masks", tmp_path / "out", {"a.jpg": [Move("a.png", 8, 2, SCALE)]})

    def test_a_lossy_mask_is_not_compressed_again(self, tmp_path):
        (tmp_path / "masks").mkdir()
        cv2.imwrite(str(tmp_path / "masks" / "a.jpg"), np.full((8, 8), 255, np.uint8))
        self.form.follow(tmp_path / "masks", tmp_path / "out", {"a.jpg": [Move("a.jpg", 16, 16, SCALE)]})
        assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.png"]


def palette_png(path: Path) -> None:
    """Four pixels, numbers 0 to 3 of four colours."""
    import struct
    import zlib

    from iqf_core.image.headers import PNG_SIGNATURE, png_chunk

    head = struct.pack(">IIBBBBB", 4, 1, 8, 3, 0, 0, 0)
    colours = bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    rows = zlib.compress(bytes([0, 0, 1, 2, 3]))
    chunks = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", rows), (b"IEND", b""))
    path.write_bytes(PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in chunks))


class TestClasses:
    form = ClassesFormat()

    def csv(self, tmp_path, text, name="labels.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    @pytest.mark.parametrize(
        "header", ["image_filename,label", "file_name,class", "image,class_id", "filename,category"]
    )
    def test_reading(self, tmp_path, header):
        source = self.csv(tmp_path, f"{header},group\na.png,1,g\n\nb.png,x,\n", encoding="utf-8-sig")
        assert self.form.detect(source)
        found = [(record.image, record.label, record.group) for record in self.form.read(source).records]
        assert found == [("a.png", "1", "g"), ("b.png", "x", None)]

    def test_following(self, tmp_path):
        source = self.csv(tmp_path, 'note,image,label\n"é, ""x""",d/a.jpg,1\n,b,2\n,gone.jpg,3\n')
        moves = {"a.jpg": [Move("a.png", 4, 4)], "b.jpg": [Move("b.png", 4, 4)], "gone.jpg": []}
        self.form.follow(source, tmp_path / "out.csv", moves)
        with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
            assert list(csv.reader(file)) == [
                ["note", "image", "label"],
                ['é, "x"', "d/a.png", "1"],
                ["", "b", "2"],
            ]

    @pytest.mark.parametrize(
        ("text", "said"),
        [("image,label\na.png\n", "line 2"), ("image,label\na,b\nc,d,e\n", "line 3")],
    )
    def test_rows_that_do_not_fit_the_header(self, tmp_path, text, said):
        with pytest.raises(DatasetError, match=rf"labels\.csv: {said} has not the 2 fields"):
            self.form.read(self.csv(tmp_path, text))

    def test_another_encoding_is_named(self, tmp_path):
        source = self.csv(tmp_path, "image,label\na.png,é\n", encoding="latin-1")
        assert self.form.detect(source)
        with pytest.raises(DatasetError, match="not a CSV in UTF-8"):
            self.form.read(source)

    def test_a_table_of_something_else_is_none(self, tmp_path):
        assert not self.form.detect(self.csv(tmp_path, "time,value\n1,2\n"))
        assert not self.form.detect(self.csv(tmp_path, ""))

    def test_folders(self, maker):
        root = maker.classes_folders()
        assert self.form.detect(root)
        labels = {record.image: record.label for record in self.form.read(root).records}
        assert labels["wood/wood1.png"] == "wood"
        assert len(labels) == 6
        assert not self.form.detect(root / "wood")


def test_json_that_is_not_understood_is_carried(tmp_path):
    source = written(tmp_path, {"anything": [1, 2]})
    form = OtherJsonFormat()
    assert form.detect(source)
    assert form.read(source).records == ()
    form.follow(source, tmp_path / "out.json", {"a": [Move("b", 1, 1, SCALE)]})
    assert (tmp_path / "out.json").read_bytes() == source.read_bytes()
    with pytest.raises(DatasetError, match="not written"):
        form.write(form.read(source), tmp_path / "other.json")
    assert not FolderFormat().detect(tmp_path)
