"""The answer in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from iqf_core.criterion import Criterion
from iqf_report.deciding import FamilyAnswer, Level, Recommendation

FRESH = "fresh seeds (another `name:` and `seed:`, at best other test images too)"


def said(answer: Recommendation) -> str:
    """Text for a terminal: the question, a sentence or two for each family, the best of them, notes."""
    lines = [_question(answer), *(f"Note: {note}." for note in answer.caveats), ""]
    lines += [f"  {sentence}" for one in answer.answers for sentence in _family(answer, one)]
    lines += ["", _best(answer)]
    if answer.exploratory:
        lines.append(
            f"EXPLORATORY: {answer.exploratory}; the error rate is not guaranteed. It is where the study "
            f"file has this criterion before anything is run, on {FRESH}."
        )
    lines += [f"Note: {note}." for note in answer.notes if note not in answer.caveats]
    return "\n".join(lines)


def _question(answer: Recommendation) -> str:
    criterion = answer.criterion
    references = list(dict.fromkeys(number(one.reference) for one in answer.answers))
    margin = margin_of(criterion)
    if criterion.relative and len(references) == 1 and not math.isnan(answer.reference):
        margin += f" ({number(criterion.margin * answer.reference)})"
    side = "below" if answer.better == "higher" else "above"
    shared = answer.shared or len(answer.answers)
    families = f", over {shared} families" if shared > 1 else ""
    whose = f"that of the reference ({' or '.join(references)})"
    kept = f"keeps {criterion.metric} within {margin} {side} {whose}"
    return (
        f"{answer.study}: which setting {kept}, with {100 * criterion.confidence:g} % confidence{families}?"
    )


def margin_of(criterion: Criterion) -> str:
    """The margin as it was given: in the metric's unit, or in percent of the reference."""
    return f"{100 * criterion.margin:g} %" if criterion.relative else f"{criterion.margin:g}"


def _family(answer: Recommendation, one: FamilyAnswer) -> Iterator[str]:
    best, stopped = one.recommended, one.stopped
    if not any(level.setting.ran for level in one.levels):
        yield f"{one.family.name}: incomplete: its runs are not done (`iqf run`)."
        return
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
    return f"{answer.criterion.metric} {number(level.value)}, at worst {_bound(answer, level)} the reference"


def _bound(answer: Recommendation, level: Level) -> str:
    """How far a bound lies from the reference: with a relative margin as a share, which is tested."""
    bound = level.share if answer.criterion.relative else level.bound
    side = "above" if (bound > 0) == (answer.better == "higher") else "below"
    size = f"{100 * abs(bound):.3g} %" if answer.criterion.relative else number(abs(bound))
    return f"{size} {side}"


def saved(answer: Recommendation, level: Level) -> str:
    """Its cost, and what it saves; empty where the cost is not known."""
    if math.isnan(level.cost):
        return ""
    cost = f", at {number(level.cost)} {answer.criterion.cost}"
    if math.isnan(level.saving):
        return cost
    if level.saving <= 0:
        more = f"{-100 * level.saving:.0f} % more than" if level.saving < 0 else "as much as"
        return f"{cost}, {more} the reference ({number(answer.reference_cost)})"
    ratio = 1 / (1 - level.saving) if level.saving < 1 else math.inf
    return f"{cost}, {100 * level.saving:.0f} % less than the reference (1/{ratio:.3g})"


def _failed(answer: Recommendation, level: Level) -> str:
    found = f"{answer.criterion.metric} {number(level.value)}"
    if level.verdict == "inferior":
        return f"does not: {found}, at best {_bound(answer, level)} the reference."
    if level.verdict == "undecided":
        return f"is undecided: {found}, at worst {_bound(answer, level)} the reference; {level.remedy}."
    return f"cannot be decided: {level.remedy}."


def _best(answer: Recommendation) -> str:
    accepted = [one for one in answer.answers if one.recommended is not None]
    best = answer.best
    if not accepted:
        return "Nothing is recommended."
    if best is None or best.recommended is None:
        what = "" if answer.has_cost else ", for the study has none"
        return f"None of them is called the cheapest: no {answer.criterion.cost} is known{what}."
    level, options = best.recommended, best.family.options
    name = f"{level.setting.variant} ({options})" if options else level.setting.variant
    dark = [one.family.name for one in accepted if one.recommended and math.isnan(one.recommended.cost)]
    rest = f" Of {', '.join(dark)} no {answer.criterion.cost} is known." if dark else ""
    so_far = " of what is done so far" if answer.incomplete else ""
    return f"Cheapest that does{so_far}: {name}{saved(answer, level)}.{rest}"


def number(value: float) -> str:
    """Four significant digits."""
    return "unknown" if math.isnan(value) else f"{value:.4g}"
