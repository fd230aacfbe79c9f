"""The noise model: variance against level, and the SNR that it gives at any level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

NOWHERE = (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Noise variance against level: ``sigma^2 = a + b level`` (Poisson-Gaussian).

    Parameters
    ----------
    a, b : float
        Variance at level 0 in DN^2, not negative, and its slope in DN, not negative: the gain in DN per
        electron where levels count from the sensor's zero.
    covariance : tuple
        Of ``a`` and ``b``, ((aa, ab), (ab, bb)): the statistical part of their uncertainty.
    levels : (float, float)
        Lowest and highest level at which noise was seen, in DN; beyond them the model is extrapolated.
    systematic : float
        Bias of the method, relative to SNR, as measured on scenes of known noise.
    step : float
        Quantisation step of the samples in DN: 1 for whole numbers, 0 for floating point.

    References
    ----------
    .. [1] A. Foi, M. Trimeche, V. Katkovnik, K. Egiazarian (2008), Practical Poissonian-Gaussian noise
       modeling and fitting for single-image raw-data, doi:10.1109/TIP.2008.2001399

    Examples
    --------
    >>> NoiseModel(1.0, 0.03, ((0.0, 0.0), (0.0, 0.0)), (20.0, 200.0)).sigma(100)
    2.0
    """

    a: float
    b: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    levels: tuple[float, float]
    systematic: float = 0.0
    step: float = 0.0

    def rescaled(self, factor: float) -> NoiseModel:
        """The model of samples that are ``factor`` times as large."""
        (aa, ab), (_, bb) = self.covariance
        cross = ab * factor**3
        return NoiseModel(
            self.a * factor**2,
            self.b * factor,
            ((aa * factor**4, cross), (cross, bb * factor**2)),
            (self.levels[0] * factor, self.levels[1] * factor),
            self.systematic,
            self.step * factor,
        )

    def variance(self, level: float) -> float:
        """Noise variance at a level, DN^2: at least that of rounding, step^2 / 12."""
        return max(self.a + self.b * level, self.step**2 / 12)

    def sigma(self, level: float) -> float:
        """Standard deviation of the noise at a level, DN."""
        return math.sqrt(self.variance(level))

    def standard_error(self, level: float) -> float:
        """Standard error of the variance at a level, DN^2: the statistical part."""
        (aa, ab), (_, bb) = self.covariance
        return math.sqrt(max(aa + 2 * level * ab + level * level * bb, 0.0))

    def snr_at(self, level: float, *, confidence: float = 0.95) -> SnrAt:
        """SNR at any level.

        Parameters
        ----------
        level : float
            DN; above 0.
        confidence : float, optional
            Of the interval, between 0 and 1.

        Returns
        -------
        SnrAt
            NaN at levels of 0 and below, and where the model holds no noise.
        """
        extrapolated = not self.levels[0] <= level <= self.levels[1]
        if not (level > 0 and self.variance(level) > 0):
            return SnrAt(level, math.nan, NOWHERE, extrapolated)
        variance, floor = self.variance(level), self.step**2 / 12
        half = NormalDist().inv_cdf((1 + confidence) / 2) * self.standard_error(level)
        half = math.hypot(half, 2 * self.systematic * variance)
        least = max(variance - half, floor)
        high = level / math.sqrt(least) if least > 0 else math.inf
        interval = (level / math.sqrt(variance + half), high)
        return SnrAt(level, level / math.sqrt(variance), interval, extrapolated)


@dataclass(frozen=True, slots=True)
class SnrAt:
    """SNR at one level.

    Parameters
    ----------
    level : float
        DN.
    snr : float
        Level over noise.
    interval : (float, float)
        Statistical part and systematic floor, added in quadrature; infinite above where no noise at all,
        in floating point, is possible too.
    extrapolated : bool
        Whether no noise was seen as low, or as high, as this level.
    """

    level: float
    snr: float
    interval: tuple[float, float]
    extrapolated: bool
