"""What a report is made of: sections, each a heading and blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Text:
    """A paragraph, whose characters mean themselves.

    Parameters
    ----------
    text : str
        What it says.
    kind : {"plain", "note", "warning", "code"}, optional
        How it looks.
    title : str, optional
        Of text that is folded away until it is asked for.
    """

    text: str
    kind: Literal["plain", "note", "warning", "code"] = "plain"
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its rows; the index does not show.
    caption : str, optional
        What it shows.
    sorts : bool, optional
        Whether a reader may sort and filter it.
    folded : bool, optional
        Whether it is folded away until it is asked for.
    stacks : bool, optional
        Whether a narrow page shows each row as a list of its cells, one below the other.
    """

    frame: pd.DataFrame
    caption: str = ""
    sorts: bool = False
    folded: bool = False
    stacks: bool = False


@dataclass(frozen=True)
class Drawing:
    """A figure of Matplotlib.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn in black on nothing, its other colours readable on light and on dark.
    alt : str
        What it shows, for those who do not see it.
    name : str
        Of its file.
    caption : str, optional
        Below it: how it is to be read.
    """

    figure: Figure
    alt: str
    name: str
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """Pixels.

    Parameters
    ----------
    png : bytes
        A PNG file.
    alt : str
        What it shows.
    caption : str
        Below it.
    """

    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Drawings or pictures side by side.

    Parameters
    ----------
    items : tuple of Drawing or Picture
        As many a row as there is room for.
    title : str, optional
        Above them.
    """

    items: tuple[Drawing | Picture, ...]
    title: str = ""


Block = Text | Table | Drawing | Gallery


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Parameters
    ----------
    key : str
        Short and unique, for links and file names.
    title : str
        The heading.
    blocks : tuple of Block
        In their order.
    """

    key: str
    title: str
    blocks: tuple[Block, ...] = ()

    def drawings(self) -> Iterator[Drawing]:
        """All drawings, those of galleries too."""
        for block in self.blocks:
            items = block.items if isinstance(block, Gallery) else (block,)
            yield from (item for item in items if isinstance(item, Drawing))


def blocks_of(given: Iterable[Any], key: str) -> Iterator[Block]:
    """Blocks of what a section of another plugin yields.

    Raises
    ------
    TypeError
        Naming what is no block.
    """
    import pandas as pd
    from matplotlib.figure import Figure

    for number, one in enumerate(given, start=1):
        if isinstance(one, Text | Table | Drawing | Gallery):
            yield one
        elif isinstance(one, str):
            yield Text(one)
        elif isinstance(one, pd.DataFrame):
            yield Table(one)
        elif isinstance(one, Figure):
            yield Drawing(one, str(one.get_label()) or f"Figure {number}", f"{key}-{number}")
        else:
            raise TypeError(f"a block is a text, a data frame or a figure, not {type(one).__name__}")
