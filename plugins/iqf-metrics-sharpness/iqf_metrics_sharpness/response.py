"""The edge response that many edges share.

One shape for all of them; levels, position and angle for each. The shape is the response of a Gaussian
behind square pixels plus a smooth departure from it, a Gaussian process of which size and smoothness are
weighed by the evidence of the pixels (Rasmussen and Williams 2006, chapter 5): where edges are Gaussian the
departure vanishes and with it its variance, and where they are not it is as large as it must be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from iqf_metrics_sharpness.point_spread import boxed_gaussian
from iqf_metrics_sharpness.windows import Floats

BINS_PER_PIXEL = 16
"""Bins of the pooled residuals; the mean distance in a bin is used, so that only their curvature is lost."""

FINE = 32
"""Points per pixel at which the response is kept."""

SPACING = ((4.0, 0.25), (8.0, 0.5), (np.inf, 1.0))
"""Distance of the knots of the cubic splines that carry the departure, up to some distance from the edge."""

LENGTHS = (0.6, 1.1, 2.0, 4.0)
"""Smoothness of the departure: correlation lengths that are weighed, in pixels."""

SIZES = 10.0 ** np.arange(-4.0, -0.99, 0.5)
"""Size of the departure near the edge: standard deviations that are weighed, in units of the contrast."""

SHIFT, WIDENED = 0.1, 0.3
"""Standard deviations beforehand of the position, in pixels, and of the Gaussian's width, as a share of it.

They matter where pixels say nothing: one edge along an axis meets them in one phase only.
"""

NARROWEST, WIDEST = 0.12, 6.0
"""Widths of the Gaussian, in pixels, between which it is sought."""


@dataclass(frozen=True)
class Response:
    """A pooled edge response.

    Parameters
    ----------
    distance : ndarray of float64, shape (G,)
        From the edge, in pixels.
    edge : ndarray of float64, shape (G,)
        0 on one plateau, 1 on the other.
    shapes : ndarray of float64, shape (P, G)
        What each parameter adds to it, normalised likewise.
    covariance : ndarray of float64, shape (P, P)
        Of the parameters.
    influence : ndarray of float64, shape (P, G)
        What a residual of weight 1 at each distance adds to each parameter.
    sigma : float
        Width of the Gaussian part without the pixel's box, in pixels.
    """

    distance: Floats
    edge: Floats
    shapes: Floats
    covariance: Floats
    influence: Floats
    sigma: float

    def at(self, distance: Floats) -> Floats:
        """Value at some distances."""
        return interpolated(self.edge, self.distance, distance)

    def slope(self, distance: Floats) -> Floats:
        """Derivative at some distances."""
        return interpolated(np.gradient(self.edge, 1 / FINE), self.distance, distance)


def interpolated(values: Floats, grid: Floats, distance: Floats) -> Floats:
    """Linear interpolation on an even grid, the ends repeated."""
    place = np.clip((distance - grid[0]) * FINE, 0, len(grid) - 1.000001)
    low = place.astype(np.int64)
    part = place - low
    return np.asarray(values[low] * (1 - part) + values[low + 1] * part)


def pooled_response(
    distance: Floats, value: Floats, weight: Floats, *, reach: float, sigma: float, angle: float,
    noise: float, rounding: float, departs: bool,
) -> Response:  # fmt: skip
    """Fit the shared response to pixels in units of their edge's contrast.

    Parameters
    ----------
    distance, value, weight : ndarray of float64, shape (N,)
        Distance from the edge in pixels; value, 0 and 1 on the plateaus; inverse variance up to a factor.
    reach : float
        Farthest distance, in pixels.
    sigma : float
        Width to start from, in pixels, without the pixel's box.
    angle : float
        Of the normals from the nearest axis, in radians.
    noise : float
        Variance of a value of weight 1.
    rounding : float
        Variance that the values at one distance share, and that many of them do not average away: without
        noise, the rounding of a picture's integers is a function of the distance.
    departs : bool
        Whether the response may depart from the Gaussian's.
    """
    where, mean, heavy = _binned(distance, value, weight, reach)
    base = boxed_gaussian(where, sigma, angle)
    fixed = _fixed(where, sigma, angle)
    knots = _knots(reach)
    splines, centres = _splines(where, knots), (knots[1:-3] + knots[2:-2] + knots[3:-1]) / 3
    sure = 1 / (noise / heavy + rounding)
    chosen, covariance = _weighed(
        mean - base, sure, fixed, splines, centres, sigma, SIZES if departs else SIZES[:0]
    )
    grid = np.arange(-int(reach * FINE), int(reach * FINE) + 1) / FINE
    every = np.hstack([_fixed(grid, sigma, angle), _splines(grid, knots)])
    base = boxed_gaussian(grid, sigma, angle)
    edge, shapes = _normalised(grid, base, every, chosen)
    step = np.clip(chosen[3], -0.5 * sigma, sigma)
    changed = float(np.clip(sigma + step, NARROWEST, WIDEST))
    influence = covariance @ every.T * np.interp(grid, where, sure / heavy)
    return Response(grid, edge, shapes, covariance, influence, changed)


def _binned(distance: Floats, value: Floats, weight: Floats, reach: float) -> tuple[Floats, Floats, Floats]:
    """Mean distance, mean value and weight of the bins that hold anything."""
    count = int(2 * reach * BINS_PER_PIXEL)
    index = np.clip(((distance + reach) * BINS_PER_PIXEL).astype(np.int64), 0, count - 1)
    heavy = np.bincount(index, weight, count).astype(np.float64)
    full = heavy > 0
    where = np.bincount(index, weight * distance, count)[full] / heavy[full]
    return where, np.bincount(index, weight * value, count)[full] / heavy[full], heavy[full]


def _fixed(where: Floats, sigma: float, angle: float) -> Floats:
    """What is free: offset, contrast, position and width of the Gaussian part."""
    tiny = 1e-4
    base = boxed_gaussian(where, sigma, angle)
    moved = (boxed_gaussian(where + tiny, sigma, angle) - boxed_gaussian(where - tiny, sigma, angle)) / (
        2 * tiny
    )
    wider = (boxed_gaussian(where, sigma + tiny, angle) - boxed_gaussian(where, sigma - tiny, angle)) / (
        2 * tiny
    )
    return np.stack([np.ones_like(where), base, moved, wider], axis=1)


def _knots(reach: float) -> Floats:
    """Knots, symmetric; three more than the reach needs at each end."""
    half = [0.0]
    while half[-1] < reach:
        half.append(half[-1] + next(step for limit, step in SPACING if half[-1] < limit))
    last = half[-1] - half[-2]
    half += [half[-1] + last * more for more in (1, 2, 3)]
    return np.array([-one for one in half[:0:-1]] + half)


def _splines(where: Floats, knots: Floats) -> Floats:
    inside = np.clip(where, knots[3], knots[-4])  # a mean distance may exceed the farthest by a rounding
    return np.asarray(BSpline.design_matrix(inside, knots, 3).toarray())


def _weighed(
    left: Floats,
    heavy: Floats,
    fixed: Floats,
    splines: Floats,
    centres: Floats,
    sigma: float,
    sizes: Floats,
) -> tuple[Floats, Floats]:
    """Mean and covariance of all parameters, over every size and smoothness by their evidence.

    Without sizes there is no departure.
    """
    normal = fixed.T @ (heavy[:, None] * fixed)
    normal += np.diag([1e-9, 1e-9, SHIFT**-2, (WIDENED * sigma) ** -2])
    back = np.linalg.inv(normal)
    cross = splines.T @ (heavy[:, None] * fixed)
    inner = splines.T @ (heavy[:, None] * splines) - cross @ back @ cross.T
    right_fixed = fixed.T @ (heavy * left)
    right = splines.T @ (heavy * left) - cross @ back @ right_fixed
    envelope = 1 / np.sqrt(1 + (centres / (2 * np.hypot(sigma, 0.3))) ** 2)
    nothing = np.zeros(len(centres))
    evidence, means, spreads = [0.0], [nothing], [np.diag(nothing)]
    for length in LENGTHS if len(sizes) else ():
        prior = np.exp(-0.5 * ((centres[:, None] - centres) / length) ** 2) * envelope[:, None] * envelope
        root = np.linalg.cholesky(prior + 1e-6 * np.diag(envelope**2))
        strength, turn = np.linalg.eigh(root.T @ inner @ root)
        strength = np.maximum(strength, 0)
        seen = turn.T @ (root.T @ right)
        for size in sizes**2:
            shrunk = size / (1 + size * strength)
            evidence.append(0.5 * float((seen**2 * shrunk - np.log1p(size * strength)).sum()))
            to = root @ turn
            means.append(to @ (shrunk * seen))
            spreads.append((to * shrunk) @ to.T)
    share = np.exp(np.array(evidence) - max(evidence))
    share /= share.sum()
    departure = np.tensordot(share, means, 1)
    apart = np.stack(means) - departure
    spread = np.tensordot(share, spreads, 1) + (apart.T * share) @ apart
    free = back @ (right_fixed - cross.T @ departure)
    slant = -back @ cross.T
    covariance = np.block([[back + slant @ spread @ slant.T, slant @ spread], [spread @ slant.T, spread]])
    return np.concatenate([free, departure]), covariance


def _normalised(grid: Floats, base: Floats, every: Floats, chosen: Floats) -> tuple[Floats, Floats]:
    """Response from plateau to plateau, and what each parameter adds to it.

    The plateaus are the last pixel on both sides, beside what the Gaussian part still lacks there: that is
    not cut off.
    """
    ends = np.stack([grid <= grid[0] + 1, grid >= grid[-1] - 1]).astype(np.float64)
    ends /= ends.sum(axis=1, keepdims=True)
    departure = every @ chosen
    bottom, top = ends @ departure
    scale = 1 + top - bottom
    edge = (base + departure - bottom) / scale
    bottoms, tops = ends @ every
    return edge, ((every - bottoms).T - edge * (tops - bottoms)[:, None]) / scale
