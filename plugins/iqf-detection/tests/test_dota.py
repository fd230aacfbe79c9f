"""DOTA's labels: read, written back to the byte, and followed where pixels move."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from affine import Affine

import iqf_core as iqf
from iqf_core import GroundTruth, Record
from iqf_core.records import Move, Thing
from iqf_detection.coco import CocoDetection
from iqf_detection.dota import DotaFormat
from iqf_detection.oriented import OrientedDetection

PLANE = "2.0 3.0 12.5 3.0 12.5 9.25 2.0 9.25 plane 0"
SHIP = "20 2 30 6 28 11 18 7 ship 1"
TEXT = f"imagesource:GoogleEarth\ngsd:0.146343590398\n{PLANE}\n{SHIP}\n"


def make(root, texts, *, size=(40, 32), suffix=".png"):
    """Write a dataset whose images have these labels."""
    rng = np.random.default_rng(0)
    for name, text in texts.items():
        (root / "images").mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (size[1], size[0], 1), np.uint8)
        iqf.write_image(root / "images" / f"{name}{suffix}", iqf.Image.from_array(pixels))
        (root / "labelTxt").mkdir(exist_ok=True)
        (root / "labelTxt" / f"{name}.txt").write_text(text)
    return root


def opened(root):
    return iqf.open_dataset(root, annotations=root / "labelTxt")


class Grow(iqf.ImageModifier):
    """Each pixel becomes four."""

    name = "grow"

    def apply(self, image, *, rng):
        pixels = image.pixels.repeat(2, axis=0).repeat(2, axis=1)
        return iqf.Modified(image.with_pixels(pixels), affine=Affine.scale(2))


class Copy(iqf.ImageModifier):
    """Nothing moves."""

    name = "copy"

    def apply(self, image, *, rng):
        return iqf.Modified(image.with_pixels(image.pixels.copy()))


def test_it_is_read(tmp_path):
    (record,) = opened(make(tmp_path / "scenes", {"P1": TEXT})).records
    assert record.image == "P1.png"
    plane, ship = record.things
    assert (plane.label, plane.extras["difficult"], plane.extras.get("iscrowd")) == ("plane", 0, None)
    assert (ship.label, ship.extras["difficult"], ship.extras.get("iscrowd")) == ("ship", 1, 1)
    assert plane.polygons == ((((2, 3), (12.5, 3), (12.5, 9.25), (2, 9.25)),),)
    assert record.extras == {"header": ("imagesource:GoogleEarth", "gsd:0.146343590398")}


def test_it_is_found_beside_the_images(tmp_path):
    dataset = iqf.open_dataset(make(tmp_path / "scenes", {"P1": TEXT, "P2": ""}))
    assert [source.format.name for source in dataset.sources] == ["dota"]
    assert [len(record.things) for record in dataset.records] == [2, 0]


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "",
        "gsd:null\n",
        "1e1 2 3 4.50 5 6 7 8 large-vehicle 2\n",
        "1 2 3 4 5 6 7 8 ship\n",
        " 1 2  3 4 5 6 7 8 été 0 \n",
    ],
)
def test_a_round_trip_is_exact(text, tmp_path):
    root = make(tmp_path / "scenes", {"P1": text, "P2.v2": SHIP + "\n"})
    made = DotaFormat()
    made.write(made.read(root / "labelTxt"), tmp_path / "again")
    files = sorted((root / "labelTxt").iterdir())
    assert [file.name for file in files] == ["P1.txt", "P2.v2.txt"]
    for file in files:
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_other_line_ends_are_read(tmp_path):
    (tmp_path / "labelTxt").mkdir()
    (tmp_path / "labelTxt" / "a.txt").write_bytes(
        b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode() + b"\r\n"
    )
    made = DotaFormat()
    made.write(made.read(tmp_path / "labelTxt"), tmp_path / "again")
    assert (tmp_path / "again" / "a.txt").read_text() == TEXT


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 2 3 4 5 6 7 ship", "8 words"),
        ("1 2 3 4 5 6 7 8 large vehicle 0", "11 words"),
        ("1 2 3 4 5 6 7 x ship 0", "'x' is no number"),
        ("1 2 3 4 5 6 7 nan ship 0", "nan is no place"),
        ("1 2 3 4 5 6 7 8 ship 3", "difficult is '3', not 0, 1 or 2"),
        ("gsd:0.5", "1 words"),
    ],
)
def test_an_error_names_file_and_line(line, said, tmp_path):
    root = make(tmp_path / "scenes", {"P1": f"{SHIP}\n\n{line}\n"})
    with pytest.raises(iqf.DatasetError, match=rf"P1\.txt: line 3: {said}; write x1 y1 x2 .* difficult"):
        _ = opened(root).records


def test_what_is_no_text_is_named(tmp_path):
    root = make(tmp_path / "scenes", {"P1": ""})
    (root / "labelTxt" / "P1.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(iqf.DatasetError, match=r"P1\.txt: not text in UTF-8"):
        _ = opened(root).records


@pytest.mark.parametrize(
    ("name", "text", "is_dota"),
    [
        ("labelTxt-v1.5", "nonsense", True),
        ("labels", TEXT, True),
        ("labels", f"\n{PLANE}", True),
        ("labels", "", False),
        ("labels", "0 0.5 0.5 0.1 0.1", False),  # YOLO
        ("labels", "3 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2", False),  # YOLO's quadrilaterals
        ("labels", "b\xff", False),
    ],
)
def test_it_is_told_from_other_text(name, text, is_dota, tmp_path):
    (tmp_path / name).mkdir()
    assert not DotaFormat().detect(tmp_path / name)
    (tmp_path / name / "a.txt").write_text(text, encoding="latin-1")
    assert DotaFormat().detect(tmp_path / name) is is_dota
    assert not DotaFormat().detect(tmp_path / name / "a.txt")
    assert not DotaFormat().detect(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (Thing("ship", box=(0, 0, 1, 1)), "is not one polygon of four corners"),
        (Thing("ship", polygons=((((0, 0), (1, 0), (1, 1)),),)), "is not one polygon of four corners"),
        (Thing("a b", polygons=((((0, 0), (1, 0), (1, 1), (0, 1)),),)), "'a b' is not one word"),
    ],
)
def test_what_it_cannot_say_is_not_written(thing, said, tmp_path):
    truth = GroundTruth((Record("a", things=(thing,)),))
    with pytest.raises(iqf.DatasetError, match=said):
        DotaFormat().write(truth, tmp_path / "labelTxt")


def test_one_name_twice_is_refused(tmp_path):
    with pytest.raises(iqf.DatasetError, match=r"two images would have the file a\.txt"):
        DotaFormat().write(GroundTruth((Record("a"), Record("a"))), tmp_path / "labelTxt")


class TestFollowing:
    def test_where_nothing_moves_files_are_copied(self, tmp_path):
        root = make(tmp_path / "scenes", {"P1": TEXT + "\n\n", "P2": ""})
        variant = iqf.make_variant(opened(root), Copy())
        for name in ("P1.txt", "P2.txt"):
            assert (variant.root / "labelTxt" / name).read_bytes() == (root / "labelTxt" / name).read_bytes()

    def test_where_pixels_move_corners_and_gsd_do(self, tmp_path):
        variant = iqf.make_variant(opened(make(tmp_path / "scenes", {"P1": TEXT, "P2": ""})), Grow())
        assert (variant.root / "labelTxt" / "P1.txt").read_text() == (
            "imagesource:GoogleEarth\ngsd:0.073171795199\n"
            "4 6 25 6 25 18.5 4 18.5 plane 0\n40 4 60 12 56 22 36 14 ship 1\n"
        )
        assert (variant.root / "labelTxt" / "P2.txt").read_text() == ""

    def test_the_gsd_modifier_is_followed(self, tmp_path):
        pytest.importorskip("iqf_modifiers_sensor", reason="iqf-modifiers-sensor is not installed")
        root = make(tmp_path / "scenes", {"P1": TEXT})
        variant = iqf.make_variant(opened(root), "gsd(scale=2.0)")
        plane, ship = variant.records[0].things
        assert plane.polygons == ((((1, 1.5), (6.25, 1.5), (6.25, 4.625), (1, 4.625)),),)
        assert ship.extras["difficult"] == 1
        assert variant.records[0].extras["header"][1] == f"gsd:{0.146343590398 * 2}"

    def test_names_and_parts_are_followed(self, tmp_path):
        root = make(tmp_path / "scenes", {"a": TEXT, "b": SHIP})
        moves = {"a.png": [Move("x/c.jpg", 40, 32)], "b.png": []}
        DotaFormat().follow(root / "labelTxt", tmp_path / "labelTxt", moves)
        (file,) = (tmp_path / "labelTxt").rglob("*.txt")
        assert (file.name, file.read_text()) == ("c.txt", TEXT)

    def test_what_left_the_image_is_gone(self, tmp_path):
        root = make(tmp_path / "scenes", {"a": TEXT})
        moves = {"a.png": [Move("a.png", 15, 32, Affine.translation(-16, 0))]}
        DotaFormat().follow(root / "labelTxt", tmp_path / "labelTxt", moves)
        text = (tmp_path / "labelTxt" / "a.txt").read_text()
        assert text == "imagesource:GoogleEarth\ngsd:0.146343590398\n4 2 14 6 12 11 2 7 ship 1\n"


@pytest.mark.parametrize("metric", [CocoDetection, OrientedDetection])
def test_difficult_objects_are_neither_demanded_nor_wrong(metric, tmp_path):
    texts = {"P1": f"{PLANE}\n10 20 20 20 20 30 10 30 plane 1\n", "P2": "0 0 9 0 9 9 0 9 plane 2\n"}
    dataset = opened(make(tmp_path / "scenes", texts))
    found = [
        {"image": "P1", "category": "plane", "bbox": box, "score": 0.9}
        for box in ([2, 3, 10.5, 6.25], [10, 20, 10, 10], [11, 20, 9, 10])
    ]
    (tmp_path / "output.json").write_text(json.dumps(found))
    made = metric(score_threshold=0.5)
    values = made.aggregate(made.match(tmp_path / "output.json", dataset))
    assert values["ap"] == pytest.approx(1)
    assert (values["objects"], values["precision"], values["recall"]) == (1, 1, 1)
    assert not math.isnan(values["f1"])
