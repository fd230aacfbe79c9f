"""What a first user met."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_core import ParameterError
from iqf_metrics_snr import snr


@pytest.mark.parametrize("method", ["dct", "hb", "ha"])
@pytest.mark.parametrize("factor", [1e-14, 1e-6, 1e8, 1e30])
def test_floating_point_of_any_magnitude(method, factor):
    plain = np.random.default_rng(0).normal(100, 5, (256, 256)).astype(np.float32)
    expected = snr(plain, method=method)
    found = snr((plain.astype(np.float64) * factor).astype(np.float32), method=method)
    assert found.snr == pytest.approx(expected.snr, rel=1e-4)
    assert found.interval == pytest.approx(expected.interval, rel=1e-4)
    assert found.sigma == pytest.approx(expected.sigma * factor, rel=1e-4)
    assert found.reference_level == pytest.approx(expected.reference_level * factor, rel=1e-4)
    level = 50 * factor
    assert found.snr_at(level).snr == pytest.approx(expected.snr_at(50).snr, rel=1e-3)


def test_full_scale_and_level_of_small_floats_count():
    plain = np.random.default_rng(0).normal(100, 5, (128, 128)).clip(0, 118).astype(np.float32)
    expected = snr(plain, white=118.0, reference_level=80.0)
    found = snr(plain * np.float32(2**-20), white=118 * 2**-20, reference_level=80 * 2**-20)
    assert found.blocks == expected.blocks < snr(plain).blocks
    assert found.snr == pytest.approx(expected.snr, rel=1e-4)


def test_a_flat_scene_does_not_know_the_noise_of_other_levels():
    flat = np.random.default_rng(1).poisson(200, (512, 512)).astype(np.uint16)
    low, high = snr(flat, reference_level=1500).interval
    assert low < math.sqrt(1500) < high
    low, high = snr(flat).interval
    assert high / low < 1.03


def test_rounding_is_said_to_be_the_limit():
    rng = np.random.default_rng(2)
    scene = np.linspace(50, 200, 256) * np.ones((256, 1))
    assert snr(np.rint(scene + rng.normal(0, 0.05, scene.shape)).astype(np.uint8)).bands[0].rounding_limited
    assert not snr(np.rint(scene + rng.normal(0, 2, scene.shape)).astype(np.uint8)).bands[0].rounding_limited
    assert not snr((scene + rng.normal(0, 0.05, scene.shape)).astype(np.float32)).bands[0].rounding_limited


def test_a_masked_array_keeps_its_mask():
    rng = np.random.default_rng(3)
    pixels = np.rint(rng.normal(100, 5, (128, 128))).astype(np.uint8)
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, :50] = True
    pixels[mask] = 7
    found = snr(np.ma.masked_array(pixels, mask))
    assert found.bands[0] == snr(pixels, nodata=mask).bands[0]
    with pytest.raises(ParameterError, match="masked array already"):
        snr(np.ma.masked_array(pixels, mask), nodata=7)


@pytest.mark.parametrize(
    "wrong",
    [{"white": "a"}, {"reference_level": "a"}, {"confidence": "a"}, {"white": True}, {"nodata": "x"}],
    ids=str,
)
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        snr(np.ones((32, 32), np.uint8), **wrong)
