"""HB and HA exactly as the ancestor publishes them, biases included, so that old numbers can be compared.

Formulas after satellogic/iquaflow 1.0, ``snr_metric.py``: 0 is nodata, nothing is clipped, and only blocks
whose rounded (HB) or truncated (HA) mean *is* the median of the band count. On a flat field HB is 6.7 % too
high: a standard deviation of 9 samples is biased by c4(9) = 0.969, and so is its one-sidedly clipped median.
"""

from __future__ import annotations

import math

import numpy as np

from iqf_metrics_snr.areas import SIDE as AREA
from iqf_metrics_snr.areas import STRIP, homogeneous
from iqf_metrics_snr.homogeneous import SIDE as BLOCK
from iqf_metrics_snr.result import BandSnr
from iqf_metrics_snr.samples import Array

LEAST_AREAS, LEAST_AT_MEDIAN = 10, 3


def measure(plane: Array, method: str) -> BandSnr:
    """Measure one band as published.

    Parameters
    ----------
    plane : ndarray, shape (height, width)
        A band.
    method : {"hb", "ha"}
        Homogeneous blocks or homogeneous areas.

    Returns
    -------
    BandSnr
        Without interval and model: nothing of the kind was published.
    """
    side = BLOCK if method == "hb" else AREA
    positive = plane[plane > 0] if method == "hb" else plane[(plane != 0) & (plane == plane)]
    if not positive.size or min(plane.shape) < side:
        return _nothing(math.nan, "every sample is 0, which the published method takes as nodata, or missing")
    median = float(np.median(positive))
    mean, spread = _statistics(plane, side)
    return _blocks(mean, spread, median) if method == "hb" else _areas(plane, mean, spread, median)


def _statistics(plane: Array, side: int) -> tuple[Array, Array]:
    """Mean and sample standard deviation of each block, NaN where one of its samples is 0."""
    rows, columns = (length // side for length in plane.shape)
    mean, spread = np.empty((2, rows, columns))
    for top in range(0, rows, STRIP):
        strip = plane[top * side : min(rows, top + STRIP) * side, : columns * side].astype(np.float64)
        strip[strip == 0] = np.nan
        blocks = strip.reshape(-1, side, columns, side)
        mean[top : top + STRIP] = blocks.mean(axis=(1, 3))
        spread[top : top + STRIP] = blocks.std(axis=(1, 3), ddof=1)
    return mean, spread


def _blocks(mean: Array, spread: Array, median: float) -> BandSnr:
    at_median = spread[np.rint(mean) == median]
    kept = sigma_clipped(at_median[~np.isnan(at_median)], low=4.0, high=2.0)
    if not kept.size:
        return _nothing(median, _no_block(median))
    noise = float(np.median(kept))
    if noise == 0:
        return _nothing(median, f"no noise: the blocks at the median level {median:g} are constant")
    return BandSnr(median / noise, noise, median, kept.size)


def _areas(plane: Array, mean: Array, spread: Array, median: float) -> BandSnr:
    chosen = homogeneous(plane)
    if chosen.sum() < LEAST_AREAS:
        return _nothing(median, f"fewer than {LEAST_AREAS} homogeneous blocks of {AREA}x{AREA} samples")
    mean, spread = np.trunc(mean[chosen]), spread[chosen]
    here = mean == median
    if here.sum() < LEAST_AT_MEDIAN:
        return _nothing(median, _no_block(median))
    noisy = here & (spread > 0)
    if not noisy.any():
        return _nothing(median, f"no noise: the blocks at the median level {median:g} are constant")
    snr = float(np.mean(mean[noisy] / spread[noisy]))
    return BandSnr(snr, median / snr, median, int(noisy.sum()))


def sigma_clipped(values: Array, *, low: float, high: float) -> Array:
    """Drop what lies ``low`` below or ``high`` above the mean, in standard deviations, until nothing does."""
    while values.size:
        mean, spread = values.mean(), values.std()
        kept = values[(values >= mean - low * spread) & (values <= mean + high * spread)]
        if kept.size == values.size:
            break
        values = kept
    return values


def _no_block(median: float) -> str:
    return (
        f"too few blocks whose mean is exactly the median level {median:g}, as the published method asks:"
        " measure with published=False"
    )


def _nothing(median: float, reason: str) -> BandSnr:
    return BandSnr(math.nan, math.nan, median, 0, reason=reason)
