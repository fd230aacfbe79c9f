"""PSNR and SSIM are those of scikit-image, whatever the type and the number of bands."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import metrics as skimage

import iqf_metrics_similarity as similarity
from iqf_metrics_similarity import mae, max_error, mse, psnr, rmse, spectral, ssim
from iqf_metrics_similarity import pair as pairs

WHITE = {"uint8": 255, "uint16": 4095, "int16": 3000, "float32": 1.0}
WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}

every_kind = pytest.mark.parametrize(
    ("dtype", "bands"), [(dtype, bands) for dtype in WHITE for bands in (1, 3, 4, 6)]
)


@every_kind
def test_psnr(pair, dtype, bands):
    one, other = pair(dtype, bands)
    theirs = skimage.peak_signal_noise_ratio(one.astype(float), other.astype(float), data_range=WHITE[dtype])
    assert psnr(one, other, white=WHITE[dtype]) == pytest.approx(theirs, abs=1e-9)
    as_given = skimage.peak_signal_noise_ratio(one, other, data_range=WHITE[dtype])
    assert psnr(one, other, white=WHITE[dtype]) == pytest.approx(as_given, abs=1e-6)  # squares in float32


@every_kind
def test_ssim(pair, dtype, bands):
    one, other = pair(dtype, bands)
    found = ssim(one, other, white=WHITE[dtype])
    theirs = skimage.structural_similarity(
        one.astype(float), other.astype(float), data_range=WHITE[dtype], **WANG
    )
    assert found == pytest.approx(theirs, abs=1e-9)
    assert 0.2 < found < 0.9
    as_given = skimage.structural_similarity(one, other, data_range=WHITE[dtype], **WANG)
    tolerance = 1e-9 if dtype != "float32" else 2e-6  # scikit-image itself works in float32 there
    assert found == pytest.approx(float(as_given), abs=tolerance)


@pytest.mark.parametrize("samples", [7 * 191, 40 * 191])
@pytest.mark.parametrize("name", sorted(set(similarity.__all__) - {"psnr_of_mse"}))
def test_strips_make_no_difference(pair, monkeypatch, name, samples):
    one, other = pair("uint16")
    other[0, 0] = 65535  # the largest error is not in the last strip
    mask = np.zeros(one.shape[:2], bool)
    mask[:3, 60:80] = True
    white = {"white": 4095} if name in ("psnr", "ssim", "ms_ssim") else {}
    whole = getattr(similarity, name)(one, other, nodata=mask, **white)
    for module in (pairs, spectral):
        monkeypatch.setattr(module, "STRIP_SAMPLES", samples)
        monkeypatch.setattr(module, "STRIP_ROWS", 1)
    assert getattr(similarity, name)(one, other, nodata=mask, **white) == pytest.approx(whole, rel=1e-12)


@every_kind
def test_errors(pair, dtype, bands):
    one, other = pair(dtype, bands)
    apart = one.astype(float) - other.astype(float)
    assert mse(one, other) == pytest.approx((apart**2).mean(), rel=1e-12)
    assert rmse(one, other) == pytest.approx(np.sqrt((apart**2).mean()), rel=1e-12)
    assert mae(one, other) == pytest.approx(np.abs(apart).mean(), rel=1e-12)
    assert max_error(one, other) == np.abs(apart).max()


def test_the_types_need_not_be_the_same(pair):
    one, other = pair("uint8")
    assert ssim(one, other.astype(np.float32)) == ssim(one, other)
    assert rmse(one.astype(">u2"), other) == rmse(one, other)


def test_what_is_given_is_not_changed(pair):
    one, other = pair("float32")
    before = one.copy(), other.copy()
    one.flags.writeable = other.flags.writeable = False
    for function in (mse, rmse, mae, max_error):
        function(one, other, nodata=0.0)
    ssim(one, other, white=1)
    assert np.array_equal(one, before[0])
    assert np.array_equal(other, before[1])
