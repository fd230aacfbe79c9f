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
from iqf_core.records import GroundTruth, Move, Record, Thing, box_around

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
        if all_stay(moves):
            shutil.copyfile(source, target)
            return
        truth = self.read(source)
        find = finder(moves)
        records = []
        for record in truth.records:
            name = find(record.image)
            try:
                records += [self._follow(record, name, move) for move in moves[name]] if name else []
            except DatasetError as error:
                raise DatasetError(f"{source}: {record.image}: {error}") from error
        self.write(replace(truth, records=tuple(records)), target)

    def moved(self, thing: Thing, move: Move) -> Thing:
        """Return an object after its image's pixels were mapped, with what this format keeps in extras.

        Raises
        ------
        DatasetError
            When something of it cannot follow moved pixels.
        """
        return thing.moved(move)

    def _follow(self, record: Record, name: str, move: Move) -> Record:
        record = replace(record, image=_renamed(record.image, name, move.name))
        if move.affine is None:
            return record
        moved = (self.moved(thing, move) for thing in record.things)
        things = [thing for thing in moved if _touches(thing, move)]
        if move.left_of is not None:
            left = (move.left_of(thing, move) for thing in things)
            things = [thing for thing in left if thing is not None]
        return replace(
            record,
            width=None if record.width is None else move.width,
            height=None if record.height is None else move.height,
            things=tuple(things),
        )


def finder(names: Iterable[str]) -> Callable[[str], str | None]:
    """Function from a name as the ground truth writes it to the image's name, or None.

    An image is found by its path, by its file name alone, or by either without the suffix, as long as
    only one image has it, and the folders that both name are the same.
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
        if not path.name:
            return None
        for key in (written, str(path), path.name, str(path.with_suffix("")), path.stem):
            name = index.get(key)
            if name and _same_folders(path, PurePosixPath(name)):
                return name
        return None

    return find


def all_stay(moves: Moves) -> bool:
    """Whether no image was renamed, moved or left out."""
    return all(len(m) == 1 and m[0].name == name and m[0].affine is None for name, m in moves.items())


def _same_folders(one: PurePosixPath, other: PurePosixPath) -> bool:
    """Whether two paths name the same folders, as far as both name any."""
    pairs = zip(reversed(one.parent.parts), reversed(other.parent.parts), strict=False)
    return all(mine == theirs for mine, theirs in pairs)


def _renamed(written: str, name: str, new: str) -> str:
    """New name as this ground truth writes names: with or without folders and suffix."""
    if written.endswith(name):
        return written[: -len(name)] + new
    path, placed = PurePosixPath(written), PurePosixPath(new)
    bare = path.name == PurePosixPath(name).stem
    return str(path.with_name(placed.stem if bare else placed.name))


def _touches(thing: Thing, move: Move) -> bool:
    """Whether any part of the object can still be inside the image."""
    box = thing.box
    if box is None and thing.polygons and not thing.in_world(move):
        box = box_around([point for rings in thing.polygons for ring in rings for point in ring])
    if box is None:
        return True
    x, y, width, height = box
    return x < move.width and y < move.height and x + width > 0 and y + height > 0


def load_json(path: Path) -> Any:
    """Value of a JSON file; a `DatasetError` where it is none."""
    try:
        return json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not valid JSON ({error})") from error


def dump_json(value: Any, path: Path) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value), encoding="utf-8")
