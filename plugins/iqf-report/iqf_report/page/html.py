"""The report as one page of HTML, which needs nothing beside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from iqf_report.page.blocks import Block, Drawing, Gallery, Picture, Section, Table, Text
from iqf_report.page.cells import CODE, clean, is_number, rows_of
from iqf_report.page.drawing import inline

JOINTS = re.compile(r"(?<=[._])(?=[A-Za-z])")


def page(title: str, headline: str, sections: Sequence[Section]) -> str:
    """Lay a report out.

    Parameters
    ----------
    title : str
        Name of the study.
    headline : str
        The answer in one sentence.
    sections : sequence of Section
        In their order.

    Returns
    -------
    str
        HTML. Text of whatever origin appears as text.
    """
    loader = jinja2.PackageLoader("iqf_report.page", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["clean"] = clean
    environment.filters["code"] = _code
    environment.filters["parts"] = _parts
    environment.globals.update(
        kind=_kind,
        svg=lambda drawing: Markup(inline(drawing)),
        data=_data,
        table=_table,
    )
    own = {name: Markup(_own(name)) for name in ("page.css", "page.js")}
    template = environment.get_template("page.html.jinja")
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return template.render(
        title=title,
        headline=headline,
        sections=sections,
        made=made,
        css=own["page.css"],
        script=own["page.js"],
    )


def _own(name: str) -> str:
    return (resources.files("iqf_report.page") / "templates" / name).read_text(encoding="utf-8")


def _code(text: str) -> Markup:
    """Text whose parts between backticks are code; all of it appears as text."""
    parts = CODE.split(text)  # what is code is every second one
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def _parts(name: str) -> Markup:
    """A name that may go on below after a dot or an underscore, where a column is narrow."""
    return Markup("<wbr>").join(map(escape, JOINTS.split(name)))


def _kind(block: Block | Picture) -> str:
    kinds = {Text: "text", Table: "table", Drawing: "drawing", Gallery: "gallery", Picture: "picture"}
    return kinds[type(block)]


def _data(picture: Picture) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.png).decode()}"


def _table(block: Table) -> dict[str, Any]:
    cells = rows_of(block.frame)
    return {
        "heads": [
            {
                "text": clean(name),
                "number": is_number(cells, place),
                "setting": "setting" in str(name).split(),
            }
            for place, name in enumerate(block.frame.columns)
        ],
        "rows": cells,
    }
