"""What was measured of the images, against the rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from iqf_core.verification import VERIFY
from iqf_report.page.blocks import Block, Drawing, Gallery, Text
from iqf_report.page.drawing import COLOURS, DASHES, MARKERS, empty
from iqf_report.page.material import Material

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST = 8
"""Drawings; a study of many metrics has the rest in its table."""


def quality(material: Material) -> Iterator[Block]:
    """Yield a drawing for the outputs of metrics of images: what each metric names first, first."""
    if material.finished.empty:
        return
    columns = _columns(material)
    across = material.rate
    drawings = [drawn(material, column, across) for column in columns[:MOST]]
    if not drawings:
        return
    if across:
        yield Text(f"Means over the images, against {across.replace('_', ' ')}.")
    yield Gallery(tuple(drawings))
    if len(columns) > MOST:
        rest = ", ".join(map(material.short, columns[MOST:]))
        yield Text(f"In the table of all runs, and not drawn: {rest}.", "note")


def _columns(material: Material) -> list[str]:
    table = material.finished.drop_duplicates("variant")
    measured = [
        column
        for column, declared in material.declared.items()
        if declared.of_images
        and column in table
        and (not column.startswith(VERIFY) or column.endswith(".after"))
        and table[column].nunique() > 1
    ]
    directed = [column for column in measured if material.declared[column].output.better != "none"]
    placed: Counter[str] = Counter()
    ranked = []
    for column in directed:
        label = material.declared[column].metric.label
        ranked.append((placed[label], column))
        placed[label] += 1
    first = [column for _, column in sorted(ranked, key=lambda pair: pair[0])]  # what each metric names first
    return first + [column for column in measured if column not in directed]


def drawn(material: Material, column: str, across: str) -> Drawing:
    """A column against the rate, by family; as bars where there is no rate.

    Parameters
    ----------
    material : Material
        Of the study.
    column : str
        Of its results.
    across : str
        The rate; empty without.
    """
    declared = material.declared.get(column)
    table = material.finished.groupby(["family", "variant"], sort=False).mean(numeric_only=True).reset_index()
    figure = empty(4.7, 2.9)
    axes = figure.add_subplot()
    families = [name for name in dict.fromkeys(table["family"]) if name != "reference"]
    by_rate = [
        name for name in families if across and table.loc[table["family"] == name, across].notna().any()
    ]
    if by_rate:
        _lines(axes, table, by_rate, families, column, across)
        axes.set_xlabel(across.replace("_", " "))
        if "bits" in across:
            axes.set_xscale("log")
        axes.legend(fontsize=8, frameon=False)
    else:
        places = range(len(table))
        axes.barh(places, table[column], color=COLOURS[0])
        axes.set_yticks(places, table["variant"], fontsize=7)
        axes.invert_yaxis()
    reference = table.loc[table["family"] == "reference", column]
    if len(reference) and by_rate and reference.notna().all():
        axes.axhline(float(reference.iloc[0]), color="#000000", linewidth=1, linestyle=":")
    words = "" if declared is None else f" {declared.output.description}"
    unit = "" if declared is None or declared.output.unit in ("1", "") else f" ({declared.output.unit})"
    name = material.short(column.removesuffix(".after"))
    axes.set_title(f"{name}{unit}", fontsize=10)
    axes.grid(alpha=0.25, color="#808080")
    alt = f"{name} by setting.{words} {_said(table, column)}"
    return Drawing(figure, alt, f"quality-{column}")


def _lines(
    axes: Axes,
    table: pd.DataFrame,
    by_rate: Sequence[str],
    families: Sequence[str],
    column: str,
    across: str,
) -> None:
    for name in by_rate:
        index = families.index(name)
        rows = table[table["family"] == name].dropna(subset=[across, column]).sort_values(across)
        axes.plot(
            rows[across],
            rows[column],
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            linestyle=DASHES[index % len(DASHES)],
            markersize=5,
            label=name,
        )


def _said(table: pd.DataFrame, column: str) -> str:
    known = table.dropna(subset=[column]).sort_values(column)
    if known.empty:
        return ""
    low, high = known.iloc[0], known.iloc[-1]
    return f"From {low[column]:.4g} ({low['variant']}) to {high[column]:.4g} ({high['variant']})."
