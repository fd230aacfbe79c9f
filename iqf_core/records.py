"""The neutral form of ground truth, between the formats that read it and those that write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from affine import Affine

Ring = tuple[tuple[float, float], ...]
Polygon = tuple[Ring, ...]
"""Outer ring, then holes."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One annotated object of an image.

    Parameters
    ----------
    label : str or int
        Its class, as the ground truth names it.
    box : tuple of float or None
        ``(x, y, width, height)`` in pixels, (0, 0) the upper left corner of the upper left pixel.
    polygons : tuple of polygons
        Each an outer ring and its holes, rings of (x, y).
    world : bool or None
        Whether the polygons are in a coordinate system of the world rather than in pixels; None means:
        in the world where the image is georeferenced.
    extras : mapping
        What the format read beside these, to be written again.
    """

    label: str | int
    box: tuple[float, float, float, float] | None = None
    polygons: tuple[Polygon, ...] = ()
    world: bool | None = False
    extras: Mapping[str, Any] = field(default_factory=dict)

    def moved(self, move: Move) -> Thing:
        """The same object after the image's pixels were mapped; world coordinates stay."""
        if move.affine is None:
            return self
        affine = move.affine
        polygons = self.polygons
        if not self.in_world(move):
            polygons = tuple(
                tuple(tuple(affine @ point for point in ring) for ring in rings) for rings in polygons
            )
        box = None if self.box is None else moved_box(self.box, affine)
        return replace(self, box=box, polygons=polygons)

    def in_world(self, move: Move) -> bool:
        """Whether its polygons are in a coordinate system of the world."""
        return move.georeferenced if self.world is None else self.world


@dataclass(frozen=True, slots=True)
class Record:
    """One image of a dataset and what is known of it.

    Parameters
    ----------
    image : str
        File name relative to the folder of images, with ``/``.
    width, height : int or None
        Size in pixels where the ground truth states it.
    things : tuple of Thing
        Annotated objects.
    mask : str or None
        Mask file relative to its folder of masks.
    label : str or None
        Class of the whole image.
    group : str or None
        The scene that the image was cut from: stays together in a split or a bootstrap.
    extras : mapping
        What the format read beside these.
    """

    image: str
    width: int | None = None
    height: int | None = None
    things: tuple[Thing, ...] = ()
    mask: str | None = None
    label: str | None = None
    group: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def boxes(self) -> list[tuple[float, float, float, float]]:
        """Boxes of the objects that have one."""
        return [thing.box for thing in self.things if thing.box is not None]

    @property
    def polygons(self) -> list[Polygon]:
        """Polygons of all objects."""
        return [polygon for thing in self.things for polygon in thing.polygons]

    def merged(self, other: Record) -> Record:
        """Return this record, completed by another of the same image."""
        return Record(
            image=self.image,
            width=self.width or other.width,
            height=self.height or other.height,
            things=self.things + other.things,
            mask=self.mask or other.mask,
            label=self.label if self.label is not None else other.label,
            group=self.group if self.group is not None else other.group,
            extras={**other.extras, **self.extras},
        )


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """What one file or folder says of a dataset's images.

    Parameters
    ----------
    records : tuple of Record
        In the order of the file.
    header : mapping
        What belongs to the whole: categories, coordinate system, licences, …
    """

    records: tuple[Record, ...]
    header: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """What became of a source image: its new name and size, and where its pixels went.

    Parameters
    ----------
    name : str
        New file name, relative to the folder of images.
    width, height : int
        New size in pixels.
    affine : affine.Affine or None
        Old to new pixel coordinates; None when pixels stayed.
    georeferenced : bool
        Whether the source image has a coordinate system.
    left_of : callable or None
        Object in the new pixels, this move -> what is left of it, or None; all of it unless given.
    """

    name: str
    width: int
    height: int
    affine: Affine | None = None
    georeferenced: bool = False
    left_of: Callable[[Thing, Move], Thing | None] | None = field(default=None, compare=False)


def moved_box(box: Sequence[float], affine: Affine) -> tuple[float, float, float, float]:
    """Axis-parallel box around a box ``(x, y, width, height)`` mapped by ``affine``."""
    x, y, width, height = box
    return box_around([affine @ (x + dx, y + dy) for dx in (0, width) for dy in (0, height)])


def box_around(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Smallest axis-parallel box ``(x, y, width, height)`` around some points."""
    (left, top), (right, bottom) = np.min(points, axis=0), np.max(points, axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def grouped(record: Record, pattern: str | None, *, name: str | None = None) -> Record:
    """Record whose group is what ``pattern`` finds in the image's name (or ``name``), where it has none."""
    if pattern is None or record.group is not None:
        return record
    found = re.search(pattern, name or record.image)
    if found is None:
        return record
    return replace(record, group=found.group(1) if found.re.groups else found.group())
