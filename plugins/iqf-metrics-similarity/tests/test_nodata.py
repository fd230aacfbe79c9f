"""What is not there is not compared; what cannot be said has a reason; what cannot be meant is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import iqf_metrics_similarity as similarity
from iqf_core import Missing, ParameterError, UnsupportedImage

SCALELESS = ["ergas", "mae", "max_error", "mse", "rmse", "sam", "uiqi"]
ALL = [*SCALELESS, "ms_ssim", "psnr", "ssim"]
BEST = {"ms_ssim": 1, "psnr": math.inf, "ssim": 1, "uiqi": 1}


def function(name: str):
    return getattr(similarity, name)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_equal_images_have_the_best_value(pair, name, dtype):
    one, _ = pair(dtype)
    white = {} if name in SCALELESS else {"white": 4095.0}
    assert function(name)(one, one.copy(), **white) == BEST.get(name, 0)


@pytest.mark.parametrize("name", ALL)
def test_more_noise_is_worse(pair, name):
    values = []
    for noise in (0.01, 0.03, 0.09):
        one, other = pair("uint8", noise=noise)
        values.append(function(name)(one, other))
    assert values == sorted(values, reverse=name in BEST)
    assert len(set(values)) == 3


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("filler", [0.0, -9999.0, math.nan, 3.4e38])
def test_what_lies_in_a_hole_does_not_matter(pair, name, filler):
    one, other = pair("float32")
    white = {} if name in SCALELESS else {"white": 1.0}
    mask = np.zeros(one.shape[:2], bool)
    mask[:7, 3:30] = mask[199, 190] = True
    masked = function(name)(one, other, nodata=mask, **white)
    for filled in (0, 1):
        samples = [one.copy(), other.copy()]
        samples[filled][mask] = filler
        held = function(name)(*samples, nodata=mask, **white)
        assert held == masked
        if filler != 0:
            assert function(name)(*samples, nodata=filler, **white) == masked
    assert not isinstance(masked, Missing)


@pytest.mark.parametrize("name", ALL)
def test_infinities_side_by_side(pair, name):
    one, other = pair("float32")
    white = {} if name in SCALELESS else {"white": 1.0}
    mask = np.zeros(one.shape[:2], bool)
    mask[:2, :2] = True
    expected = function(name)(one, other, nodata=mask, **white)
    one[:2, :2] = other[:2, :2] = np.array([[np.inf, -np.inf], [-np.inf, np.inf]])[..., np.newaxis]
    assert function(name)(one, other, **white) == expected


def test_a_nodata_value_is_that_of_the_type(pair):
    one, other = pair("float32", 1)
    one[:9] = 0.1
    expected = similarity.mse(one[9:], other[9:])
    assert similarity.mse(one, other, nodata=0.1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["mse", "rmse", "mae", "max_error", "psnr", "ergas", "sam"])
def test_samples_without_holes_are_all_that_counts(pair, name):
    one, other = pair("uint16")
    white = {"white": 4095} if name == "psnr" else {}
    mask = np.zeros(one.shape[:2], bool)
    mask[:, 150:] = True
    assert function(name)(one, other, nodata=mask, **white) == pytest.approx(
        function(name)(one[:, :150], other[:, :150], **white), rel=1e-12
    )


@pytest.mark.parametrize(("name", "side"), [("ssim", 11), ("uiqi", 8)])
def test_windows_that_touch_a_hole_are_left_out(pair, name, side):
    one, other = pair("uint16", 1)
    white = {"white": 4095} if name == "ssim" else {}
    mask = np.zeros(one.shape[:2], bool)
    mask[:, 90] = True
    left, right = (
        function(name)(one[:, part], other[:, part], **white) for part in (slice(90), slice(91, None))
    )
    windows = 90 - side + 1, 100 - side + 1
    expected = (left * windows[0] + right * windows[1]) / sum(windows)
    assert function(name)(one, other, nodata=mask, **white) == pytest.approx(expected, abs=1e-10)


def test_holes_of_ms_ssim_grow_with_the_scales(pair):
    one, other = pair("uint8", 1, noise=0.1)
    mask = np.zeros(one.shape[:2], bool)
    mask[-1, -1] = True
    found = similarity.ms_ssim(one, other, nodata=mask)
    assert found != similarity.ms_ssim(one, other)
    assert found == pytest.approx(similarity.ms_ssim(one, other), abs=0.02)
    mask[100, 100] = True
    reason = similarity.ms_ssim(one, other, nodata=mask).reason
    assert "scale 5" in reason


@pytest.mark.parametrize("name", ALL)
def test_nothing_left_has_a_reason(pair, name):
    one, other = pair("uint8")
    found = function(name)(one, other, nodata=np.ones(one.shape[:2], bool))
    assert isinstance(found, Missing)
    assert "nodata" in found.reason


def test_one_band_may_have_holes_of_its_own(pair):
    one, other = pair("uint8", 3)
    mask = np.zeros(one.shape, bool)
    mask[:100, :, 1] = True
    parts = [np.delete(a, 1, axis=2).reshape(-1) for a in (one, other)]
    below = [a[100:, :, 1].reshape(-1) for a in (one, other)]
    first, second = (np.concatenate([p, b])[None] for p, b in zip(parts, below, strict=True))
    assert similarity.mse(one, other, nodata=mask) == pytest.approx(similarity.mse(first, second), rel=1e-12)
    assert similarity.sam(one, other, nodata=mask) == pytest.approx(similarity.sam(one[100:], other[100:]))
    mask[..., 1] = True
    for name in ("ssim", "uiqi", "ergas"):
        assert "band 1" in function(name)(one, other, nodata=mask).reason


def test_no_numbers(pair):
    one, other = pair("float32", 1)
    holed = one.copy()
    holed[3, 3] = math.nan
    assert similarity.mse(holed, other) > 0
    broken = other.copy()
    broken[5, 5] = math.inf
    assert "1 sample(s) of the image are NaN or infinite" in similarity.mse(one, broken).reason
    assert similarity.mse(one, broken, nodata=math.inf) > 0
    broken[5, 5] = other[5, 5]
    broken[3, 3] = math.nan
    assert similarity.mse(holed, broken) > 0


@pytest.mark.parametrize("name", ["psnr", "ssim", "ms_ssim"])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_full_scale_must_be_known(pair, name, dtype):
    one, other = pair(dtype)
    found = function(name)(one, other)
    assert isinstance(found, Missing)
    assert "give white=" in found.reason


def test_full_scale_of_unsigned_types_is_their_maximum(pair):
    one, other = pair("uint16")
    assert similarity.psnr(one, other) == similarity.psnr(one, other, white=65535)


@pytest.mark.parametrize(
    ("one", "other", "more", "error", "said"),
    [
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), {}, ParameterError, "shape"),
        (np.zeros((2, 2, 1), np.uint8), np.zeros((2, 2, 3), np.uint8), {}, ParameterError, "shape"),
        (np.zeros(4, np.uint8), np.zeros(4, np.uint8), {}, ParameterError, "height, width"),
        (np.zeros((2, 2)), np.zeros((2, 2)), {}, UnsupportedImage, "float32"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), {"white": 0}, ParameterError, "white=0"),
        (
            np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8),
            {"nodata": np.zeros((3, 3), bool)}, ParameterError, "mask",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(one, other, more, error, said):
    with pytest.raises(error, match=said):
        similarity.psnr(one, other, **more)
