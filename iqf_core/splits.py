"""Splitting a dataset into parts that share no group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from iqf_core.errors import DatasetError
from iqf_core.records import Record


def split_names(
    records: Sequence[Record], fractions: Mapping[str, float], *, seed: int, where: str
) -> dict[str, list[str]]:
    """Names of the images of each part.

    Groups are shuffled, class by class (an image's label; without labels there is one class). Each goes to
    the part that is owed most of that class; what is left when no part is owed a whole group goes to the
    part that is furthest behind over all classes so far.

    Parameters
    ----------
    records : sequence of Record
        All images.
    fractions : mapping of str to float
        Part -> share; adds up to 1.
    seed : int
        The same seed gives the same parts.
    where : str
        Named in errors.

    Raises
    ------
    DatasetError
        When the fractions do not add up to 1 or a part would be empty.
    """
    total = sum(fractions.values())
    if not math.isclose(total, 1, abs_tol=1e-6) or min(fractions.values(), default=0) <= 0:
        raise DatasetError(
            f"{where}: the fractions of a split must be positive and add up to 1, not {total:g}"
        )
    rng = np.random.default_rng(seed)
    parts: dict[str, list[str]] = {part: [] for part in fractions}
    behind = dict.fromkeys(fractions, 0.0)
    for groups in _groups_by_class(records).values():
        size = sum(map(len, groups))
        owed = {part: fraction * size for part, fraction in fractions.items()}
        for index in rng.permutation(len(groups)):
            part = _next_part(owed, behind, len(groups[index]))
            parts[part] += groups[index]
            owed[part] -= len(groups[index])
        behind = {part: behind[part] + owed[part] for part in fractions}
    empty = [part for part, names in parts.items() if not names]
    if empty:
        raise DatasetError(
            f"{where}: the split leaves nothing for {', '.join(empty)}: {len(records)} images "
            "in too few groups"
        )
    return parts


def _next_part(owed: Mapping[str, float], behind: Mapping[str, float], size: int) -> str:
    whole = [part for part in owed if owed[part] > size - 1e-9]
    if whole:
        return max(whole, key=lambda part: owed[part])
    return max(owed, key=lambda part: owed[part] + behind[part])


def _groups_by_class(records: Sequence[Record]) -> dict[str, list[list[str]]]:
    """Groups of image names under the class of their first image."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        key = f"image {record.image}" if record.group is None else f"group {record.group}"
        groups.setdefault(key, []).append(record)
    by_class: dict[str, list[list[str]]] = {}
    for members in groups.values():
        by_class.setdefault(members[0].label or "", []).append([record.image for record in members])
    return by_class
