"""The decision: levels of each family tested from mild to strong, until one fails.

A level passes when the lower confidence bound of its distance to the worst that still does is not below 0
(non-inferiority). The order is fixed before any outcome, so each family keeps the full error rate; of k
families each gets a k-th of it, so that the best of them may be named.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from iqf_core import Results
from iqf_core.criterion import Criterion
from iqf_report.bounds import Estimate, needed, needed_together
from iqf_report.evidence import IMAGES, Evidence, NotEnough
from iqf_report.families import Family, Setting, chosen, families_of, unplaced
from iqf_report.rule import error_rate, in_sequence, judged

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["accepted", "inferior", "undecided", "missing", "not tested"]
NO_NUMBER = "more runs alone would not decide it, if its mean stays where it is"
NO_IMAGES = (
    "the criterion's metric is one number a run, without values image by image. For an answer that holds for "
    "other test images too"
)


@dataclass(frozen=True, slots=True)
class Level:
    """A setting, and what is decided of it.

    Parameters
    ----------
    setting : Setting
        Of a family.
    verdict : str
        ``accepted``; ``inferior`` (it loses more than the margin); ``undecided``; ``missing`` (evidence);
        ``not tested`` (a milder one has failed).
    value, cost : float
        Means of metric and cost.
    difference, bound : float
        To the reference, positive better, and its confidence bound: the lower one, or the upper one where it
        is inferior; NaN where it was not tested. The bound is no further off than the metric's range allows.
    share : float
        With a relative margin the bound of what is tested, as a share of the reference; NaN without.
    saving : float
        Share of the reference's cost that is saved; NaN where one of the two is not known.
    estimate : Estimate or None
        Of the distance to the worst that still does.
    remedy : str
        What would decide it, or what is missing.
    vacuous : bool
        Whether the bound says nothing: it excludes no value that the metric can have.
    """

    setting: Setting
    verdict: Verdict
    value: float
    cost: float
    difference: float = math.nan
    bound: float = math.nan
    share: float = math.nan
    saving: float = math.nan
    estimate: Estimate | None = None
    remedy: str = ""
    vacuous: bool = False


@dataclass(frozen=True, slots=True)
class FamilyAnswer:
    """What is decided of a family.

    Parameters
    ----------
    family : Family
        Its settings from mild to harsh.
    levels : tuple of Level
        One for each.
    reference : float
        Mean of the metric of its reference.
    """

    family: Family
    levels: tuple[Level, ...]
    reference: float = math.nan

    @property
    def recommended(self) -> Level | None:
        """The harshest level that was accepted."""
        accepted = [level for level in self.levels if level.verdict == "accepted"]
        return accepted[-1] if accepted else None

    @property
    def stopped(self) -> Level | None:
        """The first level that was not accepted."""
        return next((level for level in self.levels if level.verdict != "accepted"), None)


@dataclass(frozen=True)
class Recommendation:
    """The answer of a study.

    Parameters
    ----------
    study : str
        Its name.
    criterion : Criterion
        By which it was decided.
    column, better : str
        Column of the metric, and its direction.
    alpha : float
        One-sided error rate of each family.
    reference : float
        Mean of the metric of the reference, and its cost.
    reference_cost : float
        Likewise.
    answers : tuple of FamilyAnswer
        One for each family.
    front : tuple of Setting
        Settings that no other betters in metric and cost at once, by rising cost.
    notes : tuple of str
        What a reader should know.
    caveats : tuple of str
        The first of them, which stand before the answer.
    shared : int
        Families that share the error rate: also those of which nothing has run, or whose plugin is missing.
    has_cost : bool
        Whether the results have the cost at all.
    exploratory : str
        Why the error rate is not guaranteed: the criterion was not fixed before the runs, or there were more
        looks than declared; empty where it is.
    """

    study: str
    criterion: Criterion
    column: str
    better: str
    alpha: float
    reference: float
    reference_cost: float
    answers: tuple[FamilyAnswer, ...]
    front: tuple[Level, ...]
    notes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    shared: int = 0
    has_cost: bool = True
    exploratory: str = ""

    @property
    def incomplete(self) -> bool:
        """Whether some families had no run at all, so that a cheaper one may come."""
        return any(not level.setting.ran for one in self.answers for level in one.levels)

    def limit(self, reference: float) -> float:
        """Worst value that still does, beside a reference of this mean."""
        lost = self.criterion.margin * (reference if self.criterion.relative else 1.0)
        return reference - lost if self.better == "higher" else reference + lost

    @property
    def best(self) -> FamilyAnswer | None:
        """The family whose recommended setting costs least."""
        known = [one for one in self.answers if one.recommended and not math.isnan(one.recommended.cost)]
        return min(known, key=lambda one: one.recommended.cost if one.recommended else math.inf, default=None)

    def dataframe(self) -> pd.DataFrame:
        """A row per level."""
        import pandas as pd

        return pd.DataFrame([_row(answer, level) for answer in self.answers for level in answer.levels])


def _row(answer: FamilyAnswer, level: Level) -> dict[str, Any]:
    estimate = level.estimate
    recommended = answer.recommended
    return {
        "family": answer.family.name,
        "variant": level.setting.variant,
        **dict(level.setting.hyperparameters),
        "knob": level.setting.knob,
        "verdict": level.verdict,
        "recommended": recommended is not None and recommended.setting == level.setting,
        "metric": level.value,
        "difference": level.difference,
        "bound": level.bound,
        "share": level.share,
        "cost": level.cost,
        "saving": level.saving,
        "se": math.nan if estimate is None else estimate.se,
        "df": math.nan if estimate is None else estimate.df,
        "basis": "" if estimate is None else estimate.basis,
        "remedy": level.remedy,
    }


@dataclass
class _Decider:
    evidence: Evidence
    alpha: float

    def answer(self, family: Family) -> FamilyAnswer:
        """Test from mild to harsh, and stop at the first that fails."""
        tested = list(
            in_sequence(
                family.settings,
                lambda setting: self._tested(setting, family),
                lambda level: level.verdict == "accepted",
            )
        )
        rest = (self._untested(setting, family.reference) for setting in family.settings[len(tested) :])
        return FamilyAnswer(family, (*tested, *rest), self.evidence.mean(family.reference))

    def _tested(self, setting: Setting, family: Family) -> Level:
        untested = self._untested(setting, family.reference)
        try:
            estimate = self.evidence.compared(setting, family.reference)
        except NotEnough as missing:
            return replace(untested, verdict="missing", remedy=str(missing))
        shift = self.evidence.margin(family.reference)
        verdict = judged(estimate, self.alpha)
        found = estimate.upper(self.alpha) if verdict == "inferior" else estimate.lower(self.alpha)
        worst, best = self._possible(family.reference)
        bound = min(max(found - shift, worst), best)
        return replace(
            untested,
            verdict=verdict,
            difference=estimate.mean - shift,
            bound=bound,
            share=self._share(bound, family.reference),
            estimate=estimate,
            remedy=self._remedy(estimate, family.reference) if verdict == "undecided" else "",
            vacuous=bound <= worst,
        )

    def _possible(self, reference: Setting) -> tuple[float, float]:
        """Least and largest difference to a reference, positive better, within the metric's range."""
        ends = (self.evidence.sign * (end - self.evidence.mean(reference)) for end in self.evidence.range)
        low, high = sorted(ends)
        return low, high

    def _share(self, bound: float, reference: Setting) -> float:
        relative = self.evidence.criterion.relative
        return bound / self.evidence.mean(reference) if relative else math.nan

    def _remedy(self, estimate: Estimate, reference: Setting) -> str:
        alike = math.sqrt(estimate.var_repetitions) <= 1e-9 * estimate.floor
        if estimate.basis == "repetitions alone" and alike:
            return (
                "its repetitions do not differ at all (does the script use its seed?), and that is no "
                f"certainty: the least step between values of the study, {estimate.floor:.2g}, is taken for "
                "the error"
            )
        found = needed(estimate, self.alpha)
        ways = []
        if "repetitions" in found:
            ways.append(f"about {found['repetitions']} repetitions")
        if "clusters" in found:
            ways.append(f"about {found['clusters']} test images or scenes (there are {estimate.clusters})")
        together = None if ways else needed_together(estimate, self.alpha)
        if together is not None:
            ways.append(f"about {together[0]} repetitions together with {together[1]} test images or scenes")
        end = "would accept it" if estimate.mean >= 0 else "would show that it does not"
        end = f"{' or '.join(ways)} {end}, if its mean stays where it is"
        if ways and together is None:
            return end
        return f"{self._reason(estimate, reference)}; {end if ways else NO_NUMBER}"

    def _reason(self, estimate: Estimate, reference: Setting) -> str:
        """Why it is undecided: the runs spread too much for any setting, or this one is near the margin."""
        margin, size = self.evidence.margin(reference), functools.partial(self._size, reference=reference)
        lower, error = estimate.lower(self.alpha), f"standard error {size(estimate.se)}"
        if estimate.mean - lower > margin:  # a setting as good as the reference would not pass either
            why = f"the spread of the runs is large beside the margin of {size(margin)} ({error})"
        else:
            side = "inside" if estimate.mean >= 0 else "beyond"
            why = f"its mean lies close to the margin ({size(abs(estimate.mean))} {side} it, {error})"
        if margin - lower >= -self._possible(reference)[0]:
            return f"{why}; these runs accept it with no margin"
        return f"{why}; these runs accept it with a margin of {size(_up(margin - lower))} or more"

    def _size(self, value: float, reference: Setting) -> str:
        """A size in the unit of the margin."""
        if not self.evidence.criterion.relative:
            return f"{value:.3g}"
        return f"{100 * value / self.evidence.mean(reference):.3g} %"

    def _untested(self, setting: Setting, reference: Setting) -> Level:
        cost, known = self.evidence.cost(setting), self.evidence.cost(reference)
        saving = 1 - cost / known if known else math.nan
        return Level(setting, "not tested", self.evidence.mean(setting), cost, saving=saving)


def _up(value: float) -> float:
    """Three digits, none of them rounded down."""
    if not math.isfinite(value) or value <= 0:
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return math.ceil(value / step) * step


def decide(results: Results, criterion: Criterion) -> Recommendation:
    """Decide on a study.

    Parameters
    ----------
    results : Results
        Of its runs.
    criterion : Criterion
        Metric, margin, confidence and families.

    Returns
    -------
    Recommendation
        What could not be decided says what would.

    Raises
    ------
    ParameterError
        When the results do not have the metric or the family, or no reference.
    """
    evidence = Evidence(results, criterion)
    settings = evidence.settings()
    families = chosen(families_of(settings), criterion.families)
    lost = [] if criterion.families else unplaced(settings)
    alpha = error_rate(criterion.confidence, families=len(families) + len(lost), looks=criterion.looks)
    decider = _Decider(evidence, alpha)
    sign = evidence.sign
    answers = tuple(decider.answer(family) for family in families)
    reference = families[0].reference
    evidence.caveats += [
        f"{name}: its plugin is not here now, so nothing is said of it; it keeps its share of the error rate"
        for name in lost
    ]
    if not criterion.frozen and evidence.never_differs():
        evidence.caveats.append("the repetitions do not differ at all: see whether the script uses its seed")
    return Recommendation(
        study=results.name,
        criterion=criterion,
        column=evidence.column,
        better="higher" if sign > 0 else "lower",
        alpha=alpha,
        reference=evidence.mean(reference),
        reference_cost=evidence.cost(reference),
        answers=answers,
        front=_front([level for answer in answers for level in answer.levels], sign),
        notes=tuple(dict.fromkeys([*evidence.caveats, *evidence.notes, *_said_of(answers, evidence)])),
        caveats=tuple(evidence.caveats),
        shared=len(families) + len(lost),
        has_cost=evidence.cost_column is not None,
    )


def _front(levels: Sequence[Level], sign: int) -> tuple[Level, ...]:
    """Settings that none beats in metric and cost at once, by rising cost."""
    known = [level for level in levels if not math.isnan(level.cost) and not math.isnan(level.value)]
    front: list[Level] = []
    for level in sorted(known, key=lambda one: (one.cost, -sign * one.value)):
        if not front or sign * level.value > sign * front[-1].value:
            front.append(level)
    return tuple(front)


def _said_of(answers: Sequence[FamilyAnswer], evidence: Evidence) -> list[str]:
    bases = {level.estimate.basis for one in answers for level in one.levels if level.estimate}
    notes = []
    if "repetitions alone" in bases:
        notes.append(
            "what is said holds for these test images alone: "
            + ("they are of one scene" if evidence.has_images() else f"{NO_IMAGES}, {IMAGES}")
        )
    if "images of one model" in bases:
        notes.append("one trained model was judged: what is said holds for it, not for others of its kind")
    return notes
