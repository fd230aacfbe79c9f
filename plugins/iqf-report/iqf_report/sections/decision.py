"""What is recommended, family by family, with a picture of each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from iqf_report.deciding import FamilyAnswer, Level, Recommendation
from iqf_report.page.blocks import Block, Drawing, Gallery, Table, Text
from iqf_report.page.drawing import ALARM, COLOURS, DASHES, MARKERS, empty
from iqf_report.page.material import Material
from iqf_report.saying import apart, bound_of, margin_of, number, why_exploratory
from iqf_report.sections.quality import drawn
from iqf_report.studied import runs_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

INTERVAL = 0.95
VERDICTS = {
    "accepted": "passes",
    "inferior": "loses more than the margin",
    "undecided": "undecided",
    "missing": "too few runs or values to test it",
    "not tested": "not tested, for a milder one did not pass",
}
MOST_UNDECIDED = 6
"""Metrics that are drawn where none decides."""


def headline(material: Material) -> str:
    """The answer in one sentence, after whether it is the last word; in another, how many runs failed."""
    said, planned = _said(material), material.planned
    missing = planned - len(material.table)
    if missing <= 0:
        return said
    begins = said.startswith(("Exploratory, ", "No ", "Nothing "))
    said = f"{said[:1].lower()}{said[1:]}" if begins else said
    return f"Not finished ({missing} of {planned} runs to do): so far {said}"


def _said(material: Material) -> str:
    failed, ended = material.failed, len(material.table)
    if failed and failed == ended:
        return f"Nothing is decided: {_every(failed)} failed."
    count = f" {failed} of {ended} runs failed and do not count." if failed else ""
    if material.answer is None and material.remedy:
        return f"Nothing is decided: {material.undecided}.{count}"
    if material.answer is None:
        return f"Nothing is decided yet: {material.undecided.rstrip('.') or 'no run has ended'}.{count}"
    return f"{_answered(material.answer)}{count}"


def _every(failed: int) -> str:
    return "the only run that ended has" if failed == 1 else f"all {failed} runs that ended have"


def _answered(answer: Recommendation) -> str:
    """What is recommended; how sure that is only where its error rate holds."""
    best, criterion = answer.best, answer.criterion
    sure = f", with {100 * criterion.confidence:g} % confidence"
    begin = ""
    if answer.exploratory:
        sure, begin = "", "Exploratory, with no guaranteed error rate: "
    kept = f"{criterion.metric} within {margin_of(criterion)} of the untouched images{sure}"
    if best is None or best.recommended is None:
        accepted = [one.recommended for one in answer.answers if one.recommended is not None]
        if not accepted:
            return f"{begin}{'no' if begin else 'No'} setting that was tried is shown to keep {kept}."
        names = ", ".join(level.setting.variant for level in accepted)
        return f"{begin}{names} {'keeps' if len(accepted) == 1 else 'keep'} {kept}."
    level = best.recommended
    cost = f" at {number(level.cost)} {criterion.cost}" if not math.isnan(level.cost) else ""
    saving = f", {100 * level.saving:.0f} % less than untouched" if level.saving > 0 else ""
    return f"{begin}{level.setting.variant} keeps {kept}{',' if cost else ''}{cost}{saving}."


def decision(material: Material) -> Iterator[Block]:
    """Yield a row and a picture for each family."""
    answer = material.answer
    if answer is None:
        if material.failed and material.failed == len(material.table):
            why = f"{_every(material.failed)} failed; the reasons stand below, under “Runs that failed”."
            yield Text(why[:1].upper() + why[1:], "warning")
            return
        why = material.remedy or material.undecided
        yield Text(why[:1].upper() + why[1:], "warning")
        found = [name for name in material.metrics if not _is_of_images(material, name)][:MOST_UNDECIDED]
        if found and not material.finished.empty:
            yield Gallery(tuple(drawn(material, name, material.rate) for name in found))
        return
    if answer.exploratory:
        yield Text(f"Exploratory: {why_exploratory(answer)}", "warning")
    for note in answer.notes:
        yield Text(f"{note[:1].upper()}{note[1:]}.", "note")
    yield Table(_families(answer), _question(answer), stacks=True)
    yield Gallery(tuple(_drawings(material, answer)))
    yield Table(_levels(answer), "Every setting, from mild to harsh", folded=True)
    front = [level.setting.variant for level in answer.front]
    if len(front) > 1:
        yield Text(
            "Another question, in which the margin plays no part: which settings does no other beat in both "
            f"{answer.criterion.metric} and {answer.criterion.cost} (the Pareto front)? By their means, "
            f"tested or not, from the cheapest to the dearest: {', '.join(front)}. To stand here is no "
            "recommendation."
        )


def _is_of_images(material: Material, column: str) -> bool:
    declared = material.declared.get(column)
    return declared is not None and declared.of_images


def _question(answer: Recommendation) -> str:
    criterion = answer.criterion
    side = "below" if answer.better == "higher" else "above"
    families = answer.shared or len(answer.answers)
    shared = f", shared by {families} families" if families > 1 else ""
    held = ", which is not guaranteed: the answer is exploratory" if answer.exploratory else ""
    margin = margin_of(criterion)
    if criterion.relative:
        margin += f" ({number(criterion.margin * answer.reference)})"
    return (
        f"Strongest setting of each family whose {criterion.metric} is at most {margin} {side} that of the "
        f"reference ({number(answer.reference)}); error rate {100 * (1 - criterion.confidence):.3g} %{shared}"
        f"{held}"
    )


def _families(answer: Recommendation) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([_row(answer, one) for one in answer.answers])


def _row(answer: Recommendation, one: FamilyAnswer) -> dict[str, Any]:
    best, stopped = one.recommended, one.stopped
    return {
        "family": one.family.name,
        "strongest setting that passes": "none" if best is None else best.setting.variant,
        answer.criterion.metric: None if best is None else best.value,
        "against the reference": "" if best is None else bound_of(answer, best),
        answer.criterion.cost: None if best is None else best.cost,
        "saved": "" if best is None else _percent(best.saving),
        "first setting that does not pass": "none of those tried"
        if stopped is None
        else stopped.setting.variant,
        "why not": "" if stopped is None else _why_not(answer, stopped),
        "what would decide it": "" if stopped is None else stopped.remedy,
    }


def _why_not(answer: Recommendation, level: Level) -> str:
    bound = bound_of(answer, level)
    return f"{VERDICTS[level.verdict]}: {bound}" if bound else VERDICTS[level.verdict]


def _percent(share: float) -> str:
    if math.isnan(share):
        return ""
    return f"{100 * share:.0f} %" if share >= 0 else f"{-100 * share:.0f} % more"


def _levels(answer: Recommendation) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([_level(answer, one, level) for one in answer.answers for level in one.levels])


def _level(answer: Recommendation, one: FamilyAnswer, level: Level) -> dict[str, Any]:
    estimate, criterion = level.estimate, answer.criterion
    share = level.difference / one.reference if criterion.relative else math.nan
    return {
        "family": one.family.name,
        "setting": level.setting.variant,
        "result": VERDICTS[level.verdict],
        criterion.metric: level.value,
        "against the reference": "" if estimate is None else apart(answer, level.difference, share),
        "bound": bound_of(answer, level),
        "standard error": math.nan if estimate is None else estimate.se,
        criterion.cost: level.cost,
        "saved": _percent(level.saving),
        "the error is from": "" if estimate is None else estimate.basis,
    }


def _drawings(material: Material, answer: Recommendation) -> Iterator[Drawing]:
    known = [one for one in answer.answers if not all(math.isnan(level.cost) for level in one.levels)]
    if known:
        yield _against(material, answer, known, knob=False)
    for one in answer.answers:
        if one not in known and one.family.knob is not None:
            yield _against(material, answer, [one], knob=True)


def _against(
    material: Material, answer: Recommendation, families: Sequence[FamilyAnswer], *, knob: bool
) -> Drawing:
    """Metric against rate, or against the knob of one family: means with their intervals, and single runs."""
    figure = empty()
    axes = figure.add_subplot()
    for index, one in enumerate(families):
        _family(axes, material, answer, one, index, knob=knob)
    _ring(axes, families, knob=knob)
    _margin(axes, answer)
    what = answer.criterion.cost if not knob else _knob_name(families[0])
    axes.set_xlabel(what.replace("_", " "))
    axes.set_ylabel(answer.criterion.metric)
    if not knob and "bits" in what:
        axes.set_xscale("log")
    axes.grid(alpha=0.25, color="#808080")
    axes.legend(fontsize=8, frameon=False)
    if knob:
        axes.set_title(families[0].family.name, fontsize=10)
    recommended = [one.recommended.setting.variant for one in families if one.recommended is not None]
    names = ", ".join(one.family.name for one in families)
    alt = (
        f"{answer.criterion.metric} against {what} for {names}, with {100 * INTERVAL:g} % intervals of the "
        f"mean and the margin; recommended: "
        f"{', '.join(recommended) or 'nothing'}. The numbers stand in the table of all settings."
    )
    name = "rate" if not knob else f"knob-{families[0].family.kind}"
    return Drawing(figure, alt, name, _caption(material, answer, families))


def _caption(material: Material, answer: Recommendation, families: Sequence[FamilyAnswer]) -> str:
    """What is drawn beside the means, and why the bars are not what decides."""
    levels = [level for one in families for level in one.levels]
    words = []
    if any(len(_values(material, answer, level)) > 1 for level in levels):
        bars = f"Bars: {100 * INTERVAL:g} % intervals of the mean, from the repetitions alone."
        of_images = any("images" in level.estimate.basis for level in levels if level.estimate)
        counts = "counts the test images too, and compares" if of_images else "compares"
        words.append(
            f"{bars} The decision {counts} with the reference, so its bounds are others: see the table."
        )
    side = "lowest" if answer.better == "higher" else "highest"
    words.append(f"Dashed line: the margin, the {side} value that still does.")
    if any(one.recommended is not None for one in families):
        words.append("Red circle: recommended, the strongest setting of its family that passes.")
    return " ".join(words)


def _knob_name(one: FamilyAnswer) -> str:
    knob = one.family.knob
    return "knob" if knob is None else knob.field


def _family(
    axes: Axes, material: Material, answer: Recommendation, one: FamilyAnswer, index: int, *, knob: bool
) -> None:
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    places, means, reach = [], [], []
    for level in one.levels:
        place = one.family.value_of(level.setting) if knob else level.cost
        values = _values(material, answer, level)
        if math.isnan(place) or not len(values):
            continue
        places.append(place)
        means.append(float(values.mean()))
        reach.append(_interval(values, _possible(material, answer.column)))
        axes.scatter(
            [place] * len(values), values, s=9, color=colour, alpha=0.45, marker=marker, linewidths=0
        )
    order = sorted(range(len(places)), key=places.__getitem__)
    axes.errorbar(
        [places[i] for i in order],
        [means[i] for i in order],
        yerr=[[reach[i][side] for i in order] for side in (0, 1)],
        color=colour,
        marker=marker,
        markersize=5,
        capsize=3,
        linestyle=DASHES[index % len(DASHES)],
        label=one.family.name,
    )


def _ring(axes: Axes, families: Sequence[FamilyAnswer], *, knob: bool) -> None:
    """A circle around what is recommended, which the legend names once and smaller."""
    ring: dict[str, Any] = {"fillstyle": "none", "color": ALARM, "linestyle": "none"}
    drawn = False
    for one in families:
        if (best := one.recommended) is None:
            continue
        place = one.family.value_of(best.setting) if knob else best.cost
        axes.plot(place, best.value, "o", markersize=14, markeredgewidth=1.6, **ring)
        drawn = True
    if drawn:
        axes.plot([], [], "o", markersize=7, markeredgewidth=1.3, label="recommended", **ring)


def _values(material: Material, answer: Recommendation, level: Level) -> pd.Series[Any]:
    return runs_of(material.finished, level.setting)[answer.column].dropna().astype(float)


def _interval(values: pd.Series[Any], possible: tuple[float, float]) -> tuple[float, float]:
    """How far the interval of a mean reaches down and up, no further than the metric can go."""
    mean, reach = float(values.mean()), _reach(values)
    low, high = possible
    return max(min(reach, mean - low), 0.0), max(min(reach, high - mean), 0.0)


def _possible(material: Material, column: str) -> tuple[float, float]:
    """Lowest and highest value of a metric, infinite where nothing declares it."""
    declared = material.declared.get(column)
    return (-math.inf, math.inf) if declared is None else (declared.output.low, declared.output.high)


def _reach(values: pd.Series[Any]) -> float:
    """Half the width of the interval of a mean, by Student's t."""
    from scipy import stats

    count = len(values)
    if count < 2:
        return 0.0
    return float(stats.t.ppf((1 + INTERVAL) / 2, count - 1) * values.std(ddof=1) / math.sqrt(count))


def _margin(axes: Axes, answer: Recommendation) -> None:
    axes.axhline(answer.reference, color="#000000", linewidth=1, linestyle=":", label="reference")
    axes.axhline(answer.limit(answer.reference), color=ALARM, linewidth=1.2, linestyle="--", label="margin")
