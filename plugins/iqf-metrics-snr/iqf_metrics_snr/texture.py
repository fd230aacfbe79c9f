"""What the texture of a natural scene looks like in the DCT of a block: 1/f^2, seen through a blur.

The power spectrum of natural scenes falls as a power of frequency near 2 (Field 1987); optics and
resampling then take more from its high end. White noise is flat. So the shape of the spectrum tells them
apart, also where no block of the image is free of texture.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SIDE = 8
LOW = 3
"""Coefficients (u, v) with u + v up to this tell how much texture a block holds; the rest hold the noise."""
SHAPES = (
    (2.0, 0.0),  # the first is the natural one
    *((2.0, blur) for blur in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
    *((tenths / 10, 0.0) for tenths in range(14, 33) if tenths != 20),
)
"""Exponent of the power spectrum, and standard deviation of a Gaussian blur in pixels."""


def _pairs() -> list[tuple[int, int]]:
    """Coefficients with u <= v that hold noise; those of u = 0 are left to ramps and upright edges."""
    return [(u, v) for u in range(1, SIDE) for v in range(u, SIDE) if u + v > LOW]


@functools.cache
def dct() -> Array:
    """Matrix from the samples of a block to its coefficients with u, v >= 1; float32, shape (64, 49)."""
    basis = _basis()[1:]
    both = np.einsum("ux,vy->xyuv", basis, basis)
    return np.asarray(both.reshape(SIDE**2, (SIDE - 1) ** 2), np.float32)


@functools.cache
def gather() -> Array:
    """Matrix from squared coefficients to what is kept of them; float32, shape (49, 1 + pairs).

    First the mean of the low ones, then each pair (u, v), (v, u) with its mean.
    """
    u, v = np.indices((SIDE - 1, SIDE - 1)).reshape(2, -1) + 1
    low = (u + v <= LOW).astype(np.float32)
    pairs = [((u == i) & (v == j)) | ((u == j) & (v == i)) for i, j in _pairs()]
    columns = [low, *(np.asarray(pair, np.float32) for pair in pairs)]
    return np.stack([column / column.sum() for column in columns], axis=1)


@functools.cache
def multiplicity() -> Array:
    """How many coefficients each pair holds: 1 or 2."""
    return np.array([1.0 if u == v else 2.0 for u, v in _pairs()])


@functools.cache
def templates() -> Array:
    """Mean square of each pair for a texture of each of `SHAPES`, scaled to mean 1; (shapes, pairs)."""
    return np.stack([_template(power, blur) for power, blur in SHAPES])


def _template(power: float, blur: float) -> Array:
    """Integrate the spectrum over the transfer of each coefficient: leakage of the block is in it."""
    grid = 512
    frequency = np.fft.fftfreq(grid)
    radius = np.hypot(frequency[:, None], frequency[None])
    radius[0, 0] = np.inf
    spectrum = radius**-power
    spectrum *= np.exp(-((2 * np.pi * blur) ** 2) * np.where(np.isinf(radius), 0, radius) ** 2)
    transfer = np.abs(np.fft.fft(_basis(), grid, axis=1)) ** 2
    energy = transfer @ spectrum @ transfer.T
    pairs = np.array([energy[u, v] for u, v in _pairs()])
    return np.asarray(pairs / np.average(pairs, weights=multiplicity()))


def _basis() -> Array:
    """Orthonormal DCT-II: rows are frequencies."""
    k = np.arange(SIDE)
    basis = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * SIDE)) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis)
