"""The scenes that benchmarks measure on: held against closed forms, and against one another."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from scipy.special import ndtr

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from scenes.edges import Airy, Disc, Gaussian, Motion, Sharpened, TwoGaussians, edge_image
from scenes.floor import pooled_floor
from scenes.pictures import disc_kernel, gaussian_kernel, kernel_transfer
from scenes.polygons import FINER, blurred, paint

SPREADS = [Gaussian(0.7), Disc(2.5), Motion(3, 0.4), Airy(), TwoGaussians(), Sharpened()]
# sigma: RER, FWHM, MTF(0.5), MTF(0.25) of a vertical edge, as derived for this project from closed forms
TRUTH = {
    0.4: (0.682, 1.208, 0.289, 0.739),
    0.5: (0.610, 1.386, 0.185, 0.661),
    0.6: (0.545, 1.584, 0.108, 0.577),
    0.8: (0.443, 2.010, 0.027, 0.409),
    1.0: (0.369, 2.455, 0.0046, 0.262),
    1.3: (0.293, 3.138, 1.5e-4, 0.112),
    1.6: (0.242, 3.829, 2e-6, 0.038),
    2.0: (0.195, 4.759, 0.0, 0.006),
}


@pytest.mark.parametrize("sigma", TRUTH)
def test_the_table_of_gaussians(sigma):
    truth = Gaussian(sigma).truth(0.0)
    rer, fwhm, nyquist, half = TRUTH[sigma]
    assert (truth.rer, truth.fwhm) == pytest.approx((rer, fwhm), abs=6e-4)
    assert truth.mtf_half_nyquist == pytest.approx(half, abs=6e-4)
    assert truth.mtf_nyquist == pytest.approx(nyquist, abs=6e-4, rel=0.02)


def test_along_45_degrees():
    truth = Gaussian(0.4).truth(math.pi / 4)
    assert (truth.rer, truth.fwhm) == pytest.approx((0.686, 1.180), abs=6e-4)


def test_gaussian_edge_has_its_closed_form():
    sigma, d = 0.6, np.linspace(-8, 8, 1001)

    def integral(x):
        return x * ndtr(x / sigma) + sigma * np.exp(-((x / sigma) ** 2) / 2) / math.sqrt(2 * math.pi)

    assert Gaussian(sigma).edge_response(d, 0.0) == pytest.approx(
        integral(d + 0.5) - integral(d - 0.5), abs=1e-6
    )


@pytest.mark.parametrize("theta", [0.0, 0.3, math.pi / 4, 1.5])
@pytest.mark.parametrize("psf", SPREADS, ids=lambda psf: type(psf).__name__)
def test_tables_match_quadrature(psf, theta):
    nodes, weights = leggauss(16)
    panels = (
        1 if isinstance(psf, Airy) else 40
    )  # cycles/px; beyond its cut-off an Airy pattern passes nothing
    start = np.arange(panels * 64)[:, None] / 64
    f, w = (start + (nodes + 1) / 128).ravel(), np.tile(weights / 128, panels * 64)
    transfer = psf.transfer(f, theta)
    for d in (0.05, 0.5, 1.7, 4.0, 9.3):
        edge = 0.5 + np.sum(w * transfer * np.sin(2 * np.pi * f * d) / (np.pi * f))
        assert psf.edge_response(d, theta) == pytest.approx(
            edge, abs=2e-6 if isinstance(psf, Motion) else 1e-6
        )
        assert psf.edge_response(-d, theta) == pytest.approx(1 - edge, abs=2e-6)


def test_tails_of_an_airy_pattern():
    beyond = [2 * (1 - float(Airy().edge_response(d, 0.0))) for d in (6.5, 10.0, 20.0)]
    assert beyond == pytest.approx([0.031, 0.020, 0.010], abs=5e-4)
    stripes = edge_image(Airy(), 0.1, 100.0, plateau=20, depth="float64")
    assert np.ptp(stripes) == pytest.approx(97.0, abs=0.1)


def test_only_a_sharpened_edge_overshoots():
    assert {type(psf).__name__ for psf in SPREADS if psf.truth(0.2).overshoot > 1e-3} == {"Sharpened"}
    assert Sharpened().truth(0.0).overshoot == pytest.approx(0.089, abs=1e-3)


def test_pixels_are_averages_over_their_area():
    fine, factor = Gaussian(0.5), 16
    image = edge_image(fine, 0.4, 1.0, middle=0.5, size=8, pattern="single", depth="float64")
    offsets = (np.arange(factor) - (factor - 1) / 2) / factor
    x = np.arange(8) - 3.5
    points = x[:, None] + offsets
    columns, rows = np.meshgrid(points.ravel(), points.ravel())
    d = columns * math.cos(0.4) + rows * math.sin(0.4) - 0.3
    mean = ndtr(d / 0.5).reshape(8, factor, 8, factor).mean(axis=(1, 3))
    assert image == pytest.approx(mean, abs=3e-4)


def test_polarity_depth_and_noise():
    options = {"middle": 2000.0, "depth": "uint16", "size": 64, "pattern": "single"}
    rising = edge_image(Gaussian(1), 0.0, 1000.0, **options)
    falling = edge_image(Gaussian(1), 0.0, -1000.0, **options)
    assert rising[0, [0, -1]].tolist() == [1500, 2500]
    assert np.array_equal(rising.astype(int) + falling, np.full((64, 64), 4000))
    noisy = [
        edge_image(Gaussian(1), 0.0, 1000.0, **options, snr=50, rng=np.random.default_rng(3)) for _ in "ab"
    ]
    assert np.array_equal(*noisy)
    assert np.diff(noisy[0][:, :20].astype(float), axis=0).std() / math.sqrt(2) == pytest.approx(20, rel=0.05)


def test_stairs_rise_by_the_contrast_at_each_edge():
    stairs = edge_image(Gaussian(0.5), 0.0, 10.0, middle=100.0, size=(4, 100), plateau=20, pattern="stairs")
    assert np.unique(np.diff(stairs[0, 0::20].astype(int))).tolist() == [10]


@pytest.mark.parametrize("theta", [0.0, 0.013, 0.3, math.pi / 4, math.pi / 2, 2.2])
@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
def test_sides_of_polygons_are_exact(sigma, theta):
    size, far = 64, 900
    normal, along = (
        np.array([math.cos(theta), math.sin(theta)]),
        np.array([-math.sin(theta), math.cos(theta)]),
    )
    foot = (size - 1) / 2 + 0.3 * normal
    corners = np.array([foot + far * along, foot - far * along])
    corners = np.concatenate([corners, corners[::-1] + far * normal])
    scene = np.zeros((size * FINER, size * FINER), np.float32)
    paint(scene, corners, 1.0)
    exact = edge_image(Gaussian(sigma), theta, 1.0, middle=0.5, size=size, pattern="single", depth="float64")
    inner = slice(14, -14)
    assert blurred(scene, sigma)[inner, inner] == pytest.approx(exact[inner, inner], abs=1e-3)


def test_floor_of_one_window():
    floors = [
        pooled_floor(1, Gaussian(sigma), 0.1, 50, 5, 13) for sigma in (0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)
    ]
    assert (min(f.rer for f in floors), max(f.rer for f in floors)) == pytest.approx(
        (0.023, 0.031), abs=1.5e-3
    )
    assert (min(f.fwhm for f in floors), max(f.fwhm for f in floors)) == pytest.approx(
        (0.024, 0.037), abs=1.5e-3
    )
    many = pooled_floor(100, Gaussian(0.6), 0.1, 100, 5, 13)
    assert many.rer == pytest.approx(floors[1].rer / 20)


def test_kernels_have_their_transfer():
    theta = np.array([0.0, 0.5, math.pi / 2])
    assert kernel_transfer(gaussian_kernel(1.0), theta, 0.1) == pytest.approx(
        np.exp(-2 * np.pi**2 * 0.01), abs=1e-6
    )
    assert kernel_transfer(disc_kernel(1.5), 0.3, 0.0) == pytest.approx(1.0)
    assert kernel_transfer(disc_kernel(1.5), 0.3, 0.2) == pytest.approx(
        float(Disc(1.5).mtf(0.2, 0.3)),
        abs=0.03,  # sampled: what lies beyond Nyquist folds back
    )
