from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_core.dataset import open_dataset
from iqf_core.errors import ParameterError
from iqf_core.image import Image, write_image
from iqf_core.measuring import measure
from iqf_core.metrics import Basic
from iqf_core.variant import make_variant, open_with_manifest
from tests.datasets import pixels_of
from tests.degradations import Coarse, Difference, Jpg, Level, Ratio, Scale, Shift, Tiles


@pytest.fixture
def source(maker):
    return open_dataset(maker.classes_csv(suffix=".png"))


def means(count=4):
    return [float(pixels_of(index).mean()) for index in range(count)]


def test_a_row_for_each_image(source):
    found = measure(source, ["basic", Level()])
    assert list(found.rows["image"]) == list(source.images)
    assert list(found.rows["group"]) == ["g0", "g0", "g1", "g1"]
    assert list(found.rows["basic.mean"]) == pytest.approx(means())
    assert list(found.rows.columns)[:3] == ["image", "group", "basic.min"]
    assert found.outputs["level.mean"].unit == "DN"
    assert found.reasons.empty


def test_what_they_come_to(source):
    table = measure(source, Basic()).aggregate().loc["basic.mean"]
    assert table["mean"] == pytest.approx(np.mean(means()))
    assert table["median"] == pytest.approx(np.median(means()))
    assert table["std"] == pytest.approx(np.std(means(), ddof=1))
    assert (table["count"], table["failed"], table["unit"]) == (4, 0, "DN")


@pytest.mark.parametrize("workers", [1, 2, 5, None])
def test_rows_stand_in_order_on_any_number_of_workers(source, workers):
    assert list(measure(source, "basic", workers=workers).rows["basic.mean"]) == pytest.approx(means())


@pytest.mark.parametrize(
    ("gives", "reason", "other"),
    [
        ("missing", "too dark", 0.5),
        ("error", "ArithmeticError: too dark", math.nan),
        ("nan", "the metric gave NaN", 0.5),
        ("part", "the metric gave no value", 0.5),
        ("none", "AttributeError", math.nan),
        ("text", "ValueError", math.nan),
    ],
)
def test_what_cannot_be_measured_is_nan_with_a_reason_and_a_count(source, gives, reason, other):
    below = sorted(means())[2]  # two of four images are darker
    one = Level(below=below, gives=gives)
    found = measure(source, [one, Basic()])
    column = f"{one.label}.mean"
    dark = np.array(means()) < below
    np.testing.assert_array_equal(found.rows[column].isna(), dark)
    np.testing.assert_array_equal(found.rows[f"{one.label}.other"][dark], [other, other])
    table = found.aggregate()
    assert (table.loc[column, "count"], table.loc[column, "failed"]) == (2, 2)
    assert table.loc["basic.mean", "count"] == 4
    said = found.reasons[found.reasons["output"] == column]
    assert list(said["image"]) == [name for name, is_dark in zip(source.images, dark, strict=True) if is_dark]
    assert all(text.startswith(reason) for text in said["reason"])


def test_nan_pixels_are_missing_not_silent(maker):
    root = maker.plain(suffix=".tif", dtype="float32", count=2)
    pixels = pixels_of(0, dtype="float32")
    pixels[3, 3] = np.nan
    write_image(root / "images" / "scene0.tif", Image.from_array(pixels))
    found = measure(root, "basic")
    said = found.reasons[found.reasons["output"] == "basic.mean"]
    assert list(said["image"]) == ["scene0.tif"]
    assert found.aggregate().loc["basic.mean", "failed"] == 1


def test_a_damaged_image_is_nan_with_its_reason(source):
    damaged = source.path("scene1.png")
    damaged.write_bytes(damaged.read_bytes()[:100])
    found = measure(source, "basic")
    assert found.aggregate().loc["basic.mean", "failed"] == 1
    assert set(found.reasons["image"]) == {"scene1.png"}
    assert len(found.reasons) == len(Basic.outputs)
    assert "scene1.png" in found.reasons["reason"][0]


def test_nothing_measurable_at_all(maker):
    root = maker.plain(suffix=".tif", dtype="float32", count=2)
    table = measure(root, "basic").aggregate()
    assert (table.loc["basic.entropy", "count"], table.loc["basic.entropy", "failed"]) == (0, 2)
    assert math.isnan(table.loc["basic.entropy", "mean"])


def test_infinite_values_are_values(source):
    table = measure(source, Ratio(), reference=source).aggregate()
    assert (table.loc["ratio.db", "mean"], table.loc["ratio.db", "failed"]) == (math.inf, 0)
    assert math.isnan(table.loc["ratio.db", "std"])


@pytest.mark.parametrize("metrics", [[], ()])
def test_no_metric_is_an_empty_table(source, metrics):
    found = measure(source, metrics)
    assert list(found.rows.columns) == ["image", "group"]
    assert found.aggregate().empty


class TestReference:
    def test_by_name(self, maker, source):
        other = maker.images("other/images", source.images)
        for name in source.images:
            write_image(other / name, Image.from_array(source.read(name).pixels + np.uint8(2)))
        found = measure(source, Difference(), reference=maker.base / "other")
        assert list(found.rows["difference.mean"]) == [2] * 4

    @pytest.mark.parametrize("as_path", [False, True])
    def test_a_variant_of_another_suffix(self, maker, as_path):
        maker.images("ds/images", ["a.jpg", "a.png", "b.jpg"])
        source = open_dataset(maker.base / "ds")
        variant = make_variant(source, Shift(by=0))
        assert set(variant.images) == {"a.jpg.png", "a.png", "b.png"}
        found = measure(variant.root if as_path else variant, Difference(), reference=source)
        assert list(found.rows["difference.mean"]) == [0, 0, 0]

    def test_a_codestream_variant(self, source):
        variant = make_variant(source, Jpg(quality=90), storage="codestream")
        found = measure(variant, Difference(), reference=source)
        assert all(0 < value < 60 for value in found.rows["difference.mean"])

    @pytest.mark.parametrize("as_path", [False, True])
    def test_tiles_meet_their_source(self, source, as_path):
        variant = make_variant(source, Tiles(size=16))
        found = measure(str(variant.root) if as_path else variant, Difference(), reference=str(source.root))
        assert found.aggregate().loc["difference.mean", "failed"] == len(variant.images)
        assert "size 16x16 against 32x24" in found.reasons["reason"][0]

    def test_another_size_is_resampled_when_asked(self, source):
        variant = make_variant(source, Scale())
        assert measure(variant, Difference(), reference=source).aggregate()["failed"].item() == 4
        found = measure(variant, Difference(resample=True), reference=source)
        assert list(found.rows["difference-resampleTrue.mean"]) == pytest.approx([0] * 4, abs=1e-6)

    def test_an_image_without_partner(self, maker, source):
        maker.images("few/images", ["scene1.png"])
        found = measure(source, [Difference(), "basic"], reference=maker.base / "few")
        assert found.aggregate().loc["difference.mean", "failed"] == 3
        assert set(found.reasons["reason"]) == {"the reference has no image of this name"}

    def test_each_has_its_own_full_scale(self, maker):
        class White(Difference):
            name = "white"

            def compare(self, reference, image):
                return {"mean": reference.white - image.white}

        root = maker.plain(suffix=".tif", dtype="uint16", bands=1)
        one, other = open_dataset(root, white=1000), open_dataset(root, white=4095)
        assert list(measure(one, White(), reference=other).rows["white.mean"]) == [3095] * 4
        assert list(measure(one, White(), reference=root).rows["white.mean"]) == [0] * 4

    @pytest.mark.parametrize("white", [None, 4095.0])
    def test_a_variant_may_be_told_its_full_scale(self, maker, white):
        root = maker.plain(suffix=".tif", dtype="uint16")
        variant = make_variant(open_dataset(root, white=white), Shift(by=0))
        again = open_with_manifest(variant.root, white=4095)
        assert {again.read(name).white for name in again.images} == {4095}
        if white is not None:
            with pytest.raises(ParameterError, match="was made with white=4095, so it cannot be 1000"):
                open_with_manifest(variant.root, white=1000)

    def test_a_full_scale_that_nobody_stated_is_doubted(self, maker, caplog):
        root = maker.base / "dark"
        (root / "images").mkdir(parents=True)
        pixels = np.random.default_rng(0).integers(0, 4000, (16, 16, 1)).astype(np.uint16)
        write_image(root / "images" / "a.tif", Image.from_array(pixels))
        measure(open_dataset(root, white=4095), "basic")
        assert not caplog.records
        measure(root, "basic")
        assert "the largest sample is" in caplog.text

    def test_it_is_needed(self, source):
        with pytest.raises(ParameterError, match="difference compares with a reference: give reference="):
            measure(source, Difference())


def test_two_metrics_of_one_name_are_refused(source):
    class Level2(Level):
        pass

    with pytest.raises(ParameterError, match="two metrics have the name level"):
        measure(source, [Level(), Level2()])
    assert len(measure(source, [Level(), Level(below=5.0), Level()]).outputs) == 4


def test_rows_are_written(source, tmp_path):
    measure(source, "basic").to_csv(tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("image,group,basic.min")


def test_shared_pictures(shared, tmp_path):
    source = open_dataset(shared / "geo10")
    variant = make_variant(source, Coarse(step=16), variants_root=tmp_path)
    found = measure(variant, [Difference(), Basic()], reference=source)
    assert all(0 < value < 16 for value in found.rows["difference.mean"])
    assert found.aggregate().loc["basic.max", "count"] == 10
