"""`snr`: the arguments checked, the bands measured one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from iqf_metrics_snr import areas, dct, homogeneous
from iqf_metrics_snr import published as as_published
from iqf_metrics_snr.arguments import (
    Method,
    Nodata,
    as_image,
    holes_of,
    missing,
    rails,
    refuse_malformed,
    with_mask,
)
from iqf_metrics_snr.noise_model import NoiseModel
from iqf_metrics_snr.result import BandSnr, SnrResult
from iqf_metrics_snr.samples import Array, Samples, Unmeasurable

_ESTIMATES: dict[str, Callable[[Samples], tuple[NoiseModel, int]]] = {
    "dct": dct.estimate,
    "hb": homogeneous.estimate,
    "ha": areas.estimate,
}


def snr(
    pixels: npt.ArrayLike,
    *,
    method: Method = "dct",
    white: float | None = None,
    nodata: Nodata = None,
    published: bool = False,
    reference_level: float | None = None,
    confidence: float = 0.95,
) -> SnrResult:
    r"""Signal-to-noise ratio of an image, from the image alone.

    .. math:: SNR = L / \sigma(L), \qquad \sigma^2(L) = a + b L

    L is the reference level, the median of the band's valid samples unless given. The noise contains all
    that is white in the delivered samples, **rounding to whole numbers included** (1/12 DN^2): a sensor's
    noise of 1 DN, stored as integers, has a sigma of 1.041 DN. The difference of two images' variances is
    free of it.

    Parameters
    ----------
    pixels : array_like, shape (height, width) or (height, width, bands)
        uint8, uint16, int16 or float32. Not modified.
    method : {"dct", "hb", "ha"}
        ``"dct"``: high frequencies of 8x8 blocks, texture told apart by its spectrum [1]_ [2]_; for natural
        scenes. ``"hb"``: homogeneous blocks of 3x3 [3]_; fast, reads texture as noise. ``"ha"``: homogeneous
        areas of 5x5 found by local binary patterns [4]_.
    white : float, optional
        Full scale in DN, above 0. Samples at or above it are clipped: they count for the median, and the
        blocks that hold one are left out. The ends of an integer type, 0 of the unsigned ones among them,
        are rails too.
    nodata : float, sequence of float, or ndarray of bool, optional
        The value of samples that are not there, NaN included; one for each band; or a mask of them, of
        shape (height, width) or that of ``pixels``. Without it 0 is data. NaN and infinite samples, and those
        that a masked array masks, never count.
    published : bool, optional
        ``"hb"`` and ``"ha"`` as the ancestor published them, biases included: no interval, no model; 0 is
        nodata, ``white`` is ignored.
    reference_level : float, optional
        DN, above 0.
    confidence : float, optional
        Of the intervals, between 0 and 1.

    Returns
    -------
    SnrResult
        NaN with a reason where nothing can be said; never an exception or a warning for an image's content.

    Raises
    ------
    iqf_core.ParameterError
        When an argument is not one of the above; names it and the remedy.
    iqf_core.UnsupportedImage
        For other types of samples.

    Notes
    -----
    Noise that is not white misleads: resampled, sharpened, denoised and JPEG-coded products have lost or
    gained high frequencies. At most 131,072 blocks of ``"dct"`` and 32,768 of ``"hb"``, spread evenly, are
    looked at.

    References
    ----------
    .. [1] N. Ponomarenko, V. Lukin, M. Zriakhov, A. Kaarna, J. Astola (2007), An automatic approach to
       lossy compression of AVIRIS images, doi:10.1109/IGARSS.2007.4422833
    .. [2] M. Uss, B. Vozel, V. Lukin, K. Chehdi (2013), Image informative maps for component-wise
       estimating parameters of signal-dependent noise, doi:10.1117/1.JEI.22.1.013019
    .. [3] B.-C. Gao (1993), An operational method for estimating signal to noise ratios from data acquired
       with imaging spectrometers, doi:10.1016/0034-4257(93)90061-2
    .. [4] T. Ojala, M. Pietikäinen, T. Mäenpää (2002), Multiresolution gray-scale and rotation invariant
       texture classification with local binary patterns, doi:10.1109/TPAMI.2002.1017623

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> result = snr(np.rint(rng.normal(100, 5, (256, 256))).astype(np.uint8))
    >>> round(result.snr), round(result.sigma, 1), result.interval[0] < 20 < result.interval[1]
    (20, 5.0, True)
    """
    array, nodata = as_image(pixels), with_mask(pixels, nodata)
    refuse_malformed(method, white, published, nodata, reference_level, confidence)
    holes = holes_of(array, nodata)
    bands = []
    for number in range(array.shape[2]):
        plane = array[..., number]
        if published:
            bands.append(as_published.measure(plane, method))
            continue
        bands.append(_of_band(plane, holes(number), method, white, reference_level, confidence))
    return SnrResult(tuple(bands), method, published)


def _of_band(
    plane: Array,
    holes: Array | None,
    method: str,
    white: float | None,
    reference: float | None,
    confidence: float,
) -> BandSnr:
    """Measure a band, floating point brought to where single precision neither overflows nor vanishes."""
    lost = missing(plane, holes)
    factor = _factor(plane, lost)
    if factor == 1:
        return _measured(Samples(plane, lost, *rails(plane.dtype, white)), method, reference, confidence)
    plane = np.where(lost, np.float32(0), plane) if lost is not None else plane
    plane = (plane.astype(np.float64) * factor).astype(np.float32)
    scaled_white = None if white is None else white * factor
    samples = Samples(plane, lost, *rails(plane.dtype, scaled_white))
    found = _measured(samples, method, None if reference is None else reference * factor, confidence)
    return replace(
        found,
        sigma=found.sigma / factor,
        reference_level=found.reference_level / factor,
        model=None if found.model is None else found.model.rescaled(1 / factor),
    )


def _factor(plane: Array, lost: Array | None) -> float:
    """Power of two that brings the values of floating point near 1000; 1 where they are ordinary."""
    if plane.dtype.kind != "f":
        return 1.0
    valid = plane if lost is None else plane[~lost]
    largest = float(np.abs(valid).max(initial=0))
    return 1.0 if not largest or 1 <= largest <= 1e6 else 2.0 ** round(math.log2(1000 / largest))


def _measured(samples: Samples, method: str, reference: float | None, confidence: float) -> BandSnr:
    level = samples.median if reference is None else float(reference)
    try:
        _refuse_hopeless(samples)
        model, blocks = _ESTIMATES[method](samples)
    except Unmeasurable as found:
        return BandSnr(math.nan, math.nan, level, 0, reason=str(found))
    sigma = model.sigma(level)
    at = model.snr_at(level, confidence=confidence)
    if math.isnan(at.snr):
        reason = (
            "no noise was found" if level > 0 else f"the level is {level:g}: give a reference_level above 0"
        )
        return BandSnr(math.nan, sigma, level, blocks, model=model, reason=reason)
    return BandSnr(at.snr, sigma, level, blocks, at.interval, model)


def _refuse_hopeless(samples: Samples) -> None:
    if math.isnan(samples.median):
        raise Unmeasurable("every sample is nodata")
    if samples.step:
        values = np.flatnonzero(samples.counts) + np.iinfo(samples.plane.dtype).min
        if not ((values > samples.low) & (values < samples.high)).any():
            raise Unmeasurable("every sample is clipped: at white or above, or at the type's lowest value")
