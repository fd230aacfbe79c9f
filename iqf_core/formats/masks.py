"""Masks: one picture of labels per image."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import ClassVar

from iqf_core.errors import DatasetError
from iqf_core.formats.base import DatasetFormat, Moves, finder
from iqf_core.formats.labels import nearest
from iqf_core.image import Image, is_image, read_image, write_image
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
    image = read_image(source)
    if _has_palette(source, image):
        raise DatasetError(
            f"{source}: a mask with a palette cannot follow moved pixels; store the labels as grey"
        )
    if target.suffix.lower() in (".jpg", ".jpeg"):
        target = target.with_suffix(".png")  # what is written is written without loss
    geo = None if image.geo is None else image.geo.moved(move.affine)
    write_image(
        target, replace(image, pixels=nearest(image.pixels, move.affine, (move.width, move.height)), geo=geo)
    )


def _has_palette(path: Path, image: Image) -> bool:
    """Whether pixels are numbers of colours, which `read_image` expands to the colours."""
    from iqf_core.image.raster import opened

    if image.encoding is None or image.encoding.format == "JPEG":
        return False
    with opened(path, image.encoding.format) as raster:
        return bool(raster.colorinterp[0].name == "palette")
