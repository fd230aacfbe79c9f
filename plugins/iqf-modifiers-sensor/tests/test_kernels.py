"""Point spreads against their definitions, and convolution against a plain sum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import convolve1d
from scipy.signal import convolve2d

import iqf_core as iqf
from iqf_modifiers_sensor import kernels
from iqf_modifiers_sensor.filtering import Kernel, convolved, filtered

SUB = 401


def spread(kernel):
    return np.outer(kernel.y, kernel.x) if kernel.plane is None else kernel.plane


def plainly(band, kernel):
    """Convolution as it is defined, beyond the borders the mirror image."""
    up, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    wide = np.pad(band.astype(float), ((up, up), (left, left)), mode="symmetric")
    return convolve2d(wide, kernel, mode="valid")


def test_gaussian_is_sampled():
    kernel = kernels.gaussian(1.3)
    middle = kernel.x.size // 2
    places = np.arange(-middle, middle + 1)
    assert middle >= 4 * 1.3
    np.testing.assert_allclose(kernel.x / kernel.x[middle], np.exp(-(places**2) / (2 * 1.3**2)), rtol=1e-12)
    assert kernel.x.sum() == pytest.approx(1, abs=1e-12)
    assert (kernel.x * places**2).sum() == pytest.approx(1.3**2, rel=2e-3)


@pytest.mark.parametrize("radius", [0.4, 0.7, 1.0, 1.5, 2.2, 3.7, 6.0])
def test_disc_is_the_area_in_each_pixel(radius):
    found = spread(kernels.disc(radius))
    side = found.shape[0]
    fine = (np.arange(side * SUB) + 0.5) / SUB - side / 2
    inside = fine[:, None] ** 2 + fine**2 <= radius**2
    area = inside.reshape(side, SUB, side, SUB).mean(axis=(1, 3))
    np.testing.assert_allclose(found, area / area.sum(), atol=1e-4)


@pytest.mark.parametrize("length", [0.6, 1.0, 3.0, 4.5, 11.0])
@pytest.mark.parametrize("angle", [0.0, 20.0, 45.0, 90.0, 135.0, -70.0])
def test_motion_is_the_path_in_each_pixel(length, angle):
    found = spread(kernels.motion(length, angle))
    along = ((np.arange(200_000) + 0.5) / 200_000 - 0.5) * length
    columns = np.rint(along * math.cos(math.radians(angle))).astype(int) + found.shape[1] // 2
    rows = np.rint(-along * math.sin(math.radians(angle))).astype(int) + found.shape[0] // 2
    counted = np.zeros_like(found)
    np.add.at(counted, (rows, columns), 1 / along.size)
    np.testing.assert_allclose(found, counted, atol=2e-5)


def test_motion_of_whole_pixels_along_the_rows_is_a_box():
    np.testing.assert_allclose(spread(kernels.motion(3.0, 0.0)), np.full((1, 3), 1 / 3), atol=1e-12)
    assert spread(kernels.motion(3.0, 90.0)).shape == (3, 1)


def test_size_nothing_is_the_identity():
    for kernel in (kernels.gaussian(0.0), kernels.disc(0.0), kernels.motion(0.0, 30.0), kernels.disc(0.3)):
        assert kernel.is_identity
    assert not kernels.gaussian(0.4).is_identity
    assert not Kernel.of_plane(np.array([[0.0, 0.0, 1.0]])).is_identity


KERNELS = {
    "gaussian": kernels.gaussian(1.1),
    "wide gaussian": kernels.gaussian(9.0),
    "disc": kernels.disc(6.2),
    "motion": kernels.motion(7.0, 33.0),
    "lopsided": Kernel.of_plane((lambda a: a / a.sum())(np.random.default_rng(1).random((31, 13)))),
    "small": Kernel.of_plane((lambda a: a / a.sum())(np.random.default_rng(2).random((3, 5)))),
}


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (40, 53)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_convolution_is_the_plain_sum(kernel, size, dtype, picture):
    pixels = picture(dtype, 5, size=size).pixels
    expected = np.dstack([plainly(pixels[..., band], spread(kernel)) for band in range(5)])
    np.testing.assert_allclose(filtered(pixels, kernel), expected, rtol=2e-6, atol=2e-6 * np.ptp(pixels))


@pytest.mark.parametrize("sigma", [16.0, 16.3, 200.0])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (40, 53)])
def test_long_kernels_are_the_plain_sum_too(sigma, size, picture):
    pixels, kernel = picture("uint16", 5, size=size).pixels, kernels.gaussian(sigma)
    rows = convolve1d(pixels.astype(float), kernel.y, axis=0, mode="reflect")
    expected = convolve1d(rows, kernel.x, axis=1, mode="reflect")
    np.testing.assert_allclose(filtered(pixels, kernel), expected, atol=2e-6 * np.max(pixels))


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_near_nodata_the_valid_pixels_share_the_weight(kernel, picture):
    image = picture("uint16", 2, nodata=0)
    found = convolved(image, kernel)
    holes = image.nodata_mask()
    np.testing.assert_array_equal(found[holes], 0)
    for band in range(2):
        valid = ~holes[..., band]
        total = plainly(np.where(valid, image.pixels[..., band], 0), spread(kernel))
        expected = total / np.maximum(plainly(valid, spread(kernel)), 1e-9)
        np.testing.assert_allclose(found[..., band][valid], expected[valid], rtol=1e-4)


def test_integers_are_rounded_to_the_nearest_halves_to_even(tmp_path):
    np.save(tmp_path / "half.npy", np.array([[1.0, 1.0, 0.0]]))
    blur = iqf.modifier("blur", kind="file", kernel=str(tmp_path / "half.npy"))
    row = np.array([[1, 2, 3, 4, 5, 9]])  # means 1.5, 2.5, 3.5, 4.5, 7
    for dtype in ("uint8", "uint16", "int16"):
        after = blur.modify(iqf.Image.from_array(row.astype(dtype))).decoded().pixels
        assert after.ravel().tolist() == [2, 2, 4, 4, 7, 9]
    exact = blur.modify(iqf.Image.from_array(row.astype(np.float32))).decoded().pixels
    assert exact.ravel().tolist() == [1.5, 2.5, 3.5, 4.5, 7, 9]
