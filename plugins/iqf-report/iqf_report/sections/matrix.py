"""Train-variant against test-variant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from iqf_core import ParameterError
from iqf_report.crossing import by_repetition, crossing, means, said
from iqf_report.page.blocks import Block, Drawing, Table, Text
from iqf_report.page.drawing import empty
from iqf_report.page.material import Material


def matrix(material: Material) -> Iterator[Block]:
    """Yield the matrix, a sentence for each variant, and a picture; nothing where the study is no matrix."""
    if "train_variant" not in material.table:
        return
    metric = None if material.answer is None else material.answer.column
    try:
        table = crossing(material.results, metric)
    except ParameterError as error:
        yield Text(str(error), "warning")
        return
    column = table.attrs["metric"]
    cells = means(by_repetition(material.results, column))
    yield Table(
        cells.reset_index(names="trained on \\ tested on"),
        f"{material.short(column)}: what each model comes to on each variant",
    )
    for row in table.to_dict("records"):
        yield Text(said({str(name): value for name, value in row.items()}, material.short(column)))
    figure = empty(1.6 + 0.62 * cells.shape[1], 1.2 + 0.5 * cells.shape[0])
    axes = figure.add_subplot()
    values = cells.to_numpy(float)
    shown = axes.imshow(values, cmap="viridis", aspect="auto")
    for (down, right), value in np.ndenumerate(values):
        red, green, blue, _ = shown.to_rgba(value)
        bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45
        ink = "#010101" if bright else "#fefefe"  # on its own ground, whatever the page's
        if not np.isnan(value):
            axes.text(right, down, f"{value:.3g}", ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(cells.shape[1]), cells.columns, rotation=35, ha="right", fontsize=7.5)
    axes.set_yticks(range(cells.shape[0]), cells.index, fontsize=7.5)
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    yield Drawing(figure, f"The same matrix of {material.short(column)} as colours.", "matrix")
