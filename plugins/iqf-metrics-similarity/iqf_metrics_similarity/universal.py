"""The universal image quality index (UIQI, Q)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iqf_metrics_similarity.pair import Array, Nodata, Plane, Strip, Unmeasurable, measurable, paired
from iqf_metrics_similarity.structural import require_size

SIDE = 8
"""Of the window; a power of 2, see `_sums`."""
ROUNDING = 1e-14
"""Of the sum of squares: smaller variances are what float64 left of none."""


@measurable
def uiqi(reference: npt.ArrayLike, image: npt.ArrayLike, *, nodata: Nodata = None) -> float:
    r"""Universal image quality index.

    .. math::

       Q = \frac{2 \bar x \bar y}{\bar x^2 + \bar y^2} \cdot
       \frac{2 \sigma_{xy}}{\sigma_x^2 + \sigma_y^2}

    in windows of 8x8 pixels that slide by one, averaged over all that fit, then over the bands. A factor that
    is 0/0 counts as 1: the second where both windows are flat, as in the authors' program; the first where
    both means are 0. A flat window against one that is not has Q = 0. There is no constant as in SSIM, so
    full scale does not matter, and nearly flat windows weigh as much as any. Variances below 1e-14 of the
    mean square, less than float32 resolves, are flat.

    Parameters
    ----------
    reference, image : array_like
        As for `psnr`.
    nodata : float or ndarray of bool, optional
        As for `psnr`; every window that holds such a sample is left out.

    Returns
    -------
    float
        -1 to 1, 1 for equal images. `iqf_core.Missing` below 8 pixels a side, or when a band has no window
        without nodata.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik (2002), A universal image quality index, doi:10.1109/97.995823

    Examples
    --------
    >>> flat = np.full((8, 8), 100, np.uint8)
    >>> uiqi(flat, flat), uiqi(flat, flat // 2)
    (1.0, 0.8)
    """
    return float(np.mean([_of_plane(plane) for plane in paired(reference, image, nodata).planes()]))


def _of_plane(plane: Plane) -> float:
    require_size(plane, SIDE, f"a window of {SIDE}x{SIDE}")
    total, count = 0.0, 0
    for strip in plane.strips(overlap=SIDE - 1):
        values = _indices(strip)
        values = values if strip[2] is None else values[_sums(strip[2].astype(np.uint8)) == 0]
        total, count = total + float(values.sum()), count + values.size
    if not count:
        raise Unmeasurable(f"band {plane.number}: no window of {SIDE}x{SIDE} pixels is free of nodata")
    return total / count


def _indices(strip: Strip) -> Array:
    """Q of every window."""
    one, other, _ = strip
    samples = SIDE**2
    total, other_total = _sums(one), _sums(other)
    product, power = total * other_total, total**2 + other_total**2
    covariance = samples * _sums(one * other) - product
    squares = samples * (_sums(one * one) + _sums(other * other))
    alike = _ratio(2 * covariance, squares - power, above=ROUNDING * squares)
    return _ratio(2 * product, power, above=0.0) * alike


def _ratio(part: Array, whole: Array, *, above: Array | float) -> Array:
    """Ratio, 1 where there is nothing to divide by."""
    ratio = np.divide(part, whole, out=np.ones_like(whole), where=whole > above)
    return np.clip(ratio, -1, 1, out=ratio)


def _sums(plane: Array) -> Array:
    """Sums of every window: of two rows, of two such, of two such, then along the columns.

    So a flat window of any value has exactly the sum, and exactly the variance 0, that it should have, which
    it would not by running sums.
    """
    for step in (1, 2, 4):
        plane = plane[:-step] + plane[step:]
    for step in (1, 2, 4):
        plane = plane[:, :-step] + plane[:, step:]
    return plane
