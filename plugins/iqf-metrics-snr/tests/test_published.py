"""The published modes give the published numbers."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.feature import local_binary_pattern
from skimage.util import view_as_windows

from iqf_metrics_snr import areas, snr
from iqf_metrics_snr.homogeneous import chi_square_median

COCO = Path(__file__).parents[4] / "shared" / "data" / "coco10" / "images"


def test_homogeneous_blocks_of_ten_pictures():
    if not COCO.is_dir():
        pytest.skip(f"{COCO} is not here")
    pictures = [cv2.imread(str(path)) for path in sorted(COCO.glob("*.jpg"))]
    values = np.array([snr(picture, method="hb", published=True).snr for picture in pictures])
    expected = (35.55032353607093, 28.91166092794036, 21.353973062148025)
    assert (values.mean(), np.median(values), values.std()) == pytest.approx(expected, abs=1e-9)


def test_homogeneous_blocks_are_biased_as_theory_says(scene):
    """c4(9) = 0.969, the median of a chi, and clipping two sigma above: together +6.7 % (see the README)."""
    values = [snr(scene(sigma=10, size=768, seed=seed), method="hb", published=True).snr for seed in range(4)]
    assert np.mean(values) / (120 / math.sqrt(100 + 1 / 12)) == pytest.approx(1.067, abs=0.008)


@pytest.mark.parametrize("picture", ["steps", "flat", "few levels"])
def test_homogeneous_areas_by_another_implementation(picture, scene):
    if picture == "few levels":
        plane = np.random.default_rng(0).integers(100, 103, (203, 204)).astype(np.uint8)
    else:
        plane = scene(picture, size=233)
    plane[:9, :9] = 0
    measured = snr(plane, method="ha", published=True).bands[0]
    pattern = local_binary_pattern(plane, 8, 1, "uniform")
    share = (
        (view_as_windows(pattern, (5, 5), 5) % 8 == 0) | (view_as_windows(pattern, (5, 5), 5) == 9)
    ).mean((2, 3))
    chosen = (share >= 0.6) & (share < 1)
    np.testing.assert_array_equal(areas.homogeneous(plane), chosen)
    level = plane.astype(float)
    level[level == 0] = np.nan
    median = np.nanmedian(level)
    windows = view_as_windows(level, (5, 5), 5)[chosen]
    mean, spread = np.trunc(windows.mean((1, 2))), windows.std((1, 2), ddof=1)
    assert measured.snr == pytest.approx(np.mean((mean / spread)[mean == median]), rel=1e-12)
    assert measured.reference_level == median


def test_exact_medians_alone_count(scene):
    """The ancestor gives nothing where no block is at the very median: the default does."""
    ramp = scene("ramp", "uint16", scale=200)
    columns = np.where(np.arange(256) < 128, 60, 181) + np.random.default_rng(0).normal(0, 4, (256, 256))
    for pixels, method in ((ramp, "hb"), (np.rint(columns).astype(np.uint8), "ha")):
        assert "published=False" in snr(pixels, method=method, published=True).reason
        assert snr(pixels, method=method).sigma == pytest.approx(4, rel=0.03)


def test_published_results_have_no_interval_and_no_model(scene):
    band = snr(scene(), method="hb", published=True).bands[0]
    assert band.model is None
    assert all(map(math.isnan, band.interval))
    assert band.snr == pytest.approx(band.reference_level / band.sigma)
    assert math.isnan(band.snr_at(100).snr)


@pytest.mark.parametrize("freedom", [6, 22])
def test_medians_of_chi_square(freedom):
    from scipy.stats import chi2

    median, error = chi_square_median(freedom)
    assert median == pytest.approx(chi2.ppf(0.5, freedom) / freedom, rel=1e-9)
    assert error == pytest.approx(
        1 / (2 * chi2.pdf(chi2.ppf(0.5, freedom), freedom) * chi2.ppf(0.5, freedom))
    )


def test_blocks_chosen_by_their_pattern_have_the_variance_said():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 50, (2000, 2000)).astype(np.float32)
    chosen = areas.homogeneous(noise).reshape(-1)
    blocks = noise.reshape(400, 5, 400, 5).swapaxes(1, 2).reshape(-1, 25)
    variance = areas.residual_variance(blocks, 5)
    assert variance.mean() == pytest.approx(2500, rel=0.005)
    assert variance[chosen].mean() / variance.mean() == pytest.approx(areas.SELECTION, abs=0.004)
