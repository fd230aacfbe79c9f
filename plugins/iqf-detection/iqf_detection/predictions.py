"""Reading a detector's ``output.json``: every entry is sound, or the first that is not is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iqf_core import OutputError
from iqf_core.errors import did_you_mean
from iqf_detection.instances import Instances
from iqf_detection.truth import Truth, area_of

LIMIT_GB = 1
FARTHEST = 1e6
"""Largest coordinate in px: what lies farther off is a mistake."""
NAMES = ("image", "image_filename", "file_name", "filename")
Read = Callable[[dict[str, Any]], Sequence[Any]]
"""Numbers that say where a detection lies, of an entry; raises ValueError, with what to write instead."""


def detections_of(path: Path, truth: Truth, read: Read) -> Instances:
    """Detections of a file, in its order.

    Parameters
    ----------
    path : pathlib.Path
        A list of objects with an image (``image_id``, or its name as ``image``), a class (``category_id``,
        or its name as ``category``), a place and a ``score`` from 0 to 1. An empty list is legal.
    truth : Truth
        Images and classes that there are.
    read : callable
        Reads the place.

    Raises
    ------
    OutputError
        Naming the file, the index of the first unsound entry, what is wrong and what to write.
    """
    entries = _load(path)
    named = truth.image_named()
    rows = []
    for index, entry in enumerate(entries):
        try:
            image = _image(entry, truth, named)
            label = _label(entry, truth)
            score, place = _score(entry), read(entry)
        except ValueError as error:
            raise OutputError(f"{path}: entry {index}: {error}") from None
        if image >= 0 and label >= 0:
            rows.append((image, label, score, place))
    return _instances(rows, truth)


def _instances(rows: Sequence[tuple[int, int, float, Sequence[Any]]], truth: Truth) -> Instances:
    none = np.empty((0, *truth.objects.shape.shape[1:]))
    shape = np.array([row[3] for row in rows], float) if rows else none
    return Instances(
        image=np.array([row[0] for row in rows], np.int64),
        label=np.array([row[1] for row in rows], np.int64),
        shape=shape,
        area=area_of(shape),
        score=np.array([row[2] for row in rows], float),
        crowd=np.zeros(len(rows), bool),
    )


def box_in(entry: dict[str, Any]) -> Sequence[float]:
    """``bbox``: x, y, width, height."""
    box = numbers_in(entry, "bbox", 4, "[x, y, width, height]")
    if box[2] < 0 or box[3] < 0:
        raise ValueError(f"bbox {box} has a negative side; write [x, y, width, height] in pixels")
    return box


def numbers_in(entry: dict[str, Any], key: str, count: int, form: str) -> Sequence[float]:
    """Coordinates of an entry, each a finite number."""
    value = entry.get(key)
    if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
        raise ValueError(f"{key} is {_shown(value)}; write {count} numbers {form}")
    if not all(abs(number) <= FARTHEST for number in value):  # so that NaN is refused too
        raise ValueError(f"{key} {_shown(value)} is no place in an image; write finite numbers in pixels")
    return value


def _image(entry: Any, truth: Truth, named: Callable[[str], int | None]) -> int:
    """Index of the image; -1 where it is of this dataset, and left out."""
    if not isinstance(entry, dict):
        raise ValueError(f"is {_shown(entry)}; write an object with image_id, category_id, bbox and score")
    key = next((key for key in ("image_id", *NAMES) if key in entry), None)
    if key is None:
        raise ValueError("names no image; write image_id, or the file's name as image_filename")
    value = entry[key]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{key} is {_shown(value)}; write the image's id, or its name")
    found = truth.image_ids.get(value)
    if found is None and isinstance(value, str):
        found = named(value)
    if found is not None:
        return found
    if value in truth.left_out:
        return -1
    known = ", ".join(repr(one) for one in [*truth.image_ids][:3]) or repr(truth.images[0])
    raise ValueError(f"{key} {_shown(value)} is no image of the ground truth; it has {known}, …")


def _label(entry: dict[str, Any], truth: Truth) -> int:
    """Index of the class; -1 where it does not count."""
    key = next((key for key in ("category_id", "category", "label", "class") if key in entry), None)
    if key is None:
        raise ValueError("names no class; write category_id, or the class's name as category")
    value = entry[key]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{key} is {_shown(value)}; write the category's id, or its name")
    found = truth.category_ids.get(value)
    if found is None:
        hint = did_you_mean(str(value), [str(name) for name in truth.category_ids])
        raise ValueError(f"{key} {_shown(value)} is no category of the ground truth. {hint}")
    return found


def _score(entry: dict[str, Any]) -> float:
    score = entry.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1:
        return float(score)
    raise ValueError(f"score is {_shown(score)}; write a number from 0 to 1")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _load(path: Path) -> list[Any]:
    try:
        size = path.stat().st_size
        if size > LIMIT_GB << 30:
            raise OutputError(
                f"{path}: {size / 2**30:.1f} GB; {LIMIT_GB} GB is read at most: drop detections of low score"
            )
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OutputError:
        raise
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise OutputError(
            f"{path}: not readable as JSON ({error}); write a list with json.dump, [] where nothing was found"
        ) from error
    if not isinstance(value, list):
        raise OutputError(f"{path}: holds no list; write a list of detections, [] where nothing was found")
    return value
