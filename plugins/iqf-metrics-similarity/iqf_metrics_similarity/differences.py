"""How far samples lie apart: MSE, RMSE, MAE, the largest error, PSNR."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iqf_metrics_similarity.pair import Nodata, Pair, Plane, Unmeasurable, measurable, paired, require_white


@dataclass(frozen=True, slots=True)
class Differences:
    """Sums over the samples that are compared."""

    count: int
    squares: float
    magnitudes: float
    largest: float
    reference: float

    @property
    def mean_square(self) -> float:
        """Mean squared difference."""
        return self.squares / self.count


@measurable
def mse(reference: npt.ArrayLike, image: npt.ArrayLike, *, nodata: Nodata = None) -> float:
    r"""Mean squared error, in DN\ :sup:`2`, over all samples of all bands; parameters as for `psnr`."""
    return _all_bands(paired(reference, image, nodata)).mean_square


@measurable
def rmse(reference: npt.ArrayLike, image: npt.ArrayLike, *, nodata: Nodata = None) -> float:
    """Root mean squared error, in DN, over all samples of all bands.

    Parameters
    ----------
    reference, image, nodata
        As for `psnr`.

    Examples
    --------
    >>> rmse(np.zeros((2, 2), np.uint8), np.array([[0, 0], [3, 5]], np.uint8)) == math.sqrt(34 / 4)
    True
    """
    return math.sqrt(_all_bands(paired(reference, image, nodata)).mean_square)


@measurable
def mae(reference: npt.ArrayLike, image: npt.ArrayLike, *, nodata: Nodata = None) -> float:
    """Mean absolute error, in DN, over all samples of all bands; parameters as for `psnr`.

    Examples
    --------
    >>> mae(np.zeros((2, 2), np.uint8), np.array([[0, 0], [3, 5]], np.uint8))
    2.0
    """
    found = _all_bands(paired(reference, image, nodata))
    return found.magnitudes / found.count


@measurable
def max_error(reference: npt.ArrayLike, image: npt.ArrayLike, *, nodata: Nodata = None) -> float:
    """Largest absolute error of any sample of any band, in DN; parameters as for `psnr`.

    Examples
    --------
    >>> max_error(np.zeros((2, 2), np.uint8), np.array([[0, 0], [3, 5]], np.uint8))
    5.0
    """
    return _all_bands(paired(reference, image, nodata)).largest


@measurable
def psnr(
    reference: npt.ArrayLike, image: npt.ArrayLike, *, white: float | None = None, nodata: Nodata = None
) -> float:
    r"""Peak signal-to-noise ratio, in dB.

    .. math:: PSNR = 10 \log_{10}(white^2 / MSE)

    The MSE is over all valid samples of all bands, as in scikit-image; it is summed in float64, where
    scikit-image squares 16-bit differences in float32.

    Parameters
    ----------
    reference, image : array_like, shape (height, width) or (height, width, bands)
        uint8, uint16, int16 or float32; not necessarily the same. Not modified.
    white : float, optional
        Full scale in DN; the maximum of the reference's type if that is unsigned. Without one, as for int16
        and float32, the result is `iqf_core.Missing`.
    nodata : float or ndarray of bool, optional
        The value of samples that are not there, in either image; or a mask of them, of shape (height,
        width) or that of the images. What is no number in the reference is not compared either; in the
        image alone it is a fault, and the result is `iqf_core.Missing`.

    Returns
    -------
    float
        Infinite for equal images; `iqf_core.Missing` (NaN with a reason) where it cannot be said.

    Raises
    ------
    iqf_core.ParameterError
        When shapes differ or an argument is not one of the above.
    iqf_core.UnsupportedImage
        For other types of samples.

    References
    ----------
    .. [1] Q. Huynh-Thu, M. Ghanbari (2008), Scope of validity of PSNR in image/video quality assessment,
       doi:10.1049/el:20080522

    Examples
    --------
    >>> flat = np.full((8, 8), 100, np.uint16)
    >>> round(psnr(flat, flat + 1, white=1000), 6), psnr(flat, flat)
    (60.0, inf)
    """
    pair = paired(reference, image, nodata)
    full = require_white(pair.reference, white)
    return psnr_of_mse(_all_bands(pair).mean_square, white=full)


def psnr_of_mse(mse: float, *, white: float) -> float:
    """PSNR, in dB, of a mean squared error: of a dataset, when it is the mean of its images' MSE.

    Parameters
    ----------
    mse : float
        In DN squared.
    white : float
        Full scale in DN.

    Returns
    -------
    float
        Infinite where the error is 0.

    Examples
    --------
    >>> psnr_of_mse(1.0, white=10)
    20.0
    """
    return math.inf if mse == 0 else 20 * math.log10(white) - 10 * math.log10(mse)


def differences(plane: Plane) -> Differences:
    """Sums of one band; all 0 where it has no valid sample."""
    count, squares, magnitudes, largest, total = 0, 0.0, 0.0, 0.0, 0.0
    for reference, image, holes in plane.strips():
        count += reference.size - (0 if holes is None else int(np.count_nonzero(holes)))
        total += float(reference.sum())
        apart = np.abs(np.subtract(reference, image, out=image), out=image)
        magnitudes += float(apart.sum())
        largest = max(largest, float(apart.max()))
        squares += float(np.square(apart, out=apart).sum())
    return Differences(count, squares, magnitudes, largest, total)


def _all_bands(pair: Pair) -> Differences:
    found = [differences(plane) for plane in pair.planes()]
    count = sum(band.count for band in found)
    if not count:
        raise Unmeasurable("every sample is nodata in one image or the other")
    return Differences(
        count,
        sum(band.squares for band in found),
        sum(band.magnitudes for band in found),
        max(band.largest for band in found),
        sum(band.reference for band in found),
    )
