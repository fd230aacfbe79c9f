"""The line of variance against level, and the texture that is taken off it: closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_metrics_snr import dct, texture
from iqf_metrics_snr.line import fit
from iqf_metrics_snr.noise_model import NoiseModel
from iqf_metrics_snr.samples import Samples
from iqf_metrics_snr.texture import SHAPES, multiplicity, templates

LEVEL = np.array([10.0, 40.0, 90.0, 200.0])
SMALL = np.full(4, 1e-4)


def test_a_line_is_found_exactly():
    line = fit(LEVEL, 3 + 0.2 * LEVEL, SMALL)
    assert (line.a, line.b) == pytest.approx((3, 0.2))
    design = np.stack([np.ones(4), LEVEL], axis=1)
    np.testing.assert_allclose(line.covariance, np.linalg.inv(design.T @ design) * 1e-4, rtol=1e-9)


def test_neither_part_is_negative():
    falling = fit(LEVEL, 50 - 0.2 * LEVEL, SMALL)
    assert (falling.a, falling.b) == pytest.approx((50 - 0.2 * LEVEL.mean(), 0))
    steep = fit(LEVEL, 0.2 * LEVEL - 1.5, SMALL)
    assert steep.a == 0
    assert steep.b == pytest.approx((LEVEL * (0.2 * LEVEL - 1.5)).sum() / (LEVEL**2).sum())
    nothing = fit(LEVEL, np.full(4, -1.0), SMALL)
    assert (nothing.a, nothing.b) == (0, 0)


def test_levels_nearer_than_the_noise_say_nothing_of_the_slope():
    assert fit(100 + LEVEL / 400, 25 + LEVEL / 10, SMALL).b == 0
    assert fit(LEVEL, 3 + 0.2 * LEVEL, SMALL, slope=False).b == 0


def test_scatter_widens_the_covariance():
    wave = np.array([1, -1, -1, 1])
    tight, loose = (fit(LEVEL, 30 + height * wave, SMALL).covariance for height in (1e-3, 1.0))
    assert loose[0, 0] > 1000 * tight[0, 0]


def test_little_scatter_narrows_it_down_to_chance():
    level = np.linspace(10, 200, 20)
    error, chance = np.full(20, 1e-2), np.full(20, 1e-4)
    doubted = fit(level, 3 + 0.2 * level, error)
    narrow = fit(level, 3 + 0.2 * level, error, chance=chance)
    np.testing.assert_allclose(narrow.covariance, doubted.covariance / 100, rtol=1e-9)


def test_interval_at_a_level():
    model = NoiseModel(4.0, 0.0, ((0.01, 0.0), (0.0, 0.0)), (50.0, 150.0), systematic=0.01)
    at = model.snr_at(100)
    half = math.hypot(1.959964 * 0.1, 2 * 0.01 * 4)
    assert at.snr == 50
    assert at.interval == pytest.approx((100 / math.sqrt(4 + half), 100 / math.sqrt(4 - half)))
    assert math.isnan(model.snr_at(0).snr)
    unsure = NoiseModel(1.0, 0.0, ((9.0, 0.0), (0.0, 0.0)), (0.0, 1.0))
    assert unsure.snr_at(1).interval[1] == math.inf
    whole = NoiseModel(1.0, 0.0, ((9.0, 0.0), (0.0, 0.0)), (0.0, 1.0), step=1)
    assert whole.snr_at(1).interval[1] == pytest.approx(math.sqrt(12))


def test_coefficients_are_orthonormal_and_leave_out_ramps():
    matrix = texture.dct().astype(float)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(49), atol=1e-6)
    y, x = np.mgrid[:8, :8]
    np.testing.assert_allclose((3 + 5 * x - 2 * y).reshape(-1) @ matrix, 0, atol=1e-4)


@pytest.mark.parametrize("shape", [(2.0, 0.0), (2.0, 0.6), (3.0, 0.0)])
def test_templates_are_the_spectra_of_textures(shape, texture):
    power, blur = shape
    field = 10 * texture(1024, 0, power=power)
    frequency = np.fft.fftfreq(1024)
    radius = np.hypot(frequency[:, None], frequency)
    field = np.fft.ifft2(np.fft.fft2(field) * np.exp(-2 * (np.pi * blur * radius) ** 2)).real
    blocks = field.reshape(128, 8, 128, 8).swapaxes(1, 2).reshape(-1, 64)
    spectrum = ((blocks @ dct.dct()) ** 2 @ dct.gather()).mean(axis=0)[1:]
    expected = templates()[SHAPES.index(shape)]
    seen = spectrum / np.average(spectrum, weights=multiplicity())
    np.testing.assert_allclose(seen, expected, rtol=0.06, atol=1e-3)


def test_the_natural_texture_is_preferred(texture):
    """On small images chance alone would choose among neighbouring shapes."""
    chosen = []
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(0, 2, (256, 256))
        field = (120 + 10 * texture(256, seed) + noise).astype(np.float32)
        groups = dct._grouped(*dct._spectra(Samples(field, None, -math.inf, math.inf)))
        chosen.append(np.array_equal(dct._shape(groups), templates()[0]))
    assert sum(chosen) >= 5


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_noise_and_texture_are_divided_exactly(shape):
    """Mean spectra of 2 DN^2 of noise under texture of three strengths, without scatter."""
    strength = np.array([0.1, 2.0, 30.0])
    power = 2 + strength[:, None] * templates()[shape]
    groups = dct.Groups(np.array([50.0, 100.0, 150.0]), np.full(3, 4e3), power)
    np.testing.assert_array_equal(dct._shape(groups), templates()[shape])
    line, share = dct._divided(groups, templates()[shape])
    assert (line.a, line.b) == pytest.approx((2, 0), abs=1e-6)
    assert 0.1 / 2.1 < share < 30 / 32
