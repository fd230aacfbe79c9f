"""What a simulated study is: an estimate of the plugin's, and what each repetition says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from iqf_report.bounds import Estimate

ALPHA = 0.05
Study = tuple[Estimate, np.ndarray]
Draw = Callable[[np.random.Generator, int], list[Study]]


@dataclass(frozen=True)
class Case:
    """Studies of one kind, of a setting that loses exactly the margin.

    Parameters
    ----------
    name : str
        What they are of.
    repetitions, images : int
        How many; images, or scenes, are 0 where they do not count.
    studies : callable
        From a generator and a number to as many studies.
    """

    name: str
    repetitions: int
    images: int
    studies: Draw


def allowed(studies: int) -> float:
    """Percent of so many studies: the nominal error rate, and 3 standard errors of the simulation."""
    return 100 * (ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / studies))


def one_by_one(study: Callable[[np.random.Generator], Study]) -> Draw:
    """Studies, each drawn by itself."""
    return lambda rng, number: [study(rng) for _ in range(number)]


def of_variance(
    rng: np.random.Generator, images: np.ndarray, repetitions: int, mix: tuple[float, float, float]
) -> np.ndarray:
    """Distances whose mean has the variance 1: (repetitions, images).

    Parameters
    ----------
    rng : numpy.random.Generator
        Of repetitions and of the rest.
    images : ndarray, shape (images,)
        Effect of each image, of variance 1.
    repetitions : int
        How many.
    mix : tuple of 3 floats
        Shares of the variance: of repetitions, images, and what remains of each pair.
    """
    shape = repetitions, images.size
    of_repetitions, of_images, rest = np.sqrt(mix)
    return (
        of_repetitions * np.sqrt(repetitions) * rng.standard_normal((repetitions, 1))
        + of_images * np.sqrt(images.size) * images
        + rest * np.sqrt(repetitions * images.size) * rng.standard_normal(shape)
    )
