"""The edge response that a Gaussian point spread and the pixel give, before and after a kernel.

For a value that was measured elsewhere, and as the first guess of a search: the image's own response is
taken as that Gaussian's, the kernel's transfer is exact.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal

import numpy as np

from iqf_modifiers_sensor.filtering import Kernel, Vector

Measure = Literal["rer", "fwhm"]

FREQUENCIES = np.linspace(0, 6, 1201)  # cycles/px: at 6 the pixel alone has 5 % left, all else nothing
STEPS = np.full(FREQUENCIES.size, FREQUENCIES[1])
STEPS[[0, -1]] /= 2  # of the trapezoidal rule
WIDEST = 20.0  # px, sigma
HALVINGS = 30


def expected(measure: Measure, before: float, kernel: Kernel) -> float:
    """RER (per px) or FWHM (px) of an image after a kernel, from what it was before.

    Parameters
    ----------
    measure : {"rer", "fwhm"}
        The pixel's box is part of both.
    before : float
        Of the image; sharper than the pixel allows is taken as no blur at all.
    kernel : Kernel
        Mean of its two directions.
    """
    own = _own_transfer(_sigma_of(measure, before))
    return float(np.mean([MEASURES[measure](own * transfer(part)) for part in (kernel.x, kernel.y)]))


def transfer(kernel: Vector, frequencies: Vector = FREQUENCIES) -> Vector:
    """Transfer of a one-dimensional discrete kernel: the real part of its spectrum."""
    places = np.arange(kernel.size) - kernel.size // 2
    result: Vector = np.cos(2 * np.pi * np.outer(frequencies, places)) @ kernel
    return result


def _own_transfer(sigma: float) -> Vector:
    """Transfer of a Gaussian point spread and the pixel's box."""
    result: Vector = np.exp(-2 * (np.pi * sigma * FREQUENCIES) ** 2) * np.sinc(FREQUENCIES)
    return result


def _rer(mtf: Vector) -> float:
    """Rise of the edge response over one pixel: the line spread seen through another box."""
    return float(2 * (mtf * np.sinc(FREQUENCIES)) @ STEPS)


def _fwhm(mtf: Vector) -> float:
    """Width where the line spread falls to half of its middle."""

    def line(x: float) -> float:
        return float((mtf * np.cos(2 * np.pi * FREQUENCIES * x)) @ STEPS)

    half = line(0) / 2
    return 2 * _bisected(lambda x: line(x) < half, 0, 3 * WIDEST)


MEASURES: dict[Measure, Callable[[Vector], float]] = {"rer": _rer, "fwhm": _fwhm}


@functools.lru_cache(maxsize=64)  # a search asks for one value again and again
def _sigma_of(measure: Measure, value: float) -> float:
    """Sigma of the Gaussian that has this value."""
    of = MEASURES[measure]
    if measure == "rer":
        return _bisected(lambda sigma: of(_own_transfer(sigma)) < value, 0, WIDEST)
    return _bisected(lambda sigma: of(_own_transfer(sigma)) > value, 0, WIDEST)


def _bisected(is_beyond: Callable[[float], bool], low: float, high: float) -> float:
    """Smallest number, to 1e-9 of the span, from which something holds."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return low
