"""The parts of a dataset, and laying one down as a folder of its own that a script can be given."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal, get_args

import filelock

from iqf_core.dataset import Dataset
from iqf_core.errors import DatasetError
from iqf_core.fingerprint import digest_of
from iqf_core.folders import sidecars
from iqf_core.records import Move

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

PART_FILE = ".iqf-part"
"""In the folder of a part: the fingerprint of what it was made of, written last."""


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
