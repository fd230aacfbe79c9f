"""Which samples count: nodata, clipping, the median, memory and order of the array."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_metrics_snr import areas, dct, homogeneous, samples, snr
from iqf_metrics_snr.samples import Samples

METHODS = ["dct", "hb", "ha"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("nodata", [0, (0,), np.s_[:, :100]], ids=["value", "value of each band", "mask"])
def test_nodata_does_not_count(method, nodata, scene):
    pixels = scene()
    pixels[:, :100] = 0
    if isinstance(nodata, tuple) and isinstance(nodata[0], slice):
        where, nodata = nodata, np.zeros(pixels.shape, bool)
        nodata[where] = True
    result = snr(pixels, method=method, nodata=nodata)
    assert result.reference_level == np.median(pixels[:, 100:])
    assert result.sigma == pytest.approx(math.sqrt(16 + 1 / 12), rel=0.03)


def test_nodata_of_each_band(scene):
    pixels = np.dstack([scene(seed=0), scene(seed=1)])
    pixels[:, :140, 0], pixels[:, :140, 1] = 7, 9
    levels = [band.reference_level for band in snr(pixels, nodata=(7, 9)).bands]
    assert levels == [np.median(pixels[:, 140:, band]) for band in (0, 1)]
    mask = np.zeros(pixels.shape, bool)
    mask[:, :140] = True
    assert snr(pixels, nodata=mask) == snr(pixels, nodata=(7, 9))
    assert [band.reference_level for band in snr(pixels, nodata=(7, None)).bands][1] == 9


@pytest.mark.parametrize("hole", [math.nan, math.inf])
def test_what_is_no_number_does_not_count(hole, scene):
    pixels = scene(dtype="float32")
    pixels[50:90, 50:90] = hole
    assert snr(pixels).sigma == pytest.approx(4, rel=0.03)
    assert snr(pixels, nodata=math.nan) == snr(pixels)


def test_zero_is_data_unless_nodata_says_otherwise(scene):
    """The ancestor took it as nodata always."""
    pixels = scene("ramp")
    pixels[:, :100] = 0
    zero = snr(pixels)
    assert zero.reference_level == np.median(pixels)
    assert snr(pixels, nodata=0).reference_level > zero.reference_level
    assert zero.bands[0].model is not None
    assert zero.bands[0].model.sigma(120) == pytest.approx(4, rel=0.04)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dtype", "white"), [("uint8", None), ("uint16", 255), ("float32", 255.0)])
def test_clipping_does_not_bias(method, dtype, white):
    """A ramp through both rails: what is clipped there looks quiet, and is left out."""
    rng = np.random.default_rng(3)
    clean = np.broadcast_to(np.linspace(-60, 320, 768), (256, 768))
    pixels = np.clip(np.rint(clean + rng.normal(0, 10, clean.shape)), 0, 255).astype(dtype)
    result = snr(pixels, method=method, white=white, nodata=0 if dtype == "float32" else None)
    assert result.sigma == pytest.approx(10, rel=0.025)


@pytest.mark.parametrize("rail", [0, 255])
def test_blocks_with_a_clipped_sample_are_left_out(rail, scene):
    pixels = scene()
    pixels[::16, ::16] = rail
    result = snr(pixels)
    assert result.blocks == 32 * 32 * 3 // 4
    assert result.sigma == pytest.approx(4.01, rel=0.02)


def test_levels_near_a_rail_are_left_out(scene):
    """At level 10, noise of 6 is cut off at 0: alone that measures 3 % low, and more without the rule."""
    rng = np.random.default_rng(4)
    dark = np.where(np.arange(256) < 128, 10.0, 120.0) + rng.normal(0, 6, (256, 256))
    pixels = np.clip(np.rint(dark), 0, 255).astype(np.uint8)
    band = snr(pixels).bands[0]
    assert band.model is not None
    assert band.model.levels[0] > 100
    assert band.model.sigma(120) == pytest.approx(6, rel=0.02)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("size", [31, 32])
@pytest.mark.parametrize("holes", [False, True])
def test_the_median_is_that_of_numpy(dtype, size, holes):
    rng = np.random.default_rng(5)
    low, high = (0, 250) if dtype == "uint8" else (-3000, 30000) if dtype != "uint16" else (0, 60000)
    plane = rng.integers(low, high, (size, size)).astype(dtype)
    mask = rng.random(plane.shape) < 0.3 if holes else None
    expected = np.median(plane if mask is None else plane[~mask])
    assert Samples(plane, mask, -math.inf, math.inf).median == expected


def test_counts_do_not_depend_on_the_strips(monkeypatch, scene):
    whole = Samples(scene(), None, 0, 255).counts
    monkeypatch.setattr(samples, "COUNTABLE", 999)
    np.testing.assert_array_equal(Samples(scene(), None, 0, 255).counts, whole)


@pytest.mark.parametrize("method", METHODS)
def test_the_result_does_not_depend_on_the_strips(method, monkeypatch, scene):
    pixels = scene("steps")
    pixels[30:50, 30:50] = 0
    whole = snr(pixels, method=method).bands[0]
    monkeypatch.setattr(samples, "CHUNK", 70)
    monkeypatch.setattr(areas, "STRIP", 3)
    parts = snr(pixels, method=method).bands[0]
    assert parts.blocks == whole.blocks
    assert parts.snr == pytest.approx(whole.snr, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_repeated_to_the_bit(method, scene):
    pixels = np.dstack([scene("ramp", "uint16", scale=20), scene("step", "uint16", scale=20)])
    assert snr(pixels, method=method) == snr(pixels.copy(), method=method)


@pytest.mark.parametrize("method", METHODS)
def test_order_and_strides_of_the_array_do_not_matter(method, scene):
    pixels = np.dstack([scene(seed=0), scene(seed=1)])
    before = pixels.copy()
    expected = snr(pixels, method=method)
    assert snr(np.asfortranarray(pixels), method=method) == expected
    padded = np.pad(pixels, ((0, 0), (0, 3), (0, 1)))[:, :-3, :-1]
    assert snr(padded, method=method) == expected
    assert snr(pixels.astype(">u2"), method=method, white=255).snr == pytest.approx(expected.snr)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize(("module", "method"), [(dct, "dct"), (homogeneous, "hb")])
def test_a_large_image_is_sampled_all_over(module, method, monkeypatch, scene):
    pixels = scene("ramp", size=512)
    monkeypatch.setattr(module, "LIMIT", 800)
    band = snr(pixels, method=method).bands[0]
    assert 300 < band.blocks <= 800
    assert band.sigma == pytest.approx(4, rel=0.05)
    assert band.model is not None
    assert np.ptp(band.model.levels) > 70
    wide = snr(pixels[:40], method=method).bands[0]
    assert wide.blocks <= 800


def test_blocks_of_one_colour_are_fill_to_the_default(scene):
    """A border that nobody declared as nodata."""
    pixels = scene()
    pixels[:, :120] = 33
    assert snr(pixels, reference_level=120).sigma == pytest.approx(4, rel=0.03)
