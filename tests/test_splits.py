from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from iqf_core.dataset import open_dataset
from iqf_core.errors import DatasetError
from iqf_core.parts import lay_down
from iqf_core.records import Record
from iqf_core.splits import split_names
from tests.datasets import tree

THIRDS = {"train": 0.6, "val": 0.2, "test": 0.2}


def split(records, fractions=THIRDS, seed=0):
    return split_names(records, fractions, seed=seed, where="here")


def plain(count, **known):
    return [Record(f"{index:03}.png", **known) for index in range(count)]


@pytest.mark.parametrize(
    ("count", "fractions"),
    [
        (100, THIRDS),
        (10, THIRDS),
        (7, {"train": 0.5, "test": 0.5}),
        (30, {"a": 0.1, "b": 0.2, "c": 0.7}),
        (5, THIRDS),
    ],
)
def test_every_image_is_in_one_part_and_the_shares_are_right(count, fractions):
    parts = split(plain(count), fractions)
    assert sorted(name for names in parts.values() for name in names) == [
        record.image for record in plain(count)
    ]
    for part, names in parts.items():
        assert abs(len(names) - fractions[part] * count) <= 1


def test_the_seed_decides():
    assert split(plain(50), seed=1) == split(plain(50), seed=1)
    assert split(plain(50), seed=1) != split(plain(50), seed=2)


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_together(seed):
    records = [
        Record(f"{index}.png", group=f"scene {index % 9}", label=str(index % 2)) for index in range(60)
    ]
    home = {name: part for part, names in split(records, seed=seed).items() for name in names}
    groups = {}
    for record in records:
        groups.setdefault(record.group, set()).add(home[record.image])
    assert all(len(parts) == 1 for parts in groups.values())
    assert len(home) == 60


def test_an_image_named_as_a_group_is_not_of_it():
    records = [Record("a", group="b"), Record("b"), Record("c", group="b")]
    parts = split(records, {"x": 2 / 3, "y": 1 / 3})
    assert sorted(map(sorted, parts.values())) == [["a", "c"], ["b"]]


@pytest.mark.parametrize("seed", range(5))
def test_classes_keep_their_proportion(seed):
    records = [Record(f"{index}.png", label="rare" if index < 10 else "common") for index in range(100)]
    label = {record.image: record.label for record in records}
    for part, names in split(records, seed=seed).items():
        counts = Counter(label[name] for name in names)
        assert abs(counts["rare"] - 10 * THIRDS[part]) <= 1
        assert abs(counts["common"] - 90 * THIRDS[part]) <= 1


@pytest.mark.parametrize("per_class", [1, 2, 3])
def test_many_small_classes_starve_no_part(per_class):
    records = [Record(f"{index}.png", label=str(index // per_class)) for index in range(100 * per_class)]
    parts = split(records)
    for part, names in parts.items():
        assert abs(len(names) - THIRDS[part] * len(records)) <= 2


@pytest.mark.parametrize(
    "fractions",
    [{}, {"a": 0.5}, {"a": 0.5, "b": 0.6}, {"a": 1.5, "b": -0.5}, {"a": 1.0, "b": 0.0}, {"a": float("nan")}],
)
def test_fractions_that_do_not_add_up(fractions):
    with pytest.raises(DatasetError, match="here: the fractions of a split must be positive and add up to 1"):
        split(plain(5), fractions)


def test_a_part_that_would_be_empty_is_named():
    with pytest.raises(DatasetError, match=r"leaves nothing for (val|test).*5 images in too few groups"):
        split(plain(5, group="one scene"))


def test_a_dataset_splits_by_the_groups_of_its_names(maker):
    names = [f"tile{index // 4}_{index}.png" for index in range(40)]
    maker.images("scenes/images", names)
    parts = open_dataset(maker.base / "scenes", group=r"(tile\d+)_").split(THIRDS, seed=3)
    tiles = [{name.split("_")[0] for name in part.images} for part in parts.values()]
    assert sum(map(len, tiles)) == len(set().union(*tiles)) == 10
    assert sum(map(len, parts.values())) == 40
    assert all(part.root == maker.base / "scenes" for part in parts.values())


def test_a_part_of_the_same_file_names_has_its_own_ground_truth(maker):
    root = maker.base / "ds"
    maker.images("ds/images", ["a/x.png", "b/x.png"])
    rows = "image_filename,label\na/x.png,first\nb/x.png,second\n"
    (root / "labels.csv").write_text(rows)
    dataset = open_dataset(root, images=root / "images")
    only = dataset.subset(["a/x.png"])
    assert [record.label for record in only.records] == ["first"]


def test_the_ground_truth_of_another_image_is_not_taken(maker):
    root = maker.base / "ds"
    maker.images("ds/images", ["x.jpg", "x.png"])
    (root / "labels.csv").write_text("image_filename,label\nx.jpg,first\nx.png,second\n")
    only = open_dataset(root).subset(["x.png"])
    assert [record.label for record in only.records] == ["second"]
    part = lay_down(only, root.parent / "parts" / "test")
    assert [record.label for record in part.records] == ["second"]
    assert "x.jpg" not in (part.root / "labels.csv").read_text()


class TestLayDown:
    def test_a_coco_part(self, maker):
        whole = open_dataset(maker.coco(), group="scene([0-9])")
        part = lay_down(whole.subset(["scene1.jpg", "scene3.jpg"]), maker.base / "parts" / "train")
        assert part.images == ("scene1.jpg", "scene3.jpg")
        assert part.name == part.params["ds_name"] == "train"
        value = json.loads((part.root / "annotations.json").read_bytes())
        assert [(i["file_name"], i["width"], i["height"]) for i in value["images"]] == [
            ("scene1.jpg", 32, 24),
            ("scene3.jpg", 32, 24),
        ]
        assert {a["image_id"] for a in value["annotations"]} == {11, 13}
        assert len(value["annotations"]) == 4
        assert [record.group for record in part.records] == ["1", "3"]
        assert part.path("scene1.jpg").read_bytes() == whole.path("scene1.jpg").read_bytes()
        assert not list(part.root.glob("[!.]*part*"))

    @pytest.mark.parametrize("kind", ["geojson", "masks", "classes_csv", "classes_folders", "plain"])
    def test_every_kind(self, maker, kind):
        whole = open_dataset(getattr(maker, kind)())
        names = whole.images[1:3]
        part = lay_down(whole.subset(names), maker.base / "parts" / kind)
        assert part.images == names
        assert part.images_dir.relative_to(part.root) == whole.images_dir.relative_to(whole.root)
        wanted = [record for record in whole.records if record.image in names]
        assert [(r.label, r.mask, len(r.things)) for r in part.records] == [
            (r.label, r.mask, len(r.things)) for r in wanted
        ]

    def test_sidecars_come_along(self, maker):
        root = maker.plain(suffix=".tif", bands=1)
        (root / "images" / "scene1.tfw").write_text("0.5\n0\n0\n-0.5\n100\n200\n")
        (root / "images" / "scene2.tfw").write_text("0.5\n0\n0\n-0.5\n100\n200\n")
        whole = open_dataset(root)
        part = lay_down(whole.subset(["scene1.tif"]), maker.base / "part")
        assert sorted(f.name for f in part.images_dir.iterdir()) == ["scene1.tfw", "scene1.tif"]
        assert part.read("scene1.tif").geo == whole.read("scene1.tif").geo

    def test_it_is_made_once(self, maker):
        part = open_dataset(maker.coco()).subset(["scene1.jpg"])
        folder = maker.base / "part"
        lay_down(part, folder)
        before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
        assert lay_down(part, folder).images == part.images
        assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before

    def test_another_part_is_refused(self, maker):
        whole = open_dataset(maker.coco())
        folder = maker.base / "part"
        lay_down(whole.subset(["scene1.jpg"]), folder)
        content = tree(folder)
        with pytest.raises(DatasetError, match="holds another split"):
            lay_down(whole.subset(["scene2.jpg"]), folder)
        (maker.base / "mine").mkdir()
        with pytest.raises(DatasetError, match="holds another split"):
            lay_down(whole.subset(["scene2.jpg"]), maker.base / "mine")
        assert tree(folder) == content

    def test_an_interrupted_one_is_made_anew(self, maker):
        part = open_dataset(maker.coco()).subset(["scene1.jpg"])
        left = maker.base / "part.partial" / "images"
        left.mkdir(parents=True)
        (left / "scene9.jpg").write_bytes(b"of an older split")
        assert lay_down(part, maker.base / "part").images == ("scene1.jpg",)

    def test_several_at_once(self, maker, monkeypatch):
        def slow(source, target):
            time.sleep(0.01)
            shutil.copy(source, target)

        monkeypatch.setattr("iqf_core.parts._link", slow)
        part = open_dataset(maker.coco(count=8))
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: lay_down(part, maker.base / "part"), range(8)))
        assert {one.images for one in made} == {part.images}
