"""The metrics of datasets: their outputs on pictures whose truth is known, and their reasons."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from rasterio.crs import CRS
from scipy.ndimage import gaussian_filter

import iqf_core as iqf
from iqf_core import Image, ParameterError, write_image
from iqf_core.image import Geo
from iqf_metrics_sharpness import giqe5, plugin
from iqf_metrics_sharpness.metric import Sharpness
from iqf_metrics_sharpness.niirs import Niirs, _interval
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.result import SURE, Estimate

UTM = Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 733600, 0, -0.5, 3725139))
WIDE = {"rer": 0.443, "fwhm": 2.010, "mtf_half_nyquist": 0.409, "mtf_nyquist": 0.027}
"""Of an edge blurred by a Gaussian of 0.8 px and the pixel's box."""


def boxed(dtype, scale):
    """Square blurred by a Gaussian of 0.8 px and the pixel's box: means of 5 x 5 finer samples."""
    scene = np.full((480, 480), 50.0)
    scene[175:335, 175:335] = 150.0
    fine = gaussian_filter(scene, 4.0).reshape(96, 5, 96, 5).mean(axis=(1, 3))
    return np.rint(fine * scale).astype(dtype)


def reasons(found):
    return {value.reason for value in found.values() if isinstance(value, iqf.Missing)}


@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 1), ("uint16", 40)])
def test_known_truth(dtype, scale):
    found = Sharpness().measure(Image.from_array(boxed(dtype, scale)))
    for name, truth in WIDE.items():
        for to in ("", "_x", "_y"):
            assert found[name + to] == pytest.approx(truth, rel=0.03, abs=0.007), name + to
    assert found["edges"] == found["edges_x"] + found["edges_y"] > 6
    assert found["edges_other"] == 0
    assert found["rer_other"].reason == "no edge has this direction"
    assert found["rer_low"] <= found["rer"] <= found["rer_high"]
    assert found["fwhm_low"] <= found["fwhm"] <= found["fwhm_high"]
    assert found["rer_spread"] < 0.05
    assert found["fwhm_m"].reason == "the image has no georeference: give gsd_m="
    assert found["clipped_edges"] == found["nodata_edges"] == found["jpeg_block_edges"] == 0


def test_every_output_has_a_value_and_a_unit(square):
    for metric in (Sharpness(), Niirs()):
        assert set(metric.measure(Image.from_array(square()))) == {one.name for one in metric.outputs}
        assert {one.unit for one in metric.outputs} <= {"px", "cycles/px", "m", "1"}
    assert len(Sharpness.outputs) == 44


def test_metres_from_the_file(square, tmp_path):
    path = tmp_path / "scene.tif"
    write_image(path, Image.from_array(square("uint16", low=500, high=1500, bands=4), geo=UTM))
    image = iqf.read_image(path)
    found = Sharpness().measure(image)
    assert found["fwhm_m"] == pytest.approx(0.5 * found["fwhm"])
    assert Sharpness(gsd_m=2.0).measure(image)["fwhm_m"] == pytest.approx(2 * found["fwhm"])
    one = Sharpness(bands=(2,)).measure(image)
    assert 0 < one["edges"] < found["edges"]


def test_counts_of_what_is_spoilt(square):
    clipped = Sharpness().measure(Image.from_array(square(high=400)))
    assert clipped["clipped_edges"] > 0
    assert clipped["edges"] == 0
    assert "clipped" in clipped["rer"].reason
    assert Sharpness().measure(Image.from_array(square(low=-20)))["dark_at_zero_edges"] > 0
    holed = square("uint16", low=5000, high=15000)
    holed[holed == 15001] = 15002
    holed[40:56, 61:63] = 15001
    assert Sharpness().measure(Image.from_array(holed, nodata=15001))["nodata_edges"] > 0
    assert Sharpness().measure(Image.from_array(holed))["nodata_edges"] == 0


def test_overshoot_is_counted(square):
    soft = square("float32")
    sharp = soft + (soft - gaussian_filter(soft, (1.5, 1.5, 0)))
    assert sharp.min() > 0
    assert Sharpness().measure(Image.from_array(np.rint(sharp).astype(np.uint8)))["overshoot_edges"] > 0


@pytest.mark.parametrize("nodata", [None, 7])
def test_where_there_is_nothing_there_is_a_reason(nodata):
    flat = Image.from_array(np.full((64, 64), 7, np.uint8), nodata=nodata)
    found = Sharpness().measure(flat)
    assert found["edges"] == found["edges_x"] == found["clipped_edges"] == 0
    why = {None: "every pixel has the same value", 7: "every pixel is nodata"}[nodata]
    assert reasons(found) == {why}
    assert reasons(Niirs(gsd_m=1.0).measure(flat)) == {why}


def test_the_white_of_the_image_counts(square):
    twelve = square("uint16", low=1000, high=5000).clip(0, 4095)
    assert Sharpness().measure(Image.from_array(twelve, white=4095))["clipped_edges"] > 0


def test_parameters_are_those_of_the_edges_with_their_words():
    assert set(Sharpness.model_fields) == {*EdgeOptions.model_fields, "bands", "gsd_m"}
    assert {name: Sharpness.model_fields[name].default for name in EdgeOptions.model_fields} == dict(
        EdgeOptions()
    )
    assert set(Niirs.model_fields) == {*Sharpness.model_fields, "elevation_deg", "snr"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"window": 12}, "sharpness: window must be odd, got 12"),
        ({"edge_length": 8}, "edge_length must be odd"),
        ({"windw": 13}, "Did you mean 'window'"),
        ({"window": True}, "window=True"),
        ({"window": 99}, "window=99"),
        ({"bands": ()}, "name at least one"),
        ({"bands": (-1,)}, "bands.0=-1"),
        ({"gsd_m": 0.0}, "gsd_m=0.0"),
        ({"gsd_m": math.inf}, "gsd_m=inf"),
    ],
)
def test_wrong_parameters(wrong, said):
    with pytest.raises(ParameterError) as caught:
        Sharpness(**wrong)
    assert said in str(caught.value)


def test_options_reach_the_search(square):
    image = Image.from_array(square())
    assert Sharpness(min_contrast=120.0).measure(image)["edges"] == 0
    with pytest.raises(ParameterError, match="no band 3"):
        Sharpness(bands=(3,)).measure(image)


def test_components_are_found_by_name_and_in_one_line():
    assert [component.name for component in plugin.iqf_metrics()] == ["sharpness", "niirs"]
    assert iqf.metric("sharpness(bands=(0, 1), window=15)") == Sharpness(bands=(0, 1), window=15)
    assert iqf.metric({"niirs": {"bands": [0], "snr": 50}}) == Niirs(bands=(0,), snr=50.0)


class TestNiirs:
    def test_it_is_giqe5_of_what_was_measured(self, square):
        image = Image.from_array(square(), geo=UTM)
        sharp, found = Sharpness().measure(image), Niirs().measure(image)
        assert (found["rer_x"], found["rer_y"]) == (sharp["rer_x"], sharp["rer_y"])
        assert (found["snr"], found["gsd_m"]) == (sharp["edge_snr"], 0.5)
        given = {name: found[name] for name in ("rer_x", "rer_y", "snr", "gsd_m")}
        assert found["niirs"] == giqe5(**given)
        assert found["niirs_low"] < found["niirs"] < found["niirs_high"]

    def test_what_is_given_is_used(self, square):
        image = Image.from_array(square(), geo=UTM)
        found = Niirs(gsd_m=1.0, snr=50.0, elevation_deg=30.0).measure(image)
        given = {name: found[name] for name in ("rer_x", "rer_y")}
        assert found["niirs"] == giqe5(**given, snr=50, gsd_m=1, elevation_deg=30)
        assert (found["snr"], found["gsd_m"]) == (50, 1)
        lower = giqe5(rer_x=found["rer_x"], snr=50, gsd_m=1, elevation_deg=30) - found["niirs_low"]
        assert 0 < lower < 0.2

    def test_no_scale(self, square):
        found = Niirs().measure(Image.from_array(square()))
        for name in ("niirs", "niirs_low", "niirs_high", "gsd_m"):
            assert found[name].reason == "the image has no georeference: give gsd_m="
        assert found["rer_x"] > 0

    @pytest.mark.parametrize(("axis", "other"), [("x", "y"), ("y", "x")])
    def test_edges_along_one_axis_only(self, square, axis, other):
        picture = square()
        picture = (
            np.tile(picture[48:49], (96, 1, 1)) if axis == "x" else np.tile(picture[:, 48:49], (1, 96, 1))
        )
        found = Niirs(gsd_m=1.0).measure(Image.from_array(picture))
        assert found[f"rer_{axis}"] > 0
        why = f"GIQE-5 needs the RER along x and y, and there are edges along {axis} only"
        assert found["niirs"].reason == found[f"rer_{other}"].reason == why
        assert found["snr"] > 0

    def test_the_interval_is_that_of_the_mean_rer(self):
        """Independent errors of one and two thirds of the logarithm; those of the method add up."""
        low, high = _interval(Estimate(0.4, 0.04, 0.0), Estimate(0.3, 0.03, 0.0))
        assert math.sqrt(low * high) == pytest.approx((0.4 * 0.3**2) ** (1 / 3))
        assert math.log(high / low) / 2 == pytest.approx(SURE * 0.1 * math.sqrt(5) / 3)
        low, high = _interval(Estimate(0.3, 0.0, 0.003), Estimate(0.4, 0.0, 0.008))
        assert math.log(high / low) / 2 == pytest.approx(SURE * (0.02 + 2 * 0.01) / 3)

    @pytest.mark.parametrize("wrong", [{"elevation_deg": 0.0}, {"elevation_deg": 91.0}, {"snr": 0.0}])
    def test_wrong_parameters(self, wrong):
        with pytest.raises(ParameterError, match="niirs: "):
            Niirs(**wrong)


class TestTrace:
    def test_it_measures_once_and_says_the_same(self, square, tmp_path, monkeypatch):
        image = Image.from_array(square(), geo=UTM)
        expected = Sharpness().measure(image)
        calls = []
        honest = Sharpness._result
        monkeypatch.setattr(Sharpness, "_result", lambda self, one: calls.append(1) or honest(self, one))
        trace = Sharpness().trace(image)
        trace.draw(tmp_path / "a.png")
        assert calls == [1]
        assert str(trace.values) == str(expected)
        assert trace.features["crs"]["properties"]["name"].endswith("32616")
        assert len(trace.features["features"]) == expected["edges"]
        assert (tmp_path / "a.png").stat().st_size > 10_000

    def test_niirs_has_one_too(self, square):
        assert Niirs(gsd_m=1.0).trace(Image.from_array(square())).features["features"]


def test_a_dataset_from_the_command_line(square, tmp_path):
    folder = tmp_path / "scenes" / "images"
    folder.mkdir(parents=True)
    write_image(folder / "a.tif", Image.from_array(square(bands=4), geo=UTM))
    write_image(folder / "flat.tif", Image.from_array(np.full((40, 40, 4), 9, np.uint8), geo=UTM))
    (folder / "broken.tif").write_bytes(b"no picture")
    command = "import sys; from iqf_core.cli import main; sys.exit(main())"
    arguments = ["measure", "scenes", "-m", "sharpness", "--csv", "rows.csv", "--edges", "out.geojson"]
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", command, *arguments, "--workers", "1"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "every pixel has the same value" in done.stderr
    assert "broken.tif" in done.stderr
    found = json.loads((tmp_path / "out.geojson").read_text())
    assert {one["properties"]["image"] for one in found["features"]} == {"a.tif"}
    assert {one["properties"]["band"] for one in found["features"]} == {0, 1, 2, 3}
    assert {path.name for path in tmp_path.iterdir()} == {
        "scenes", "rows.csv", "out.geojson", "out.a.png", "out.flat.png"
    }  # fmt: skip
    rows = pd.read_csv(tmp_path / "rows.csv").set_index("image")
    assert rows.loc["a.tif", "sharpness.edges"] == len(found["features"])
    assert rows.loc["a.tif", "sharpness.fwhm_m"] > 0.5
    assert rows.loc["flat.tif", "sharpness.edges"] == 0
    assert rows.loc["broken.tif"].isna().sum() == 1 + 44
