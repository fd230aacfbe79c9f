"""The table of matches: a row for each object and each detection, written to CSV and read again.

Columns ``kind`` (``object``, ``detection``, or ``image``: one that has neither), ``image``, ``group``,
``class``, ``class_order`` (of the category's id), ``order`` (of the image's id), ``rank`` (of a detection by
score, of an object by the ground truth, among those of its image and class), ``score``, ``area`` (in square
pixels), ``pixel_m`` (metres a pixel, NaN: not known), ``x``, ``y``, ``width``, ``height`` (in pixels),
``found_score`` (of the detection that found an object), and one for each range of size: a letter for each
threshold of overlap, T (true, found), F (false alarm, missed) or I (ignored: a crowd, or of another size).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_detection.instances import Array, Instances
from iqf_detection.matching import FALSE, IGNORED, TRUE, Matches
from iqf_detection.truth import Truth

if TYPE_CHECKING:
    import pandas as pd

LETTERS = np.frombuffer(b"FTI", np.uint8)  # at FALSE, TRUE, IGNORED
RANGES = ("all", "small", "medium", "large")


def table_of(matches: Matches, truth: Truth, at: int, pixel_m: Array) -> pd.DataFrame:
    """Table of matches.

    Parameters
    ----------
    matches : Matches
        In the ranges of `RANGES`.
    truth : Truth
        Names of images and classes.
    at : int
        Index of the threshold at which ``found_score`` counts.
    pixel_m : ndarray of float, shape (images,)
        Metres a pixel, NaN where not known.
    """
    import pandas as pd

    found, objects = matches.found, matches.objects
    scores = np.append(found.score, np.nan)[matches.finder[at]]  # of nobody, -1: the NaN at the end
    states = np.where(matches.ignored[:, None], IGNORED, np.where(matches.taken, TRUE, FALSE))
    seen = np.zeros(len(truth.images), bool)
    seen[objects.image] = seen[found.image] = True
    parts = [
        _rows("object", objects, truth, states, scores),
        _rows("detection", found, truth, matches.state, np.full(len(found), np.nan)),
        _places(truth, np.flatnonzero(~seen)).assign(kind="image"),
    ]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table = table.reindex(columns=parts[0].columns)
    return table.assign(pixel_m=pixel_m[table["order"]])


def _rows(kind: str, instances: Instances, truth: Truth, states: Array, found_score: Array) -> pd.DataFrame:
    places = _places(truth, instances.image)
    near, size = _bounds(instances.shape)
    columns: dict[str, Any] = {
        "class": np.array(truth.classes, object)[instances.label],
        "class_order": instances.label,
        "rank": instances.ranks(),
        "score": instances.score,
        "area": instances.area,
        **{"x": near[:, 0], "y": near[:, 1], "width": size[:, 0], "height": size[:, 1]},
        "found_score": found_score,
        **{name: _letters(states[index]) for index, name in enumerate(RANGES)},
    }
    table = places.assign(**columns)
    table.insert(0, "kind", kind)
    return table


def _places(truth: Truth, image: Array) -> pd.DataFrame:
    import pandas as pd

    names, groups = np.array(truth.images, object), np.array(truth.groups, object)
    return pd.DataFrame({"image": names[image], "group": groups[image], "order": image})


def _bounds(shape: Array) -> tuple[Array, Array]:
    """Upper left corner and size of boxes, or of boxes around corners."""
    if shape.ndim == 2:
        return shape[:, :2], shape[:, 2:]
    near = shape.min(axis=1)
    return near, shape.max(axis=1) - near


def _letters(states: Array) -> Array:
    """States, (thresholds, n), as a text each."""
    count, size = states.shape
    if not size:
        return np.empty(0, object)
    text = np.ascontiguousarray(LETTERS[states.T]).view(f"S{count}")
    return text.ravel().astype(f"U{count}").astype(object)


def states_of(texts: pd.Series[Any], thresholds: int) -> Array:
    """States, (thresholds, n), of such texts."""
    code = np.zeros(256, np.uint8)
    code[LETTERS] = (FALSE, TRUE, IGNORED)
    text = texts.to_numpy(f"S{thresholds}")
    return code[np.frombuffer(text.tobytes(), np.uint8).reshape(len(text), thresholds)].T
