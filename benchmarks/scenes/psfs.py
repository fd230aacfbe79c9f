"""Point spreads with exact edge responses: the truth that sharpness is held against.

Along the normal of an edge only the slice of the transfer function in that direction counts, times the
pixel's own, which is part of the truth: a square of side 1 seen at an angle is box(|cos|) * box(|sin|).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import j1


@dataclass(frozen=True)
class Truth:
    """Exact sharpness along one normal: RER per px, FWHM in px, MTF at 0.25 and 0.5, MTF50 in cycles/px."""

    rer: float
    fwhm: float
    mtf_half_nyquist: float
    mtf_nyquist: float
    mtf50: float
    overshoot: float


@dataclass(frozen=True)
class PointSpread:
    """A centrally symmetric point spread: `optics` is real, and the half level is crossed at 0."""

    # The edge is tabulated as one of a square wave this long. Only what decays like 1/d needs it long.
    # Beyond `reach` the edge response stays what it is there.
    period: ClassVar[int] = 128
    reach: ClassVar[int] = 32
    steps_per_px: ClassVar[int] = 1024

    def optics(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Transfer at frequency (u, v) in cycles/px along x and y, pixel not included."""
        raise NotImplementedError

    def transfer(self, frequency: np.ndarray | float, theta: float) -> np.ndarray:
        """Signed transfer along the normal at ``theta`` (radians, 0 along +x), pixel included."""
        u, v = np.multiply(frequency, np.cos(theta)), np.multiply(frequency, np.sin(theta))
        return self.optics(u, v) * np.sinc(u) * np.sinc(v)

    def mtf(self, frequency: np.ndarray | float, theta: float) -> np.ndarray:
        """Modulus of `transfer`."""
        return np.abs(self.transfer(frequency, theta))

    def edge_response(self, d: np.ndarray | float, theta: float) -> np.ndarray:
        """Response to a unit step at distance ``d`` px along the normal, to 1e-6.

        Only where it has a kink (a bare pixel, along an axis) the last 1e-4 px about it is off by 2e-4.
        """
        grid, edge, _ = _tables(self, float(theta))
        half = np.interp(np.abs(d), grid, edge - 0.5)
        return 0.5 + np.copysign(half, d)

    def line_spread(self, d: np.ndarray | float, theta: float) -> np.ndarray:
        """Derivative of `edge_response`."""
        grid, _, line = _tables(self, float(theta))
        return np.interp(np.abs(d), grid, line)

    def truth(self, theta: float) -> Truth:
        """Exact values along the normal at ``theta``."""
        grid, edge, line = _tables(self, float(theta))
        peak = line.max()
        outside = int(np.flatnonzero(line >= peak / 2).max()) + 1
        beside = line[outside - 1] - line[outside]
        half_width = grid[outside] - (peak / 2 - line[outside]) / beside * (grid[1] - grid[0])
        scan = np.linspace(0, 1, 4097)
        below = int(np.argmax(self.mtf(scan, theta) < 0.5))
        return Truth(
            rer=float(np.diff(self.edge_response(np.array([-0.5, 0.5]), theta))[0]),
            fwhm=float(2 * half_width),
            mtf_half_nyquist=float(self.mtf(0.25, theta)),
            mtf_nyquist=float(self.mtf(0.5, theta)),
            mtf50=float(brentq(lambda f: self.mtf(f, theta) - 0.5, scan[below - 1], scan[below])),
            overshoot=float(max(0.0, edge.max() - 1)),
        )


@lru_cache(maxsize=32)
def _tables(spread: PointSpread, theta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances from 0 to the reach, edge response and line spread there."""
    period, samples = spread.period, spread.period * spread.steps_per_px
    k = np.arange(samples // 2 + 1)
    transfer = spread.transfer(k / period, theta)
    line = np.fft.irfft(transfer) * spread.steps_per_px
    wave = np.zeros(len(k), complex)  # a square wave of unit step: sines of odd k, 2/(pi k) each
    wave[1::2] = -1j * samples / np.pi / k[1::2] * transfer[1::2]
    edge = 0.5 + np.fft.irfft(wave)
    count = spread.reach * spread.steps_per_px + 1
    return np.arange(count) / spread.steps_per_px, edge[:count].copy(), line[:count].copy()


@dataclass(frozen=True)
class Gaussian(PointSpread):
    """Gaussian of standard deviation ``sigma`` px."""

    sigma: float

    def optics(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """exp(-2 (pi sigma f)^2)."""
        return np.exp(-2 * (np.pi * self.sigma) ** 2 * (u**2 + v**2))


@dataclass(frozen=True)
class Disc(PointSpread):
    """Defocus: a uniform disc of ``radius`` px."""

    radius: float

    def optics(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """2 J1(x) / x with x = 2 pi radius f."""
        x = np.maximum(2 * np.pi * self.radius * np.hypot(u, v), 1e-9)
        return 2 * j1(x) / x


@dataclass(frozen=True)
class Motion(PointSpread):
    """Uniform linear motion over ``length`` px in direction ``angle`` (radians), nothing else."""

    length: float
    angle: float

    def optics(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Sinc of the length times the frequency along the motion."""
        return np.sinc(self.length * (u * np.cos(self.angle) + v * np.sin(self.angle)))


@dataclass(frozen=True)
class Airy(PointSpread):
    """Diffraction by an annular aperture: ``obstruction`` of the diameter, ``cutoff`` in cycles/px.

    Its line spread decays like 1/d^2, so that of a step 3.1 % lies beyond 6.5 px and 1 % beyond 20 px.
    Truth here is that of a lone edge between endless plateaus; see `scenes.edges`.
    """

    obstruction: float = 0.35
    cutoff: float = 1.0
    period: ClassVar[int] = 8192
    reach: ClassVar[int] = 512
    steps_per_px: ClassVar[int] = 256

    def optics(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Autocorrelation of the aperture: areas common to its circles."""
        shift, inner = 2 * np.hypot(u, v) / self.cutoff, self.obstruction
        overlap = _lens(1, 1, shift) - 2 * _lens(1, inner, shift) + _lens(inner, inner, shift)
        return overlap / (np.pi * (1 - inner**2))


def _lens(a: float, b: float, distance: np.ndarray) -> np.ndarray:
    """Area common to two circles of radii a >= b whose centres are ``distance`` apart."""
    s = np.clip(distance, max(a - b, 1e-12), a + b)
    alpha = np.arccos(np.clip((s**2 + a**2 - b**2) / (2 * s * a), -1, 1))
    beta = np.arccos(np.clip((s**2 + b**2 - a**2) / (2 * s * b), -1, 1))
    return a**2 * (alpha - np.sin(2 * alpha) / 2) + b**2 * (beta - np.sin(2 * beta) / 2)


@dataclass(frozen=True)
class TwoGaussians(PointSpread):
    """A core and a halo: ``share`` of the light in the wider one."""

    narrow: float = 0.6
    wide: float = 2.0
    share: float = 0.3

    def optics(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The two Gaussians, weighted."""
        core, halo = Gaussian(self.narrow).optics(u, v), Gaussian(self.wide).optics(u, v)
        return (1 - self.share) * core + self.share * halo


@dataclass(frozen=True)
class Sharpened(PointSpread):
    """A Gaussian after an unsharp mask of ``radius`` px: its edge overshoots."""

    sigma: float = 0.8
    amount: float = 0.8
    radius: float = 1.5

    def optics(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The Gaussian times 1 + amount (1 - blur)."""
        mask = 1 + self.amount * (1 - Gaussian(self.radius).optics(u, v))
        return Gaussian(self.sigma).optics(u, v) * mask
