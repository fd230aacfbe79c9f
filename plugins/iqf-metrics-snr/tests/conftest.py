"""Scenes with known noise, from seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Plane = np.ndarray[Any, Any]


def make_scene(
    kind: str = "flat",
    dtype: str = "uint8",
    *,
    sigma: float = 4.0,
    gain: float = 0.0,
    size: int = 256,
    scale: float = 1.0,
    seed: int = 0,
) -> Plane:
    """Flat, ramp, step or steps from 40 to 200 times scale, with photon and Gaussian noise; rounded."""
    rng = np.random.default_rng(seed)
    along = np.linspace(40, 200, size)
    level = {
        "flat": np.full(size, 120.0),
        "ramp": along,
        "step": np.where(along < 110, 60.0, 180.0),
        "steps": 40 + 32 * np.floor((along - 40) / 32.001),
    }[kind]
    clean = scale * np.broadcast_to(level, (size, size))
    seen = gain * rng.poisson(clean / gain) if gain else clean
    noisy = seen + rng.normal(0, sigma, clean.shape)
    if dtype == "float32":
        return noisy.astype(np.float32)
    return np.clip(np.rint(noisy), np.iinfo(dtype).min, np.iinfo(dtype).max).astype(dtype)


def make_texture(size: int, seed: int, *, power: float = 2.0) -> Plane:
    """Gaussian field of power spectrum 1/f^power, standard deviation 1."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = np.inf
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) * frequency ** (-power / 2)).real
    return field / field.std()


@pytest.fixture
def scene() -> Callable[..., Plane]:
    return make_scene


@pytest.fixture
def texture() -> Callable[..., Plane]:
    return make_texture
