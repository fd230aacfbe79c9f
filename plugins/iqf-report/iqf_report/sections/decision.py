"""What is recommended, family by family, with a picture of each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from iqf_report.deciding import FamilyAnswer, Level, Recommendation
from iqf_report.page.blocks import Block, Drawing, Gallery, Table, Text
from iqf_report.page.drawing import ALARM, COLOURS, DASHES, MARKERS, empty
from iqf_report.page.material import Material
from iqf_report.saying import margin_of, number
from iqf_report.sections.quality import drawn
from iqf_report.studied import runs_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

INTERVAL = 0.95
MOST_UNDECIDED = 6
"""Metrics that are drawn where none decides."""


def headline(material: Material) -> str:
    """The answer in one sentence."""
    answer = material.answer
    if answer is None:
        return "Nothing is decided yet: there is no criterion, or nothing to apply it to."
    best, criterion = answer.best, answer.criterion
    kept = f"{criterion.metric} within {margin_of(criterion)} of the untouched images"
    sure = f"with {100 * criterion.confidence:g} % confidence"
    if best is None or best.recommended is None:
        accepted = [one.recommended for one in answer.answers if one.recommended is not None]
        if not accepted:
            return f"No setting that was tried is shown to keep {kept}, {sure}."
        names = ", ".join(level.setting.variant for level in accepted)
        return f"{names} {'keeps' if len(accepted) == 1 else 'keep'} {kept}, {sure}."
    level = best.recommended
    cost = f" at {number(level.cost)} {criterion.cost}" if not math.isnan(level.cost) else ""
    saving = f", {100 * level.saving:.0f} % less than untouched" if level.saving > 0 else ""
    return f"{level.setting.variant} keeps {kept}, {sure},{cost}{saving}."


def decision(material: Material) -> Iterator[Block]:
    """Yield a row and a picture for each family."""
    answer = material.answer
    if answer is None:
        yield Text(material.undecided[:1].upper() + material.undecided[1:], "warning")
        found = [name for name in material.metrics if not _is_of_images(material, name)][:MOST_UNDECIDED]
        if found and not material.finished.empty:
            yield Gallery(tuple(drawn(material, name, material.rate) for name in found))
        return
    if answer.exploratory:
        yield Text(f"Exploratory: {answer.exploratory}; the error rate is not guaranteed.", "warning")
    for note in answer.notes:
        yield Text(f"{note[:1].upper()}{note[1:]}.", "note")
    yield Table(_families(answer), _question(answer))
    yield Gallery(tuple(_drawings(material, answer)))
    yield Table(_levels(answer), "Every setting, from mild to harsh", folded=True)
    front = [level.setting.variant for level in answer.front]
    if len(front) > 1:
        yield Text(
            f"Settings that no other betters in {answer.criterion.metric} and {answer.criterion.cost} at "
            f"once, from cheap to dear: {', '.join(front)}."
        )


def _is_of_images(material: Material, column: str) -> bool:
    declared = material.declared.get(column)
    return declared is not None and declared.of_images


def _question(answer: Recommendation) -> str:
    criterion = answer.criterion
    side = "below" if answer.better == "higher" else "above"
    shared = f", shared by {len(answer.answers)} families" if len(answer.answers) > 1 else ""
    lost = f"at most {margin_of(criterion)} {side}"
    return (
        f"Strongest setting of each family whose {criterion.metric} is {lost} that of the "
        f"reference ({number(answer.reference)}); error rate {100 * (1 - criterion.confidence):.3g} %{shared}"
    )


def _families(answer: Recommendation) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([_row(answer, one) for one in answer.answers])


def _row(answer: Recommendation, one: FamilyAnswer) -> dict[str, Any]:
    best, stopped = one.recommended, one.stopped
    worst = math.nan if best is None else best.bound
    return {
        "family": one.family.name,
        "still does": "nothing" if best is None else best.setting.variant,
        answer.criterion.metric: math.nan if best is None else best.value,
        "at worst, against the reference": worst if answer.better == "higher" else -worst,
        answer.criterion.cost: math.nan if best is None else best.cost,
        "saved": "" if best is None or not best.saving > 0 else f"{100 * best.saving:.0f} %",
        "next setting": "" if stopped is None else stopped.setting.variant,
        "is": "" if stopped is None else stopped.verdict,
        "what would decide it": "" if stopped is None else stopped.remedy,
    }


def _levels(answer: Recommendation) -> pd.DataFrame:
    table = answer.dataframe()
    names = {"metric": answer.criterion.metric, "cost": answer.criterion.cost, "se": "standard error"}
    kept = ["family", "variant", "verdict", "metric", "difference", "bound", "se", "cost", "saving", "basis"]
    return table[[name for name in kept if name in table]].rename(columns=names)


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
    return Drawing(figure, alt, f"{'rate' if not knob else 'knob-' + families[0].family.kind}")


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
        reach.append(_reach(values))
        axes.scatter(
            [place] * len(values), values, s=9, color=colour, alpha=0.45, marker=marker, linewidths=0
        )
    order = sorted(range(len(places)), key=places.__getitem__)
    axes.errorbar(
        [places[i] for i in order],
        [means[i] for i in order],
        yerr=[reach[i] for i in order],
        color=colour,
        marker=marker,
        markersize=5,
        capsize=3,
        linestyle=DASHES[index % len(DASHES)],
        label=one.family.name,
    )
    best = one.recommended
    if best is not None:
        place = one.family.value_of(best.setting) if knob else best.cost
        axes.plot(place, best.value, "o", markersize=14, fillstyle="none", color=ALARM, markeredgewidth=1.6)


def _values(material: Material, answer: Recommendation, level: Level) -> pd.Series[Any]:
    return runs_of(material.finished, level.setting)[answer.column].dropna().astype(float)


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
