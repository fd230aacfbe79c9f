"""A progress bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def track(items: Iterable[Item], *, total: int, doing: str, show: bool | None = None) -> Iterator[Item]:
    """Yield the items, with a bar on stderr while it is a terminal.

    Parameters
    ----------
    items : iterable
        What is worked on.
    total : int
        How many there will be.
    doing : str
        Stands before the bar.
    show : bool or None, optional
        None means: when stderr is a terminal that can draw one, and warnings are wanted.
    """
    if not (can_draw() if show is None else show) or not total:
        yield from items
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import track as rich_track

    yield from rich_track(
        items, total=total, description=escape(doing), console=Console(stderr=True), transient=True
    )


def can_draw() -> bool:
    """Whether a bar can be drawn on stderr and is wanted there: not with ``iqf --quiet``."""
    capable = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return capable and logging.getLogger("iqf").isEnabledFor(logging.WARNING)
