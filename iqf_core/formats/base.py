"""The contract of a format.

A format reads one file or folder beside the images into neutral records and writes them again. What it
does not understand stays in ``extras`` and ``header``, so that it travels along.
"""

from __future__ import annotations

import abc
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from iqf_core.errors import DatasetError
from iqf_core.records import GroundTruth, Move, Record, Thing

Moves = Mapping[str, Sequence[Move]]
"""Image of the source -> what it became: one, none, or many."""


class DatasetFormat(abc.ABC):
    """A way to keep ground truth: implement `detect`, `read` and `write`."""

    name: ClassVar[str]

    @abc.abstractmethod
    def detect(self, path: Path) -> bool:
        """Whether this file or folder beside the images is of this format; must not raise."""

    @abc.abstractmethod
    def read(self, path: Path) -> GroundTruth:
        """Read it.

        Raises
        ------
        DatasetError
            Naming the file and the field.
        """

    @abc.abstractmethod
    def write(self, truth: GroundTruth, path: Path) -> None:
        """Write what `read` understood, and what it only carried."""

    def follow(self, source: Path, target: Path, moves: Moves) -> None:
        """Write the ground truth of images that were renamed, moved or left out.

        Parameters
        ----------
        source, target : pathlib.Path
            Ground truth to read, and where to write.
        moves : mapping of str to sequence of Move
            Image of the source -> what it became.
        """
        truth = self.read(source)
        if _all_stay(moves, truth):
            shutil.copyfile(source, target)
            return
        find = finder(moves)
        records = []
        for record in truth.records:
            name = find(record.image)
            records += [_follow(record, name, move) for move in moves[name]] if name else []
        self.write(replace(truth, records=tuple(records)), target)


def finder(names: Iterable[str]) -> Callable[[str], str | None]:
    """Function from a name as the ground truth writes it to the image's name, or None.

    An image is found by its path, by its file name alone, or by either without the suffix, as long as
    only one image has it.
    """
    names = list(names)
    index: dict[str, str | None] = {}
    for name in names:
        path = PurePosixPath(name)
        for key in {path.name, path.stem, str(path.with_suffix(""))}:
            index[key] = None if key in index else name
    index.update({name: name for name in names})

    def find(written: str) -> str | None:
        path = PurePosixPath(written)
        for key in (written, path.name, str(path.with_suffix("")), path.stem):
            if index.get(key):
                return index[key]
        return None

    return find


def _all_stay(moves: Moves, truth: GroundTruth) -> bool:
    """Whether no image that the ground truth names was renamed, moved or left out."""
    find = finder(moves)
    still = all(len(m) == 1 and m[0].name == name and m[0].affine is None for name, m in moves.items())
    return still and all(find(record.image) for record in truth.records)


def _follow(record: Record, name: str, move: Move) -> Record:
    things = [thing.moved(move) for thing in record.things]
    if move.affine is not None:
        things = [thing for thing in things if _touches(thing, move)]
    return replace(
        record,
        image=_renamed(record.image, name, move.name),
        width=None if record.width is None else move.width,
        height=None if record.height is None else move.height,
        things=tuple(things),
    )


def _renamed(written: str, name: str, new: str) -> str:
    """New name as this ground truth writes names: with its folders, or with the file name alone."""
    if written.endswith(name):
        return written[: -len(name)] + new
    parent = PurePosixPath(written).parent
    return str(parent / PurePosixPath(new).name)


def _touches(thing: Thing, move: Move) -> bool:
    """Whether any part of the object can still be inside the image."""
    if thing.box is None:
        return True
    x, y, width, height = thing.box
    return x < move.width and y < move.height and x + width > 0 and y + height > 0


def load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not valid JSON ({error})") from error


def dump_json(value: Any, path: Path) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
