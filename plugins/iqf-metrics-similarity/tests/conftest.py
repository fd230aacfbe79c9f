"""Pairs of pictures: a photograph out of scikit-image in any type and number of bands, and it with noise."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from skimage import data

Array = np.ndarray[Any, Any]
WHITE = {"uint8": 255, "uint16": 4095, "int16": 3000, "float32": 1.0}


@functools.cache
def _photograph() -> Array:
    return np.asarray(data.astronaut())[30:230, 150:341] / 255.0


def make_pair(
    dtype: str = "uint8", bands: int = 3, *, noise: float = 0.03, seed: int = 0
) -> tuple[Array, Array]:
    """Photograph of 200x191 pixels, its colours over again and darker, and the same with noise."""
    cut, white = _photograph(), WHITE[dtype]
    clean = np.dstack([cut[:, :, band % 3] * (1 - 0.1 * (band // 3)) for band in range(bands)])
    noisy = np.clip(clean + np.random.default_rng(seed).normal(0, noise, clean.shape), 0, 1)
    offset = -1000 if dtype == "int16" else 0
    scaled = [samples * white + offset for samples in (clean, noisy)]
    if dtype != "float32":
        scaled = [np.rint(samples) for samples in scaled]
    return scaled[0].astype(dtype), scaled[1].astype(dtype)


@pytest.fixture(scope="session")
def pair() -> Callable[..., tuple[Array, Array]]:
    return make_pair
