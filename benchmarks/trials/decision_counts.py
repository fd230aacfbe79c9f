"""Studies of metrics that are counted: accuracies, and average precisions of detections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from trials.decision_studies import Case, Study

from iqf_report.estimates import bootstrapped, draws_of

Rng = np.random.Generator
DRAWS = 200
POOL = 20  # sets of draws that studies share: making them would cost more than all else
TRUTH = 4  # how many more studies the truth of an average precision is taken from


def pooled_draws(rng: Rng, clusters: int) -> Callable[[], np.ndarray]:
    pool = [draws_of(clusters, DRAWS, rng) for _ in range(POOL)]
    return lambda: pool[rng.integers(POOL)]


def accuracy(name: str, repetitions: int, images: int, margin: float, gained: float, kept: float) -> Case:
    """Images that a setting loses and gains against the reference, the loss the margin on average.

    Parameters
    ----------
    name : str
        Of the case.
    repetitions, images : int
        How many.
    margin, gained : float
        Shares of the images: the margin, and those that are gained; margin and gained together are lost.
    kept : float
        How far it is the same images that are lost in every repetition, 0 to 1.
    """

    def studies(rng: Rng, number: int) -> list[Study]:
        draw = pooled_draws(rng, images)
        return [study(rng, draw()) for _ in range(number)]

    def study(rng: Rng, draws: np.ndarray) -> Study:
        pace = rng.uniform(0.6, 1.4, (repetitions, 1)) if repetitions > 1 else 1.0
        lost = _events(rng, repetitions, images, (margin + gained) * pace, kept)
        found = _events(rng, repetitions, images, gained * pace, kept) & ~lost
        found_share = gained * (1 - margin - gained)  # on average, since both may fall on an image
        share = margin + gained - found_share
        distances = found.astype(float) - lost + share
        samples = draws @ distances.T / images
        means = distances.mean(axis=1)
        return bootstrapped(means, samples, np.ones(images), step=1 / images, margin=share), means

    return Case(name, repetitions, images, studies)


def _events(rng: Rng, repetitions: int, images: int, share: float | np.ndarray, kept: float) -> np.ndarray:
    """Images that something happens to: (repetitions, images)."""
    mixed = rng.random((1, images)), rng.random((repetitions, images))
    same = rng.random((1, images)) < kept
    return np.where(same, mixed[0], mixed[1]) < share


@dataclass(frozen=True)
class Scenes:
    """Detections of simulated scenes.

    Parameters
    ----------
    images : int
        How many.
    objects : float
        Of an image, on average; they scatter more than Poisson's.
    harm : float
        By how much a setting lowers the scores of what is there, in standard deviations.
    of_images : float
        Standard deviation over images of that harm.
    of_repetitions : float
        Standard deviation over repetitions of the scores of what is there, for either setting.
    """

    images: int
    objects: float
    harm: float
    of_images: float
    of_repetitions: float

    def precisions(self, rng: Rng, repetitions: int, draws: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """What a setting changes: of all images (repetitions,), and of draws (draws, repetitions)."""
        counts = rng.negative_binomial(2, 2 / (2 + self.objects), self.images)
        places = np.repeat(np.arange(self.images), counts)
        ease = rng.standard_normal(self.images)[places] + rng.standard_normal(places.size)
        harm = (self.harm + self.of_images * rng.standard_normal(self.images))[places]
        weights = np.ones((1, self.images))
        weights = weights if draws is None else np.vstack([weights, draws])
        found = np.empty((2, repetitions, len(weights)))
        for repetition in range(repetitions):
            for arm in range(2):
                shift = self.of_repetitions * rng.standard_normal() - arm * harm
                scores = 1 + 0.7 * ease + shift + 0.5 * rng.standard_normal(places.size)
                found[arm, repetition] = self._precision(rng, places, scores, weights)
        difference = (found[1] - found[0]).T
        return difference[0], difference[1:]

    def _precision(self, rng: Rng, places: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
        from iqf_detection.curves import ClassRows
        from iqf_detection.matching import FALSE, TRUE

        false = rng.poisson(places.size)
        seen = scores > -0.5  # a detector reports nothing below
        scores = np.append(scores[seen], rng.normal(-0.2, 0.8, false))
        images = np.append(places[seen], rng.integers(0, self.images, false))
        state = np.where(np.arange(scores.size) < seen.sum(), TRUE, FALSE).astype(np.uint8)
        order = np.argsort(-scores)
        rows = ClassRows(
            name="object",
            image=images[order],
            rank=np.zeros(scores.size, int),
            score=scores[order],
            state=state[order][None, None],
            object_image=places,
            object_state=np.full((1, 1, places.size), TRUE, np.uint8),
        )
        return rows.precisions(weights, 0, [0]).mean(axis=(1, 2))


def precision(name: str, repetitions: int, scenes: Scenes) -> Case:
    """Average precision; the margin is what the setting loses on average over many more studies."""

    def studies(rng: Rng, number: int) -> list[Study]:
        draw = pooled_draws(rng, scenes.images)
        drawn = [scenes.precisions(rng, repetitions, draw()) for _ in range(number)]
        more = [scenes.precisions(rng, repetitions, None)[0] for _ in range(TRUTH * number)]
        margin = -float(np.mean([*(means for means, _ in drawn), *more]))
        return [_judged(means + margin, samples + margin, scenes, margin) for means, samples in drawn]

    return Case(name, repetitions, scenes.images, studies)


def _judged(means: np.ndarray, samples: np.ndarray, scenes: Scenes, margin: float) -> Study:
    rows = 3 * scenes.images * scenes.objects  # objects, and as many detections again, right and false
    return bootstrapped(means, samples, np.ones(scenes.images), step=1 / rows, margin=margin), means


def _accuracies(*rows: tuple[int, int, float, float, float]) -> Sequence[Case]:
    return [accuracy(f"margin {row[2]:.0%}, {row[3]:.0%} gained", *row) for row in rows]


ACCURACY = [
    accuracy("one model, losses alone", 1, 100, 0.05, 0.0, 0.0),
    accuracy("one model, losses alone", 1, 100, 0.02, 0.0, 0.0),
    accuracy("one model, losses and gains", 1, 200, 0.03, 0.02, 0.0),
    accuracy("the same images lost", 3, 200, 0.03, 0.02, 0.9),
    accuracy("the same images lost, no gains", 5, 100, 0.04, 0.0, 1.0),
    accuracy("some images lost again", 5, 200, 0.03, 0.05, 0.5),
    accuracy("other images lost each time", 5, 100, 0.03, 0.05, 0.0),
    accuracy("other images lost each time", 10, 200, 0.02, 0.05, 0.0),
]
PRECISION = [
    precision("repetitions vary", 3, Scenes(60, 3, 0.25, 0.1, 0.25)),
    precision("both vary", 5, Scenes(60, 3, 0.25, 0.6, 0.15)),
    precision("one model, images vary", 1, Scenes(100, 3, 0.3, 0.8, 0.0)),
    precision("few scenes", 5, Scenes(15, 12, 0.25, 0.6, 0.15)),
]
