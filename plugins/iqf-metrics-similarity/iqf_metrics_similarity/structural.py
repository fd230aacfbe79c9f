"""Structural similarity (SSIM), by scikit-image, window by window."""

from __future__ import annotations

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

SIGMA, TRUNCATE = 1.5, 3.5
SIDE = 11
"""Of the window: 2 int(truncate sigma + 0.5) + 1 pixels."""
K1, K2 = 0.01, 0.03


@measurable
def ssim(
    reference: npt.ArrayLike, image: npt.ArrayLike, *, white: float | None = None, nodata: Nodata = None
) -> float:
    r"""Mean structural similarity (SSIM).

    .. math::

       SSIM = \frac{(2 \mu_x \mu_y + C_1)(2 \sigma_{xy} + C_2)}
       {(\mu_x^2 + \mu_y^2 + C_1)(\sigma_x^2 + \sigma_y^2 + C_2)},
       \qquad C_1 = (0.01\,white)^2,\ C_2 = (0.03\,white)^2

    in windows of 11x11 pixels with Gaussian weights of sigma 1.5, averaged over all windows inside the
    image, then over the bands. It is ``skimage.metrics.structural_similarity`` with ``gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False``, the settings of [1]_, in float64 whatever the type, a few
    hundred rows at a time. The authors' advice to shrink images above 256 pixels first is not followed, as
    is usual.

    Parameters
    ----------
    reference, image, white
        As for `psnr`.
    nodata : float or ndarray of bool, optional
        As for `psnr`; every window that holds such a sample, be it at its rim, is left out.

    Returns
    -------
    float
        -1 to 1, 1 for equal images. `iqf_core.Missing` below 11 pixels a side, or when a band has no window
        without nodata.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli (2004), Image quality assessment: from error
       visibility to structural similarity, doi:10.1109/TIP.2003.819861

    Examples
    --------
    >>> scene = np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)
    >>> ssim(scene, scene), ssim(scene, 255 - scene) < 0
    (1.0, True)
    """
    pair = paired(reference, image, nodata)
    full = require_white(pair.reference, white)
    return float(np.mean([_of_plane(plane, full) for plane in pair.planes()]))


def require_size(plane: Plane, side: int, reason: str) -> None:
    """Refuse planes smaller than ``side`` pixels."""
    height, width = plane.reference.shape
    if min(height, width) < side:
        raise Unmeasurable(f"{width}x{height} pixels are less than {reason}")


def free_windows(holes: Array) -> Array:
    """Windows without nodata, for each place where one fits."""
    from scipy.ndimage import maximum_filter

    return np.asarray(~inside(maximum_filter(holes, size=SIDE)))


def inside(plane: Array) -> Array:
    """What a window centred on a pixel says, for the pixels whose windows fit."""
    rim = SIDE // 2
    return plane[rim:-rim, rim:-rim]


def _of_plane(plane: Plane, white: float) -> float:
    require_size(plane, SIDE, f"a window of {SIDE}x{SIDE}")
    total, count = 0.0, 0
    for strip in plane.strips(overlap=SIDE - 1):
        mean, windows = _of_strip(strip, white)
        total, count = total + mean * windows, count + windows
    if not count:
        raise Unmeasurable(f"band {plane.number}: no window of {SIDE}x{SIDE} pixels is free of nodata")
    return total / count


def _of_strip(strip: Strip, white: float) -> tuple[float, int]:
    """Mean over the windows of a strip, and how many there are."""
    from skimage.metrics import structural_similarity

    reference, image, holes = strip
    settings = {"gaussian_weights": True, "sigma": SIGMA, "use_sample_covariance": False}
    settings |= {"data_range": white, "K1": K1, "K2": K2}
    if holes is None:
        windows = inside(reference).size
        return float(structural_similarity(reference, image, **settings)), windows
    free = free_windows(holes)
    windows = int(np.count_nonzero(free))
    if not windows:
        return 0.0, 0
    _, values = structural_similarity(reference, image, full=True, **settings)
    return float(inside(values)[free].mean()), windows
