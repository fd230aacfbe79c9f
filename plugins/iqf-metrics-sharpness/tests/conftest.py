"""Blurred squares: their edges are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

Square = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def square() -> Square:
    """Maker of a picture of 96 x 96 px with a square from 35 to 67, blurred by a Gaussian, with noise of 1 %.

    The pixel's box adds to the blur; edges lie at 34.5 and 66.5, where centres of pixels are integers.
    """

    def make(
        dtype: str = "uint8", *, sigma: float = 0.8, low: float = 50, high: float = 150, bands: int = 1
    ) -> np.ndarray:
        scene = np.full((96, 96), float(low))
        scene[35:67, 35:67] = high
        soft = gaussian_filter(scene, sigma)
        noise = np.random.default_rng(1).normal(0, abs(high - low) / 100, (96, 96, bands))
        pixels = soft[..., None] + noise
        if np.dtype(dtype).kind == "u":
            pixels = np.clip(np.rint(pixels), 0, np.iinfo(dtype).max)
        return pixels.astype(dtype)

    return make
