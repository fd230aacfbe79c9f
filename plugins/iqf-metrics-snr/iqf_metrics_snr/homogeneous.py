"""Homogeneous blocks: the noise is what a plane leaves of blocks of 3x3, without the known biases.

Published after Gao (1993), who takes the local standard deviation of small blocks. Here a plane is removed,
so that a ramp is no noise; the median of the chi-square of what remains is divided by its theoretical value,
so that few samples do not bias it; levels are classes, not one exact value; clipped blocks are left out.
Texture still is noise to it.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from iqf_metrics_snr.line import Line, Values, fit, off_rails
from iqf_metrics_snr.noise_model import NoiseModel
from iqf_metrics_snr.samples import Array, Samples, Unmeasurable

SIDE = 3
LIMIT = 2**15
LEAST = 64
LEVELS, PER_LEVEL = 8, 200
_MEDIANS = {6: 5.348120627447122, 22: 21.337044807672633}
"""Median of chi-square by degrees of freedom: those of blocks of 3x3 and 5x5 without their plane."""
OUTLIER = 4.2
"""Times the median: one block of a thousand of pure noise lies above it, so dropping those biases nothing."""
SYSTEMATIC = 0.005
"""Bias of SNR on flat, ramp, two-level and polygon scenes of known noise (docs/accuracy.md)."""


def estimate(samples: Samples) -> tuple[NoiseModel, int]:
    """Measure the noise model of a band; `Unmeasurable` where that cannot be done."""
    level, residual = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for block in samples.blocks(SIDE, LIMIT):
        level.append(block.mean(axis=1))
        residual.append(residual_variance(block, SIDE))
    return model_of(samples, np.concatenate(level), np.concatenate(residual), SIDE, SYSTEMATIC)


def residual_variance(block: Array, side: int) -> Array:
    """Unbiased variance of what a plane leaves of each block; (n, side^2) -> (n,)."""
    left = (block - block[:, :1]) @ _without_plane(side)
    return np.asarray(np.einsum("ij,ij->i", left, left) / np.float32(left.shape[1]))


def model_of(
    samples: Samples, level: Array, variance: Array, side: int, systematic: float, selection: float = 1.0
) -> tuple[NoiseModel, int]:
    """Noise model from the level and the residual variance of blocks.

    ``selection`` is how much larger the variance of such blocks is because they were chosen.

    Raises
    ------
    Unmeasurable
        With the reason.
    """
    if len(level) < LEAST:
        raise Unmeasurable(
            f"{len(level)} usable blocks of {side}x{side} samples (homogeneous, free of nodata and of clipped"
            f" samples), {LEAST} are needed: give a larger image or another method"
        )
    if not variance.any():
        raise Unmeasurable("no noise: every block is constant")
    line, centre, count = _line(level, variance, side, selection)
    if samples.clips:
        kept = off_rails(samples, level, line(level), LEAST)
        if not kept.all():
            line, centre, count = _line(level[kept], variance[kept], side, selection)
    if not line(centre).any():
        raise Unmeasurable("no noise: most blocks are constant")
    return line.model(samples, centre, systematic), int(count.sum())


def _line(level: Array, variance: Array, side: int, selection: float) -> tuple[Line, Values, Values]:
    """Fit the line; return it with the levels that it goes through and their counts of blocks."""
    centre, middle, count = _by_level(level, variance)
    scale, error = chi_square_median(side**2 - 3)
    noise = middle / (scale * selection)
    smooth = np.full(noise.shape, np.median(noise))
    for _ in range(3):
        line = fit(centre, noise, (error * np.maximum(smooth, 1e-3 * noise.max() + 1e-12)) ** 2 / count)
        smooth = line(centre)
    return line, centre, count


def _by_level(level: Array, variance: Array) -> tuple[Values, Values, Values]:
    """Mean level, median variance and count of equally full classes of level."""
    levels = int(np.clip(len(level) // PER_LEVEL, 1, LEVELS))
    few = level[:: max(1, len(level) // 4096)]
    bounds = np.quantile(few, np.arange(1, levels) / levels).astype(level.dtype)
    of = np.searchsorted(bounds, level, side="right")
    rows = [
        (float(level[inside].mean(dtype=np.float64)), _typical(variance[inside]), inside.size)
        for inside in (np.flatnonzero(of == number) for number in range(levels))
        if inside.size >= 8
    ]
    centre, middle, count = np.array(rows, np.float64).T
    return centre, middle, count


def _typical(variance: Array) -> float:
    """Median of the variances that noise alone can give: those with an edge in them are dropped."""
    middle = float(np.median(variance))
    for _ in range(3):
        middle = float(np.median(variance[variance <= OUTLIER * middle]))
    return middle


def chi_square_median(freedom: int) -> tuple[float, float]:
    """Median of chi-square / freedom, and the standard error of a median of n such over it, times sqrt(n)."""
    half, median = freedom / 2, _MEDIANS[freedom]
    density = math.exp((half - 1) * math.log(median) - median / 2 - half * math.log(2) - math.lgamma(half))
    return median / freedom, 1 / (2 * density * median)


@functools.cache
def _without_plane(side: int) -> npt.NDArray[np.float32]:
    """Orthonormal basis of all that is no plane, shape (side^2, side^2 - 3)."""
    y, x = np.indices((side, side)).reshape(2, -1)
    plane = np.stack([np.ones(side**2), x, y], axis=1)
    complete, _ = np.linalg.qr(plane, mode="complete")
    return np.asarray(complete[:, 3:], np.float32)
