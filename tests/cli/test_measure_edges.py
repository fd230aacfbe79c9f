"""``iqf measure --edges``: where a metric measured, as GeoJSON and pictures."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from rasterio.crs import CRS

from iqf_core import Image, ImageMetric, MissingDependency, Output, ParameterError, Trace
from iqf_core import measure as measure_dataset
from iqf_core.dataset import open_dataset
from iqf_core.image import Geo, write_image
from iqf_core.metrics import Basic
from iqf_core.tracing import trace
from tests.datasets import geo_of
from tests.study.lab import Lab

PLUGIN = """
from typing import ClassVar

import numpy as np

from iqf_core import Component, ImageMetric, Output, Trace, hookimpl

IQF_API = 1


class Brightest(ImageMetric):
    name: ClassVar[str] = "brightest"
    outputs: ClassVar = (Output("max", "DN", "none", 0, 255, "Largest sample."),)

    def measure(self, image):
        return self.trace(image).values

    def trace(self, image):
        row, column, _ = np.unravel_index(image.pixels.argmax(), image.pixels.shape)
        point = {"type": "Point", "coordinates": [int(column), int(row)]}
        features = [{"type": "Feature", "geometry": point, "properties": {"row": int(row)}}]
        collection = {"type": "FeatureCollection", "features": features}
        return Trace({"max": float(image.pixels.max())}, collection, lambda path: path.write_bytes(b"png"))


@hookimpl
def iqf_metrics():
    return [Component("brightest", "iqf_brightest:Brightest", "Of a test")]
"""


class Spot(ImageMetric):
    """The first pixel; what goes wrong is chosen."""

    name: ClassVar[str] = "spot"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("first", "DN", "none", 0, math.inf, "First sample."),
        Output("unsaid", "1", "none", 0, 1, "Nothing."),
    )
    fault: str = ""

    def measure(self, image):
        return {"first": float(image.pixels[0, 0, 0]), "unsaid": math.nan}

    def trace(self, image):
        first = float(image.pixels[0, 0, 0])
        if self.fault == "measuring" and first == 1:
            raise ValueError("too dark")
        if self.fault == "nothing" and first == 1:
            return None
        place = {"type": "Point", "coordinates": [0.0, 0.0]}
        value = math.nan if self.fault == "nan" and first == 1 else first
        feature = {"type": "Feature", "geometry": place, "properties": {"value": value, "image": "?"}}
        features = [] if self.fault == "none" else [feature, feature]
        crs = {"crs": image.geo.crs.to_string()} if image.geo is not None and image.geo.crs else {}
        return Trace(
            self.measure(image), {"type": "FeatureCollection", **crs, "features": features}, self.draw
        )

    def draw(self, path):
        path.write_bytes(b"half")
        if self.fault == "drawing":
            raise RuntimeError("no ink")
        if self.fault == "dependency":
            raise MissingDependency("drawing needs ink: pip install ink")
        if self.fault == "disk":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        path.write_bytes(b"whole")


def dataset(folder: Path, names: list[str], geos: list[Geo | None] | None = None):
    for index, name in enumerate(names):
        path = folder / "scenes" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        geo = None if geos is None else geos[index]
        write_image(path, Image.from_array(np.full((16, 16, 1), index, np.uint8), geo=geo))
    return open_dataset(folder / "scenes")


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"scenes"}


def strictly(path: Path):
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


def test_one_collection_of_all_images_and_a_picture_of_each(tmp_path):
    opened = dataset(tmp_path, ["a.tif", "b.tif", "c.tif"])
    found = trace(opened, [Spot()], tmp_path / "out.geojson", workers=2)
    assert files(tmp_path) == {"out.geojson", "out.a.png", "out.b.png", "out.c.png"}
    assert found.collections == (tmp_path / "out.geojson",)
    assert [path.name for path in found.pictures] == ["out.a.png", "out.b.png", "out.c.png"]
    assert {path.read_bytes() for path in found.pictures} == {b"whole"}
    collection = strictly(tmp_path / "out.geojson")
    assert collection["type"] == "FeatureCollection"
    values = [one["properties"] for one in collection["features"]]
    assert [(one["image"], one["metric"], one["value"]) for one in values] == [
        (name, "spot", index) for index, name in enumerate(["a.tif", "b.tif", "c.tif"]) for _ in range(2)
    ]


def test_measurements_are_those_without_traces(tmp_path):
    opened = dataset(tmp_path, ["a.tif", "b.tif"])
    (opened.images_dir / "b.tif").write_bytes(b"no picture")
    found = trace(opened, [Spot()], tmp_path / "out.geojson").measurements
    plain = measure_dataset(opened, Spot())
    assert found.rows.equals(plain.rows)
    assert list(found.reasons["image"]) == list(plain.reasons["image"]) == ["a.tif", "b.tif", "b.tif"]
    assert found.reasons["reason"][0] == "the metric gave no value"
    assert found.reasons["reason"][1] == plain.reasons["reason"][1]


@pytest.mark.parametrize("fault", ["measuring", "nan"])
def test_an_image_that_fails_has_its_reason_and_no_files(tmp_path, fault):
    opened = dataset(tmp_path, ["a.tif", "b.tif"])
    (tmp_path / "out.b.png").write_bytes(b"of an earlier run")
    found = trace(opened, [Spot(fault=fault)], tmp_path / "out.geojson")
    assert files(tmp_path) == {"out.geojson", "out.a.png"}
    assert found.measurements.rows[f"spot-fault{fault}.first"].isna().tolist() == [False, True]
    said = {"measuring": "ValueError: too dark", "nan": "ValueError: Out of range"}[fault]
    assert said in found.measurements.reasons["reason"].iloc[-1]
    assert len(strictly(tmp_path / "out.geojson")["features"]) == 2


def test_an_unreadable_image_leaves_no_picture_of_an_earlier_run(tmp_path):
    opened = dataset(tmp_path, ["a.tif"])
    (opened.images_dir / "a.tif").write_bytes(b"no picture")
    (tmp_path / "out.a.png").write_bytes(b"of an earlier run")
    trace(opened, [Spot()], tmp_path / "out.geojson")
    assert files(tmp_path) == {"out.geojson"}
    assert strictly(tmp_path / "out.geojson") == {"type": "FeatureCollection", "features": []}


def test_an_image_without_places_is_measured_all_the_same(tmp_path):
    opened = dataset(tmp_path, ["a.tif", "b.tif"])
    found = trace(opened, [Spot(fault="nothing")], tmp_path / "out.geojson")
    assert found.measurements.rows["spot-faultnothing.first"].tolist() == [0, 1]
    assert files(tmp_path) == {"out.geojson", "out.a.png"}
    trace(opened, [Spot(fault="none")], tmp_path / "empty.json")
    assert strictly(tmp_path / "empty.json")["features"] == []


def test_a_picture_that_cannot_be_drawn_costs_no_measurement(tmp_path):
    opened = dataset(tmp_path, ["a.tif"])
    found = trace(opened, [Spot(fault="drawing")], tmp_path / "out.geojson")
    assert found.notes == ("a.tif: no picture: RuntimeError: no ink",)
    assert files(tmp_path) == {"out.geojson"}
    assert len(strictly(tmp_path / "out.geojson")["features"]) == 2


@pytest.mark.parametrize(("fault", "error"), [("dependency", MissingDependency), ("disk", OSError)])
def test_nothing_half_written_is_left(tmp_path, fault, error):
    opened = dataset(tmp_path, ["a.tif", "b.tif"])
    (tmp_path / "out.geojson").write_text("of an earlier run")
    with pytest.raises(error):
        trace(opened, [Spot(fault=fault)], tmp_path / "out.geojson", workers=1)
    assert files(tmp_path) == {"out.geojson"}
    assert (tmp_path / "out.geojson").read_text() == "of an earlier run"


def test_images_of_several_reference_systems_have_a_file_each(tmp_path):
    other = Geo(crs=CRS.from_epsg(32617), transform=geo_of(0).transform)
    opened = dataset(tmp_path, ["a.tif", "b.tif", "c.tif"], [geo_of(0), other, None])
    (tmp_path / "out.geojson").write_text("of an earlier run")
    found = trace(opened, [Spot()], tmp_path / "out.geojson")
    assert [path.name for path in found.collections] == [f"out.{name}.geojson" for name in "abc"]
    assert "out.geojson" not in files(tmp_path)
    kinds = [strictly(path).get("crs") for path in found.collections]
    assert kinds == ["EPSG:32616", "EPSG:32617", None]


def test_images_of_one_reference_system_have_one_file(tmp_path):
    opened = dataset(tmp_path, ["a.tif", "b.tif"], [geo_of(0), geo_of(1)])
    (tmp_path / "out.a.geojson").write_text("of an earlier run")
    trace(opened, [Spot()], tmp_path / "out.geojson")
    assert strictly(tmp_path / "out.geojson")["crs"] == "EPSG:32616"
    assert "out.a.geojson" not in files(tmp_path)


def test_pictures_of_images_of_one_stem_have_names_of_their_own(tmp_path):
    names = ["x/a.tif", "y/A.tif", "y/a.png", "x_a.tif", "y_a.tif", "y_a.png", "x/B.tif", "y/b.tif"]
    found = trace(dataset(tmp_path, names), [Spot()], tmp_path / "out.geojson")
    pictures = [path.name.casefold() for path in found.pictures]
    assert len(set(pictures)) == len(pictures) == 8
    assert files(tmp_path) == {"out.geojson", *(path.name for path in found.pictures)}
    assert {"out.x_a.tif.png", "out.x_a.png", "out.y_A.tif.png"} <= files(tmp_path)


def test_several_metrics_have_pictures_of_their_own(tmp_path):
    opened = dataset(tmp_path, ["a.tif"])
    found = trace(opened, [Spot(), Spot(fault="other"), Spot()], tmp_path / "out.geojson")
    assert files(tmp_path) == {"out.geojson", "out.a.spot.png", "out.a.spot-faultother.png"}
    metrics = [one["properties"]["metric"] for one in strictly(tmp_path / "out.geojson")["features"]]
    assert metrics == ["spot", "spot", "spot-faultother", "spot-faultother"]
    assert len(found.measurements.outputs) == 4


def test_two_metrics_of_one_name_would_be_one_column(tmp_path):
    class Other(Spot):
        """Of another plugin."""

    with pytest.raises(ParameterError, match="two metrics have the name spot"):
        trace(dataset(tmp_path, ["a.tif"]), [Spot(), Other()], tmp_path / "out.geojson")


def test_files_are_replaced_not_written_over(tmp_path):
    (tmp_path / "out.geojson").write_text("old")
    (tmp_path / "out.a.png").write_text("old")
    for name in ("out.geojson", "out.a.png"):
        os.link(tmp_path / name, tmp_path / f"same.{name}")
    trace(dataset(tmp_path, ["a.tif"]), [Spot()], tmp_path / "out.geojson")
    for name in ("out.geojson", "out.a.png"):
        assert (tmp_path / f"same.{name}").read_text() == "old"
        assert (tmp_path / name).read_text() != "old"


def test_metrics_without_places_are_named_before_anything_is_measured(tmp_path, monkeypatch):
    opened = dataset(tmp_path, ["a.tif"])
    monkeypatch.setattr(Spot, "trace", lambda self, image: pytest.fail("measured"))
    with pytest.raises(ParameterError, match="basic: has no places"):
        trace(opened, [Basic()], tmp_path / "out.geojson")
    assert files(tmp_path) == set()


def test_a_metric_without_places_is_measured_beside_one_that_has_them(tmp_path):
    opened = dataset(tmp_path, ["a.tif"])
    found = trace(opened, [Basic(), Spot()], tmp_path / "out.geojson")
    columns = set(found.measurements.rows.columns)
    assert {f"basic.{output.name}" for output in Basic.outputs} <= columns
    assert found.measurements.rows["basic.mean"].notna().all()
    assert [path.name for path in found.pictures] == ["out.a.png"]


@pytest.mark.parametrize(
    "place", ["scenes/out.geojson", "scenes/images/out.geojson", "scenes/images/s/o.json"]
)
def test_the_dataset_is_not_written_into(tmp_path, place):
    opened = dataset(tmp_path, ["a.tif"])
    (tmp_path / "scenes/images/s").mkdir()
    with pytest.raises(ParameterError, match="lies in the dataset"):
        trace(opened, [Spot()], tmp_path / place)


def test_what_cannot_be_written_is_said_first(tmp_path, monkeypatch):
    opened = dataset(tmp_path, ["a.tif"])
    monkeypatch.setattr(Spot, "trace", lambda self, image: pytest.fail("measured"))
    with pytest.raises(ParameterError, match=r"\.geojson"):
        trace(opened, [Spot()], tmp_path / "out.png")
    (tmp_path / "folder.geojson").mkdir()
    with pytest.raises(IsADirectoryError):
        trace(opened, [Spot()], tmp_path / "folder.geojson")
    with pytest.raises(FileNotFoundError):
        trace(opened, [Spot()], tmp_path / "none" / "out.geojson")


class TestCommand:
    def test_it_writes_and_says_where(self, lab: Lab) -> None:
        lab.plugin("iqf-brightest", PLUGIN)
        (lab.folder / "data" / "images" / "scene0_0.png").write_bytes(b"no picture")
        arguments = ["measure", "data", "-m", "brightest", "--csv", "rows.csv", "--edges", "out.geojson"]
        done = lab.iqf(*arguments)
        assert "Where it was measured: out.geojson" in done.out
        assert "Pictures of it: 3 files out.*.png" in done.out
        assert "scene0_0.png" in done.err
        features = strictly(lab.folder / "out.geojson")["features"]
        names = ["scene0_1.png", "scene1_2.png", "scene1_3.png"]
        assert [one["properties"]["image"] for one in features] == names
        rows = list(csv.DictReader((lab.folder / "rows.csv").read_text().splitlines()))
        assert [bool(row["brightest.max"]) for row in rows] == [False, True, True, True]
        assert (lab.folder / "out.scene1_3.png").read_bytes() == b"png"

    def test_wrong_input(self, lab: Lab) -> None:
        lab.plugin("iqf-brightest", PLUGIN)
        done = lab.iqf("measure", "data", "-m", "basic", "--edges", "out.json", code=2)
        assert "basic: has no places" in done.err
        done = lab.iqf("measure", "data", "-m", "brightest", "--edges", "none/out.json", code=2)
        assert "none/out.json" in done.err
        assert "Traceback" not in done.err

    def test_the_help_has_an_example(self, lab: Lab) -> None:
        assert "iqf measure scenes --metric sharpness --edges out.geojson" in lab.iqf("measure", "--help").out
