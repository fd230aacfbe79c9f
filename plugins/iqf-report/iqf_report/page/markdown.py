"""The report as Markdown, its figures and pictures in a folder beside it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from iqf_report.page.blocks import Block, Drawing, Gallery, Picture, Section, Table, Text
from iqf_report.page.cells import CODE, clean, rows_of
from iqf_report.page.drawing import save

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$!])")


def markdown(title: str, headline: str, sections: Sequence[Section], folder: Path, beside: str) -> str:
    """Lay a report out, and write its figures.

    Parameters
    ----------
    title, headline : str
        Name of the study, and the answer.
    sections : sequence of Section
        In their order.
    folder : pathlib.Path
        For the figures; is made.
    beside : str
        That folder as seen from the text.
    """
    lines = [f"# {_plain(title)}", "", f"**{_plain(headline)}**", ""]
    number = 0
    for section in sections:
        lines += [f"## {_plain(section.title)}", ""]
        for block in section.blocks:
            items = block.items if isinstance(block, Gallery) else (block,)
            if isinstance(block, Gallery) and block.title:
                lines += [f"**{_plain(block.title)}**", ""]
            for item in items:
                if isinstance(item, Drawing | Picture):
                    number += 1
                    name = _written(item, folder, f"{section.key}-{number}")
                    lines += [f"![{_plain(item.alt)}]({beside}/{name})", ""]
                    lines += [_plain(item.caption), ""] if item.caption else []
                else:
                    lines += _lines(item)
    return "\n".join(lines)


def _written(item: Drawing | Picture, folder: Path, stem: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{stem}.png"
    if isinstance(item, Picture):
        (folder / name).write_bytes(item.png)
    else:
        save(item, folder / name)
    return name


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        if block.title:
            yield from (_plain(block.title), "")
        if block.kind == "code":
            fence = "~" * 8
            yield from (fence, clean(block.text, 100_000).replace(fence, "~ ~"), fence, "")
        else:
            yield from (_plain(block.text), "")
    if isinstance(block, Table):
        if block.caption:
            yield from (_plain(block.caption), "")
        heads = [_plain(name) for name in block.frame.columns]
        yield f"| {' | '.join(heads)} |"
        yield f"|{'---|' * len(heads)}"
        for row in rows_of(block.frame):
            yield f"| {' | '.join(_plain(cell.full or cell.text) for cell in row)} |"
        yield ""


def _plain(text: object) -> str:
    """Text whose characters mean themselves, on one line; between backticks it is code."""
    parts = CODE.split(" ".join(clean(text, 2_000).split()))  # what is code is every second one
    return "".join(
        f"`{part}`".replace("|", r"\|") if place % 2 else SPECIAL.sub(r"\\\1", html.escape(part, quote=False))
        for place, part in enumerate(parts)
    )
