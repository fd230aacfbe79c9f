"""Structural similarity on several scales (MS-SSIM)."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from iqf_metrics_similarity.pair import (
    Array,
    Nodata,
    Plane,
    Strip,
    Unmeasurable,
    measurable,
    paired,
    require_white,
)
from iqf_metrics_similarity.structural import (
    K1,
    K2,
    SIDE,
    SIGMA,
    TRUNCATE,
    free_windows,
    inside,
    require_size,
)

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, the finest first; they add up to 1."""
SMALLEST = SIDE * 2 ** (len(WEIGHTS) - 1)


@measurable
def ms_ssim(
    reference: npt.ArrayLike, image: npt.ArrayLike, *, white: float | None = None, nodata: Nodata = None
) -> float:
    r"""Multi-scale structural similarity (MS-SSIM).

    .. math:: l_5^{w_5} \prod_{j=1}^{5} (cs)_j^{w_j}, \qquad w = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

    Each scale has half the pixels a side of the one before: the mean of 2x2 pixels, the last row or column of
    an odd number repeated. cs, the product of contrast and structure, is the mean over the windows of `ssim`
    at its scale; at the coarsest it is the mean of the whole SSIM, luminance included, as in the authors'
    program. A negative mean counts as 0: it has no power of this kind. The mean over the bands is returned.

    Parameters
    ----------
    reference, image, white
        As for `psnr`.
    nodata : float or ndarray of bool, optional
        As for `ssim`, at every scale: a pixel of a coarser scale is nodata when one of its four is.

    Returns
    -------
    float
        0 to 1, 1 for equal images. `iqf_core.Missing` below 176 pixels a side, where the coarsest scale has
        no window, or when nodata leaves none at some scale.

    References
    ----------
    .. [1] Z. Wang, E. P. Simoncelli, A. C. Bovik (2003), Multiscale structural similarity for image quality
       assessment, doi:10.1109/ACSSC.2003.1292216

    Examples
    --------
    >>> scene = np.random.default_rng(0).integers(0, 255, (176, 176), np.uint8)
    >>> ms_ssim(scene, scene), ms_ssim(scene, scene // 2) < 0.9
    (1.0, True)
    """
    pair = paired(reference, image, nodata)
    full = require_white(pair.reference, white)
    return float(np.mean([_of_plane(plane, full) for plane in pair.planes()]))


def _of_plane(plane: Plane, white: float) -> float:
    require_size(plane, SMALLEST, f"{SMALLEST} a side, which {len(WEIGHTS)} scales need")
    value = 1.0
    for scale, weight in enumerate(WEIGHTS, start=1):
        last = scale == len(WEIGHTS)
        mean = _mean_similarity(plane, white, scale, luminance=last)
        value *= max(mean, 0.0) ** weight
        plane = plane if last else halved(plane)
    return value


def _mean_similarity(plane: Plane, white: float, scale: int, *, luminance: bool) -> float:
    total, count = 0.0, 0
    for strip in plane.strips(overlap=SIDE - 1):
        values = _similarity(strip, white, luminance=luminance)
        values = values if strip[2] is None else values[free_windows(strip[2])]
        total, count = total + float(values.sum()), count + values.size
    if not count:
        raise Unmeasurable(
            f"band {plane.number}: at scale {scale} no window of {SIDE}x{SIDE} pixels is free of nodata"
        )
    return total / count


def _similarity(strip: Strip, white: float, *, luminance: bool) -> Array:
    """Contrast and structure in every window, and luminance where asked."""
    one, other, _ = strip
    c1, c2 = (K1 * white) ** 2, (K2 * white) ** 2
    mean, other_mean = _weighted(one), _weighted(other)
    product, power = mean * other_mean, mean**2 + other_mean**2
    covariance = _weighted(one * other) - product
    variances = _weighted(one * one) + _weighted(other * other) - power
    similar = (2 * covariance + c2) / (variances + c2)
    return np.asarray(similar * (2 * product + c1) / (power + c1) if luminance else similar)


def _weighted(plane: Array) -> Array:
    """Gaussian mean of every window."""
    from scipy.ndimage import gaussian_filter

    return inside(np.asarray(gaussian_filter(plane, SIGMA, truncate=TRUNCATE)))


def halved(plane: Plane) -> Plane:
    """Both images with half the pixels a side, each the mean of four; nodata where one of them was."""
    holes = plane.holes
    left = None if holes is None else functools.reduce(np.logical_or, _quarters(holes))
    return Plane(plane.number, _halved(plane.reference, holes), _halved(plane.image, holes), left)


def _halved(samples: Array, holes: Array | None) -> Array:
    filled = samples if holes is None else np.where(holes, samples.dtype.type(0), samples)
    first, *others = _quarters(filled)
    mean = first.astype(np.float64)
    for other in others:
        mean += other
    return np.multiply(mean, 0.25, out=mean)


def _quarters(plane: Array) -> list[Array]:
    """The four pixels of every block of 2x2, each as a plane."""
    odd = [(0, side % 2) for side in plane.shape]
    even = np.pad(plane, odd, mode="edge") if any(map(any, odd)) else plane
    return [even[row::2, column::2] for row in (0, 1) for column in (0, 1)]
