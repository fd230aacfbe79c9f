"""What happened to the spectra: the spectral angle, and ERGAS."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from iqf_core import ParameterError
from iqf_metrics_similarity.differences import differences
from iqf_metrics_similarity.pair import (
    STRIP_ROWS,
    STRIP_SAMPLES,
    Array,
    Nodata,
    Pair,
    Unmeasurable,
    measurable,
    paired,
)


@measurable
def sam(reference: npt.ArrayLike, image: npt.ArrayLike, *, nodata: Nodata = None) -> float:
    r"""Mean spectral angle between two images, in degrees.

    .. math:: \theta = \arccos \frac{\langle x, y \rangle}{|x| |y|}

    for the spectra x and y of a pixel, averaged over the pixels that have one: of a spectrum of zeros there
    is no angle, and a pixel with nodata in any band has no spectrum. The angle does not change with the
    brightness of a pixel. It is computed as 2 atan2(abs(u - v), abs(u + v)) of the unit vectors, which is
    the same, exactly 0 for equal spectra, and precise for small angles, where the cosine is not.

    Parameters
    ----------
    reference, image, nodata
        As for `psnr`; at least two bands.

    Returns
    -------
    float
        0 to 180; above 90 only with negative samples. `iqf_core.Missing` for one band.

    References
    ----------
    .. [1] F. A. Kruse, A. B. Lefkoff, J. W. Boardman, et al. (1993), The spectral image processing system
       (SIPS): interactive visualization and analysis of imaging spectrometer data,
       doi:10.1016/0034-4257(93)90013-N

    Examples
    --------
    >>> one, other = np.array([[[3, 0]]], np.uint8), np.array([[[7, 7]]], np.uint8)
    >>> round(sam(one, other), 6)
    45.0
    """
    return spectral_angle(paired(reference, image, nodata))[0]


def spectral_angle(pair: Pair) -> tuple[float, float]:
    """Mean angle in degrees, and the share of valid pixels that have none: a spectrum of theirs is zeros.

    Raises
    ------
    Unmeasurable
        When there is one band, or no pixel has an angle.
    """
    height, width, bands = pair.reference.shape
    if bands < 2:
        raise Unmeasurable("one band has no spectrum: the spectral angle needs two or more")
    rows = max(STRIP_ROWS // bands, STRIP_SAMPLES // (width * bands), 1)
    total, valid, counted = 0.0, 0, 0
    for top in range(0, height, rows):
        part = slice(top, top + rows)
        kept = _complete(pair, part)
        found = _angles(pair.reference[part][kept], pair.image[part][kept])
        total, valid, counted = total + float(found.sum()), valid + int(kept.sum()), counted + found.size
    if not valid:
        raise Unmeasurable("every pixel is nodata in some band of one image or the other")
    if not counted:
        raise Unmeasurable("every pixel is 0 in all bands of one image or the other: there is no angle")
    return math.degrees(total / counted), 1 - counted / valid


@measurable
def ergas(
    reference: npt.ArrayLike, image: npt.ArrayLike, *, ratio: float = 1.0, nodata: Nodata = None
) -> float:
    r"""Relative dimensionless global error in synthesis (ERGAS), in per cent.

    .. math:: ERGAS = 100 \frac{h}{l} \sqrt{\frac{1}{N} \sum_b \frac{RMSE_b^2}{\mu_b^2}}

    over the N bands; mu is the mean of the reference's band.

    Parameters
    ----------
    reference, image, nodata
        As for `psnr`.
    ratio : float, optional
        h/l, the pixel size of the sharp image over that of the coarse one that was sharpened: 0.25 for a
        factor of 4. 1, for images that were not resampled, gives the relative error itself.

    Returns
    -------
    float
        0 for equal images; `iqf_core.Missing` when a band has the mean 0 or no valid sample.

    References
    ----------
    .. [1] L. Wald (2000), Quality of high resolution synthesised images: is there a simple criterion?, Third
       conference "Fusion of Earth data", Sophia Antipolis, hal-00395027

    Examples
    --------
    >>> flat = np.full((4, 4, 3), 50, np.uint8)
    >>> ergas(flat, flat + 1), ergas(flat, flat + 1, ratio=0.25)
    (2.0, 0.5)
    """
    if not 0 < ratio <= 1:
        raise ParameterError(
            f"ratio={ratio}: give h/l, above 0 and at most 1, such as 0.25 for a factor of 4"
        )
    shares = []
    for plane in paired(reference, image, nodata).planes():
        band = differences(plane)
        if not band.count:
            raise Unmeasurable(f"band {plane.number}: every sample is nodata in one image or the other")
        mean = band.reference / band.count
        if mean == 0:
            raise Unmeasurable(
                f"band {plane.number}: the reference has the mean 0, to which nothing is relative"
            )
        shares.append(band.mean_square / mean**2)
    return 100 * ratio * math.sqrt(math.fsum(shares) / len(shares))


def _complete(pair: Pair, part: slice) -> Array:
    """Pixels that are valid in every band."""
    if pair.holes is None:
        return np.ones(pair.reference[part].shape[:2], bool)
    return np.logical_not(pair.holes[part].any(axis=2))


def _angles(one: Array, other: Array) -> Array:
    """Angles, in radians, of the pixels (n, bands) where neither spectrum is zeros."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1)
    there = (lengths[0] > 0) & (lengths[1] > 0)
    first, second = (
        spectra[there] / length[there, np.newaxis]
        for spectra, length in zip((one, other), lengths, strict=True)
    )
    angles = np.arctan2(np.linalg.norm(first - second, axis=1), np.linalg.norm(first + second, axis=1))
    return np.asarray(2 * angles)
