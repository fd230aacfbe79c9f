"""Studies with values of images whose mean is the metric, and studies without values of images."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from trials.decision_studies import Case, Study, of_variance, one_by_one

from iqf_report.estimates import crossed, distance, paired

Rng = np.random.Generator
Noise = Callable[[Rng, int], np.ndarray]
Mix = tuple[float, float, float]
MIXES: dict[str, Mix] = {
    "repetitions vary": (0.9, 0.1, 0.0),
    "both vary": (0.45, 0.45, 0.1),
    "images vary": (0.1, 0.8, 0.1),
    "pairs vary": (0.1, 0.1, 0.8),
}
UNEQUAL = {
    "sizes 1 to 10": lambda count: np.round(np.linspace(1, 10, count)),
    "one holds half": lambda count: np.append(np.full(count - 1, 4.0), 4.0 * (count - 1)),
}


def normal(rng: Rng, count: int) -> np.ndarray:
    """Bell-shaped."""
    return rng.standard_normal(count)


def heavy(rng: Rng, count: int) -> np.ndarray:
    """Student's t of 3 degrees of freedom."""
    return rng.standard_t(3, count) / np.sqrt(3)


def one_sided(rng: Rng, count: int) -> np.ndarray:
    """Losses that fall off exponentially."""
    return 1 - rng.exponential(1, count)


def few_lose(rng: Rng, count: int) -> np.ndarray:
    """One image in ten loses between nothing and all; the others stay nearly as they were."""
    lost = (rng.random(count) < 0.1) * rng.random(count)
    return (0.05 - lost + 0.05 * rng.standard_normal(count)) / np.sqrt(0.1 / 3 - 0.05**2 + 0.05**2)


def mean_of_images(name: str, repetitions: int, count: int, mix: Mix, noise: Noise = normal) -> Case:
    """Images and repetitions whose parts of the variance are given."""

    def study(rng: Rng) -> Study:
        distances = of_variance(rng, noise(rng, count), repetitions, mix)
        return crossed(distances), distances.mean(axis=1)

    return Case(name, repetitions, count, one_by_one(study))


def one_model(name: str, count: int, noise: Noise = normal) -> Case:
    """Images alone."""
    return mean_of_images(name, 1, count, (0.0, 1.0, 0.0), noise)


def in_scenes(name: str, repetitions: int, sizes: np.ndarray, within: float) -> Case:
    """Images that share their scene's effect; ``within`` is the variance of images in a scene."""

    def study(rng: Rng) -> Study:
        spread = np.sqrt(1 + within / sizes)
        scenes = spread * rng.standard_normal(sizes.size)
        of_repetitions = np.sqrt(0.3 * repetitions / sizes.size) * rng.standard_normal((repetitions, 1))
        rest = spread * rng.standard_normal((repetitions, sizes.size))
        distances = scenes + (of_repetitions + 0.5 * rest if repetitions > 1 else 0)
        distances = np.broadcast_to(distances, (repetitions, sizes.size))
        return crossed(distances, sizes), distances @ sizes / sizes.sum()

    return Case(name, repetitions, sizes.size, one_by_one(study))


def relative_margin(name: str, repetitions: int, count: int, sign: int) -> Case:
    """A reference of 0.6 or so, and a setting that is 5 % off it."""
    margin = 0.05

    def study(rng: Rng) -> Study:
        images = 0.6 + 0.2 * rng.standard_normal(count)
        reference, setting = (
            images
            + 0.02 * rng.standard_normal((repetitions, 1))
            + 0.1 * rng.standard_normal((repetitions, count))
            for _ in range(2)
        )
        setting = setting - sign * margin * images
        distances = distance(setting, reference, margin=margin, relative=True, sign=sign)
        return crossed(distances), distances.mean(axis=1)

    return Case(name, repetitions, count, one_by_one(study))


def alone(name: str, repetitions: int, noise: Noise) -> Case:
    def study(rng: Rng) -> Study:
        distances = noise(rng, repetitions)
        return paired(distances), distances

    return Case(name, repetitions, 0, one_by_one(study))


def alone_in_steps(name: str, repetitions: int, images: int, lost: float) -> Case:
    """An accuracy of one test set, of which each repetition loses so many images on average."""

    def study(rng: Rng) -> Study:
        distances = (lost - rng.binomial(images, lost / images, repetitions)) / images
        return paired(distances, step=1 / images), distances

    return Case(name, repetitions, 0, one_by_one(study))


def drawn_from(name: str, repetitions: int, images: int, pool: int) -> Case:
    """Test sets that each repetition draws anew from a pool, of which alone something is said."""

    def study(rng: Rng) -> Study:
        values = rng.standard_normal(pool)
        values -= values.mean()
        chosen = [rng.choice(values, images, replace=False).mean() for _ in range(repetitions)]
        distances = np.array(chosen) + 0.05 * rng.standard_normal(repetitions)
        return paired(distances), distances

    return Case(name, repetitions, 0, one_by_one(study))


CROSSED = [
    mean_of_images(name, repetitions, count, mix)
    for repetitions, count, (name, mix) in itertools.product((3, 5, 10), (10, 100), MIXES.items())
]
TAILS = [
    mean_of_images("tails of t(3)", 5, 50, MIXES["images vary"], heavy),
    one_model("tails of t(3), one model", 50, heavy),
    mean_of_images("exponential losses", 5, 100, MIXES["images vary"], one_sided),
    one_model("exponential losses, one model", 100, one_sided),
    mean_of_images("one image in ten loses", 5, 100, MIXES["images vary"], few_lose),
    one_model("one image in ten loses, one model", 100, few_lose),
]
SCENES = [
    in_scenes(f"{name}, {kind}", repetitions, sizes(count), within)
    for (name, sizes), (kind, within), (repetitions, count) in itertools.product(
        UNEQUAL.items(), {"scenes vary": 0.1, "images vary": 20.0}.items(), ((1, 6), (5, 6), (5, 20))
    )
]
FROZEN = [one_model("values of images", count) for count in (10, 50, 200)]
RELATIVE = [
    relative_margin("5 % of the reference, higher is better", 3, 50, 1),
    relative_margin("5 % of the reference, higher is better", 5, 200, 1),
    relative_margin("5 % of the reference, lower is better", 5, 50, -1),
]
ALONE = [
    *(alone("bell-shaped", repetitions, normal) for repetitions in (3, 5, 10)),
    alone("tails of t(3)", 5, heavy),
    drawn_from("test sets of 100 drawn anew from 500", 5, 100, 500),
    alone_in_steps("accuracy of 100 images, 3 lost", 3, 100, 3.0),
    alone_in_steps("accuracy of 50 images, 0.3 lost: mostly no spread", 3, 50, 0.3),
    alone_in_steps("accuracy of 50 images, 0.3 lost: mostly no spread", 5, 50, 0.3),
]
