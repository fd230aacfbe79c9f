"""The rules that people use, to be held against the plugin's."""

from __future__ import annotations

import numpy as np

DRAWS = 500


def bootstrap_rule(distances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whether the 5 % quantile of the mean, repetitions drawn anew, is not below 0.

    Parameters
    ----------
    distances : ndarray, shape (studies, repetitions)
        To the worst that still does.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    ndarray of bool, shape (studies,)
        Recommended.
    """
    repetitions = distances.shape[1]
    weights = rng.multinomial(repetitions, np.full(repetitions, 1 / repetitions), size=DRAWS) / repetitions
    return np.quantile(distances @ weights.T, 0.05, axis=1) >= 0
