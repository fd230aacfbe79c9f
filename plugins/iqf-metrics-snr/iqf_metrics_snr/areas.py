"""Homogeneous areas: blocks of 5x5 whose local binary patterns look like noise, not like structure.

A local binary pattern says which of eight neighbours are at least as bright as the pixel (Ojala et al.
2002). Around an edge, a run of the neighbours is brighter; in a flat area there is no such run, or all or
none are brighter. It knows signs alone, so choosing blocks by it says next to nothing of their variance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iqf_metrics_snr.homogeneous import model_of, residual_variance
from iqf_metrics_snr.noise_model import NoiseModel
from iqf_metrics_snr.samples import Array, Samples

SIDE = 5
SHARE = 0.6
STRIP = 32
"""Rows of blocks that are worked on at once."""
SELECTION = 1.015
"""Variance of the blocks that are accepted in pure Gaussian noise over that of all (simulated, 360,000)."""
SYSTEMATIC = 0.01
"""Bias of SNR on flat, ramp, two-level and polygon scenes of known noise (docs/accuracy.md)."""
_DIAGONAL = round(float(np.sqrt(0.5)), 5)
"""Of the circle of radius 1, to the five decimals of the published code."""


def estimate(samples: Samples) -> tuple[NoiseModel, int]:
    """Measure the noise model of a band; `Unmeasurable` where that cannot be done."""
    level, residual = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for top in range(0, samples.plane.shape[0] // SIDE, STRIP):
        rows = slice(SIDE * top, SIDE * (top + STRIP))
        holes = None if samples.holes is None else samples.holes[rows]
        strip = Samples(samples.plane[rows], holes, samples.low, samples.high)
        accepted = _homogeneous(samples.plane, top).reshape(-1)
        block = strip.chosen_blocks(SIDE, accepted)
        level.append(block.mean(axis=1))
        residual.append(residual_variance(block, SIDE))
    return model_of(samples, np.concatenate(level), np.concatenate(residual), SIDE, SYSTEMATIC, SELECTION)


def homogeneous(plane: Array) -> npt.NDArray[np.bool_]:
    """Which blocks of 5x5 are homogeneous: at least 60 % of their pixels, but not all, look flat.

    Parameters
    ----------
    plane : ndarray, shape (height, width)
        A band.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        Of the whole blocks.
    """
    rows = plane.shape[0] // SIDE
    return np.concatenate([_homogeneous(plane, top) for top in range(0, rows, STRIP)])


def _homogeneous(plane: Array, top: int) -> npt.NDArray[np.bool_]:
    """Return the same for one strip of blocks, from row ``top`` of them on."""
    rows, columns = (length // SIDE for length in plane.shape)
    bottom = min(rows, top + STRIP)
    flat = _flat_pixels(plane, SIDE * top, SIDE * bottom)[:, : columns * SIDE]
    share = flat.reshape(bottom - top, SIDE, columns, SIDE).sum(axis=(1, 3)) / SIDE**2
    return np.asarray((share >= SHARE) & (share < 1))


def _flat_pixels(plane: Array, top: int, bottom: int) -> npt.NDArray[np.bool_]:
    """Pixels of some rows without a pattern: none or all neighbours brighter, or several runs of them."""
    above, below = max(0, top - 1), min(plane.shape[0], bottom + 1)
    margin = ((1 - (top - above), 1 - (below - bottom)), (1, 1))  # beyond the image lies 0, as published
    around = np.pad(plane[above:below].astype(np.float64), margin)
    inner = around[1:-1, 1:-1]
    signs = [neighbour >= inner for neighbour in _neighbours(around)]
    brighter = np.sum(signs, axis=0, dtype=np.uint8)
    changes = np.sum([one != other for one, other in zip(signs, signs[1:] + signs[:1], strict=True)], axis=0)
    return np.asarray((brighter == 0) | (brighter == 8) | (changes > 2))


def _neighbours(around: Array) -> list[Array]:
    """Eight neighbours at distance 1, anticlockwise from the right; diagonal ones are interpolated."""

    def at(row: int, column: int) -> Array:
        height, width = around.shape
        return around[1 + row : height - 1 + row, 1 + column : width - 1 + column]

    def diagonal(row: int, column: int) -> Array:
        near, far = 1 - _DIAGONAL, _DIAGONAL
        beside = near * at(0, 0) + far * at(0, column)
        return near * beside + far * (near * at(row, 0) + far * at(row, column))

    return [
        *(at(0, 1), diagonal(-1, 1), at(-1, 0), diagonal(-1, -1)),
        *(at(0, -1), diagonal(1, -1), at(1, 0), diagonal(1, 1)),
    ]
