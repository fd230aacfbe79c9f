"""Pictures whose edges are known: blurred squares, and stripes of which every pixel is exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq
from scipy.special import ndtr
from threadpoolctl import threadpool_limits

Square = Callable[..., np.ndarray]
Stripes = Callable[..., np.ndarray]

NODES, SHARES = np.polynomial.legendre.leggauss(24)
NODES, SHARES = NODES / 2, SHARES / 2
"""Of an integral over a pixel, from -0.5 to 0.5."""


@dataclass(frozen=True)
class Blur:
    """A sum of Gaussians behind square pixels, integrated numerically along the normal at ``degrees``.

    ``parts`` are pairs of share and sigma. Negative shares sharpen.
    """

    parts: tuple[tuple[float, float], ...]
    degrees: float = 0.0

    @classmethod
    def gaussian(cls, sigma: float, degrees: float = 0.0) -> Blur:
        return cls(((1.0, sigma),), degrees)

    @classmethod
    def sharpened(cls, sigma: float, amount: float, radius: float, degrees: float = 0.0) -> Blur:
        """A Gaussian and its unsharp mask: it overshoots."""
        return cls(((1 + amount, sigma), (-amount, float(np.hypot(sigma, radius)))), degrees)

    def edge(self, distance: np.ndarray) -> np.ndarray:
        return self._over_pixel(
            lambda d: sum(share * ndtr(d / sigma) for share, sigma in self.parts), distance
        )

    def line(self, distance: np.ndarray) -> np.ndarray:
        def spread(d: np.ndarray) -> np.ndarray:
            return sum(a * np.exp(-0.5 * (d / s) ** 2) / s / np.sqrt(2 * np.pi) for a, s in self.parts)

        return self._over_pixel(spread, distance)

    def mtf(self, frequency: np.ndarray | float) -> np.ndarray:
        angle = np.deg2rad(self.degrees)
        pixel = np.sinc(frequency * np.cos(angle)) * np.sinc(frequency * np.sin(angle))
        return np.abs(pixel * sum(a * np.exp(-2 * (np.pi * s * frequency) ** 2) for a, s in self.parts))

    @property
    def truth(self) -> dict[str, float]:
        peak = float(self.line(np.zeros(1))[0])
        far = 20 * max(s for _, s in self.parts)
        edge = self.edge(np.linspace(0, far, 4001))
        return {
            "rer": float(np.diff(self.edge(np.array([-0.5, 0.5])))[0]),
            "fwhm": 2 * brentq(lambda d: float(self.line(np.array([d]))[0]) - peak / 2, 0, far),
            "mtf_nyquist": float(self.mtf(0.5)),
            "mtf_half_nyquist": float(self.mtf(0.25)),
            "mtf50": brentq(lambda f: float(self.mtf(f)) - 0.5, 1e-3, 0.95),
            "overshoot": max(0.0, float(edge.max()) - 1),
        }

    def _over_pixel(self, of: Callable[[np.ndarray], np.ndarray], distance: np.ndarray) -> np.ndarray:
        angle = np.deg2rad(self.degrees)
        along = (NODES * np.cos(angle))[:, None] + NODES * np.sin(angle)
        shares = (SHARES[:, None] * SHARES).ravel()
        return of(np.asarray(distance)[..., None] + along.ravel()) @ shares


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Linear algebra in one thread: beside other workers its threads wait for one another."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def blur() -> type[Blur]:
    """Blurs whose edge response, line spread, MTF and measures are known."""
    return Blur


@pytest.fixture(scope="session")
def stripes() -> Stripes:
    """Maker of stripes of two levels, float64, exact before noise.

    ``edge`` is the response of one edge by distance, or a `Blur`, that is taken at the angle of its own.
    Edges lie ``gap`` px apart, no whole number, so that they meet the pixels in many phases; the first of
    them rises along the normal at ``degrees`` if the contrast is positive.
    """

    def make(
        edge: Blur | Callable[[np.ndarray], np.ndarray], *, degrees: float = 0.0, low: float = 60,
        contrast: float = 120, gap: float = 23.7, size: int | tuple[int, int] = 160, snr: float = np.inf,
        seed: int = 0, phase: float = 0.3,
    ) -> np.ndarray:  # fmt: skip
        if isinstance(edge, Blur):
            degrees = edge.degrees
        height, width = (size, size) if isinstance(size, int) else size
        x, y = np.arange(width) - (width - 1) / 2, np.arange(height)[:, None] - (height - 1) / 2
        angle = np.deg2rad(degrees)
        place = x * np.cos(angle) + y * np.sin(angle) - phase
        grid = np.arange(-20 * 256, 20 * 256 + 1) / 256
        table = edge.edge(grid) if isinstance(edge, Blur) else edge(grid)
        count = int(np.hypot(height, width) / 2 / gap) + 2
        level = np.zeros(place.shape)
        for number in range(-count, count + 1):
            sign = 1 if number % 2 == 0 else -1
            response = np.interp(place - number * gap, grid, table)
            level += sign * (response - (1 if number < 0 else 0))
        noise = np.random.default_rng(seed).normal(size=level.shape) / snr if np.isfinite(snr) else 0
        return low + contrast * (level + noise)

    return make


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
