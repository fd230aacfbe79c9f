"""The answer in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from iqf_core.criterion import Criterion
from iqf_report.deciding import FamilyAnswer, Level, Recommendation


def said(answer: Recommendation) -> str:
    """Text for a terminal: the question, a sentence or two for each family, the best of them, notes."""
    lines = [_question(answer), *(f"Note: {note}." for note in answer.caveats), ""]
    lines += [f"  {sentence}" for one in answer.answers for sentence in _family(answer, one)]
    lines += ["", _best(answer)]
    if answer.exploratory:
        lines.append(f"EXPLORATORY: {why_exploratory(answer)}")
    lines += [f"Note: {note}." for note in answer.notes if note not in answer.caveats]
    return "\n".join(lines)


def why_exploratory(answer: Recommendation) -> str:
    """What was changed or added, what that does to the error rate, and the way to one that holds."""
    rate = f"{100 * (1 - answer.criterion.confidence):.3g} %"
    return (
        f"{answer.exploratory}. What is chosen after outcomes are known may fit them by chance, so the risk "
        f"that a setting is recommended that loses more than the margin may be above {rate}. For an answer "
        f"that keeps to {rate}, run a study of another `name:` and `seed:`, at best on other test images, "
        "with this criterion in its file from the start."
    )


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
    bound = bound_of(answer, level)
    return (
        f"{answer.criterion.metric} {number(level.value)}, {bound}{'' if level.vacuous else ' the reference'}"
    )


def bound_of(answer: Recommendation, level: Level) -> str:
    """The confidence bound, and its side of the reference; empty where the level was not tested.

    With a relative margin as a share too, which is what is tested.
    """
    if level.estimate is None:
        return ""
    if level.vacuous:
        few = (
            f"{level.estimate.repetitions} repetitions" if level.estimate.repetitions > 1 else "these images"
        )
        return f"no bound ({few} are too few: it may be as bad as the metric can be)"
    end = "at best" if level.verdict == "inferior" else "at worst"
    return f"{end} {apart(answer, level.bound, level.share)}"


def apart(answer: Recommendation, difference: float, share: float = math.nan) -> str:
    """How far something lies from the reference, and on which side; a share of it too, where one is given."""
    size = number(abs(difference))
    if not math.isnan(share):
        size = f"{100 * abs(share):.3g} % ({size})"
    side = "above" if (difference > 0) == (answer.better == "higher") else "below"
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
    if level.verdict == "inferior":
        return f"does not: {measured(answer, level)}."
    if level.verdict == "undecided":
        return f"is undecided: {measured(answer, level)}; {level.remedy}."
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
