"""The answer in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from iqf_report.deciding import FamilyAnswer, Level, Recommendation


def said(answer: Recommendation) -> str:
    """Text for a terminal: the question, a sentence or two for each family, the best of them, notes."""
    lines = [_question(answer), ""]
    lines += [f"  {sentence}" for one in answer.answers for sentence in _family(answer, one)]
    lines += ["", _best(answer)]
    if answer.exploratory:
        lines.append(f"EXPLORATORY: {answer.exploratory}; the error rate is not guaranteed.")
    lines += [f"Note: {note}." for note in answer.notes]
    return "\n".join(lines)


def _question(answer: Recommendation) -> str:
    criterion = answer.criterion
    margin = f"{100 * criterion.margin:g} %" if criterion.relative else f"{criterion.margin:g}"
    side = "below" if answer.better == "higher" else "above"
    families = f", over {len(answer.answers)} families" if len(answer.answers) > 1 else ""
    kept = (
        f"keeps {criterion.metric} within {margin} {side} that of the reference ({number(answer.reference)})"
    )
    return (
        f"{answer.study}: which setting {kept}, with {100 * criterion.confidence:g} % confidence{families}?"
    )


def _family(answer: Recommendation, one: FamilyAnswer) -> Iterator[str]:
    best, stopped = one.recommended, one.stopped
    if best is not None:
        found = f"{measured(answer, best)}{saved(answer, best)}"
        yield f"{one.family.name}: {best.setting.variant} still does: {found}."
    else:
        yield f"{one.family.name}: no setting is recommended."
    if stopped is not None:
        yield f"    {stopped.setting.variant} {_failed(answer, stopped)}"
    elif best is not None:
        yield "    It is the harshest that was tried: harsher ones may do too."


def measured(answer: Recommendation, level: Level) -> str:
    """The metric of a level, and its bound."""
    worst = level.bound if answer.better == "higher" else -level.bound
    side = "above" if worst > 0 else "below"
    value = f"{answer.criterion.metric} {number(level.value)}"
    return f"{value}, at worst {number(abs(worst))} {side} the reference"


def saved(answer: Recommendation, level: Level) -> str:
    """Its cost, and what it saves; empty where the cost is not known."""
    if math.isnan(level.cost):
        return ""
    cost = f", at {number(level.cost)} {answer.criterion.cost}"
    if math.isnan(level.saving):
        return cost
    if level.saving <= 0:
        return f"{cost}, no fewer than the reference ({number(answer.reference_cost)})"
    ratio = 1 / (1 - level.saving) if level.saving < 1 else math.inf
    return f"{cost}, {100 * level.saving:.0f} % fewer than the reference (1/{ratio:.3g})"


def _failed(answer: Recommendation, level: Level) -> str:
    value, bound = f"{answer.criterion.metric} {number(level.value)}", number(abs(level.bound))
    if level.verdict == "inferior":
        return f"does not: {value}, at best {bound} off the reference."
    if level.verdict == "undecided":
        found = f"{value}, at worst {bound} off the reference"
        return f"is undecided: {found}; {level.remedy}."
    return f"cannot be decided: {level.remedy}."


def _best(answer: Recommendation) -> str:
    best = answer.best
    if best is None or best.recommended is None:
        return "Nothing is recommended."
    level = best.recommended
    return f"Cheapest that does: {level.setting.variant}{saved(answer, level)}."


def number(value: float) -> str:
    """Four significant digits."""
    return "unknown" if math.isnan(value) else f"{value:.4g}"
