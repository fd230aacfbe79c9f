"""Answers that combine tests: a sequence of levels, the best of families, declared looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pairs import Figure
from tables import Table
from trials.decision_naive import bootstrap_rule
from trials.decision_studies import ALPHA, allowed, of_variance

from iqf_report.bounds import Estimate
from iqf_report.estimates import crossed
from iqf_report.rule import error_rate, in_sequence, judged

IMAGES = 50
MIXES = {"repetitions vary": (0.9, 0.1, 0.0), "both vary": (0.45, 0.45, 0.1)}
SEQUENCES = {
    "plateau at the margin": (0, 0, 0, 0, 0, 0),
    "slope": (2, 1, 0, -1, -2, -3),
    "cliff": (4, 4, 0, -6, -6, -6),
    "up and down": (3, 0, 3, 0, 3, 0),
}
LOOKS = (3, 5, 8)
HEADS = [
    "studies",
    "repetitions",
    "inferior is recommended %",
    "allowed %",
    "each test at the full rate %",
    "mean within the margin %",
    "bootstrap of repetitions %",
]
NOTE = (
    "{} simulated studies a row, 50 images, all settings held against the same runs of the reference. "
    "Sequences: six levels, whose distances to the margin in standard errors of a difference are {}; "
    "'each test at the full rate' recommends the harshest level that passes by itself. Families: each has a "
    "level at the margin. Looks: at 3, 5 and 8 repetitions."
)


@dataclass(frozen=True)
class Answer:
    """Whether a simulated study ends in an inferior setting: by the plugin's rule, and without sharing."""

    ours: bool
    undivided: bool


@dataclass(frozen=True)
class Combined:
    """Studies whose answer combines tests."""

    name: str
    repetitions: int
    settings: int
    mix: tuple[float, float, float]
    truth: Sequence[float]
    answer: Callable[[Sequence[np.ndarray]], Answer]
    naive: Callable[[np.ndarray], np.ndarray]


def settings_of(rng: np.random.Generator, case: Combined) -> list[np.ndarray]:
    """Distances of settings that are held against one reference: each (repetitions, images)."""
    arms = [
        of_variance(rng, rng.standard_normal(IMAGES), case.repetitions, case.mix)
        for _ in range(case.settings + 1)
    ]
    return [(arm - arms[0]) / math.sqrt(2) + truth for arm, truth in zip(arms[1:], case.truth, strict=True)]


def sequence(name: str, truth: Sequence[float]) -> Combined:
    """A family from mild to harsh: an error where the harshest accepted is no better than the margin."""

    def answer(settings: Sequence[np.ndarray]) -> Answer:
        tested = in_sequence(settings, lambda one: judged(crossed(one), ALPHA), lambda one: one == "accepted")
        passed = [verdict == "accepted" for verdict in tested]
        alone = [judged(crossed(one), ALPHA) == "accepted" for one in settings]
        return Answer(_ends_inferior(passed, truth), _ends_inferior(alone, truth))

    def naive(passed: np.ndarray) -> np.ndarray:
        return np.array([_ends_inferior(row, truth) for row in passed])

    return Combined(f"six levels, {name}", 5, len(truth), MIXES["both vary"], truth, answer, naive)


def _ends_inferior(passed: Sequence[bool] | np.ndarray, truth: Sequence[float]) -> bool:
    places = np.flatnonzero(passed)
    return bool(places.size) and truth[places[-1]] <= 0


def families(count: int, repetitions: int, mix: str) -> Combined:
    """Families of one level at the margin: an error where any is accepted, since it may be the best."""
    rate = error_rate(1 - ALPHA, families=count)

    def answer(settings: Sequence[np.ndarray]) -> Answer:
        estimates = [crossed(one) for one in settings]
        return Answer(_any(estimates, rate), _any(estimates, ALPHA))

    name = f"best of {count} families, {mix}"
    return Combined(
        name, repetitions, count, MIXES[mix], [0.0] * count, answer, lambda passed: passed.any(axis=1)
    )


def looks(mix: str) -> Combined:
    """A study that grows, looked at three times: an error where it passes at any of them."""
    rate = error_rate(1 - ALPHA, families=1, looks=len(LOOKS))

    def answer(settings: Sequence[np.ndarray]) -> Answer:
        estimates = [crossed(settings[0][:repetitions]) for repetitions in LOOKS]
        return Answer(_any(estimates, rate), _any(estimates, ALPHA))

    return Combined(
        f"three looks, {mix}", LOOKS[-1], 1, MIXES[mix], [0.0], answer, lambda passed: passed.any(axis=1)
    )


def _any(estimates: Sequence[Estimate], rate: float) -> bool:
    return any(judged(one, rate) == "accepted" for one in estimates)


CASES = [
    *(sequence(name, truth) for name, truth in SEQUENCES.items()),
    *(families(count, 3, "repetitions vary") for count in (2, 4, 6)),
    *(families(count, 5, "both vary") for count in (2, 4, 6)),
    *(looks(mix) for mix in MIXES),
]


def combined(studies: int) -> Iterator[Figure | Table]:
    """Error rates of combined answers, held to the rate of a single test."""
    rows, worst = [], (0.0, "")
    bar = allowed(studies)
    for index, case in enumerate(CASES):
        rng = np.random.default_rng([6, index])
        drawn = [settings_of(rng, case) for _ in range(studies)]
        answers = [case.answer(settings) for settings in drawn]
        ours, undivided = (
            100 * float(np.mean([getattr(one, name) for one in answers])) for name in ("ours", "undivided")
        )
        rows.append([case.name, case.repetitions, ours, bar, undivided, *_naive(case, drawn, rng)])
        worst = max(worst, (ours, case.name))
    note = f"worst of {len(rows)} cases: {worst[1]}"
    yield Figure("combined answers: inferior is recommended", [worst[0]], at_most=bar, unit=" %", note=note)
    distances = "; ".join(f"{name} {truth}" for name, truth in SEQUENCES.items())
    title = "A sequence of levels, the best of families, declared looks"
    yield Table("decision-combined", title, HEADS, rows, NOTE.format(studies, distances))


def _naive(case: Combined, drawn: Sequence[Sequence[np.ndarray]], rng: np.random.Generator) -> list[float]:
    """Error rates of the naive rules, in percent."""
    distances = np.array([[one.mean(axis=1) for one in settings] for settings in drawn])
    spans = LOOKS if case.settings == 1 else (case.repetitions,)
    within, drawn_anew = [], []
    for place in range(case.settings):
        for span in spans:
            seen = distances[:, place, :span]
            within.append(seen.mean(axis=1) >= 0)
            drawn_anew.append(bootstrap_rule(seen, rng))
    return [100 * float(case.naive(np.stack(passed, axis=1)).mean()) for passed in (within, drawn_anew)]
