"""Splitting a dataset into parts that share no group, and laying a part down as a folder of its own."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import filelock
import numpy as np

from iqf_core.dataset import Dataset
from iqf_core.errors import DatasetError
from iqf_core.fingerprint import digest_of
from iqf_core.folders import sidecars
from iqf_core.records import Move, Record

PART_FILE = ".iqf-part"
"""In the folder of a part: the fingerprint of what it was made of, written last."""


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


def lay_down(part: Dataset, folder: Path) -> Dataset:
    """Make a folder of a part, so that a script can be given its path.

    Images are hard links where the file system allows, else copies.

    Parameters
    ----------
    part : Dataset
        A view of a dataset.
    folder : pathlib.Path
        Where; reused when it already holds this part.

    Returns
    -------
    Dataset
        The part in its folder.

    Raises
    ------
    DatasetError
        When the folder holds something else.
    """
    identity = digest_of(part.fingerprint, *part.images)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            partial = folder.with_name(folder.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            _fill(part, partial)
            (partial / PART_FILE).write_text(identity)
            partial.rename(folder)
    marker = folder / PART_FILE
    if not marker.is_file() or marker.read_text() != identity:
        raise DatasetError(
            f"{folder}: holds another split than this study's; remove it or name the study anew"
        )
    return _opened(part, folder)


def _opened(part: Dataset, folder: Path) -> Dataset:
    opened = part.laid_in(folder)
    opened.params.update({key: value for key, value in part.params.items() if key != "ds_name"})
    return opened


def _fill(part: Dataset, folder: Path) -> None:
    inner = folder if part.images_dir == part.root else folder / part.images_dir.name
    for name in part.images:
        target = inner / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(part.path(name), target)
    for name in sidecars(part.images_dir, part.images):
        _link(part.path(name), inner / name)
    moves: dict[str, list[Move]] = {name: [] for name in part.left_out}
    moves.update({name: [Move(name, 0, 0)] for name in part.images})
    for source in part.sources:
        source.format.follow(source.path, folder / source.path.name, moves)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
