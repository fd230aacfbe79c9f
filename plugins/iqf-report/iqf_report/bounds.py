"""How far an estimate may be off, and what would make it sure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

Basis = Literal[
    "images crossed with repetitions", "bootstrap of images", "repetitions alone", "images of one model"
]
LIMIT = 1_000_000
"""Repetitions or clusters beyond which nobody goes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean difference, and what is known of its error.

    Its variance has two parts, of repetitions and of images, each with degrees of freedom of its own: the
    quantile of the bounds is the mean of theirs, weighted by their parts (Cochran's [1]_). Satterthwaite's
    degrees of freedom err at small error rates: 2.5 times a nominal 0.8 % with 3 repetitions. The part of
    images may be skewed, as where few images lose much: its quantile follows Hall [2]_ where that is the
    larger. And the bounds are never closer than those of repetitions alone.

    Parameters
    ----------
    mean : float
        Positive: better than asked for.
    basis : str
        What the standard error rests on.
    repetitions, clusters : int
        How many; clusters are scenes, or images where there are no scenes; 0 where they are not known.
    var_repetitions, var_images : float
        Parts of the variance that fall with more repetitions and with more images.
    df_images : float, optional
        Degrees of freedom of the part of images.
    skewness : float, optional
        Of the mean over images.
    floor : float, optional
        Least standard error.

    References
    ----------
    .. [1] W. G. Cochran (1964), Approximate significance levels of the Behrens-Fisher test, Biometrics 20,
       191-195
    .. [2] P. Hall (1992), On the removal of skewness by transformation, Journal of the Royal Statistical
       Society B 54, 221-228, doi:10.1111/j.2517-6161.1992.tb01876.x

    Examples
    --------
    >>> one = Estimate(0.02, "repetitions alone", 5, 0, 1e-4, 0.0)
    >>> one.se, round(one.lower(0.05), 5)
    (0.01, -0.00132)
    """

    mean: float
    basis: Basis
    repetitions: int
    clusters: int
    var_repetitions: float
    var_images: float
    df_images: float = 0.0
    skewness: float = 0.0
    floor: float = 0.0

    @property
    def se(self) -> float:
        """Standard error."""
        return max(math.sqrt(self._variance), self.floor)

    @property
    def df(self) -> float:
        """Degrees of freedom: between those of its parts, which make the bounds."""
        share = self._share
        return 1 / (share / max(self.repetitions - 1, 1) + (1 - share) / max(self.df_images, 1))

    def lower(self, alpha: float) -> float:
        """One-sided lower confidence bound."""
        return self.mean - self._reach(alpha, self.skewness)

    def upper(self, alpha: float) -> float:
        """One-sided upper confidence bound."""
        return self.mean + self._reach(alpha, -self.skewness)

    @property
    def _variance(self) -> float:
        return self.var_repetitions + self.var_images

    @property
    def _share(self) -> float:
        """Of the variance, that of repetitions."""
        if not self._variance:
            return float(self.repetitions > 1)
        return 0.0 if math.isinf(self._variance) else self.var_repetitions / self._variance

    def _reach(self, alpha: float, skewness: float) -> float:
        if math.isinf(self._variance):
            return math.inf
        of_repetitions, of_images = _t(alpha, self.repetitions - 1), _t(alpha, self.df_images)
        share = self._share
        plain = share * of_repetitions + (1 - share) * of_images
        mixed = share * of_repetitions + (1 - share) * _skewed(of_images, skewness)
        return max(
            mixed * math.sqrt(self._variance),
            of_repetitions * math.sqrt(self.var_repetitions),
            plain * self.floor,
        )


def _t(alpha: float, df: float) -> float:
    return -float(special.stdtrit(max(df, 1.0), alpha))


def _skewed(quantile: float, skewness: float) -> float:
    """Quantile of a studentised mean of this skewness, if that is the larger one: Hall's, inverted."""
    if abs(skewness) < 1e-6:  # the formula's limit is the quantile itself
        return quantile
    root = float(np.cbrt(1 + skewness * (quantile - skewness / 6)))
    return max(quantile, 3 / skewness * (root - 1))


def needed(estimate: Estimate, alpha: float) -> dict[str, int]:
    """How many repetitions, or clusters of images, would decide it if the mean stays what it is.

    Parameters
    ----------
    estimate : Estimate
        Undecided at ``alpha``.
    alpha : float
        One-sided.

    Returns
    -------
    dict of str to int
        ``repetitions`` and ``clusters``, each alone, the other as it is; without a key where no number would
        do.
    """
    ways = {"repetitions": _with_repetitions, "clusters": _with_clusters}
    known = {"repetitions": estimate.repetitions, "clusters": estimate.clusters}
    found = {}
    for name, grown in ways.items():
        number = _fewest(estimate, grown, known[name], alpha) if known[name] > 1 else None
        if number is not None:
            found[name] = number
    return found


def needed_together(estimate: Estimate, alpha: float) -> tuple[int, int] | None:
    """How many repetitions and clusters, both grown alike, would decide it if the mean stays what it is.

    Parameters
    ----------
    estimate : Estimate
        Undecided at ``alpha``, and not to be decided by more of one alone.
    alpha : float
        One-sided.

    Returns
    -------
    tuple of int or None
        Repetitions and clusters; None where no number would do, or one of the two is not known.
    """
    if min(estimate.repetitions, estimate.clusters) < 2:
        return None

    def grown(estimate: Estimate, count: int) -> Estimate:
        clusters = math.ceil(estimate.clusters * count / estimate.repetitions)
        return _with_clusters(_with_repetitions(estimate, count), clusters)

    count = _fewest(estimate, grown, estimate.repetitions, alpha)
    return None if count is None else (count, math.ceil(estimate.clusters * count / estimate.repetitions))


def _with_repetitions(estimate: Estimate, count: int) -> Estimate:
    part = estimate.var_repetitions * estimate.repetitions / count
    return replace(estimate, repetitions=count, var_repetitions=part)


def _with_clusters(estimate: Estimate, count: int) -> Estimate:
    growth = count / estimate.clusters
    return replace(
        estimate,
        clusters=count,
        var_images=estimate.var_images / growth,
        df_images=(estimate.df_images + 1) * growth - 1,
        skewness=estimate.skewness / math.sqrt(growth),
        floor=estimate.floor / math.sqrt(growth),
    )


def _fewest(
    estimate: Estimate, grown: Callable[[Estimate, int], Estimate], now: int, alpha: float
) -> int | None:
    """Least count above the present one with which it is decided, found by halving."""

    def decided(count: int) -> bool:
        one = grown(estimate, count)
        return one.lower(alpha) >= 0 or one.upper(alpha) < 0

    low, high = now, now + 1
    while not decided(high):
        if high > LIMIT:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
