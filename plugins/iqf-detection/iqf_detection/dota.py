"""The format `dota`: a folder of text files, one for each image."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from iqf_core import DatasetError, DatasetFormat, GroundTruth, Record
from iqf_core.formats.base import Moves, all_stay
from iqf_core.records import Move, Thing
from iqf_detection.dota_lines import FORM, line_of, thing_of

HEADER = re.compile(r"(imagesource|gsd|acquisition dates)\s*:", re.IGNORECASE)
GSD = re.compile(r"(gsd\s*:\s*)([\d.eE+-]+)\s*$", re.IGNORECASE)
NUMBER = re.compile(r"[-+\d.]+(e[-+]?\d+)?", re.IGNORECASE)
LOOKED_AT = 50
"""Files that are opened to recognise a folder."""


class DotaFormat(DatasetFormat):
    """DOTA's ``labelTxt``: beside the images a folder of ``.txt`` files, named as the images.

    A line is an object: ``x1 y1 x2 y2 x3 y3 x4 y4 category difficult``, four corners in pixels in their order
    round about, and 0, 1 or 2; without the last it is 0. Lines ``imagesource:`` and ``gsd:`` may stand first.

    What is difficult is marked as a crowd too (``iscrowd`` among its extras): DOTA's evaluation neither
    demands it nor counts it as wrong to find. Devkits write 2 for a piece of an object that they cut.

    Numbers are written as they stood in the file where pixels stayed; where they moved, ``gsd`` follows.

    References
    ----------
    .. [1] G.-S. Xia et al. (2018), DOTA: a large-scale dataset for object detection in aerial images,
       doi:10.1109/CVPR.2018.00418

    Examples
    --------
    >>> DotaFormat.name
    'dota'
    """

    name: ClassVar[str] = "dota"

    def detect(self, path: Path) -> bool:
        """Whether it is a folder named ``labelTxt…``, or one whose text files begin as DOTA's do."""
        if not path.is_dir():
            return False
        try:
            files = list(itertools.islice(path.rglob("*.txt"), LOOKED_AT))
            if path.name.lower().startswith("labeltxt"):
                return bool(files)
            return any(_looks_so(file) for file in files)
        except (OSError, UnicodeDecodeError):
            return False

    def read(self, path: Path) -> GroundTruth:
        """Read a record for each file, named as the image without its suffix."""
        files = sorted(file for file in path.rglob("*.txt") if file.is_file())
        return GroundTruth(tuple(_record(file, path) for file in files))

    def write(self, truth: GroundTruth, path: Path) -> None:
        """Write a file for each record, empty where it has no object.

        Raises
        ------
        DatasetError
            When an object is no quadrilateral, a category has blanks, or two records have one name.
        """
        path.mkdir(parents=True, exist_ok=True)
        written: set[str] = set()
        for record in truth.records:
            if record.image in written:
                raise DatasetError(f"{path}: two images would have the file {record.image}.txt; rename one")
            written.add(record.image)
            file = path / f"{record.image}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = [
                *record.extras.get("header", ()),
                *(line_of(thing, record.image) for thing in record.things),
            ]
            file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")

    def follow(self, source: Path, target: Path, moves: Moves) -> None:
        """Write the files of images that were renamed, moved or left out."""
        if all_stay(moves):
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            super().follow(source, target, moves)

    def _follow(self, record: Record, name: str, move: Move) -> Record:
        return _rescaled(super()._follow(record, name, move), move)


def _rescaled(record: Record, move: Move) -> Record:
    """Record whose header states the pixel's size after the move."""
    if move.affine is None or not record.extras.get("header"):
        return record
    factor = 1 / math.sqrt(abs(move.affine.determinant))
    lines = (
        record.extras["header"]
        if factor == 1
        else [_scaled(line, factor) for line in record.extras["header"]]
    )
    return replace(record, extras={**record.extras, "header": tuple(lines)})


def _scaled(line: str, factor: float) -> str:
    found = GSD.match(line)
    return line if found is None else f"{found[1]}{float(found[2]) * factor!r}"


def _looks_so(file: Path) -> bool:
    with file.open(encoding="utf-8-sig") as lines:
        first = next((line.strip() for line in lines if line.strip()), "")
    if HEADER.match(first):
        return True
    try:
        label = str(thing_of(first).label)
    except ValueError:
        return False
    return not NUMBER.fullmatch(label)  # a ninth number: YOLO's quadrilaterals, whose class stands first


def _record(file: Path, folder: Path) -> Record:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}: not text in UTF-8 ({error})") from error
    header: list[str] = []
    things: list[Thing] = []
    for number, line in _lines(text):
        if HEADER.match(line) and not things:
            header.append(line)
            continue
        try:
            things.append(thing_of(line))
        except ValueError as error:
            raise DatasetError(f"{file}: line {number}: {error}; write {FORM}") from None
    name = file.relative_to(folder).as_posix().removesuffix(".txt")
    return Record(name, things=tuple(things), extras={"header": tuple(header)} if header else {})


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
