"""A difference of two settings, and how well it is known.

Images are crossed with repetitions: each repetition judges the same images. So the spread over repetitions
and the spread over images both count, and neither is nested in the other. Everything here is on differences
that are already paired (same repetition, same image) and oriented: positive is better than asked for.

Three keywords are common. ``sizes`` are the images of each cluster: a scene, or an image by itself.
``step`` is what one image more or less changes the metric by: an accuracy of N images moves by 1/N. That few
images changed does not show that few will; so the variance is that of two changes more [1]_, and no less than
what a loss of the ``margin`` in such steps scatters by, ``step * margin``.

References
----------
.. [1] A. Agresti, Y. Min (2005), Simple improved confidence intervals for comparing matched proportions,
   Statistics in Medicine 24, 729-740, doi:10.1002/sim.1781
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_report.bounds import Basis, Estimate

Array = npt.NDArray[np.float64]


def distance(variant: Any, reference: Any, *, margin: float, relative: bool, sign: int) -> Any:
    """How far a variant is from the worst that still does: positive is better.

    Parameters
    ----------
    variant, reference : float or array-like
        Values of the metric, of the same repetitions and images.
    margin : float
        What may be lost: in the metric's unit, or as a share of the reference.
    relative : bool
        Whether it is a share. It is tested as a difference: a ratio's error is that of its divisor too.
    sign : {1, -1}
        1 where higher is better.

    Examples
    --------
    >>> round(distance(0.78, 0.80, margin=0.03, relative=False, sign=1), 3)
    0.01
    >>> round(distance(11.0, 10.0, margin=0.05, relative=True, sign=-1), 3)  # lower is better: too much
    -0.5
    """
    return sign * (variant - reference) + margin * (reference if relative else 1.0)


def crossed(
    differences: Array, sizes: npt.ArrayLike | None = None, *, step: float = 0.0, margin: float = 0.0
) -> Estimate:
    """Mean of per-image differences, two-way crossed model.

    ``var = V_rep + V_img - V_res``, the mean squares over ``R N``, no less than the larger of the first two
    alone. Clusters of unequal size: the mean is over images, each cluster enters by how far its total lies
    from what its size lets expect, as a jackknife weighs it; degrees of freedom of the effective number.

    Parameters
    ----------
    differences : ndarray, shape (repetitions, clusters)
        Mean difference of each repetition and cluster.
    sizes : ndarray, shape (clusters,), optional
        1 each unless given.
    step, margin : float, optional
        See above.
    """
    repetitions, clusters = differences.shape
    if clusters == 1 and repetitions > 1:
        return paired(differences[:, 0], step=step)
    share = _shares(np.ones(clusters) if sizes is None else sizes)
    rows, columns = differences @ share, differences.mean(axis=0)
    mean = float(rows.mean())
    lever = (clusters - 1) * share / (1 - share) if clusters > 1 else share
    deviations = lever * (columns - mean)
    pairs = clusters * max(clusters - 1, 1)
    v_img = float((deviations**2).sum()) / pairs if clusters > 1 else math.inf
    v_rep = v_res = 0.0
    if repetitions > 1:
        rest = lever * (differences - rows[:, None] - columns + mean)
        v_rep = float(rows.var(ddof=1)) / repetitions
        v_res = float((rest**2).sum()) / (repetitions * (repetitions - 1) * pairs)
    return Estimate(
        mean,
        "images crossed with repetitions" if repetitions > 1 else "images of one model",
        *(repetitions, clusters, v_rep),
        var_images=max(v_img - v_res, v_img - v_rep, 0.0) + 2 * step**2,
        df_images=1 / float((share**2).sum()) - 1,
        skewness=_skewness(deviations),
        floor=math.sqrt(step * max(step, margin)),
    )


def bootstrapped(
    differences: Array, samples: Array, sizes: npt.ArrayLike, *, step: float = 0.0, margin: float = 0.0
) -> Estimate:
    """Mean difference of something that is no mean over images, such as an average precision.

    ``var = s2_rep / R + v_img - (mean v_rep - v_img) / (R - 1)``, no less than the larger of the first two:
    ``s2_rep`` the variance over repetitions, ``v_img`` that of the mean over repetitions when images are
    drawn anew, ``v_rep`` that of a single repetition. What the variance of draws of few clusters, or of
    unequal ones, falls short by is made up for.

    Parameters
    ----------
    differences : ndarray, shape (repetitions,)
        Of all images.
    samples : ndarray, shape (draws, repetitions)
        The same with clusters drawn with replacement, the same draws for settings and repetitions; draws
        that have NaN, as those without any object, do not count.
    sizes : ndarray, shape (clusters,)
        Of the clusters that were drawn from.
    step, margin : float, optional
        See above.
    """
    share = _shares(sizes)
    repetitions, clusters = differences.size, share.size
    if clusters == 1 and repetitions > 1:
        return paired(differences, step=step)
    kept = samples[np.isfinite(samples).all(axis=1)]
    means = kept.mean(axis=1)
    v_img = _short(share) * float(means.var(ddof=1)) if clusters > 1 and len(kept) > 1 else math.inf
    s2_rep = correction = 0.0
    if repetitions > 1 and math.isfinite(v_img):
        s2_rep = float(differences.var(ddof=1)) / repetitions
        v_rep = _short(share) * float(kept.var(axis=0, ddof=1).mean())
        correction = max(v_rep - v_img, 0.0) / (repetitions - 1)
    basis: Basis = "bootstrap of images" if repetitions > 1 else "images of one model"
    return Estimate(
        float(differences.mean()),
        basis,
        *(repetitions, clusters, s2_rep),
        var_images=max(v_img - correction, v_img - s2_rep, 0.0) + 2 * step**2,
        df_images=1 / float((share**2).sum()) - 1,
        skewness=_skewness(means - means.mean()) * math.sqrt(len(means)) if len(means) else 0.0,
        floor=math.sqrt(step * max(step, margin)),
    )


def paired(differences: Array, *, step: float = 0.0) -> Estimate:
    """Paired t over repetitions: what it says holds for this test set alone.

    Parameters
    ----------
    differences : ndarray, shape (repetitions,)
        Of one repetition nothing follows.
    step : float, optional
        Least standard error: equal repetitions are not certainty.
    """
    count = differences.size
    variance = float(differences.var(ddof=1)) / count if count > 1 else math.inf
    return Estimate(float(differences.mean()), "repetitions alone", count, 0, variance, 0.0, floor=step)


def _shares(sizes: npt.ArrayLike) -> Array:
    weights: Array = np.asarray(sizes, float)
    shares: Array = weights / weights.sum()
    return shares


def _short(share: Array) -> float:
    """Variance of a mean over clusters of these shares, over what drawing clusters anew shows of it."""
    squares = float((share**2).sum())
    return squares / (squares - 2 * float((share**3).sum()) + squares**2)


def _skewness(deviations: Array) -> float:
    """Skewness of the sum of independent parts that deviate so from their means."""
    squares = float((deviations**2).sum())
    return float((deviations**3).sum()) / squares**1.5 if squares else 0.0


def draws_of(clusters: int, draws: int, rng: np.random.Generator) -> Array:
    """How often each cluster is drawn, of as many draws with replacement as there are: (draws, clusters)."""
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws).astype(float)
