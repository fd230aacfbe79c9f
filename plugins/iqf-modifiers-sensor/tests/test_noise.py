"""Variances of the noise, as asked and as measured."""

from __future__ import annotations

import math

import numpy as np
import pytest

import iqf_core as iqf

SIDE = 512


def flat(level, dtype="uint16", *, bands=1, **options):
    return iqf.Image.from_array(np.full((SIDE, SIDE, bands), level, dtype), **options)


def noisy(setting, image, seed=1):
    return iqf.modifier(setting).modify(image, rng=np.random.default_rng(seed)).decoded()


def added(setting, image, seed=1):
    return noisy(setting, image, seed).pixels.astype(float) - image.pixels


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_sigma_and_rounding(dtype):
    found = added("noise(sigma_dn=4.0)", flat(120, dtype)).std()
    assert found == pytest.approx(math.sqrt(16 + (0 if dtype == "float32" else 1 / 12)), rel=0.005)


@pytest.mark.parametrize("sigma", [1.0, 5.0, 12.0])
def test_the_snr_metric_measures_it(sigma, needs):
    """The variance that is added and the 1/12 of rounding, within 3 %."""
    needs("snr")
    metric = iqf.metric("snr")
    ramp = np.rint(np.linspace(500, 1500, SIDE) * np.ones((SIDE, 1))).astype(np.uint16)
    image = iqf.Image.from_array(ramp, white=4095)
    found = metric.measure(noisy(f"noise(sigma_dn={sigma})", image))
    assert found["sigma"] ** 2 == pytest.approx(sigma**2 + 1 / 12, rel=0.03)
    assert found["snr"] == pytest.approx(1000 / math.sqrt(sigma**2 + 1 / 12), rel=0.03)
    model = metric.measure(noisy("noise(a=9.0, b=0.05)", image))
    assert model["sigma"] ** 2 == pytest.approx(9 + 0.05 * 1000 + 1 / 12, rel=0.03)
    ratio = metric.measure(noisy("noise(snr=80.0)", image))
    assert ratio["sigma"] ** 2 == pytest.approx((1000 / 80) ** 2 + 1 / 12, rel=0.03)


def test_snr_is_of_the_noise_added_at_each_bands_median_or_at_a_level():
    image = flat(1000, "int16", bands=2)
    image.pixels[..., 1] = 4000
    image.pixels[:100] = 9  # not the median
    found = added("noise(snr=50.0)", image).std(axis=(0, 1))
    np.testing.assert_allclose(found, [20, 80], rtol=0.01)
    found = added("noise(snr=50.0, level=2500.0)", image)[100:].std(axis=(0, 1))
    np.testing.assert_allclose(found, [50, 50], rtol=0.01)


def test_variance_grows_with_the_signal():
    ramp = np.repeat(np.arange(0, 4096, 8, dtype=np.float32)[:, None], 2048, axis=1)
    found = added("noise(a=25.0, b=0.5)", iqf.Image.from_array(ramp)).var(axis=1)[:, 0]
    slope, start = np.polyfit(ramp[:, 0], found, 1)
    assert slope == pytest.approx(0.5, rel=0.02)
    assert start == pytest.approx(25, abs=12)
    only_photons = added("noise(b=0.5)", iqf.Image.from_array(ramp - 100)).var(axis=1)[:, 0]
    assert (only_photons[:12] == 0).all()  # there is no light below 0


def test_columns_have_offsets_and_gains_of_their_own():
    offsets = added("noise(column_sigma_dn=6.0)", flat(1000, "float32", bands=2))
    assert np.ptp(offsets, axis=0).max() == 0
    assert offsets[0].std(axis=0) == pytest.approx([6, 6], rel=0.1)
    assert abs(np.corrcoef(offsets[0].T)[0, 1]) < 0.2
    image = flat(1000, "float32")
    image.pixels[SIDE // 2 :] = 3000
    gains = added("noise(column_gain_sigma=0.01)", image)[..., 0]
    np.testing.assert_allclose(gains[-1], 3 * gains[0], atol=1e-2)
    assert gains[0].std() == pytest.approx(10, rel=0.1)
    both = added("noise(column_sigma_dn=6.0, sigma_dn=2.0)", flat(1000, "float32"))
    assert both.std(axis=0).mean() == pytest.approx(2, rel=0.02)
    assert both.mean(axis=0).std() == pytest.approx(6, rel=0.1)


def test_white_noise_is_white_and_independent_between_bands():
    found = added("noise(sigma_dn=10.0)", flat(1000, "float32", bands=3))
    assert abs(found.mean()) < 0.05
    for near in (found[1:, :, 0] * found[:-1, :, 0], found[:, 1:, 0] * found[:, :-1, 0]):
        assert abs(near.mean()) < 1
    assert np.abs(np.corrcoef(found.reshape(-1, 3).T) - np.eye(3)).max() < 0.01


def test_saturates_at_the_ends_of_the_type_and_at_white():
    assert noisy("noise(sigma_dn=400.0)", flat(128, "uint8")).pixels.min() == 0
    assert noisy("noise(sigma_dn=400.0)", flat(128, "uint8")).pixels.max() == 255
    assert noisy("noise(sigma_dn=400.0)", flat(4000, white=4095)).pixels.max() == 4095
    image = flat(4000, white=4095, nodata=65535)
    image.pixels[0, 0] = 65535
    assert noisy("noise(sigma_dn=400.0)", image).pixels[1:].max() == 4095
    image = flat(4000, white=4095)
    image.pixels[0, 0] = 5000  # above white already: the sensor's limit is not known to be lower
    assert noisy("noise(sigma_dn=900.0)", image).pixels.max() == 5000
    assert noisy("noise(sigma_dn=1e6)", flat(0, "int16")).pixels.min() == -32768
    both_ends = noisy("noise(snr=1e-12)", flat(40_000)).pixels  # of values that no integer holds
    assert np.mean(both_ends == 0) == pytest.approx(0.5, abs=0.01)
    assert np.mean(both_ends == 65535) == pytest.approx(0.5, abs=0.01)
    assert noisy("noise(sigma_dn=1e6)", flat(0, "int16", white=1000)).pixels.max() == 1000
    assert noisy("noise(sigma_dn=400.0)", flat(1, "float32", white=1.0)).pixels.min() < -100


def test_settings_of_one_seed_share_their_draws():
    image = flat(1000, "float32")
    np.testing.assert_allclose(
        added("noise(sigma_dn=8.0)", image), 8 * added("noise(sigma_dn=1.0)", image), atol=2e-3
    )
    assert (added("noise(sigma_dn=1.0)", image, 1) != added("noise(sigma_dn=1.0)", image, 2)).any()


def test_versions_name_who_draws():
    assert iqf.modifier("noise(sigma_dn=1.0)").versions() == {"numpy": np.__version__}


def test_snr_at_a_level_below_zero_is_refused():
    with pytest.raises(iqf.UnsupportedImage, match="-50 DN: give the level="):
        noisy("noise(snr=20.0)", flat(-50, "int16"))
    assert noisy("noise(snr=20.0, level=40.0)", flat(-50, "int16")).pixels.std() > 1
