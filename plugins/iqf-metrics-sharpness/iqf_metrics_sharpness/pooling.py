"""From the windows of many edges to their shared response and the values of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from iqf_metrics_sharpness.measures import jacobian, scaled
from iqf_metrics_sharpness.response import Response, interpolated, pooled_response
from iqf_metrics_sharpness.samples import Samples
from iqf_metrics_sharpness.windows import Bools, Floats

ROUNDS = 3
"""Times that shape and edges are fitted in turn; a fourth changes the RER by less than 0.01 %."""

ENOUGH = 3
"""Edges that must reach a distance for it to be part of the response; or a quarter, if that is more."""

OVERSHOOT = 0.03
"""Share of the contrast from which an edge is said to overshoot."""

SHARED = 0.3
"""Share of the variance of rounding that a bin has for itself: neighbours share the rest (measured)."""

EXACT = 1e-12
"""Variance, in units of the contrast, below which nothing is known of floating point either.

A fit that leaves less makes the equations of the response singular.
"""


@dataclass(frozen=True)
class Pooled:
    """A shared response, and what each edge makes of it.

    Parameters
    ----------
    response : Response
        Shared.
    reach : float
        Distance up to which it goes, in pixels.
    values : dict of str to float
        Its measures.
    errors : dict of str to float
        Standard error of each.
    rer, fwhm : ndarray of float64, shape (E,)
        Of each edge, of the shared shape made wider or narrower.
    weight : ndarray of float64, shape (E,)
        How much each edge counts.
    overshoot : ndarray of bool, shape (E,)
        Whether the edge leaves the span of its plateaus beside them.
    """

    response: Response
    reach: float
    values: dict[str, float]
    errors: dict[str, float]
    rer: Floats
    fwhm: Floats
    weight: Floats
    overshoot: Bools


def pool(samples: Samples, *, sigma: float, angle: float, half: float, step: float) -> Pooled:
    """Fit the response that edges share.

    Parameters
    ----------
    samples : Samples
        Pixels of the edges.
    sigma : float
        Gaussian width to start from, in pixels, without the pixel's box.
    angle : float
        Of the normals from the nearest axis, in radians.
    half : float
        Half the width of the windows, which every edge fills, in pixels.
    step : float
        To what values are rounded, in DN: 1 for integers, 0 for floating point.
    """
    reach = _reach(samples, half)
    samples = samples.within(np.abs(samples.distance) < reach)
    fit = _shared(samples, sigma, angle, noise=1.0, reach=reach, step=step, departs=False)
    for turn in range(ROUNDS):
        samples = _refitted(samples, fit)
        # At first without a departure: it would take the errors of the first positions for the shape.
        fit = _shared(
            samples, fit.response.sigma, angle, noise=fit.noise, reach=reach, step=step, departs=turn > 0
        )
    values, slopes = jacobian(fit.response)
    errors = {name: _error(samples, fit, slope) for name, slope in slopes.items()}
    widths = scaled(fit.response, _scales(samples, fit))
    over = _overshoots(samples, fit, values["fwhm"])
    return Pooled(fit.response, reach, values, errors, widths["rer"], widths["fwhm"], fit.weight, over)


@dataclass(frozen=True)
class _Fit:
    """A shared response, and what it makes of each pixel, in units of the contrast: shape (N,)."""

    response: Response
    distance: Floats
    value: Floats
    shape: Floats
    rise: Floats
    weight: Floats
    noise: float

    @property
    def left(self) -> Floats:
        return self.value - self.shape


def _shared(
    samples: Samples, sigma: float, angle: float, *, noise: float, reach: float, step: float, departs: bool
) -> _Fit:
    """Fit the response, levels and places of the edges being known."""
    distance = np.clip(samples.distance, -reach, reach)
    weight = _weights(samples)
    value = (samples.value - samples.low[samples.edge]) / samples.contrast[samples.edge]
    response = pooled_response(
        distance, value, weight[samples.edge], reach=reach, sigma=sigma, angle=angle, noise=noise,
        rounding=_rounding(samples, step), departs=departs,
    )  # fmt: skip
    shape = response.at(distance)
    free = max(len(distance) - 4 * len(samples), 1)
    noise = float((weight[samples.edge] * (value - shape) ** 2).sum() / free)
    return _Fit(response, distance, value, shape, response.slope(distance), weight, noise)


def _reach(samples: Samples, half: float) -> float:
    """Distance up to which enough edges have plateaus on both sides."""
    distance = samples.distance
    farthest = np.zeros((2, len(samples)))
    np.maximum.at(farthest[0], samples.edge, -distance)
    np.maximum.at(farthest[1], samples.edge, distance)
    needed = min(max(ENOUGH, int(np.ceil(len(samples) / 4))), len(samples))
    # That of the edge of rank `needed`, from the farthest, on the side where it is nearer.
    common = float(np.sort(farthest, axis=1)[:, -needed].min())
    return half + max(0.0, float(np.floor(common - half + 0.5)))


def _weights(samples: Samples) -> Floats:
    """Inverse variance of the values of each edge; none counts for more than ten ordinary ones."""
    if np.isfinite(samples.weight).all():
        return samples.weight
    variance = (samples.noise / samples.contrast) ** 2
    floor = max(float(np.median(variance)) / 10, 1e-12)
    return np.asarray(1 / np.maximum(variance, floor))


def _rounding(samples: Samples, step: float) -> float:
    """Variance of rounding that edges share: the noise of the pixels scatters it (Widrow 1956)."""
    if not step:
        return EXACT
    dither = np.maximum((samples.noise / step) ** 2 - 1 / 12, 0)
    shared = SHARED * step**2 / 12 * np.exp(-4 * np.pi**2 * dither) / samples.contrast**2
    return float(np.mean(shared))


def _refitted(samples: Samples, fit: _Fit) -> Samples:
    """Levels, position and slope of each edge, the shape being known: one Gauss-Newton step."""
    columns = [np.ones_like(fit.shape), fit.shape, -fit.rise, -fit.rise * samples.along]
    change, rest = _solved(samples, columns, fit.left)
    change *= samples.contrast[:, None]
    shift = change[:, 2:] / samples.contrast[:, None] * np.hypot(1.0, samples.slope)[:, None]
    size = np.maximum(samples.total(np.ones_like(rest)) - 5, 1)
    return replace(
        samples,
        low=samples.low + change[:, 0],
        contrast=samples.contrast + change[:, 1],
        position=samples.position + np.clip(shift[:, 0], -0.5, 0.5),
        slope=samples.slope + np.clip(shift[:, 1], -0.1, 0.1),
        noise=np.sqrt(samples.total(rest**2) / size) * np.abs(samples.contrast),
    )


def _scales(samples: Samples, fit: _Fit) -> Floats:
    """How much wider than the shared response each edge is."""
    rise = fit.rise
    columns = [np.ones_like(rise), fit.shape, rise, rise * samples.along, -rise * fit.distance]
    return np.clip(1 + _solved(samples, columns, fit.left)[0][:, 4], 0.2, 5)


def _overshoots(samples: Samples, fit: _Fit, fwhm: float) -> Bools:
    """Whether two pixels' breadth beside the edge lies beyond the plateau, by more than noise explains."""
    near = 0.75 * fwhm if np.isfinite(fwhm) else 2.0
    found = np.zeros(len(samples), dtype=bool)
    for side in (-1, 1):
        zone = (side * fit.distance > near) & (side * fit.distance < near + 2)
        size = samples.total(zone.astype(np.float64))
        beyond = samples.total(np.where(zone, side * (fit.value - (side > 0)), 0)) / np.maximum(size, 1)
        noise = np.abs(samples.noise / samples.contrast) / np.sqrt(np.maximum(size, 1))
        found |= (size > 2) & (beyond > np.maximum(OVERSHOOT, 3 * noise))
    return found


def _solved(samples: Samples, columns: list[Floats], left: Floats) -> tuple[Floats, Floats]:
    """Least squares of each edge, shape (E, columns), and what is left of each pixel, shape (N,)."""
    size = len(columns)
    normal, right = np.empty((len(samples), size, size)), np.empty((len(samples), size))
    for i, one in enumerate(columns):
        right[:, i] = samples.total(one * left)
        for j in range(i + 1):
            normal[:, i, j] = normal[:, j, i] = samples.total(one * columns[j])
    diagonal = np.arange(size)
    normal[:, diagonal, diagonal] = normal[:, diagonal, diagonal] * (1 + 1e-9) + 1e-12
    solved = np.linalg.solve(normal, right[..., None])[..., 0].astype(np.float64)
    rest = left - sum(solved[samples.edge, i] * one for i, one in enumerate(columns))
    return solved, np.asarray(rest)


def _error(samples: Samples, fit: _Fit, slope: Floats) -> float:
    """Standard error: the larger of what the noise of pixels and what the scatter of edges says."""
    response = fit.response
    noise = float(slope @ response.covariance @ slope)
    count = len(samples)
    if count == 1:
        return float(np.sqrt(noise))
    share = interpolated(slope @ response.influence, response.distance, fit.distance)
    scores = samples.total(share * fit.left) * fit.weight
    scatter = float((scores**2).sum()) * count / (count - 1)
    return float(np.sqrt(max(noise, scatter)))
