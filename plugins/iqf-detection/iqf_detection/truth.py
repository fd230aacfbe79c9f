"""The ground truth of a dataset as arrays, with the names by which predictions may call it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from iqf_core import Dataset, DatasetError, ParameterError
from iqf_core.errors import did_you_mean
from iqf_core.formats import finder
from iqf_core.formats.base import load_json
from iqf_core.records import Thing, box_around
from iqf_detection.ground import in_pixels
from iqf_detection.instances import Array, Instances

log = logging.getLogger("iqf")
Shape = Callable[[Thing, Path], Sequence[Any]]
"""Box or corners of an object of an image."""


@dataclass(frozen=True)
class Truth:
    """What was to be found.

    Parameters
    ----------
    images, groups : list
        Name of each image, and its group or None, in the order of their ids.
    classes : list of str
        Sorted by the ids of their categories, or by name.
    objects : Instances
        Crowds among them.
    image_ids, category_ids : dict
        As the ground truth numbers them -> index.
    left_out : set
        Ids and names of images that this view of the dataset does not hold.
    """

    images: list[str]
    groups: list[str | None]
    classes: list[str]
    objects: Instances
    image_ids: dict[Any, int]
    category_ids: dict[Any, int]
    left_out: set[Any] = field(default_factory=set)

    def image_named(self) -> Callable[[str], int | None]:
        """Function from a file name as a task writes it to the index of the image."""
        find, place = finder(self.images), {name: index for index, name in enumerate(self.images)}

        def found(written: str) -> int | None:
            name = find(written)
            return None if name is None else place[name]

        return found


def truth_of(dataset: Dataset, shape: Shape, classes: Sequence[str]) -> Truth:
    """Ground truth of a dataset.

    Parameters
    ----------
    dataset : Dataset
        With objects in its records.
    shape : callable
        What stands for an object.
    classes : sequence of str
        Those that count; empty for all.

    Raises
    ------
    DatasetError
        When no image has an object, or one has no place.
    ParameterError
        When a class does not exist.
    """
    ids, left_out = _image_ids(dataset)
    records = sorted(dataset.records, key=lambda record: _order(ids.get(record.image), record.image))
    things = [(index, thing) for index, record in enumerate(records) for thing in record.things]
    if not things:
        raise DatasetError(
            f"{dataset.root}: no object in its ground truth; detections need boxes or polygons"
        )
    categories = _categories(dataset, [thing for _, thing in things])
    names = list(dict.fromkeys(categories.values()))
    _refuse_unknown(classes, names)
    kept = [name for name in names if not classes or name in classes]
    place = {name: index for index, name in enumerate(kept)}
    counted = [(index, thing) for index, thing in things if str(thing.label) in place]
    return Truth(
        images=[record.image for record in records],
        groups=[record.group for record in records],
        classes=kept,
        objects=_instances(counted, [dataset.path(record.image) for record in records], place, shape),
        image_ids={ids[record.image]: index for index, record in enumerate(records) if record.image in ids},
        category_ids={key: place[name] for key, name in categories.items() if name in place}
        | {key: -1 for key, name in categories.items() if name not in place},
        left_out=left_out,
    )


def box_of(thing: Thing, image: Path) -> Sequence[float]:
    """Box of an object, or around its polygons, in pixels."""
    return box_around(corners_of(thing, image)) if thing.box is None else thing.box


def corners_of(thing: Thing, image: Path) -> list[tuple[float, float]]:
    """All points of the polygons of an object, in pixels.

    Raises
    ------
    DatasetError
        When it has none, or they lie off the image.
    """
    points = [point for rings in thing.polygons for ring in rings for point in ring]
    if not points:
        raise DatasetError(f"{image}: an object of class {thing.label!r} has neither box nor polygon")
    return points if thing.world is False else in_pixels(points, image, known=thing.world is True)


def _instances(
    things: Sequence[tuple[int, Thing]], paths: Sequence[Path], place: dict[str, int], shape: Shape
) -> Instances:
    shapes = [shape(thing, paths[index]) for index, thing in things]
    return Instances(
        image=np.array([index for index, _ in things], np.int64),
        label=np.array([place[str(thing.label)] for _, thing in things], np.int64),
        shape=np.array(shapes, float) if shapes else np.empty((0, 4)),
        area=np.array([_area(thing, one) for (_, thing), one in zip(things, shapes, strict=True)], float),
        score=np.full(len(things), np.nan),
        crowd=np.array([is_crowd(thing) for _, thing in things], bool),
    )


def is_crowd(thing: Thing) -> bool:
    """Whether the ground truth says ``iscrowd`` of an object, in GeoJSON among a feature's properties."""
    said = thing.extras.get("properties") or thing.extras
    return str(said.get("iscrowd") or 0).lower() not in ("0", "0.0", "false")


def _area(thing: Thing, shape: Sequence[Any]) -> float:
    """Area that the ground truth states (COCO: of the segment), else that of the shape."""
    stated = thing.extras.get("area")
    return float(stated) if isinstance(stated, int | float) else float(area_of(np.array([shape], float))[0])


def area_of(shapes: Array) -> Array:
    """Area of boxes, or of simple quadrilaterals, in square pixels."""
    if shapes.ndim == 2:
        return np.asarray(shapes[:, 2] * shapes[:, 3])
    x, y = shapes[..., 0], shapes[..., 1]
    return np.asarray(np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2)


def _order(number: Any, name: str) -> tuple[int, Any, str]:
    """Numbers first, in their order, as the reference code has it; then everything else by name."""
    known = isinstance(number, int | float) and not isinstance(number, bool)
    return (0, number, name) if known else (1, 0, name)


def _image_ids(dataset: Dataset) -> tuple[dict[str, Any], set[Any]]:
    """Image -> the id that the ground truth gives it; ids and names of those that were left out."""
    find = finder([*dataset.images, *dataset.left_out])
    here, ids, left_out = set(dataset.images), {}, set(dataset.left_out)
    absent: list[str] = []
    seen: set[Any] = set()
    for source in dataset.sources:
        if source.format.name != "coco":
            continue
        for image in load_json(source.path).get("images") or []:
            name = find(str(image.get("file_name")))
            if image.get("id") in seen:
                raise DatasetError(f"{source.path}: two images have the id {image.get('id')!r}")
            seen.add(image.get("id"))
            absent += [str(image.get("file_name"))] if name is None else []
            if name in here:
                ids[name] = image.get("id")
            else:
                left_out.add(image.get("id"))
    if absent:
        log.warning(
            "%s: %d images of the ground truth are not in the folder, first %s: their objects do not count",
            dataset.root, len(absent), absent[0],
        )  # fmt: skip
    return ids, left_out


def _categories(dataset: Dataset, things: Iterable[Thing]) -> dict[Any, str]:
    """Id or name of a category, as predictions may write it -> name."""
    ids: dict[Any, str] = {}
    for source in dataset.sources:
        if source.format.name == "coco":
            for category in load_json(source.path).get("categories") or []:
                ids[category.get("id")] = str(category.get("name", category.get("id")))
    twice = [name for name in ids.values() if list(ids.values()).count(name) > 1]
    if twice:
        raise DatasetError(f"{dataset.root}: two categories have the name {twice[0]!r}; give each its own")
    names = sorted({str(thing.label) for thing in things} - set(ids.values()))
    by_id = dict(sorted(ids.items(), key=lambda item: _order(item[0], item[1])))
    return {**by_id, **{name: name for name in [*by_id.values(), *names]}}


def _refuse_unknown(asked: Sequence[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            raise ParameterError(
                f"classes: the ground truth has no class {name!r}. {did_you_mean(name, known)}"
            )
