"""Floating point of any magnitude, and masked arrays."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_core import ParameterError
from iqf_metrics_sharpness import sharpness


@pytest.fixture
def noisy(blur, stripes):
    rng = np.random.default_rng(4)
    scene = stripes(blur.gaussian(0.8, 5.0), size=120)
    return scene + rng.normal(0, 1, scene.shape)


@pytest.mark.parametrize("factor", [1e-14, 1e-6, 1e22, 1e30])
def test_floating_point_of_any_magnitude(noisy, factor):
    plain = sharpness(noisy.astype(np.float32)).combined
    found = sharpness((noisy * factor).astype(np.float32)).combined
    assert found.count == plain.count > 30
    assert found.rer.value == pytest.approx(plain.rer.value, rel=1e-4)
    assert found.rer.high == pytest.approx(plain.rer.high, rel=1e-3)


def test_a_masked_array_keeps_its_mask(noisy):
    mask = np.zeros(noisy.shape, dtype=bool)
    mask[:, :30] = True
    hidden = np.where(mask, 1e4, noisy).round().astype(np.uint16)
    found = sharpness(np.ma.masked_array(hidden, mask))
    given = sharpness(hidden, nodata=mask)
    assert found.combined.rer == given.combined.rer
    assert found.combined.count < sharpness(noisy.round().astype(np.uint16)).combined.count
    with pytest.raises(ParameterError, match="masked array already"):
        sharpness(np.ma.masked_array(hidden, mask), nodata=0)
