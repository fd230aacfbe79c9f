"""From the windows of many edges to their shared response and the values of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from iqf_metrics_sharpness.measures import jacobian, scaled
from iqf_metrics_sharpness.response import Response, interpolated, pooled_response
from iqf_metrics_sharpness.windows import Bools, Floats

ROUNDS = 3
"""Times that shape and edges are fitted in turn; a fourth changes the RER by less than 0.01 %."""

ENOUGH = 3
"""Edges that must reach a distance for it to be part of the response; or a quarter, if that is more."""


OVERSHOOT = 0.03
"""Share of the contrast from which an edge is said to overshoot."""

SHARED = 0.3
"""Share of the variance of rounding that a bin has for itself: neighbours share the rest (measured)."""


@dataclass(frozen=True)
class Windows:
    """Pixels of windows, one edge a row.

    Parameters
    ----------
    column, value, used : ndarray, shape (E, S)
        Column in the frame of the edge, value in DN, and whether the pixel is used.
    along : ndarray of float64, shape (E, S)
        Rows from the middle row.
    position, slope, low, contrast, noise : ndarray of float64, shape (E,)
        As in `steps.Steps`.
    weight : ndarray of float64, shape (E,)
        How much each edge counts; NaN to find it out from its noise.
    """

    column: Floats
    value: Floats
    used: Bools
    along: Floats
    position: Floats
    slope: Floats
    low: Floats
    contrast: Floats
    noise: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.position)

    @property
    def distance(self) -> Floats:
        """Distance of each pixel from its edge along the normal, in pixels."""
        crossing = self.position[:, None] + self.slope[:, None] * self.along
        return (self.column - crossing) / np.hypot(1.0, self.slope)[:, None]


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


def pool(windows: Windows, *, sigma: float, angle: float, half: float, step: float) -> Pooled:
    """Fit the response that edges share.

    Parameters
    ----------
    windows : Windows
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
    reach = _reach(windows, half)
    fit = _shared(windows, sigma, angle, noise=1.0, reach=reach, step=step, departs=False)
    for turn in range(ROUNDS):
        windows = _refitted(windows, fit.response)
        # At first without a departure: it would take the errors of the first positions for the shape.
        fit = _shared(
            windows, fit.response.sigma, angle, noise=fit.noise, reach=reach, step=step, departs=turn > 0
        )
    values, slopes = jacobian(fit.response)
    errors = {name: _error(fit, slope) for name, slope in slopes.items()}
    widths = scaled(fit.response, _scales(windows, fit))
    over = _overshoots(windows, fit, values["fwhm"])
    return Pooled(fit.response, reach, values, errors, widths["rer"], widths["fwhm"], fit.weight[:, 0], over)


@dataclass(frozen=True)
class _Fit:
    """A shared response, and what it leaves of the values: in units of the contrast, shape (E, S)."""

    response: Response
    distance: Floats
    used: Bools
    value: Floats
    left: Floats
    weight: Floats
    noise: float


def _shared(
    windows: Windows, sigma: float, angle: float, *, noise: float, reach: float, step: float, departs: bool
) -> _Fit:
    """Fit the response, levels and places of the edges being known."""
    distance = windows.distance
    used = windows.used & (np.abs(distance) < reach)
    weight = np.broadcast_to(_weights(windows)[:, None], used.shape)
    value = (windows.value - windows.low[:, None]) / windows.contrast[:, None]
    rounding = _rounding(windows, step)
    response = pooled_response(
        distance[used], value[used], weight[used],
        reach=reach, sigma=sigma, angle=angle, noise=noise, rounding=rounding, departs=departs,
    )  # fmt: skip
    left = np.where(used, value - response.at(distance), 0)
    noise = float((weight * left**2).sum() / max(used.sum() - 4 * len(windows), 1))
    return _Fit(response, distance, used, value, left, weight, noise)


def _reach(windows: Windows, half: float) -> float:
    """Distance up to which enough edges have plateaus on both sides."""
    distance = windows.distance
    needed = max(ENOUGH, len(windows) / 4)
    reach = half
    for wider in np.arange(half + 1, 41):
        for side in (distance > wider - 1, distance < 1 - wider):
            there = (windows.used & side).any(axis=1).sum()
            if there < min(needed, len(windows)):
                return float(reach)
        reach = wider
    return float(reach)


def _weights(windows: Windows) -> Floats:
    """Inverse variance of the values of each edge; none counts for more than ten ordinary ones."""
    if np.isfinite(windows.weight).all():
        return windows.weight
    variance = (windows.noise / windows.contrast) ** 2
    floor = max(float(np.median(variance)) / 10, 1e-12)
    return np.asarray(1 / np.maximum(variance, floor))


def _rounding(windows: Windows, step: float) -> float:
    """Variance of rounding that edges share: the noise of the pixels scatters it (Widrow 1956)."""
    if not step:
        return 0.0
    dither = np.maximum((windows.noise / step) ** 2 - 1 / 12, 0)
    shared = SHARED * step**2 / 12 * np.exp(-4 * np.pi**2 * dither) / windows.contrast**2
    return float(np.mean(shared))


def _refitted(windows: Windows, response: Response) -> Windows:
    """Levels, position and slope of each edge, the shape being known: one Gauss-Newton step."""
    distance = windows.distance
    used = (windows.used & (np.abs(distance) < response.distance[-1])).astype(np.float64)
    shape = response.at(distance) * used
    rise = -response.slope(distance) * windows.contrast[:, None] * used
    left = (windows.value - windows.low[:, None]) * used - windows.contrast[:, None] * shape
    columns = np.stack([used, shape, rise, rise * windows.along])
    change = _solved(columns, left)
    stretch = np.hypot(1.0, windows.slope)
    rest = left - np.einsum("ies,ei->es", columns, change)
    size = np.maximum(used.sum(axis=1) - 5, 1)
    return replace(
        windows,
        low=windows.low + change[:, 0],
        contrast=windows.contrast + change[:, 1],
        position=windows.position + np.clip(change[:, 2] * stretch, -0.5, 0.5),
        slope=windows.slope + np.clip(change[:, 3] * stretch, -0.1, 0.1),
        noise=np.sqrt((rest**2).sum(axis=1) / size),
    )


def _scales(windows: Windows, fit: _Fit) -> Floats:
    """How much wider than the shared response each edge is."""
    response, distance, left = fit.response, fit.distance, fit.left
    inside = fit.used.astype(np.float64)
    slope = response.slope(distance) * inside
    columns = np.stack(
        [inside, response.at(distance) * inside, slope, slope * windows.along, -slope * distance]
    )
    return np.clip(1 + _solved(columns, left)[:, 4], 0.2, 5)


def _overshoots(windows: Windows, fit: _Fit, fwhm: float) -> Bools:
    """Whether two pixels' breadth beside the edge lies beyond the plateau, by more than noise explains."""
    distance = fit.distance
    near = 0.75 * fwhm if np.isfinite(fwhm) else 2.0
    found = np.zeros(len(windows), dtype=bool)
    for side in (-1, 1):
        zone = fit.used & (side * distance > near) & (side * distance < near + 2)
        size = zone.sum(axis=1)
        beyond = side * (fit.value - (side > 0))
        mean = np.where(zone, beyond, 0).sum(axis=1) / np.maximum(size, 1)
        noise = np.abs(windows.noise / windows.contrast) / np.sqrt(np.maximum(size, 1))
        found |= (size > 2) & (mean > np.maximum(OVERSHOOT, 3 * noise))
    return found


def _solved(columns: Floats, left: Floats) -> Floats:
    """Least squares of each edge, shape (E, columns)."""
    normal = np.einsum("ies,jes->eij", columns, columns, optimize=True)
    diagonal = np.arange(len(columns))
    normal[:, diagonal, diagonal] = normal[:, diagonal, diagonal] * (1 + 1e-9) + 1e-12
    right = np.einsum("ies,es->ei", columns, left)
    return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])


def _error(fit: _Fit, slope: Floats) -> float:
    """Standard error: the larger of what the noise of pixels and what the scatter of edges says."""
    response = fit.response
    noise = float(slope @ response.covariance @ slope)
    count = len(fit.left)
    if count == 1:
        return float(np.sqrt(noise))
    share = interpolated(slope @ response.influence, response.distance, fit.distance)
    scores = np.where(fit.used, share * fit.weight * fit.left, 0).sum(axis=1)
    scatter = float((scores**2).sum()) * count / (count - 1)
    return float(np.sqrt(max(noise, scatter)))
