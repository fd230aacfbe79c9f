"""The metric of datasets."""

from __future__ import annotations

import math

import numpy as np
import pytest

import iqf_core as iqf
import iqf_metrics_snr
from iqf_core.image import Geo
from iqf_metrics_snr import plugin, snr


@pytest.fixture
def dataset(tmp_path, scene):
    folder = tmp_path / "scenes" / "images"
    folder.mkdir(parents=True)
    for number, sigma in enumerate((2.0, 6.0)):
        iqf.write_image(folder / f"{number}.tif", iqf.Image.from_array(scene("steps", sigma=sigma)))
    iqf.write_image(folder / "flat.tif", iqf.Image.from_array(np.full((64, 64), 9, np.uint8)))
    return tmp_path / "scenes"


def test_measuring_a_dataset(dataset, scene):
    measured = iqf.measure(dataset, ["snr", "snr(method='hb')"], workers=1, progress=False)
    assert measured.rows["snr.sigma"][:2].tolist() == pytest.approx([2.02, 6.0], rel=0.03)
    assert measured.rows["snr.snr"][0] == snr(scene("steps", sigma=2.0)).snr
    assert (measured.rows["snr.snr_low"] < measured.rows["snr.snr"])[:2].all()
    assert (measured.rows["snr.snr_high"] > measured.rows["snr.snr"])[:2].all()
    reasons = measured.reasons[measured.reasons["image"] == "flat.tif"]
    assert set(reasons["reason"]) == {"no noise: every block is constant"}
    assert len(reasons) == 2 * len(iqf.metric("snr").outputs)


@pytest.mark.parametrize("method", ["dct", "hb", "ha"])
def test_values_are_those_of_the_function(method, scene):
    image = iqf.Image.from_array(scene("ramp", gain=0.2))
    found = iqf.metric("snr", method=method).measure(image)
    result = snr(image.pixels, method=method, white=255)
    band = result.bands[0]
    assert band.model is not None
    assert found == {
        "snr": result.snr, "snr_db": result.snr_db, "sigma": result.sigma,
        "reference_level": result.reference_level, "blocks": result.blocks,
        "snr_low": result.interval[0], "snr_high": result.interval[1],
        "noise_a": band.model.a, "noise_b": band.model.b, "rounding_limited": 0,
    }  # fmt: skip
    assert list(found) == [output.name for output in iqf.metric("snr").outputs]


def test_published_has_no_interval_and_says_so(scene):
    found = iqf.metric("snr", method="hb", published=True).measure(iqf.Image.from_array(scene()))
    assert found["snr"] > 0
    for name in ("snr_low", "snr_high", "noise_a", "noise_b"):
        assert isinstance(found[name], iqf.Missing)
        assert "published" in found[name].reason


def test_white_and_nodata_are_those_of_the_image(scene):
    pixels = scene("ramp", "uint16", sigma=10)
    pixels = np.minimum(pixels, 160)
    pixels[:, :30] = 3
    found = iqf.metric("snr").measure(iqf.Image.from_array(pixels, white=160, nodata=3))
    expected = snr(pixels, white=160, nodata=3)
    assert (found["snr"], found["blocks"]) == (expected.snr, expected.blocks)
    assert expected.blocks < snr(pixels).blocks


def test_bands_and_alpha(scene):
    pixels = np.dstack([scene(sigma=2), scene(sigma=4), np.full((256, 256), 200, np.uint8)])
    image = iqf.Image.from_array(pixels, geo=Geo(colorinterp=("gray", "undefined", "alpha")))
    by = {bands: iqf.metric("snr", bands=bands).measure(image)["sigma"] for bands in ((), (0,), (1,), (1, 0))}
    assert by[()] == pytest.approx(by[(1, 0)])
    assert by[(0,)] == pytest.approx(2.02, rel=0.03)
    assert by[(1,)] == pytest.approx(4.01, rel=0.03)
    nodata = iqf.Image.from_array(pixels, nodata=200)
    assert iqf.metric("snr", bands=(1,)).measure(nodata)["sigma"] == pytest.approx(4.01, rel=0.03)
    with pytest.raises(iqf.ParameterError, match="numbered from 0"):
        iqf.metric("snr", bands=(3,)).measure(image)


@pytest.mark.parametrize(
    "parameters",
    [{"method": "pca"}, {"published": True}, {"reference_level": 0.0}, {"confidence": 1.0}, {"bands": (-1,)}],
)
def test_parameters_are_refused(parameters):
    with pytest.raises(iqf.ParameterError, match=next(iter(parameters))):
        iqf.metric("snr", **parameters)


def test_reference_level_and_confidence(scene):
    image = iqf.Image.from_array(scene("ramp"))
    found = iqf.metric("snr", reference_level=80.0, confidence=0.5).measure(image)
    assert found["reference_level"] == 80
    wider = iqf.metric("snr", reference_level=80.0).measure(image)
    assert wider["snr_low"] < found["snr_low"] < found["snr"] == wider["snr"]


def test_public_names():
    for name in iqf_metrics_snr.__all__:
        assert getattr(iqf_metrics_snr, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = iqf_metrics_snr.nothing
    assert [component.name for component in plugin.iqf_metrics()] == ["snr"]


def test_a_mapping_of_missing_values_is_of_all_outputs():
    found = iqf.metric("snr").measure(iqf.Image.from_array(np.zeros((9, 9), np.uint8)))
    assert all(map(math.isnan, found.values()))
