"""Narrowing by halving, held to the full grid: the same answer from fewer settings, and confirmed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from pairs import Figure
from tables import Table
from trials.decision_rules import MIXES
from trials.decision_studies import ALPHA, allowed

from iqf_report.estimates import crossed
from iqf_report.refining import CONFIRMING, Narrowed, halved
from iqf_report.rule import in_sequence, judged

IMAGES = 50
RANGE, GRID = 65, 8  # values of the knob, and how far apart those of the first study lie
PLATEAU = 6.0  # how far the mildest settings lie above the margin, in standard errors
STEEP = (1.0, 4.0)  # of the figure: what a step of the knob costs, in standard errors
HEADS = [
    "a step of the knob costs (standard errors)",
    "repetitions",
    "same answer %",
    "settings run, of the full grid's",
    "found by halving, inferior %",
    "confirmed %",
    "confirmed with as many repetitions %",
    "confirmed, inferior %",
    "allowed %",
]
NOTE = (
    "{} simulated studies a row: 65 values of a knob, of which every eighth is run; harm that sets in at "
    "a random place and grows evenly; 50 images; resolution 1. The full grid is all 65 values, tested "
    "from mild to harsh. Confirmed: tested once on fresh seeds with twice the repetitions. Where a step "
    "costs less than the standard error, the full grid is apt to stop early by chance, and so the two "
    "answers differ."
)


@dataclass(frozen=True)
class Outcome:
    """What a simulated study came to."""

    narrowed: Narrowed
    full: int
    tests: int
    inferior: bool
    confirmed: bool
    confirmed_as_before: bool


class Simulated:
    """A study whose settings are drawn as they are asked for."""

    def __init__(self, rng: np.random.Generator, step: float, repetitions: int) -> None:
        self.rng, self.repetitions = rng, repetitions
        self.mix = MIXES["both vary"]
        self.knee = rng.uniform(10, RANGE - 10)
        self.truth = np.minimum(step * (self.knee - np.arange(RANGE + 1)), PLATEAU)
        self.images = rng.standard_normal((RANGE + 1, IMAGES))  # the last is the reference's
        self.drawn = [self.arm(place, repetitions) for place in range(RANGE + 1)]

    def arm(self, place: int, count: int) -> np.ndarray:
        """Values of a setting: (count, images); repetitions scatter alike however many there are."""
        of_repetitions, of_images, rest = np.sqrt(self.mix)
        return (
            of_repetitions * math.sqrt(self.repetitions) * self.rng.standard_normal((count, 1))
            + of_images * math.sqrt(IMAGES) * self.images[place]
            + rest * math.sqrt(self.repetitions * IMAGES) * self.rng.standard_normal((count, IMAGES))
        )

    def passes(self, value: float) -> bool:
        """Whether a setting passes by the runs of the study."""
        return self._passes(int(value), self.drawn[int(value)], self.drawn[-1])

    def confirms(self, value: float, repetitions: int) -> bool:
        """Whether it passes on fresh seeds."""
        return self._passes(int(value), self.arm(int(value), repetitions), self.arm(-1, repetitions))

    def _passes(self, value: int, arm: np.ndarray, reference: np.ndarray) -> bool:
        distances = (arm - reference) / math.sqrt(2) + self.truth[value]
        return judged(crossed(distances), ALPHA) == "accepted"

    def outcome(self) -> Outcome | None:
        """Narrow it; None where the grid has nothing to narrow."""
        full = _last(range(RANGE), self.passes)
        best = _last(range(0, RANGE, GRID), self.passes)
        if full is None or best is None or best == RANGE - 1:
            return None
        narrowed = halved(self.passes, best, best + GRID, resolution=1, integer=True)
        knee = narrowed.passed
        return Outcome(
            narrowed,
            full,
            tests=best // GRID + 2 + len(narrowed.tried) + 1,
            inferior=bool(self.truth[int(knee)] <= 0),
            confirmed=self.confirms(knee, CONFIRMING * self.repetitions),
            confirmed_as_before=self.confirms(knee, self.repetitions),
        )


def _last(values: range, passes: Callable[[float], bool]) -> int | None:
    """The last value that passes, tested in turn to the first that does not."""
    passed = None
    for value, fine in zip(values, in_sequence(values, passes, bool), strict=False):
        passed = value if fine else passed
    return passed


def refining(studies: int) -> Iterator[Figure | Table]:
    """Halving against the full grid; at least 500 studies, quick or not, where a bar hangs on them."""
    steep = _outcomes(np.random.default_rng([7, 0]), max(studies, 500), STEEP, 5)
    same = 100 * float(np.mean([one.narrowed.passed == one.full for one in steep]))
    most = max(len(one.narrowed.tried) for one in steep)
    note = f"{len(steep)} studies in which a step costs {STEEP[0]:g} to {STEEP[1]:g} standard errors"
    yield Figure("refine: the full grid's answer", [same], at_least=90, unit=" %", note=note)
    yield Figure(
        "refine: settings tried",
        [float(most)],
        at_most=math.ceil(math.log2(GRID)),
        note="most of all studies; with the confirmation, two more",
    )
    rows, worst = [], (0.0, "")
    for index, (step, repetitions) in enumerate((s, r) for s in (0.5, 1.0, 2.0, 4.0) for r in (3, 5, 8)):
        found = _outcomes(np.random.default_rng([7, 1, index]), studies, (step, step), repetitions)
        row = _row(step, repetitions, found, studies)
        rows.append(row)
        worst = max(worst, (float(row[-2]), f"{step:g} standard errors a step, {repetitions} repetitions"))
    note = f"worst of {len(rows)} cases: {worst[1]}"
    bar = allowed(studies)
    yield Figure("refine: inferior is confirmed", [worst[0]], at_most=bar, unit=" %", note=note)
    yield Table("decision-refining", "Narrowing by halving", HEADS, rows, NOTE.format(studies))


def _outcomes(
    rng: np.random.Generator, studies: int, steps: tuple[float, float], repetitions: int
) -> list[Outcome]:
    low, high = np.log(steps)
    drawn = (Simulated(rng, math.exp(rng.uniform(low, high)), repetitions) for _ in range(studies))
    return [one for study in drawn if (one := study.outcome()) is not None]


def _row(step: float, repetitions: int, found: list[Outcome], studies: int) -> list[float]:
    def percent(of: Callable[[Outcome], bool]) -> float:
        return 100 * float(np.mean([of(one) for one in found]))

    return [
        step,
        repetitions,
        percent(lambda one: one.narrowed.passed == one.full),
        float(np.mean([one.tests / (one.full + 2) for one in found])),
        percent(lambda one: one.inferior),
        percent(lambda one: one.confirmed),
        percent(lambda one: one.confirmed_as_before),
        percent(lambda one: one.inferior and one.confirmed),
        allowed(studies),
    ]
