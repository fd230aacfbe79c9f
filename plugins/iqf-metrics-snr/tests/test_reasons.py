"""What cannot be said is NaN with a reason; what cannot be meant is an error with the remedy."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import iqf_core as iqf
from iqf_metrics_snr import snr

METHODS = ["dct", "hb", "ha"]
NOISE = np.random.default_rng(0).normal(120, 5, (64, 64)).round().astype(np.uint8)


def image(kind: str) -> np.ndarray:
    if kind == "dark":
        return np.clip(np.rint(np.random.default_rng(0).normal(1, 1, (256, 256))), 0, 255).astype(np.uint8)
    if kind == "speck":
        flat = np.full((64, 64), 7, np.uint8)
        flat[3, 3] = 9
        return flat
    if kind == "riddled":
        riddled = np.tile(NOISE, (2, 2))
        riddled[::3, ::3] = 255
        return riddled
    return {
        "nodata": np.full((64, 64), 9, np.uint8),
        "flat": np.full((64, 64), 77, np.uint8),
        "white": np.full((64, 64), 255, np.uint8),
        "black": np.zeros((64, 64), np.uint8),
        "tiny": NOISE[:5, :5],
        "narrow": NOISE[:, :2],
        "empty": np.zeros((0, 40), np.uint8),
    }[kind]


REASONS = {
    "nodata": "every sample is nodata",
    "flat": "no noise: every block is constant",
    "white": "every sample is clipped",
    "black": "every sample is clipped",
    "tiny": "give a larger image",
    "narrow": "give a larger image",
    "empty": "every sample is nodata",
    "riddled": "free of nodata and of clipped samples",
    "speck": "no noise: ",
    "dark": "(within 3 sigma of black|clipped samples)",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", REASONS)
def test_a_reason_instead_of_a_number(kind, method):
    result = snr(image(kind), method=method, nodata=9 if kind == "nodata" else None)
    if kind in ("flat", "speck") and method == "ha":
        assert "usable blocks" in result.reason
    else:
        assert re.search(REASONS[kind], result.reason)
    assert math.isnan(result.snr)
    assert math.isnan(result.sigma)
    assert math.isnan(result.snr_db)
    assert all(map(math.isnan, result.interval))
    assert math.isnan(result.snr_at(100).snr)
    assert result.blocks == 0
    assert result.bands[0].reason == result.reason


@pytest.mark.parametrize("method", ["hb", "ha"])
@pytest.mark.parametrize("kind", ["flat", "white", "black", "narrow", "empty"])
def test_published_methods_have_reasons_too(kind, method):
    result = snr(image(kind), method=method, published=True)
    assert math.isnan(result.snr)
    assert len(result.reason) > 20


def test_a_level_of_zero_has_no_snr(scene):
    centred = scene(dtype="float32") - 120
    centred -= np.median(centred)
    result = snr(centred)
    assert "give a reference_level above 0" in result.reason
    assert snr(centred, reference_level=50).snr == pytest.approx(12.5, rel=0.05)


def test_one_band_without_a_result_does_not_spoil_the_others(scene):
    result = snr(np.dstack([scene(), np.full((256, 256), 5, np.uint8)]))
    assert result.snr == result.bands[0].snr == snr(scene()).snr
    assert result.reason == ""
    assert result.bands[1].reason == "no noise: every block is constant"


def test_smooth_images_are_held_at_the_noise_of_rounding():
    """All that whole numbers can show."""
    y, x = np.mgrid[:256, :256]
    smooth = np.rint(120 + 60 * np.sin(x / 30) * np.cos(y / 35)).astype(np.uint8)
    assert snr(smooth).sigma >= math.sqrt(1 / 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "dtc"}, "method='dtc'. Did you mean 'dct'"),
        ({"method": "nothing"}, "Known: dct, ha, hb"),
        ({"published": True}, "method='hb' and method='ha'"),
        ({"published": True, "method": "hb", "nodata": 3}, "nodata: .* leave it out"),
        ({"published": True, "method": "hb", "reference_level": 3}, "reference_level: .* leave it out"),
        ({"white": 0}, "white=0"),
        ({"white": math.nan}, "white=nan"),
        ({"reference_level": -1}, "reference_level=-1: give a level above 0"),
        ({"confidence": 1}, "confidence=1: give a number between 0 and 1"),
        ({"nodata": (1, 2)}, "2 values for 1 bands"),
        ({"nodata": np.zeros((3, 3), bool)}, r"mask of shape \(3, 3\)"),
    ],
)
def test_arguments_are_refused_with_the_remedy(arguments, message):
    with pytest.raises(iqf.ParameterError, match=message):
        snr(NOISE, **arguments)


def test_arrays_are_refused_with_the_remedy():
    with pytest.raises(iqf.ParameterError, match=r"\(height, width\)"):
        snr(np.zeros(5, np.uint8))
    with pytest.raises(iqf.UnsupportedImage, match="convert it to float32"):
        snr(np.zeros((64, 64)))
