"""A line of DOTA's ground truth, read and written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from iqf_core import DatasetError
from iqf_core.records import Thing
from iqf_detection.quads import opened

FORM = "x1 y1 x2 y2 x3 y3 x4 y4 category difficult"
LEVELS = ("0", "1", "2")
"""Of difficulty; 2 is what development kits write for a piece of an object that they cut."""


def thing_of(line: str) -> Thing:
    """Object of a line; its text is kept in ``extras["dota"]``.

    Raises
    ------
    ValueError
        Saying what is wrong with it.

    Examples
    --------
    >>> thing_of("0 0 9 0 9 5 0 5 ship 1").extras["difficult"]
    1
    """
    words = line.split()
    if len(words) not in (9, 10):
        raise ValueError(f"{len(words)} words")
    numbers = [_number(word) for word in words[:8]]
    difficult = words[9] if len(words) == 10 else LEVELS[0]
    if difficult not in LEVELS:
        raise ValueError(f"difficult is {difficult!r}, not 0, 1 or 2")
    extras: dict[str, Any] = {"dota": line, "difficult": int(difficult)}
    if extras["difficult"]:
        extras["iscrowd"] = 1
    ring = tuple(zip(numbers[0::2], numbers[1::2], strict=True))
    return Thing(words[8], polygons=((ring,),), extras=extras)


def line_of(thing: Thing, image: str) -> str:
    """Line of an object: the one that was read where it still says the same, else one made anew.

    Raises
    ------
    DatasetError
        When it is no quadrilateral, or its category is not one word.
    """
    kept = thing.extras.get("dota")
    if kept is not None and _facts(thing_of(kept)) == _facts(thing):
        return str(kept)
    corners, label = _corners(thing, image), str(thing.label)
    if label.split() != [label]:
        raise DatasetError(f"{image}: the category {label!r} is not one word, as a line of DOTA has it")
    numbers = (repr(float(value)).removesuffix(".0") for point in corners for value in point)
    return f"{' '.join(numbers)} {label} {int(thing.extras.get('difficult', 0))}"


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise ValueError(f"{word!r} is no number") from None
    if not math.isfinite(number):
        raise ValueError(f"{word} is no place")
    return number


def _facts(thing: Thing) -> tuple[Any, ...]:
    return thing.label, thing.polygons, thing.extras.get("difficult")


def _corners(thing: Thing, image: str) -> Sequence[tuple[float, float]]:
    parts = thing.polygons
    if len(parts) == 1 and len(parts[0]) == 1 and len(corners := opened(parts[0][0])) == 4:
        return corners
    raise DatasetError(f"{image}: an object of category {thing.label!r} is not one polygon of four corners")
