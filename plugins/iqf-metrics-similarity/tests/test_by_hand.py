"""Values computed on paper, and by programs of a few lines that do it the slow way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import convolve2d

from iqf_core import ParameterError
from iqf_metrics_similarity import ergas, ms_ssim, psnr, psnr_of_mse, sam, ssim, uiqi

RNG = np.random.default_rng(7)


def spectra(*pixels: tuple[float, ...], dtype: str = "int16") -> np.ndarray:
    return np.array([pixels], dtype)


class TestSam:
    def test_angles(self):
        one = spectra((1, 0, 0), (1, 1, 0), (2, 3, 5), (1, 0, 0))
        other = spectra((0, 4, 0), (3, 0, 0), (4, 6, 10), (-1, 0, 0))
        assert sam(one, other) == pytest.approx((90 + 45 + 0 + 180) / 4, abs=1e-9)

    def test_a_small_angle_is_not_lost_in_a_cosine(self):
        angle = 1e-6
        one = spectra((1, 0), dtype="float32")
        other = spectra((1, angle), dtype="float32")
        assert sam(one, other) == pytest.approx(math.degrees(angle), rel=1e-6)

    def test_is_that_of_the_cosine(self):
        one, other = RNG.integers(1, 4000, (2, 30, 20, 6), np.uint16)
        first, second = one.astype(float), other.astype(float)
        cosine = (first * second).sum(2) / np.sqrt((first**2).sum(2) * (second**2).sum(2))
        assert sam(one, other) == pytest.approx(np.degrees(np.arccos(cosine)).mean(), abs=1e-9)

    def test_pixels_of_zeros_have_no_angle(self):
        assert sam(spectra((1, 0), (0, 0), (5, 5)), spectra((0, 1), (1, 1), (0, 0))) == pytest.approx(90)
        assert "no angle" in sam(spectra((0, 0)), spectra((1, 1))).reason

    def test_one_band_has_no_spectrum(self):
        flat = np.ones((4, 4), np.uint8)
        assert "two or more" in sam(flat, flat).reason


class TestErgas:
    def test_two_bands(self):
        one = np.dstack([np.full((2, 2), 100), np.array([[10, 30], [10, 30]])]).astype(np.uint8)
        other = np.dstack([np.full((2, 2), 110), np.array([[10, 30], [10, 26]])]).astype(np.uint8)
        # Band 0: RMSE 10, mean 100. Band 1: RMSE sqrt(16 / 4) = 2, mean 20.
        assert ergas(one, other) == pytest.approx(100 * math.sqrt((0.01 + 0.01) / 2), abs=1e-12)
        assert ergas(one, other, ratio=0.25) == pytest.approx(2.5, abs=1e-12)

    def test_the_mean_is_that_of_the_reference(self):
        one, other = np.full((2, 2), 50, np.uint8), np.full((2, 2), 100, np.uint8)
        assert (ergas(one, other), ergas(other, one)) == (100, 50)

    def test_a_mean_of_zero(self):
        black = np.dstack([np.ones((3, 3)), np.zeros((3, 3))]).astype(np.uint8)
        assert "band 1" in ergas(black, black).reason

    @pytest.mark.parametrize("ratio", [0, 4, math.nan])
    def test_a_ratio_the_wrong_way_round(self, ratio):
        with pytest.raises(ParameterError, match="h/l"):
            ergas(np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8), ratio=ratio)


class TestUiqi:
    def test_one_window(self):
        one = np.zeros((8, 8), np.uint8)
        one[:4] = 10  # mean 5, variance 25
        other = (20 + 2 * one).astype(np.uint8)  # mean 30, variance 100, covariance 50
        expected = (2 * 5 * 30 / (25 + 900)) * (2 * 50 / (25 + 100))
        assert uiqi(one, other) == pytest.approx(expected, abs=1e-12)
        assert uiqi(one, 10 - one) == pytest.approx(-1, abs=1e-12)

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
    def test_window_by_window(self, dtype):
        one, other = RNG.integers(0, 200, (2, 13, 11)).astype(dtype)
        values = []
        for top in range(6):
            for left in range(4):
                x, y = (a[top : top + 8, left : left + 8].astype(float) for a in (one, other))
                covariance = ((x - x.mean()) * (y - y.mean())).mean()
                above = 4 * covariance * x.mean() * y.mean()
                values.append(above / ((x.var() + y.var()) * (x.mean() ** 2 + y.mean() ** 2)))
        assert uiqi(one, other) == pytest.approx(np.mean(values), abs=1e-12)

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
    def test_flat_windows(self, dtype):
        three, seven, none = (np.full((9, 9), level, dtype) for level in (3.3, 7.7, 0))
        a, b = float(three[0, 0]), float(seven[0, 0])
        assert uiqi(three, seven) == pytest.approx(2 * a * b / (a * a + b * b), abs=1e-15)
        assert (uiqi(none, none), uiqi(none, three)) == (1, 0)
        textured = RNG.integers(1, 99, (9, 9)).astype(dtype)
        assert uiqi(three, textured) == 0

    def test_means_of_zero(self):
        one = np.ones((8, 8), np.int16)
        one[::2] = -1
        assert uiqi(one, 2 * one) == pytest.approx(2 * 2 / (1 + 4))

    def test_rounding_is_not_taken_for_variance(self):
        one = np.full((64, 64), 1e6 / 3, np.float32)
        other = np.nextafter(one, np.float32(0), where=RNG.random(one.shape) < 0.5, out=one.copy())
        assert uiqi(one, other) == pytest.approx(1, abs=1e-6)

    def test_rounding_does_not_lead_above_one(self):
        noise = np.random.default_rng(1).normal(0, 1.2e-7, (8, 8))
        one = (12345.678 * (1 + noise)).astype(np.float32)
        assert uiqi(one, np.nextafter(one, np.float32(0))) <= 1


def slow_ms_ssim(one: np.ndarray, other: np.ndarray, white: float) -> float:
    """By convolution with an 11x11 window, halving by a mean of 2x2 and every other pixel."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    x, y, c1, c2, value = (
        one.astype(float),
        other.astype(float),
        (0.01 * white) ** 2,
        (0.03 * white) ** 2,
        1.0,
    )
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333), start=1):
        mx, my = convolve2d(x, window, "valid"), convolve2d(y, window, "valid")
        vx = convolve2d(x * x, window, "valid") - mx * mx
        vy = convolve2d(y * y, window, "valid") - my * my
        cov = convolve2d(x * y, window, "valid") - mx * my
        cs = (2 * cov + c2) / (vx + vy + c2)
        luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
        value *= (cs * (luminance if scale == 5 else 1)).mean() ** weight
        x, y = (
            convolve2d(np.pad(a, ((0, 1), (0, 1)), mode="symmetric"), np.ones((2, 2)) / 4, "valid")[::2, ::2]
            for a in (x, y)
        )
    return value


class TestMsSsim:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    def test_against_the_slow_way(self, pair, dtype):
        white = {"uint8": 255, "uint16": 4095, "float32": 1.0}[dtype]
        one, other = pair(dtype, 3, noise=0.1)
        slow = [slow_ms_ssim(one[..., b], other[..., b], white) for b in range(3)]
        assert ms_ssim(one, other, white=white) == pytest.approx(np.mean(slow), abs=1e-9)
        assert 0.3 < slow[0] < 0.97

    def test_luminance_counts_at_the_coarsest_scale_alone(self):
        flat = np.full((176, 176), 100, np.uint8)
        c1 = (0.01 * 255) ** 2
        luminance = (2 * 100 * 50 + c1) / (100**2 + 50**2 + c1)
        assert ms_ssim(flat, flat // 2) == pytest.approx(luminance**0.1333, abs=1e-12)

    def test_the_smallest_image(self):
        least = RNG.integers(0, 255, (176, 176), np.uint8)
        assert ms_ssim(least, least) == 1
        assert "176 a side" in ms_ssim(least[1:], least[1:]).reason

    def test_a_negative_mean_counts_as_zero(self):
        scene = RNG.integers(0, 255, (176, 176), np.uint8)
        assert ssim(scene, 255 - scene) < 0
        assert ms_ssim(scene, 255 - scene) == 0


def test_ssim_of_flat_images():
    one, other = np.full((11, 11), 100, np.uint8), np.full((11, 11), 50, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(one, other) == pytest.approx((2 * 5000 + c1) / (12500 + c1), abs=1e-9)
    assert "window of 11x11" in ssim(one[1:], other[1:]).reason


@pytest.mark.parametrize(("apart", "white", "decibels"), [(1, 10, 20), (5, 5, 0), (10, 1, -20)])
def test_psnr_on_paper(apart, white, decibels):
    one = np.full((3, 5), 20, np.uint16)
    assert psnr(one, one + apart, white=white) == pytest.approx(decibels, abs=1e-12)
    assert psnr_of_mse(apart**2, white=white) == pytest.approx(decibels, abs=1e-12)


def test_differences_of_unsigned_samples_do_not_wrap():
    low, high = np.zeros((2, 2), np.uint16), np.full((2, 2), 65535, np.uint16)
    assert psnr(low, high) == psnr(high, low) == 0
