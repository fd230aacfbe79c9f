"""What an edge response says: RER, FWHM, MTF, overshoot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iqf_metrics_sharpness.response import FINE, Response
from iqf_metrics_sharpness.windows import Floats, Ints

FREQUENCIES = np.arange(0, 65) / 64
"""Cycles per pixel at which the MTF is given."""

MEASURES = ("rer", "fwhm", "mtf_nyquist", "mtf_half_nyquist", "mtf50", "overshoot")


def measures(distance: Floats, edges: Floats) -> dict[str, Floats]:
    """Measures of edge responses.

    Parameters
    ----------
    distance : ndarray of float64, shape (G,)
        Even grid, in pixels.
    edges : ndarray of float64, shape (N, G)
        Responses from 0 to 1, much alike: where their peak is smoothed is the same for all.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        ``rer``: ER(+0.5) - ER(-0.5) about the place of half height. ``fwhm``: width of the derivative at
        half its height, in pixels. ``mtf_nyquist``, ``mtf_half_nyquist``: modulus of the derivative's
        Fourier transform at 0.5 and 0.25 cycles per pixel. ``mtf50``: frequency where it falls to a half,
        in cycles per pixel. ``overshoot``: how far the response leaves the span of its plateaus.
    """
    lines = np.gradient(edges, 1 / FINE, axis=1)
    middle = _crossing(edges - 0.5, distance, edges.shape[1] // 2)
    transfer = mtf(distance, lines, FREQUENCIES)
    return {
        "rer": _sampled(edges, distance, middle + 0.5) - _sampled(edges, distance, middle - 0.5),
        "fwhm": _width(lines, distance),
        "mtf_nyquist": mtf(distance, lines, np.array([0.5]))[:, 0],
        "mtf_half_nyquist": mtf(distance, lines, np.array([0.25]))[:, 0],
        "mtf50": _falls(transfer, 0.5),
        "overshoot": np.maximum(0, np.maximum(edges.max(axis=1) - 1, -edges.min(axis=1))),
    }


def mtf(distance: Floats, lines: Floats, frequency: Floats) -> Floats:
    """Modulation transfer function of line spreads of unit area, shape (N, F)."""
    wave = np.exp(-2j * np.pi * distance[:, None] * frequency)
    return np.asarray(np.abs(lines @ wave) / FINE)


def jacobian(response: Response) -> tuple[dict[str, float], dict[str, Floats]]:
    """Measures of a response, and their derivatives by its parameters.

    Returns
    -------
    values : dict of str to float
        Measures.
    slopes : dict of str to ndarray, shape (P,)
        Derivatives.
    """
    small = 1e-4 / np.maximum(np.abs(response.shapes).max(axis=1), 1e-6)
    changed = response.edge + small[:, None] * response.shapes
    found = measures(response.distance, np.vstack([response.edge, changed]))
    values = {name: float(one[0]) for name, one in found.items()}
    return values, {name: (one[1:] - one[0]) / small for name, one in found.items()}


def scaled(response: Response, scale: Floats) -> Mapping[str, Floats]:
    """RER and FWHM of the response made wider by factors, shape (N,)."""
    line = np.gradient(response.edge, 1 / FINE)[None]
    middle = _crossing(response.edge[None] - 0.5, response.distance, response.edge.size // 2)[0]
    half = 0.5 / scale
    rer = response.at(middle + half) - response.at(middle - half)
    return {"rer": rer, "fwhm": scale * _width(line, response.distance)[0]}


def _sampled(curves: Floats, grid: Floats, where: Floats) -> Floats:
    """Each curve at its own place."""
    place = np.clip((where - grid[0]) * FINE, 0, len(grid) - 1.000001)
    low = place.astype(np.int64)
    part = place - low
    each = np.arange(len(curves))
    return np.asarray(curves[each, low] * (1 - part) + curves[each, low + 1] * part)


def _crossing(curves: Floats, grid: Floats, near: int) -> Floats:
    """Where each curve rises through 0 nearest to the middle of the grid; the middle where it does not."""
    rises = (curves[:, :-1] < 0) & (curves[:, 1:] >= 0)
    far = np.where(rises, np.abs(np.arange(curves.shape[1] - 1) - near), curves.shape[1])
    index = far.argmin(axis=1)
    each = np.arange(len(curves))
    low, high = curves[each, index], curves[each, index + 1]
    found = grid[index] + np.where(high > low, -low / np.where(high > low, high - low, 1), 0) / FINE
    return np.asarray(np.where(rises.any(axis=1), found, grid[near]))


def _width(lines: Floats, grid: Floats) -> Floats:
    """Full width at half maximum of the main peak.

    The maximum is that of a quartic through the middle of the peak: that of the curve itself would be the
    highest of its ripples, and too high.
    """
    peak = lines.argmax(axis=1)
    each = np.arange(len(lines))
    raw = _width_at(lines, peak, lines[each, peak] / 2)
    around = int(np.nanmedian(np.append(raw, 1.0)) * 0.4 * FINE) if np.isfinite(raw).any() else 2
    middle = int(np.median(peak))
    inside = slice(max(middle - around, 0), middle + around + 1)
    u = (grid[inside] - grid[middle]) / max(around / FINE, 1 / FINE)
    powers = np.polynomial.polynomial.polyvander(u, 4)
    smooth = lines[:, inside] @ np.linalg.pinv(powers).T @ powers.T
    return _width_at(lines, peak, smooth.max(axis=1) / 2)


def _width_at(lines: Floats, peak: Ints, level: Floats) -> Floats:
    """Width of the peak at a level, in pixels; NaN where it does not fall to it on both sides."""
    each = np.arange(len(lines))
    above = lines - level[:, None]
    index = np.arange(lines.shape[1])
    left = np.where((above < 0) & (index < peak[:, None]), index, -1).max(axis=1)
    right = np.where((above < 0) & (index > peak[:, None]), index, lines.shape[1]).min(axis=1)
    inside = (left >= 0) & (right < lines.shape[1])
    left, right = np.maximum(left, 0), np.minimum(right, lines.shape[1] - 1)
    after, before = np.minimum(left + 1, lines.shape[1] - 1), np.maximum(right - 1, 0)
    start = left + _part(above[each, left], above[each, after])
    stop = right - _part(above[each, right], above[each, before])
    return np.asarray(np.where(inside, (stop - start) / FINE, np.nan))


def _part(low: Floats, high: Floats) -> Floats:
    """Share of a step after which it crosses 0."""
    return np.asarray(np.where(high > low, -low / np.where(high > low, high - low, 1), 0))


def _falls(transfer: Floats, level: float) -> Floats:
    """Frequency where each MTF first falls to a level; NaN where it does not below 1 cycle per pixel."""
    below = transfer < level
    index = below.argmax(axis=1)
    each = np.arange(len(transfer))
    before = np.maximum(index - 1, 0)
    high, low = transfer[each, before], transfer[each, index]
    part = (high - level) / np.where(high > low, high - low, 1)
    found = FREQUENCIES[before] + part * (FREQUENCIES[index] - FREQUENCIES[before])
    return np.asarray(np.where(below.any(axis=1), found, np.nan))
