from __future__ import annotations

import json
import logging
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from iqf_core.dataset import open_dataset
from iqf_core.errors import DatasetError, ImageReadError
from iqf_core.formats import CocoFormat, GeoJsonFormat
from tests.datasets import WIDTH, pixels_of

KINDS = {
    "coco": ("coco", ["ship", "plane"]),
    "geojson": ("geojson", [0]),
    "masks": ("masks", []),
    "classes_csv": ("classes", []),
    "classes_folders": ("classes", []),
    "plain": (None, []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_conventions_are_recognised(maker, kind):
    root = getattr(maker, kind)()
    dataset = open_dataset(root)
    name, labels = KINDS[kind]
    assert [source.format.name for source in dataset.sources] == ([] if name is None else [name])
    assert [thing.label for thing in dataset.records[0].things] == labels
    assert [record.image for record in dataset.records] == list(dataset.images)
    assert len(dataset) in (4, 6)
    assert dataset.params == {"ds_name": root.name}


def test_what_each_convention_knows(maker):
    assert open_dataset(maker.coco()).records[1].width == WIDTH
    assert open_dataset(maker.masks()).records[1].mask == "scene1_mask.png"
    labels = [(r.label, r.group) for r in open_dataset(maker.classes_csv()).records]
    assert labels == [("even", "g0"), ("odd", "g0"), ("even", "g1"), ("odd", "g1")]
    assert {r.image: r.label for r in open_dataset(maker.classes_folders()).records}[
        "wood/wood2.png"
    ] == "wood"


@pytest.mark.parametrize("folder", ["images", "Tiles 2026 #1", "été", "train"])
def test_the_folder_of_images_has_any_name(maker, folder):
    maker.images(f"ds/{folder}", ["a b.png", "ä#1.tif", "sub/deep.jpg", "UPPER.PNG", "x.JPEG"])
    dataset = open_dataset(maker.base / "ds")
    assert dataset.images_dir.name == folder
    assert dataset.images == ("UPPER.PNG", "a b.png", "sub/deep.jpg", "x.JPEG", "ä#1.tif")
    assert [dataset.read(name).bands for name in dataset.images] == [3] * 5


@pytest.mark.parametrize("beside", ["images_mask", "Masks", "stats", ".hidden"])
def test_other_folders_are_no_folder_of_images(maker, beside):
    root = maker.plain()
    maker.images(root / beside, ["scene0.png"])
    assert open_dataset(root).images_dir.name == "images"


def test_images_directly_in_the_folder(maker):
    root = maker.images("flat", ["b.png", "a.png"])
    (root / "labels.csv").write_text("image,label\na.png,x\n")
    maker.images(root / "masks", ["a.png"])
    dataset = open_dataset(root)
    assert dataset.images == ("a.png", "b.png")
    assert dataset.images_dir == dataset.root == root
    assert sorted(source.format.name for source in dataset.sources) == ["classes", "masks"]
    assert (dataset.records[0].label, dataset.records[0].mask) == ("x", "a.png")
    assert dataset.skipped == ()
    assert open_dataset(root, images=str(root) + "/").images == dataset.images


def test_several_kinds_of_ground_truth_complete_each_other(maker):
    root = maker.coco()
    shutil.copytree(maker.masks() / "images_mask", root / "images_mask")
    shutil.copy(maker.classes_csv() / "labels.csv", root)
    (root / "licence.json").write_text('{"licence": "CC"}')
    (root / "aoi.geojson").write_text('{"type": "FeatureCollection", "features": [{"properties": {}}]}')
    dataset = open_dataset(root)
    names = [source.format.name for source in dataset.sources]
    assert sorted(names) == ["classes", "coco", "json", "json", "masks"]
    record = dataset.records[1]
    assert (len(record.things), record.mask, record.label, record.group) == (
        2,
        "scene1_mask.png",
        "odd",
        "g0",
    )


def test_images_and_annotations_apart(maker, tmp_path):
    root = maker.coco()
    truth = shutil.move(root / "annotations.json", tmp_path / "truth.json")
    assert open_dataset(root).sources == ()
    for arguments in ({"path": root}, {"images": root / "images"}, {"path": root, "images": root / "images"}):
        dataset = open_dataset(**arguments, annotations=str(truth))
        assert (dataset.root, dataset.name) == (root, "coco")
        assert len(dataset.records[3].things) == 2
    shutil.move(truth, root / "images" / "truth.json")
    dataset = open_dataset(images=root / "images", annotations=root / "images" / "truth.json")
    assert (dataset.skipped, len(dataset.records[0].things)) == ((), 2)


def test_which_of_two_counts_is_not_guessed(maker):
    root = maker.coco()
    shutil.copy(root / "annotations.json", root / "val.json")
    with pytest.raises(
        DatasetError, match=r"2 ground truths of format coco \(annotations\.json, val\.json\); pass anno"
    ):
        open_dataset(root)
    dataset = open_dataset(root, annotations=root / "val.json")
    assert [source.path.name for source in dataset.sources] == ["val.json"]


def test_a_folder_without_images_says_what_was_found(maker):
    (maker.base / "empty" / "docs").mkdir(parents=True)
    (maker.base / "empty" / "a.json").write_text("{}")
    with pytest.raises(
        DatasetError, match=r"no images\. Looked for one sub-folder of images .* found: a\.json, docs"
    ):
        open_dataset(maker.base / "empty")
    (maker.base / "void").mkdir()
    with pytest.raises(DatasetError, match="found: nothing"):
        open_dataset(maker.base / "void")
    (maker.base / "masks only" / "masks").mkdir(parents=True)
    maker.images("masks only/masks", ["a.png"])
    with pytest.raises(DatasetError, match="without 'mask' in its name"):
        open_dataset(maker.base / "masks only")


def test_several_folders_of_images_are_named(maker):
    maker.images("ds/train", ["a.png"])
    maker.images("ds/test", ["b.png"])
    with pytest.raises(DatasetError, match=r"several folders hold images \(test, train\)"):
        open_dataset(maker.base / "ds")
    assert open_dataset(maker.base / "ds" / "train").images == ("a.png",)
    assert open_dataset(maker.base / "ds", images=maker.base / "ds" / "test").images == ("b.png",)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "needs a path"),
        ({"path": "nowhere"}, "nowhere: no such folder"),
        ({"images": "nowhere"}, "nowhere: no such folder of images"),
        ({"path": "plain", "annotations": "nowhere.json"}, "nowhere.json: no such ground truth"),
        ({"path": "plain", "annotations": "plain/notes.txt"}, "ground truth of no known format"),
        ({"path": "plain", "group": "("}, "is no regular expression"),
        ({"path": "plain/notes.txt"}, "no such folder"),
    ],
)
def test_what_is_not_there_is_named(maker, monkeypatch, arguments, said):
    (maker.plain() / "notes.txt").write_text("x")
    monkeypatch.chdir(maker.base)
    with pytest.raises(DatasetError) as error:
        open_dataset(**arguments)
    assert said in str(error.value)


def test_stray_files_are_reported_and_skipped(maker, caplog):
    root = maker.plain()
    for name in ("notes.txt", "Thumbs.db", "sub/list.csv"):
        (root / "images" / name).parent.mkdir(exist_ok=True)
        (root / "images" / name).write_text("no image")
    with caplog.at_level(logging.WARNING, "iqf"):
        dataset = open_dataset(root)
    assert dataset.skipped == ("Thumbs.db", "notes.txt", "sub/list.csv")
    assert len(dataset) == 4
    assert "3 file(s) are not images and were skipped: Thumbs.db, notes.txt, sub/list.csv" in caplog.text


def test_sidecars_and_hidden_files_are_nothing_to_report(maker, caplog):
    root = maker.plain()
    for name in (
        "scene0.png.aux.xml",
        "scene0.pgw",
        "scene1.PNG.AUX.XML",
        "a.tif.ovr",
        ".DS_Store",
        ".x/scene0.png",
    ):
        (root / "images" / name).parent.mkdir(exist_ok=True)
        (root / "images" / name).write_text("<PAMDataset/>")
    (root / ".notes.json").write_text("{}")
    shutil.copy(root / "images" / "scene0.png", root / "images" / "._scene0.png")
    dataset = open_dataset(root)
    assert (dataset.skipped, len(dataset), dataset.sources, caplog.text) == ((), 4, (), "")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", None])
def test_a_damaged_image_is_an_error_when_it_is_read(maker, content):
    root = maker.plain()
    damaged = root / "images" / "scene2.png"
    damaged.write_bytes(damaged.read_bytes()[:200] if content is None else content)
    dataset = open_dataset(root)
    assert "scene2.png" in dataset.images
    with pytest.raises(ImageReadError, match=r"scene2\.png"):
        dataset.read("scene2.png")


def test_a_link_that_leads_nowhere_is_not_passed_over(maker):
    root = maker.plain()
    (root / "images" / "zz.png").symlink_to("annexed")
    dataset = open_dataset(root)
    assert dataset.images[-1] == "zz.png"
    with pytest.raises(ImageReadError, match=r"zz\.png"):
        dataset.read("zz.png")
    with pytest.raises(DatasetError, match=r"zz\.png: cannot be read"):
        _ = dataset.fingerprint


def test_a_name_that_is_no_text_is_named(maker):
    root = maker.plain()
    raw = os.fsencode(root / "images") + b"/caf\xe9.png"
    with open(raw, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write((root / "images" / "scene0.png").read_bytes())
    with pytest.raises(DatasetError, match="is not UTF-8"):
        open_dataset(root)


def test_images_without_a_suffix_are_images(maker):
    root = maker.plain()
    (root / "images" / "scene0.png").rename(root / "images" / "scene0")
    assert open_dataset(root).images[0] == "scene0"
    assert open_dataset(root).read("scene0").dtype == np.uint8


def test_params_begin_with_the_name_and_may_be_extended(maker):
    dataset = open_dataset(maker.plain())
    dataset.params["sensor"] = "x"
    assert list(dataset.params) == ["ds_name", "sensor"]
    assert open_dataset(maker.base / "plain").params == {"ds_name": "plain"}
    part = dataset.subset(["scene1.png"])
    part.params["part"] = 1
    assert dataset.params == {"ds_name": "plain", "sensor": "x"}


def test_a_dataset_has_a_name_wherever_one_stands(maker, monkeypatch):
    monkeypatch.chdir(maker.plain())
    assert open_dataset(".").name == "plain"
    assert open_dataset(images="images").name == "plain"
    monkeypatch.chdir("images")
    assert open_dataset("..").name == "plain"
    assert open_dataset(images=".").name == "plain"
    assert open_dataset("../../plain").name == "plain"


def test_groups(maker):
    root = maker.classes_csv()
    assert [record.group for record in open_dataset(root, group=r"scene(\d)").records] == [
        "g0",
        "g0",
        "g1",
        "g1",
    ]
    assert [record.group for record in open_dataset(maker.coco(), group=r"scene(\d)").records] == list("0123")


def test_full_scale_is_the_files_or_what_is_given(maker):
    root = maker.plain(suffix=".tif", dtype="uint16", white=4095)
    assert open_dataset(root).read("scene0.tif").white == 4095
    assert open_dataset(root, white=1023).read("scene0.tif").white == 1023


def test_a_subset_is_of_this_dataset(maker):
    dataset = open_dataset(maker.plain())
    assert dataset.subset(["scene2.png", "scene0.png", "scene2.png"]).images == ("scene0.png", "scene2.png")
    with pytest.raises(DatasetError, match=r"no image 'scene9\.png'"):
        dataset.subset(["scene9.png"])
    assert dataset.subset(dataset.images) == dataset


def test_rates_as_delivered(maker):
    dataset = open_dataset(maker.plain(suffix=".tif", dtype="uint16", bands=1, white=4095))
    size = sum(dataset.path(name).stat().st_size for name in dataset.images)
    assert dataset.rates()["bits_per_pixel"] == 8 * size / (4 * 32 * 24)
    assert dataset.rates()["compression_ratio"] == pytest.approx(12 * 4 * 32 * 24 / (8 * size))


def test_broken_ground_truth_names_the_file(maker):
    root = maker.coco()
    value = json.loads((root / "annotations.json").read_bytes())
    value["annotations"][3]["bbox"] = [1]
    (root / "annotations.json").write_text(json.dumps(value))
    with pytest.raises(DatasetError, match=r"annotations\.json: annotations\[3\]"):
        _ = open_dataset(root).records


class TestFingerprint:
    @pytest.fixture
    def root(self, maker):
        return maker.coco(suffix=".png")

    def of(self, root, **options):
        return open_dataset(root, **options).fingerprint

    def test_a_copy_is_the_same_dataset(self, root, tmp_path):
        shutil.copytree(root, tmp_path / "copy" / "other name", copy_function=shutil.copyfile)
        os.utime(tmp_path / "copy" / "other name" / "images" / "scene0.png", (1, 1))
        assert self.of(tmp_path / "copy" / "other name") == self.of(root)

    @pytest.mark.parametrize(
        "change",
        [
            lambda root: (root / "images" / "scene1.png").write_bytes(
                (root / "images" / "scene2.png").read_bytes()
            ),
            lambda root: (root / "images" / "scene1.png").rename(root / "images" / "scene7.png"),
            lambda root: (root / "images" / "scene1.png").unlink(),
            lambda root: (root / "annotations.json").write_text("{}"),
            lambda root: (root / "more.json").write_text("{}"),
            lambda root: (root / "images" / "scene1.pgw").write_text("0.5\n0\n0\n-0.5\n100\n200\n"),
            lambda root: (root / "images" / "scene1.png.aux.xml").write_text("<PAMDataset/>"),
            lambda root: (root / "images").rename(root / "pictures"),
        ],
        ids=["content", "name", "removed", "truth", "more truth", "world file", "sidecar", "folder"],
    )
    def test_a_change_makes_another(self, root, change):
        before = self.of(root)
        change(root)
        assert self.of(root) != before

    def test_full_scale_makes_another(self, root):
        assert self.of(root) != self.of(root, white=200)

    def test_what_is_beside_does_not_count(self, root):
        before = self.of(root)
        (root / "README.md").write_text("x")
        (root / "images" / "notes.txt").write_text("x")
        (root / "images" / "other.pgw").write_text("x")
        assert self.of(root) == before

    def test_content_changed_within_a_tick_of_the_clock_is_seen(self, root):
        path = root / "images" / "scene1.png"
        stamp = time.time_ns()
        data = bytearray(path.read_bytes())
        os.utime(path, ns=(stamp, stamp))
        before = self.of(root)
        data[-20] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(stamp, stamp))
        assert self.of(root) != before

    def test_settled_files_are_read_once(self, root, monkeypatch):
        for file in root.rglob("*"):
            os.utime(file, (1, 1))
        before = self.of(root)
        monkeypatch.setattr(
            "iqf_core.fingerprint.file_digest", lambda path: pytest.fail(f"read {path} again")
        )
        assert self.of(root) == before

    @pytest.mark.parametrize("damage", ["nothing", "[]", "{", "gone"])
    def test_a_damaged_memory_costs_reading_again(self, root, damage):
        for file in root.rglob("*"):
            os.utime(file, (1, 1))
        before = self.of(root)
        for memory in (Path(os.environ["XDG_CACHE_HOME"]) / "iqf").iterdir():
            memory.unlink() if damage == "gone" else memory.write_text(damage)
        assert self.of(root) == before

    def test_a_home_that_cannot_be_written_costs_speed_alone(self, root, monkeypatch, tmp_path):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        for file in root.rglob("*"):
            os.utime(file, (1, 1))
        assert self.of(root) == self.of(root)


class TestSharedPictures:
    def test_coco(self, shared):
        dataset = open_dataset(shared / "coco10")
        assert [type(source.format) for source in dataset.sources] == [CocoFormat]
        assert len(dataset) == 10
        assert all(record.things for record in dataset.records)
        record, image = dataset.records[0], dataset.read(dataset.images[0])
        assert (record.width, record.height) == (image.width, image.height)

    def test_geojson(self, shared):
        dataset = open_dataset(shared / "geo10")
        assert [type(source.format) for source in dataset.sources] == [GeoJsonFormat]
        assert sum(len(record.things) for record in dataset.records) > 10
        image = dataset.read(dataset.images[0])
        assert (image.dtype, image.width, image.geo.crs.to_epsg()) == (np.uint16, 90, 32616)

    def test_plain(self, shared):
        dataset = open_dataset(shared / "aerial1")
        assert (len(dataset), dataset.sources) == (1, ())
        assert dataset.read(dataset.images[0]).pixels.shape == (1024, 1024, 3)


def test_the_data_of_these_tests_is_seeded():
    np.testing.assert_array_equal(pixels_of(3), pixels_of(3))
    assert (pixels_of(3) != pixels_of(4)).any()
