"""The decision held to its error rate, and to its power: each part has a module of its own beside this one.

A setting that loses exactly the margin is truly inferior. It may be recommended in 5 % of studies, and not in
more than 3 standard errors of the simulation beyond.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pairs import Figure
from tables import Cell, Table
from trials import decision_counts as counts
from trials import decision_means as means
from trials import decision_rules as rules
from trials.decision_naive import bootstrap_rule
from trials.decision_power import power
from trials.decision_refining import refining
from trials.decision_results import through_results
from trials.decision_studies import ALPHA, Case, allowed

from iqf_report.rule import judged

STUDIES, FEW = 4000, 300
COSTLY, FEW_COSTLY = 800, 30
GROUPS: dict[str, Sequence[Case]] = {
    "means": means.CROSSED,
    "tails": means.TAILS,
    "scenes": means.SCENES,
    "frozen": means.FROZEN,
    "relative": means.RELATIVE,
    "alone": means.ALONE,
    "accuracy": counts.ACCURACY,
    "precision": counts.PRECISION,
}
TITLES = {
    "means": "Means of per-image values, images crossed with repetitions",
    "tails": "Heavy tails and losses that few images bear",
    "scenes": "Images in scenes of unequal size",
    "frozen": "One frozen model",
    "relative": "Relative margins, and metrics of which lower is better",
    "alone": "Repetitions alone, without values of images",
    "accuracy": "Accuracy of a classifier",
    "precision": "Average precision, by a bootstrap of images",
}
HEADS = [
    "studies in which",
    "repetitions",
    "images or scenes",
    "recommended %",
    "called inferior %",
    "allowed %",
    "mean within the margin %",
    "bootstrap of repetitions %",
]
NOTE = (
    "{} simulated studies a row, each of a setting that loses exactly the margin. Beside the plugin's answer "
    "stand two naive ones on the same data: the mean is within the margin; the 5 % quantile of repetitions "
    "drawn anew is."
)


@dataclass(frozen=True)
class Rates:
    """Shares of the studies of a case, in percent."""

    case: Case
    recommended: float
    inferior: float
    allowed: float
    mean: float
    bootstrap: float

    def row(self) -> list[Cell]:
        """Cells of the table."""
        case = self.case
        numbers = (self.recommended, self.inferior, self.allowed, self.mean, self.bootstrap)
        return [case.name, case.repetitions, case.images or None, *numbers]


def trial(quick: bool) -> Iterator[Figure | Table]:
    """Error rates of one test, of the rules that combine tests; then power."""
    naive: list[Rates] = []
    for number, (group, cases) in enumerate(GROUPS.items()):
        costly = group == "precision"
        studies = (FEW_COSTLY if costly else FEW) if quick else (COSTLY if costly else STUDIES)
        rates = [rates_of(case, studies, [number, index]) for index, case in enumerate(cases)]
        naive += rates
        yield from _bars(group, rates)
        rows = [one.row() for one in rates]
        yield Table(f"decision-{group}", TITLES[group], HEADS, rows, NOTE.format(studies))
    yield from _seen_to_fail(naive)
    yield from rules.combined(FEW if quick else STUDIES)
    yield from power(FEW if quick else STUDIES)
    yield from refining(FEW if quick else 1000)
    yield from through_results(quick)


def rates_of(case: Case, studies: int, seed: Sequence[int]) -> Rates:
    """Simulate a case."""
    rng = np.random.default_rng([5, *seed])
    drawn = case.studies(rng, studies)
    verdicts = [judged(estimate, ALPHA) for estimate, _ in drawn]
    distances = np.array([of_repetitions for _, of_repetitions in drawn])
    alone = case.repetitions == 1  # nothing to draw anew
    return Rates(
        case,
        recommended=100 * verdicts.count("accepted") / studies,
        inferior=100 * verdicts.count("inferior") / studies,
        allowed=allowed(studies),
        mean=100 * float((distances.mean(axis=1) >= 0).mean()),
        bootstrap=math.nan if alone else 100 * float(bootstrap_rule(distances, rng).mean()),
    )


def _bars(group: str, rates: Sequence[Rates]) -> Iterator[Figure]:
    for name, values in (
        ("recommended", [one.recommended for one in rates]),
        ("called inferior", [one.inferior for one in rates]),
    ):
        shares = [value / one.allowed for value, one in zip(values, rates, strict=True)]
        worst = int(np.argmax(shares))
        case = rates[worst].case
        note = (
            f"worst of {len(rates)} cases: {values[worst]:.1f} % of studies "
            f"({case.name}, {case.repetitions} repetitions)"
        )
        yield Figure(f"{group}: wrongly {name}, over the allowed", [shares[worst]], at_most=1, note=note)


def _seen_to_fail(rates: Sequence[Rates]) -> Iterator[Figure]:
    """The naive rules err in most cases: where they did not, the simulation would show nothing."""
    within = [one.mean / one.allowed for one in rates]
    drawn = [one.bootstrap / one.allowed for one in rates if not math.isnan(one.bootstrap)]
    for name, shares in (("mean within the margin", within), ("bootstrap of repetitions", drawn)):
        note = f"median of {len(shares)} cases"
        yield Figure(f"naive, {name}: over the allowed", [float(np.median(shares))], at_least=1, note=note)
