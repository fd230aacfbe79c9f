"""Which objects one model finds and another does not, and which false alarms are one's alone."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from iqf_core import ParameterError
from iqf_detection.boxes import box_overlaps
from iqf_detection.instances import Array

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["where", "class", "rank"]
SAME_ALARM = 0.5
"""Overlap from which two false alarms of a class are the same."""
COLUMNS = ["change", "image", "group", "class", "size_px", "size_m", "score_a", "score_b"]
PLACE = ["x", "y", "width", "height"]


def compared(a: pd.DataFrame, b: pd.DataFrame, *, scores: tuple[float, float], at: int = 0) -> pd.DataFrame:
    """Compare two tables of matches of the same images.

    Parameters
    ----------
    a, b : pandas.DataFrame
        Of `Detection.match`, before and after: of the untouched images and of a variant, say.
    scores : (float, float)
        From which detections of each count.
    at : int, optional
        Index of the threshold of overlap.

    Returns
    -------
    pandas.DataFrame
        A row for each object that only one of them finds (``change``: ``lost``, found in ``a`` alone, or
        ``gained``) and each false alarm that only one of them raises (``new false alarm``, ``false alarm
        gone``): ``image``, ``group``, ``class``, ``size_px`` and ``size_m`` (root of the area; metres where
        they are known), ``score_a``, ``score_b`` (NaN: nothing), and the place in the pixels of the table
        that has it, of ``a`` for objects. Crowds are left out.

    Raises
    ------
    ParameterError
        When the two are not about the same objects.
    """
    import pandas as pd

    one, other = (table.assign(where=table["image"].map(_bare)) for table in (a, b))
    parts = [_objects(one, other, scores, at), _alarms(one, other, scores, at)]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["change", "image", "class"], kind="stable", ignore_index=True)


def _bare(image: str) -> str:
    """Name of an image whatever its container: a variant may have another."""
    return str(PurePosixPath(str(image)).with_suffix(""))


def _objects(a: pd.DataFrame, b: pd.DataFrame, scores: tuple[float, float], at: int) -> pd.DataFrame:
    one, other = (_demanded(table, at) for table in (a, b))
    both = one.merge(other[[*KEYS, "found_score"]], on=KEYS, suffixes=("", "_b"), validate="one_to_one")
    if not len(both) == len(one) == len(other):
        raise ParameterError(
            f"two tables of {len(one)} and {len(other)} objects, of which {len(both)} are the same: compare "
            "matches of the same images and classes"
        )
    found = (both["found_score"] >= scores[0]).to_numpy(), (both["found_score_b"] >= scores[1]).to_numpy()
    changed = both.assign(
        change=np.where(found[0], "lost", "gained"),
        score_a=both["found_score"],
        score_b=both["found_score_b"],
    )
    return _listed(changed[found[0] != found[1]])


def _demanded(table: pd.DataFrame, at: int) -> pd.DataFrame:
    rows = table[table["kind"] == "object"]
    return rows[rows["all"].str[at] != "I"]


def _alarms(a: pd.DataFrame, b: pd.DataFrame, scores: tuple[float, float], at: int) -> pd.DataFrame:
    import pandas as pd

    one, other = (_false(table, score, at) for table, score in zip((a, b), scores, strict=True))
    in_metres = not (one["pixel_m"].isna().any() or other["pixel_m"].isna().any())
    gone = one[~_known(one, other, in_metres)]
    new = other[~_known(other, one, in_metres)]
    rows = [
        gone.assign(change="false alarm gone", score_a=gone["score"], score_b=np.nan),
        new.assign(change="new false alarm", score_a=np.nan, score_b=new["score"]),
    ]
    return _listed(pd.concat(rows, ignore_index=True))


def _false(table: pd.DataFrame, score: float, at: int) -> pd.DataFrame:
    rows = table[(table["kind"] == "detection") & (table["score"] >= score)]
    return rows[rows["all"].str[at] == "F"]


def _known(rows: pd.DataFrame, others: pd.DataFrame, in_metres: bool) -> Array:
    """Whether another false alarm of the class lies at the same place; in metres where grids may differ."""
    groups = others.groupby(["where", "class"]).indices
    boxes, other_boxes = (_boxes(table, in_metres) for table in (rows, others))
    known = np.zeros(len(rows), bool)
    for key, mine in rows.groupby(["where", "class"]).indices.items():
        theirs = groups.get(key)
        if theirs is None:
            continue
        pairs = np.repeat(mine, len(theirs)), np.tile(theirs, len(mine))
        overlap = box_overlaps(boxes[pairs[0]], other_boxes[pairs[1]], np.zeros(pairs[0].size, bool))
        known[mine] = overlap.reshape(len(mine), -1).max(axis=1) >= SAME_ALARM
    return known


def _boxes(table: pd.DataFrame, in_metres: bool) -> Array:
    boxes = table[PLACE].to_numpy(float)
    return boxes * table["pixel_m"].to_numpy(float)[:, None] if in_metres else boxes


def _listed(rows: pd.DataFrame) -> pd.DataFrame:
    size = np.sqrt(rows["area"].astype(float))
    return rows.assign(size_px=size, size_m=size * rows["pixel_m"].astype(float))[[*COLUMNS, *PLACE]]
