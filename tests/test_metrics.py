from __future__ import annotations

import copy
import math
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import iqf_core as iqf
from iqf_core.errors import ParameterError, UnknownComponent
from iqf_core.image import Image
from iqf_core.metrics import Basic, Missing, PredictionMetric, metric
from tests.datasets import pixels_of
from tests.degradations import Difference, Level

BASIC = Basic()


def basic(pixels, **options):
    return BASIC.measure(Image.from_array(np.asarray(pixels), **options))


class TestMissing:
    def test_it_is_nan_and_says_why(self):
        value = Missing("too dark")
        assert math.isnan(value)
        assert isinstance(value, float)
        assert value.reason == "too dark"

    @pytest.mark.parametrize("way", [lambda v: pickle.loads(pickle.dumps(v)), copy.copy, copy.deepcopy])
    def test_the_reason_travels(self, way):
        assert way(Missing("é")).reason == "é"

    def test_all_outputs_at_once(self):
        found = BASIC.missing("x")
        assert list(found) == [output.name for output in Basic.outputs]
        assert {value.reason for value in found.values()} == {"x"}


class TestBasic:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
    @pytest.mark.parametrize("bands", [1, 3, 6])
    def test_against_numpy(self, dtype, bands):
        pixels = pixels_of(5, dtype=dtype, bands=bands)
        found = basic(pixels)
        wide = pixels.astype(np.float64)
        assert (found["min"], found["max"]) == (wide.min(), wide.max())
        assert found["mean"] == pytest.approx(wide.mean(), rel=1e-12)
        assert found["std"] == pytest.approx(wide.std(), rel=1e-9)
        assert found["nodata_fraction"] == 0

    @pytest.mark.parametrize(
        ("values", "entropy"),
        [([7] * 8, 0), ([0, 255] * 4, 1), (range(8), 3), ([0, 0, 0, 0, 1, 1, 2, 3], 1.75)],
    )
    @pytest.mark.parametrize(("dtype", "shift"), [("uint8", 0), ("uint16", 60_000), ("int16", -32_768)])
    def test_the_entropy_has_a_closed_form(self, values, entropy, dtype, shift):
        pixels = (np.array(values, np.int64) + shift).astype(dtype).reshape(2, 4)
        assert basic(pixels)["entropy"] == pytest.approx(entropy, abs=1e-12)

    def test_the_entropy_is_the_mean_over_the_bands(self):
        pixels = np.stack([np.zeros((2, 4)), np.arange(8).reshape(2, 4)], axis=-1).astype(np.uint8)
        assert basic(pixels)["entropy"] == 1.5

    def test_sixteen_bits_at_most(self):
        pixels = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
        assert basic(pixels)["entropy"] == pytest.approx(16)

    def test_the_entropy_of_fractions_is_not_defined(self):
        found = basic(np.ones((2, 2), np.float32))
        assert "depends on the bins" in found["entropy"].reason
        assert found["mean"] == 1

    def test_saturation_counts_from_white(self):
        pixels = np.array([[0, 4094], [4095, 5000]], np.uint16)
        assert basic(pixels, white=4095)["saturated_fraction"] == 0.5
        assert basic(pixels)["saturated_fraction"] == 0
        assert basic(np.array([[255, 0]], np.uint8))["saturated_fraction"] == 0.5
        assert "give white=" in basic(pixels.astype(np.int16))["saturated_fraction"].reason
        assert basic(pixels.astype(np.float32), white=4095)["saturated_fraction"] == 0.5

    @pytest.mark.parametrize(
        ("dtype", "nodata"), [("uint8", 0), ("int16", -999), ("float32", math.nan), ("float32", -9999.9)]
    )
    def test_nodata_counts_in_its_own_fraction_alone(self, dtype, nodata):
        pixels = np.array([[nodata, 1, 2], [nodata, 3, 4]], dtype)
        found = basic(pixels, nodata=nodata)
        assert (found["min"], found["max"], found["mean"]) == (1, 4, 2.5)
        assert found["std"] == pytest.approx(math.sqrt(1.25))
        assert found["nodata_fraction"] == pytest.approx(1 / 3)
        if dtype != "float32":
            assert found["entropy"] == 2

    def test_a_band_without_data_has_no_entropy(self):
        pixels = np.zeros((2, 4, 2), np.uint8)
        pixels[..., 1] = np.arange(1, 9).reshape(2, 4)
        assert basic(pixels, nodata=0)["entropy"] == 3

    @pytest.mark.parametrize("nodata", [0, math.nan])
    def test_nothing_but_nodata(self, nodata):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = basic(np.full((3, 3), nodata, np.float32), nodata=nodata)
        assert found["nodata_fraction"] == 1
        assert {found[name].reason for name in ("min", "max", "mean", "std", "entropy")} == {
            "every sample is nodata"
        }

    def test_it_declares_what_it_gives(self):
        found = basic(pixels_of(3))
        assert list(found) == [output.name for output in Basic.outputs]
        for output in Basic.outputs:
            assert output.low <= found[output.name] <= output.high
            assert output.description.endswith(".")


class TestPairs:
    def test_one_size(self):
        one, other = Image.from_array(pixels_of(1)), Image.from_array(pixels_of(1) + np.uint8(3))
        assert Difference().compare_any(one, other) == {"mean": 3}

    def test_other_sizes_are_missing_with_a_reason(self):
        one, other = Image.from_array(pixels_of(1)), Image.from_array(pixels_of(1)[::2, ::2])
        value = Difference().compare_any(one, other)["mean"]
        assert value.reason == "size 16x12 against 32x24 in the reference, and resample is not set"

    def test_other_bands_are_missing_with_a_reason(self):
        one, other = Image.from_array(pixels_of(1)), Image.from_array(pixels_of(1, bands=1))
        for given in (Difference(), Difference(resample=True)):
            assert "1 band(s) against 3" in given.compare_any(one, other)["mean"].reason

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
    @pytest.mark.parametrize("bands", [1, 3, 6])
    def test_resampling_is_asked_for(self, dtype, bands):
        flat = Image.from_array(np.full((20, 30, bands), 7, dtype))
        given = Difference(resample=True)
        for size in ((10, 15), (40, 60), (20, 60), (5, 40)):
            other = Image.from_array(np.full((*size, bands), 7, dtype))
            assert given.compare_any(flat, other)["mean"] == pytest.approx(0, abs=1e-5)

    def test_shrinking_averages_areas(self):
        small = pixels_of(2, dtype="float32")
        large = small.repeat(2, axis=0).repeat(2, axis=1)
        found = Difference(resample=True).compare_any(Image.from_array(small), Image.from_array(large))
        assert found["mean"] == pytest.approx(0, abs=1e-6)

    @pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("int16", -9), ("float32", math.nan)])
    @pytest.mark.parametrize("size", [(10, 15), (40, 60), (27, 33)])
    def test_resampling_leaves_nodata_out(self, dtype, nodata, size):
        """Valid samples are what they would be if there were no hole, and a hole is as large as it was."""
        pixels = np.full((20, 30, 2), 90, dtype)
        pixels[5:12, 10:20, 0] = nodata
        seen = []

        class Kept(Difference):
            name = "kept"

            def compare(self, reference, image):
                seen.append(image)
                return {"mean": 0.0}

        reference = Image.from_array(np.full((*size, 2), 90, dtype))
        Kept(resample=True).compare_any(reference, Image.from_array(pixels, nodata=nodata))
        (image,) = seen
        holes = image.nodata_mask()
        np.testing.assert_allclose(image.pixels[~holes].astype(float), 90, rtol=1e-6)
        assert not holes[..., 1].any()
        assert holes[..., 0].mean() == pytest.approx(70 / 600, rel=0.25)

    def test_resampling_is_in_the_label(self):
        assert (Difference().label, Difference(resample=True).label) == (
            "difference",
            "difference-resampleTrue",
        )


class TestMaking:
    def test_ways_to_write_one(self):
        assert (
            metric("basic")
            == metric("basic()")
            == metric({"basic": None})
            == metric("iqf-core:basic")
            == Basic()
        )
        assert metric(Level(below=3.0)) == Level(below=3.0)
        assert metric(Level(), below=3.0) == Level(below=3.0)
        assert iqf.metric is metric

    @pytest.mark.parametrize("spec", ["basic(x=1)", {"basic": {"x": 1}}])
    def test_unknown_parameters(self, spec):
        with pytest.raises(ParameterError, match="basic: no parameter 'x'"):
            metric(spec)

    def test_unknown_names(self):
        with pytest.raises(UnknownComponent, match="basic"):
            metric("basc")


def test_predictions_are_matched_once_and_aggregated_with_weights(tmp_path):
    class Share(PredictionMetric):
        name = "share"
        outputs = (iqf.Output("right", "1", "higher", 0, 1, "Share of right ones."),)

        def match(self, predictions, dataset):
            return pd.DataFrame({"image": ["a", "b"], "group": [None, None], "right": [1.0, 0.0]})

        def aggregate(self, table, weights=None):
            weight = table["image"].map(weights or {}).fillna(1.0)
            return {"right": float((table["right"] * weight).sum() / weight.sum())}

    table = Share().match(tmp_path / "output.json", None)
    assert Share().aggregate(table) == {"right": 0.5}
    assert Share().aggregate(table, {"a": 3.0}) == {"right": 0.75}


class TestTrace:
    def test_a_metric_has_none_unless_it_says_so(self):
        assert BASIC.trace(Image.from_array(np.zeros((2, 2), np.uint8))) is None

    def test_what_one_holds(self):
        drawn = []
        trace = iqf.Trace({"value": 1.0}, {"type": "FeatureCollection", "features": []}, drawn.append)
        trace.draw("path")
        assert drawn == ["path"]
        with pytest.raises(AttributeError):
            trace.values = {}
