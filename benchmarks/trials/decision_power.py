"""How often a setting that loses half the margin is recommended, against the exact paired t test."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pairs import Figure
from scipy import stats
from tables import Table
from trials.decision_studies import ALPHA, of_variance

from iqf_report.estimates import crossed, paired
from iqf_report.rule import judged

REPETITIONS = (3, 5, 10)
SPREADS = (0.2, 0.36, 0.5, 0.75, 1.0)
IMAGES = 100
MIXES = {"images the same": (1.0, 0.0, 0.0), "pairs vary a little": (0.85, 0.0, 0.15)}
HEADS = ["repetitions", "spread over margin", "exact paired t %", "repetitions alone %"]
NOTE = (
    "{} simulated studies a cell, of a setting that loses half the margin. Spread: standard deviation of the "
    "differences of repetitions. The last two columns have values of {} images whose part of the variance is "
    "nothing: there the paired t test holds as well, and two-way crossed should lose nothing against it."
)


def power(studies: int) -> Iterator[Figure | Table]:
    """Power over a grid of repetitions and spread."""
    rows, gaps = [], []
    for repetitions in REPETITIONS:
        for spread in SPREADS:
            rng = np.random.default_rng([7, repetitions, round(100 * spread)])
            shift = 0.5 / spread * np.sqrt(repetitions)  # in standard errors
            exact = 100 * float(stats.nct.sf(stats.t.isf(ALPHA, repetitions - 1), repetitions - 1, shift))
            found = [_alone(rng, repetitions, shift, studies)]
            found += [_crossed(rng, repetitions, shift, mix, studies) for mix in MIXES.values()]
            rows.append([repetitions, spread, exact, *found])
            gaps += [abs(value - exact) for value in found]
    note = f"largest of {len(gaps)} differences to the exact paired t test, in points of percent"
    bar = 5 if studies >= 1000 else 12  # of few studies, what they scatter by
    yield Figure("power at half the margin, gap", [max(gaps)], at_most=bar, note=note)
    (known,) = (row[3] for row in rows if row[:2] == [5, 0.36])
    note = "5 repetitions, spread 0.36 of the margin"
    least = 77 if studies >= 1000 else 70
    yield Figure("power at half the margin", [known], at_least=least, unit=" %", note=note)
    title = "Power at half the margin"
    heads = [*HEADS, *(f"crossed, {name} %" for name in MIXES)]
    yield Table("decision-power", title, heads, rows, NOTE.format(studies, IMAGES))


def _alone(rng: np.random.Generator, repetitions: int, shift: float, studies: int) -> float:
    drawn = shift + np.sqrt(repetitions) * rng.standard_normal((studies, repetitions))
    return _share([judged(paired(row), ALPHA) for row in drawn])


def _crossed(
    rng: np.random.Generator, repetitions: int, shift: float, mix: tuple[float, float, float], studies: int
) -> float:
    images = np.zeros(IMAGES)
    drawn = (shift + of_variance(rng, images, repetitions, mix) for _ in range(studies))
    return _share([judged(crossed(one), ALPHA) for one in drawn])


def _share(verdicts: list[str]) -> float:
    return 100 * verdicts.count("accepted") / len(verdicts)
