"""Masks: one picture of labels per image."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import ClassVar

from iqf_core.errors import DatasetError
from iqf_core.formats.base import DatasetFormat, Moves, finder
from iqf_core.image import is_image, read_image, write_image
from iqf_core.records import GroundTruth, Move, Record


class MasksFormat(DatasetFormat):
    """A folder of masks beside the images (``images_mask``, ``masks``), matched by name without suffix."""

    name: ClassVar[str] = "masks"

    def detect(self, path: Path) -> bool:
        """Whether it is a folder with ``mask`` in its name that holds images."""
        return path.is_dir() and "mask" in path.name.lower() and any(map(is_image, path.rglob("*.*")))

    def read(self, path: Path) -> GroundTruth:
        """Read the names of the masks."""
        files = sorted(file for file in path.rglob("*.*") if file.is_file() and is_image(file))
        names = [file.relative_to(path).as_posix() for file in files]
        return GroundTruth(tuple(Record(image=_bare(name), mask=name) for name in names))

    def write(self, truth: GroundTruth, path: Path) -> None:
        """Refuse: masks are pixels, and only `follow` has them."""
        raise DatasetError(f"{path}: masks are files; they can be carried along, not written from records")

    def follow(self, source: Path, target: Path, moves: Moves) -> None:
        """Copy the masks of images that stayed; map the others, each pixel from its nearest neighbour."""
        find = finder(moves)
        for record in self.read(source).records:
            name = find(record.image)
            for move in moves[name] if name and record.mask else ():
                placed = target / _mask_name(str(record.mask), str(name), move.name)
                placed.parent.mkdir(parents=True, exist_ok=True)
                _move_mask(source / str(record.mask), placed, move)


def _mask_name(mask: str, image: str, new_image: str) -> PurePosixPath:
    """Name of a mask after its image was renamed: it keeps its suffix."""
    path = PurePosixPath(mask)
    old, new = PurePosixPath(image).stem, PurePosixPath(new_image).stem
    return path if old == new else path.with_stem(path.stem.replace(old, new, 1))


def _bare(mask: str) -> str:
    """Name of the image that a mask belongs to: its own, less the suffix and a trailing ``_mask``."""
    path = PurePosixPath(mask)
    return str(path.with_name(path.stem.removesuffix("_mask")))


def _move_mask(source: Path, target: Path, move: Move) -> None:
    if move.affine is None:
        shutil.copyfile(source, target)
        return
    import cv2
    import numpy as np

    image = read_image(source)
    # OpenCV's coordinates have (0, 0) at a pixel's centre, ours at its corner.
    shift = type(move.affine).translation(0.5, 0.5)
    matrix = np.array((~shift @ move.affine @ shift)[:6], dtype=float).reshape(2, 3)
    size = (move.width, move.height)
    bands = [
        cv2.warpAffine(image.pixels[..., band], matrix, size, flags=cv2.INTER_NEAREST)
        for band in range(image.bands)
    ]
    geo = None if image.geo is None else image.geo.moved(move.affine)
    write_image(target, replace(image, pixels=np.stack(bands, axis=-1), geo=geo))
