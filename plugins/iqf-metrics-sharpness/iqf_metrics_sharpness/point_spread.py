"""Edge response of a Gaussian point spread behind square pixels: what the pooled response departs from."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from iqf_metrics_sharpness.windows import Floats

NARROW = 0.02
"""A pixel seen at less than this sine is a box, not a trapezoid."""


def boxed_gaussian(distance: Floats, sigma: float, angle: float) -> Floats:
    """Edge response of a Gaussian and the pixel's box, along the normal of the edge.

    A square pixel, projected on the normal, is the convolution of two boxes, of the width of the cosine and
    of the sine of the angle. So the response is the second difference of the second integral of the normal
    distribution.

    Parameters
    ----------
    distance : ndarray of float64
        From the edge along its normal, in pixels.
    sigma : float
        Of the Gaussian without the pixel's box, in pixels; positive.
    angle : float
        Of the normal from the nearest axis, in radians.
    """
    wide, narrow = abs(np.cos(angle)), abs(np.sin(angle))
    if narrow > wide:
        wide, narrow = narrow, wide
    if narrow < NARROW:
        half = np.hypot(wide, narrow) / 2
        return np.asarray((_first(distance + half, sigma) - _first(distance - half, sigma)) / (2 * half))
    outer, inner = (wide + narrow) / 2, (wide - narrow) / 2
    rising = _second(distance + outer, sigma) - _second(distance + inner, sigma)
    falling = _second(distance - inner, sigma) - _second(distance - outer, sigma)
    return np.asarray((rising - falling) / (wide * narrow))


def _first(distance: Floats, sigma: float) -> Floats:
    """First integral of the normal distribution function."""
    u = distance / sigma
    return np.asarray(sigma * (u * ndtr(u) + _density(u)))


def _second(distance: Floats, sigma: float) -> Floats:
    """Second integral of the normal distribution function."""
    u = distance / sigma
    return np.asarray(sigma**2 / 2 * ((u * u + 1) * ndtr(u) + u * _density(u)))


def _density(u: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi))
