"""The modifier `chips`: scenes cut into chips of one size, with their ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, ClassVar, Self

import pydantic

from iqf_core import DatasetError, Image, Modified, Modifier
from iqf_core.records import Move, Thing
from iqf_detection.clipping import clipped


class Chips(Modifier):
    """Cut every image into chips that overlap; the ground truth is cut along.

    Chips start every ``size_px - overlap_px`` pixels; the last of a row and of a column ends at the border,
    and overlaps more. An image smaller than a chip stays whole. So does DOTA's development kit, and so are
    they named: ``P0001__1__824___0.png`` starts in column 824, row 0 of ``P0001.png``. Their georeference
    follows, and the scene that they are cut from is their group.

    An object is kept in a chip that holds ``min_inside`` of its area, and loses what sticks out. A crowd, or
    what DOTA calls difficult, is kept wherever a part of it lies. Of DOTA's quadrilaterals, what is left is
    written as four corners again: the smallest rotated rectangle around it, where these are not four.

    Parameters
    ----------
    size_px : int
        Side of a chip.
    overlap_px : int
        What neighbours have in common, less than ``size_px``: take the longest object, and none is lost.
    min_inside : float
        Share of an object's area from which it is kept, above 0.

    References
    ----------
    .. [1] G.-S. Xia et al. (2018), DOTA: a large-scale dataset for object detection in aerial images,
       doi:10.1109/CVPR.2018.00418

    Examples
    --------
    >>> Chips(size_px=512).label
    'chips-size_px512'
    """

    name: ClassVar[str] = "chips"

    size_px: int = pydantic.Field(1024, ge=1, description="side of a chip, in px")
    overlap_px: int = pydantic.Field(200, ge=0, description="what neighbours have in common, in px")
    min_inside: float = pydantic.Field(
        0.5, gt=0, le=1, description="share of an object's area inside, from which it is kept"
    )

    @pydantic.model_validator(mode="after")
    def _sound(self) -> Self:
        if self.overlap_px >= self.size_px:
            raise ValueError(f"overlap_px={self.overlap_px} must be less than size_px={self.size_px}")
        return self

    def apply_dataset(self, source: Any, writer: Any) -> None:
        """Cut every image."""
        for name in writer.pending:
            image = source.read(name)
            writer.add(name, image, self.cut(image, name))

    def cut(self, image: Image, name: str) -> Iterator[tuple[str, Modified]]:
        """Yield the chips of an image, with their names."""
        from affine import Affine

        path = PurePosixPath(name)
        for top in starts(image.height, self.size_px, self.overlap_px):
            for left in starts(image.width, self.size_px, self.overlap_px):
                pixels = image.pixels[top : top + self.size_px, left : left + self.size_px]
                chip = path.with_name(f"{path.stem}__1__{left}___{top}{path.suffix}")
                moved = Affine.translation(-left, -top)
                yield str(chip), Modified(image.with_pixels(pixels.copy()), affine=moved)

    def left_of(self, thing: Thing, move: Move) -> Thing | None:
        """What lies inside a chip; None where that is too little.

        Raises
        ------
        DatasetError
            When the object has no place in pixels.
        """
        if thing.in_world(move):
            raise DatasetError(
                "objects in coordinates of the world are not cut; write them in pixels first: "
                "iqf convert DATASET --to coco -o annotations.json"
            )
        return clipped(thing, (move.width, move.height), self.min_inside)


def starts(length: int, size: int, overlap: int) -> list[int]:
    """Where chips begin along a side: in even steps, the last at the border.

    Examples
    --------
    >>> starts(1000, 400, 100), starts(300, 400, 100)
    ([0, 300, 600], [0])
    """
    last = max(length - size, 0)
    return [*range(0, last, size - overlap), last]
