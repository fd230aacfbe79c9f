"""``iqf plot``: a metric against the rate, the knob or any other column, by family."""

from __future__ import annotations

import logging
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from iqf_core.cli.completing import study_names
from iqf_core.cli.talk import near, say

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iqf_core import Results
    from iqf_report.deciding import Recommendation
    from iqf_report.families import Family, Setting

log = logging.getLogger("iqf")

Kind = Literal["line", "scatter", "bar"]
MARKERS = "osD^vP*X"
KNOB, RATE = "knob", "bits_per_pixel"
RING = "crimson"


def plot(
    results: Results,
    *,
    y: str,
    x: str = RATE,
    kind: Kind = "line",
    families: Sequence[str] = (),
    log_x: bool | None = None,
    answer: Recommendation | None = None,
) -> Figure:
    """Draw a metric of a study, family by family as `recommend` has them.

    Parameters
    ----------
    results : Results
        Of its runs.
    y : str
        Column of the results, or its end.
    x : str, optional
        The same, or ``knob``: then each modifier has a panel of its own.
    kind : {"line", "scatter", "bar"}, optional
        ``line``: means with a band of one standard deviation, and each run as a dot; ``scatter``: runs;
        ``bar``: means by setting.
    families : sequence of str, optional
        Families or modifiers; all unless given.
    log_x : bool or None, optional
        Logarithmic; None: for rates.
    answer : Recommendation or None, optional
        Its margin is drawn as a line, and what it recommends as a ring, where it is by this metric.

    Returns
    -------
    matplotlib.figure.Figure
        To be saved by the caller. What has no value on the lower axis is not drawn, and a warning says so.

    Raises
    ------
    ParameterError
        When there is no such column or family.
    """
    from matplotlib.figure import Figure as Made

    from iqf_report.page.drawing import plain

    drawn = _drawn(results, y, x, kind, families)
    panels = _panels(drawn) if x == KNOB and kind != "bar" else [list(drawn.curves)]
    figure = Made(figsize=(max(7.2, 4.2 * len(panels)), 4.6), layout="constrained")
    every = figure.subplots(1, max(len(panels), 1), sharey=True, squeeze=False)[0]
    for axes, curves in zip(every, panels, strict=True):
        if kind == "bar":
            _bars(axes, drawn, curves)
        else:
            _curves(axes, curves, kind)
            if x == KNOB and curves:
                axes.set_xlabel(_knob_name(curves[0].family))
            else:
                axes.set_xlabel(drawn.across)
            if log_x or (log_x is None and "bits" in drawn.across):
                axes.set_xscale("log")
        _levels(axes, drawn, curves, answer, kind)
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    every[0].set_ylabel(textwrap.fill(y, 40))
    figure.suptitle(results.name)
    plain(figure)
    return figure


@dataclass(frozen=True)
class _Curve:
    """What is drawn of a family: ``across`` and ``value`` of each run, by setting from mild to harsh."""

    family: Family
    colour: str
    marker: str
    points: list[tuple[Setting, pd.DataFrame]]


@dataclass(frozen=True)
class _Drawn:
    column: str
    across: str
    curves: tuple[_Curve, ...]
    references: dict[Any, float]


def _drawn(results: Results, y: str, x: str, kind: Kind, asked: Sequence[str]) -> _Drawn:
    from iqf_core.criterion import Criterion, metric_column
    from iqf_report.families import Setting as Made
    from iqf_report.families import chosen, families_of, unplaced
    from iqf_report.studied import Studied

    studied = Studied(results, Criterion.of({"metric": y, "margin": 0.0, "cost": f"not {y}"}))
    table = studied.good
    numbers = [str(name) for name in table.select_dtypes("number").columns]
    column = metric_column(numbers, y)
    across = KNOB if x == KNOB else metric_column(numbers, x)
    settings = studied.settings()
    have = {one.hyperparameters for one in settings if one.spec is None}
    lacking = dict.fromkeys(one.hyperparameters for one in settings if one.hyperparameters not in have)
    known = families_of([*settings, *(Made("reference", None, None, cell) for cell in lacking)])
    wanted = chosen(known, asked) if known or asked else []
    curves, dark = [], []
    for index, one in enumerate(known):
        if one not in wanted:
            continue
        points = [(setting, _points(table, one, setting, column, across)) for setting in one.settings]
        if kind != "bar":
            points = [(setting, rows.dropna(subset=["across"])) for setting, rows in points]
        points = [(setting, rows) for setting, rows in points if len(rows)]
        marker = MARKERS[index % len(MARKERS)]
        if points:
            curves.append(_Curve(one, f"C{index % 10}", marker, points))
        else:
            dark.append(one.name)
    _tell(dark, unplaced(settings), y, across)
    references = {one.family.reference: _mean(table, one.family.reference, column) for one in curves}
    return _Drawn(column, across, tuple(curves), references)


def _tell(dark: Sequence[str], lost: Sequence[str], y: str, across: str) -> None:
    if dark:
        verb = "has" if len(dark) == 1 else "have"
        rest = "" if across == KNOB else "; -x knob"
        log.warning("not drawn: %s %s no %s with a %s%s", ", ".join(dark), verb, y, across, rest)
    if lost:
        log.warning("not drawn: the plugin of %s is not here", ", ".join(lost))


def _mean(table: pd.DataFrame, setting: Setting, column: str) -> float:
    import numpy as np

    from iqf_report.studied import runs_of

    values = runs_of(table, setting)[column].to_numpy(float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else math.nan


def _points(table: pd.DataFrame, family: Family, setting: Setting, column: str, across: str) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    from iqf_report.studied import runs_of

    rows = runs_of(table, setting)
    value = family.value_of(setting)
    knob = setting.knob if math.isnan(value) else value
    where = rows[across].astype(float) if across != KNOB else float("nan") if knob is None else float(knob)
    points = pd.DataFrame({"across": where, "value": rows[column].astype(float)}, index=rows.index)
    known: pd.DataFrame = points.loc[np.isfinite(points["value"].to_numpy(float))]
    return known


def _panels(drawn: _Drawn) -> list[list[_Curve]]:
    """Curves of one modifier in one panel: knobs of several have nothing in common."""
    found: dict[str, list[_Curve]] = {}
    for one in drawn.curves:
        found.setdefault(one.family.kind, []).append(one)
    return list(found.values()) or [[]]


def _knob_name(family: Family) -> str:
    knob = family.knob
    return KNOB if knob is None else f"{knob.field} of {family.kind}"


def _curves(axes: Axes, curves: Sequence[_Curve], kind: Kind) -> None:
    import pandas as pd

    spread = False
    for one in curves:
        every = pd.concat([rows for _, rows in one.points])
        dots: dict[str, Any] = {"color": one.colour, "s": 12, "alpha": 0.45, "marker": one.marker}
        if kind == "scatter":
            dots |= {"alpha": 0.8, "s": 20, "label": one.family.name}
            axes.scatter(every["across"], every["value"], **dots)
            continue
        found = pd.DataFrame(
            [(rows["across"].mean(), rows["value"].mean(), rows["value"].std()) for _, rows in one.points],
            columns=["where", "middle", "wide"],
        ).sort_values("where")
        low, high = found["middle"] - found["wide"].fillna(0), found["middle"] + found["wide"].fillna(0)
        if len(found) > 1 and found["wide"].notna().any():
            band = None if spread else "\N{PLUS-MINUS SIGN} one standard deviation"
            axes.fill_between(
                found["where"], low, high, color=one.colour, alpha=0.18, linewidth=0, label=band
            )
            spread = True
        line: dict[str, Any] = {"color": one.colour, "marker": one.marker, "markersize": 5}
        axes.plot(found["where"], found["middle"], label=one.family.name, **line)
        axes.scatter(every["across"], every["value"], **dots)


def _bars(axes: Axes, drawn: _Drawn, curves: Sequence[_Curve]) -> None:
    """A bar for each setting, in the colours of the curves."""
    names: list[str] = []
    for one in curves:
        places = range(len(names), len(names) + len(one.points))
        names += [f"{setting.variant} {one.family.options}".strip() for setting, _ in one.points]
        means = [float(rows["value"].mean()) for _, rows in one.points]
        reach = [float(rows["value"].std()) if len(rows) > 1 else 0.0 for _, rows in one.points]
        axes.bar(places, means, yerr=reach, color=one.colour, label=one.family.name)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)


def _levels(
    axes: Axes, drawn: _Drawn, curves: Sequence[_Curve], answer: Recommendation | None, kind: Kind
) -> None:
    """References and margins as lines; a ring around what is recommended. Each is named once."""
    means = {drawn.references[one.family.reference] for one in curves}
    means = {one for one in means if not math.isnan(one)}
    _across(axes, sorted(means), color="black", linestyle=":", label="reference")
    if answer is None or answer.column != drawn.column:
        return
    _across(axes, sorted(map(answer.limit, means)), color=RING, linestyle="--", label="margin")
    label: str | None = "recommended"
    for place, value in _recommended(curves, answer, kind):
        ring: dict[str, Any] = {"markersize": 13, "fillstyle": "none", "color": RING, "zorder": 5}
        axes.plot(place, value, "o", linestyle="none", label=label, **ring)
        label = None


def _across(axes: Axes, values: Sequence[float], *, label: str, **style: Any) -> None:
    for index, value in enumerate(values):
        axes.axhline(value, linewidth=1, label=None if index else label, **style)


def _recommended(
    curves: Sequence[_Curve], answer: Recommendation, kind: Kind
) -> Iterator[tuple[float, float]]:
    """Where the recommended settings of the curves lie; of bars, by their number."""
    best = {one.family.name: one.recommended for one in answer.answers}
    number = 0
    for one in curves:
        for setting, rows in one.points:
            level = best.get(one.family.name)
            if level is not None and level.setting == setting:
                place = float(number) if kind == "bar" else float(rows["across"].mean())
                yield place, float(rows["value"].mean())
            number += 1


@click.command()
@click.argument("study", shell_complete=study_names)
@click.option("--metric", "-m", "y", help="Column, or its end, as ap_0.5. [default: the criterion's]")
@click.option("--against", "-x", "x", default=RATE, show_default=True, help="Column, or knob.")
@click.option("--kind", type=click.Choice(["line", "scatter", "bar"]), default="line", show_default=True)
@click.option("--family", "families", multiple=True, help="This modifier alone; may be repeated.")
@click.option(
    "--log/--linear", "log_x", default=None, help="Scale of the lower axis [default: log for rates]."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="PNG, SVG or PDF. [default: plot-METRIC.png, with other options in its name, in the folder of the "
    "results]",
)
def command(study: str, output: Path | None, y: str | None, **options: Any) -> None:
    """Draw a metric of STUDY against the rate, the knob or any column, with margin and recommendation.

    \b
    Examples:
      iqf plot textures
      iqf plot textures --metric accuracy -o accuracy.png
      iqf plot textures --metric accuracy --against knob --family jpeg -o jpeg.svg
      iqf plot textures --metric accuracy --kind bar -o bars.png
    """
    from iqf_report.opening import study_of

    if output is not None and output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"{output}: write a name that ends in .png, .svg or .pdf", param_hint="-o")
    results = study_of(study)
    y = y or (results.criterion() or {}).get("metric")
    if y is None:
        raise click.UsageError(f"{results.name}: which metric? It has no `criterion:`, so give --metric")
    # Not beside the script by default: what lies there counts as its code, and its runs would be done anew.
    file = output or results.folder / _file_name(y, **options)
    figure = plot(results, y=y, answer=_answer(results), **options)
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise click.FileError(str(file), hint=str(error)) from error
    say(near(file))


def _file_name(y: str, x: str, kind: str, families: Sequence[str], log_x: bool | None) -> str:
    """Name of a picture: all in which it differs from the one that is drawn without options."""
    parts = ["plot", y]
    parts += [f"against-{x}"] if x != RATE else []
    parts += [kind] if kind != "line" else []
    parts += families
    parts += [] if log_x is None else ["log" if log_x else "linear"]
    return f"{re.sub('[^A-Za-z0-9_.-]+', '-', '-'.join(parts))[:200]}.png"


def _answer(results: Results) -> Recommendation | None:
    """By the study's own criterion; None where it has none, or nothing can be decided."""
    from iqf_core import ParameterError
    from iqf_report.recommend import recommend

    if results.criterion() is None:
        return None
    try:
        return recommend(results)
    except ParameterError as error:
        log.warning("neither margin nor recommendation is drawn: %s", error)
        return None
