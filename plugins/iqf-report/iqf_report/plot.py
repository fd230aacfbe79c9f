"""``iqf plot``: a metric against the rate, the knob or any other column, by family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iqf_core import Results
    from iqf_report.deciding import Recommendation

Kind = Literal["line", "scatter", "bar"]
MARKERS = "osD^vP*X"


def plot(
    results: Results,
    *,
    y: str,
    x: str = "bits_per_pixel",
    kind: Kind = "line",
    families: Sequence[str] = (),
    log_x: bool | None = None,
    answer: Recommendation | None = None,
) -> Figure:
    """Draw a metric of a study.

    Parameters
    ----------
    results : Results
        Of its runs.
    y : str
        Column of the results, or its end.
    x : str, optional
        The same, or ``knob``.
    kind : {"line", "scatter", "bar"}, optional
        ``line``: means with a band of one standard deviation, and each run as a dot; ``scatter``: runs;
        ``bar``: means by setting.
    families : sequence of str, optional
        Modifiers; all unless given.
    log_x : bool or None, optional
        Logarithmic; None: for rates.
    answer : Recommendation or None, optional
        Its margin is drawn as a line, and what it recommends as a ring.

    Returns
    -------
    matplotlib.figure.Figure
        To be saved by the caller.

    Raises
    ------
    ParameterError
        When there is no such column or family.
    """
    from matplotlib.figure import Figure as Made

    from iqf_core import ParameterError
    from iqf_core.criterion import metric_column

    table = results.dataframe()
    table = table[table["status"] == "FINISHED"]
    if "train_variant" in table:
        table = table[table["train_variant"] == table["variant"]]
    numbers = [str(name) for name in table.select_dtypes("number").columns]
    column, across = metric_column(numbers, y), metric_column(numbers, x)
    chosen = [name for name in dict.fromkeys(table["family"]) if name != "reference"]
    for name in families:
        if name not in chosen:
            raise ParameterError(f"no family {name!r} in the results: {', '.join(chosen)}")
    chosen = [name for name in chosen if not families or name in families]
    figure = Made(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    if kind == "bar":
        _bars(axes, table[table["family"].isin([*chosen, "reference"])], column)
    else:
        for index, name in enumerate(chosen):
            _family(axes, table[table["family"] == name], name, across, column, kind, index)
        _reference(axes, table[table["family"] == "reference"], column)
        axes.set_xlabel(across)
        if log_x or (log_x is None and "bits" in across):
            axes.set_xscale("log")
    if answer is not None:
        _decision(axes, answer, across, kind)
    axes.set_ylabel(column)
    axes.set_title(results.name)
    axes.grid(alpha=0.3)
    if kind != "bar":
        axes.legend(fontsize=8)
    return figure


def _family(
    axes: Axes, rows: pd.DataFrame, name: str, across: str, column: str, kind: Kind, index: int
) -> None:
    rows = rows.dropna(subset=[across, column])
    if rows.empty:
        return
    color, marker = f"C{index % 10}", MARKERS[index % len(MARKERS)]
    spread: dict[str, Any] = {"color": color, "s": 12, "alpha": 0.45, "marker": marker}
    if kind == "scatter":
        axes.scatter(rows[across], rows[column], label=name, **{**spread, "alpha": 0.8, "s": 20})
        return
    found = rows.groupby("variant", sort=False).agg({across: "mean", column: ["mean", "std"]})
    found = found.sort_values((across, "mean"))
    where, middle = found[(across, "mean")], found[(column, "mean")]
    wide = found[(column, "std")].fillna(0)
    axes.fill_between(where, middle - wide, middle + wide, color=color, alpha=0.18, linewidth=0)
    axes.plot(where, middle, color=color, marker=marker, markersize=5, label=name)
    axes.scatter(rows[across], rows[column], **spread)


def _reference(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    if len(rows):
        axes.axhline(rows[column].mean(), color="black", linewidth=1, linestyle=":", label="reference")


def _bars(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    found = rows.groupby("variant", sort=False)[column].agg(["mean", "std"])
    kinds = rows.groupby("variant", sort=False)["family"].first()
    colors = {name: f"C{index % 10}" for index, name in enumerate(dict.fromkeys(kinds))}
    places = range(len(found))
    axes.bar(places, found["mean"], yerr=found["std"].fillna(0), color=[colors[kind] for kind in kinds])
    axes.set_xticks(places, found.index, rotation=60, ha="right", fontsize=7)


def _decision(axes: Axes, answer: Recommendation, across: str, kind: Kind) -> None:
    """The margin as a line; a ring around what is recommended."""
    criterion = answer.criterion
    lost = criterion.margin * (answer.reference if criterion.relative else 1.0)
    level = answer.reference - lost if answer.better == "higher" else answer.reference + lost
    axes.axhline(level, color="crimson", linewidth=1, linestyle="--", label="margin")
    if kind == "bar":
        return
    for one in answer.answers:
        best = one.recommended
        place = None if best is None else (best.setting.knob if across == "knob" else best.cost)
        if best is not None and place is not None and across in ("knob", criterion.cost):
            axes.plot(place, best.value, "o", markersize=13, fillstyle="none", color="crimson", zorder=5)


@click.command()
@click.argument("study")
@click.option("--metric", "-m", "y", required=True, help="Column of the results, or its end, as ap_0.5.")
@click.option("--against", "-x", "x", default="bits_per_pixel", show_default=True, help="Column, or knob.")
@click.option("--kind", type=click.Choice(["line", "scatter", "bar"]), default="line", show_default=True)
@click.option("--family", "families", multiple=True, help="This modifier alone; may be repeated.")
@click.option(
    "--log/--linear", "log_x", default=None, help="Scale of the lower axis [default: log for rates]."
)
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="PNG, SVG or PDF.")
def command(study: str, output: Path, **options: Any) -> None:
    """Draw a metric of STUDY against the rate, the knob or any column, with margin and recommendation.

    \b
    Examples:
      iqf plot textures --metric accuracy -o accuracy.png
      iqf plot textures --metric accuracy --against knob --family jpeg -o jpeg.svg
      iqf plot textures --metric accuracy --kind bar -o bars.png
    """
    from iqf_core import ParameterError, Results, open_results
    from iqf_report.recommend import recommend

    if output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"{output}: write a name that ends in .png, .svg or .pdf", param_hint="-o")
    results = open_results(study)
    if not isinstance(results, Results):
        raise ParameterError(f"{study}: not a study's folder")
    criterion = results.criterion()
    answer = None
    if (
        criterion is not None
        and criterion["metric"].rpartition(".")[2] == str(options["y"]).rpartition(".")[2]
    ):
        answer = recommend(results)
    figure = plot(results, answer=answer, **options)
    try:
        figure.savefig(output, dpi=150)
    except OSError as error:
        raise click.FileError(str(output), hint=str(error)) from error
    click.echo(output)
