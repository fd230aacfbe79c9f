"""Fitting the noise model: variance against level, a straight line with neither part negative."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iqf_metrics_snr.noise_model import NoiseModel
from iqf_metrics_snr.samples import Array, Samples, Unmeasurable

Values = npt.NDArray[np.float64]

RAIL = 3.0
"""Blocks nearer than this many sigma to a rail are left out: clipping makes their noise look smaller."""


@dataclass(frozen=True)
class Line:
    """Straight line of variance against level, with the covariance of its two parts."""

    a: float
    b: float
    covariance: Values

    def __call__(self, level: Values) -> Values:
        """Variance at each level."""
        return self.a + self.b * level

    def model(self, samples: Samples, level: Values, systematic: float) -> NoiseModel:
        """Make the model that users see."""
        (aa, ab), (_, bb) = self.covariance.tolist()
        seen = (float(level.min()), float(level.max()))
        return NoiseModel(self.a, self.b, ((aa, ab), (ab, bb)), seen, systematic, samples.step)


def fit(
    level: Values, variance: Values, error: Values, *, chance: Values | None = None, slope: bool = True
) -> Line:
    """Fit a line by weighted least squares, ``a`` and ``b`` not negative.

    Parameters
    ----------
    level, variance : ndarray, shape (n,)
        Level in DN, noise variance in DN^2.
    error : ndarray, shape (n,)
        Variance of each variance, DN^4; above 0.
    chance : ndarray, shape (n,), optional
        The part of ``error`` that is sure to be there; by default all of it.
    slope : bool, optional
        Whether the levels can say anything of ``b``; it is 0 otherwise.

    Returns
    -------
    Line
        Its covariance is that by which the points do scatter, but not less than ``chance`` alone gives.
        Levels nearer to each other than the noise itself say nothing of the slope: it is then 0, and as
        uncertain as between there and where all noise were that of photons.
    """
    weight = 1 / error
    constant = max(float((weight * variance).sum() / weight.sum()), 0.0)
    centre = float((weight * level).sum() / weight.sum())
    flat = Line(constant, 0.0, _unknown_slope(constant, centre) + np.diag([1 / weight.sum(), 0.0]))
    if not slope or level.size < 3 or np.ptp(level) <= max(np.sqrt(constant), 1e-6 * np.abs(level).max()):
        return _scaled(flat, level, variance, weight, chance)
    lever = level - centre
    inner = float((weight * lever**2).sum())
    b = float((weight * lever * variance).sum()) / inner
    back = np.array([[1.0, -centre], [0.0, 1.0]])  # from the line about the centre to a + b level
    covariance = back @ np.diag([1 / weight.sum(), 1 / inner]) @ back.T
    if b < 0:
        a, b = constant, 0.0
    elif (a := constant - b * centre) < 0:
        b = float((weight * level * variance).sum() / (weight * level**2).sum())
        a, b = (0.0, b) if b > 0 else (constant, 0.0)
    return _scaled(Line(a, b, covariance), level, variance, weight, chance)


def _unknown_slope(variance: float, level: float) -> Values:
    """Covariance of ``a`` and ``b`` where ``b`` may be anything from 0 to ``variance / level``."""
    spread = (variance / level) ** 2 / 3 if level > 0 else 0.0
    return spread * np.array([[level**2, -level], [-level, 1.0]])


def off_rails(samples: Samples, level: Array, variance: Values, least: int) -> npt.NDArray[np.bool_]:
    """Which blocks lie far enough from both rails, by their levels and the noise expected there.

    Raises
    ------
    Unmeasurable
        When fewer than ``least`` do.
    """
    reach = RAIL * np.sqrt(np.maximum(variance, samples.step**2 / 12))
    kept = (level - reach > samples.low) & (level + reach < samples.high)
    if np.count_nonzero(kept) < least:
        left = np.count_nonzero(kept)
        raise Unmeasurable(
            f"all {f'but {left} ' if left else ''}blocks lie within 3 sigma of black or white, where clipping"
            " hides the noise: measure an image with more light, or less, or give the white= that it has"
        )
    return np.asarray(kept)


def _scaled(line: Line, level: Values, variance: Values, weight: Values, chance: Values | None) -> Line:
    """Scale the covariance by the reduced chi-square of the residuals, but not below what chance gives."""
    freedom = max(1, level.size - 2)
    scatter = float((weight * (variance - line(level)) ** 2).sum()) / freedom
    least = 1.0 if chance is None else float((weight**2 * chance).sum() / weight.sum())
    return Line(line.a, line.b, line.covariance * max(least, scatter))
