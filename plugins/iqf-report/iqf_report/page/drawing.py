"""Figures as they stand in a page: SVG without a file around it, readable on light and on dark."""

from __future__ import annotations

import io
import re
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from iqf_report.page.blocks import Drawing

COLOURS = ("#2474c4", "#c25a12", "#1d8a58", "#a04bb8", "#b8456b", "#7a7f87")
"""Each at least 3.5 times as light or as dark as the page, be it light or dark."""
MARKERS = "osD^vP"
DASHES = ("-", "--", "-.", ":")
ALARM = "#d0393b"
SIZE = 4.7, 3.3  # inches: as wide as a telephone shows without shrinking the letters much
STYLE = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9.5}


def empty(width: float = SIZE[0], height: float = SIZE[1]) -> Figure:
    """A figure of black on nothing."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    return figure


def inline(drawing: Drawing) -> str:
    """``<svg>`` for a page: letters are letters, black follows the page, identifiers are its own."""
    plain(drawing.figure)
    buffer = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": drawing.name}):
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        drawing.figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    prefix = re.sub(r"\W", "-", drawing.name)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r"#000000\b", "currentColor", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return re.sub(r'<svg[^>]*?viewBox="([^"]*)"[^>]*>', _head, text, count=1, flags=re.DOTALL)


def save(drawing: Drawing, file: Path) -> None:
    """Write a figure by the suffix of the file, on white."""
    plain(drawing.figure)
    with mpl.rc_context({**STYLE, "svg.hashsalt": drawing.name}):
        drawing.figure.savefig(file, dpi=150, facecolor="white")


def _head(found: re.Match[str]) -> str:
    """The opening tag: it shrinks with the page; its text is that of the image's label, set by the page."""
    _, _, width, _ = found[1].split()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{found[1]}" style="max-width:{float(width) * 1.7:.0f}px" aria-hidden="true" '
        'focusable="false">'
    )


def plain(figure: Figure) -> None:
    """No formulae: a dollar in a name is a dollar, and the ticks of a logarithmic axis are numbers."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axis.set_minor_formatter(NullFormatter())
    for text in figure.findobj(Text):
        text.set_parse_math(False)
