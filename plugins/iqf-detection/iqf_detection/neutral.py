"""Ground truth in a form of its own, whatever format it was read from.

In this form a record names an image of the dataset and has its size; objects have polygons in pixels, in
open rings, and a box only where it is not the one around the polygons. ``extras`` of an object are its
attributes (``iscrowd`` and ``difficult`` only where they are true, ``area`` only where it is not that of the
shape), those of a record are attributes of the image, and the header is what belongs to the whole.
Identifiers are left out: they are names of entries, and a format that has them gives new ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from iqf_core import Dataset, DatasetError, GroundTruth, Record
from iqf_core.dataset import Source
from iqf_core.formats import finder
from iqf_core.image import probe_image
from iqf_core.records import Polygon, Ring, Thing, box_around
from iqf_detection.ground import in_pixels
from iqf_detection.losses import Losses
from iqf_detection.quads import opened

CLOSE = 1e-6
"""Relative, and in pixels: what two ways to compute the same may differ by."""


def neutral(dataset: Dataset, source: Source, losses: Losses) -> GroundTruth:
    """Ground truth of one source, with a record for each image of the dataset.

    Parameters
    ----------
    dataset : Dataset
        Whose images it is about.
    source : Source
        Of the format coco, dota or geojson.
    losses : Losses
        Notes what this form has no place for.
    """
    truth = source.format.read(source.path)
    find = finder(dataset.images)
    known = {name: Record(name) for name in dataset.images}
    for record in truth.records:
        name = find(record.image)
        if name is None:
            losses.add("an image that is not in the folder", record.image)
            continue
        read = _READ[source.format.name](replace(record, image=name), dataset, losses)
        known[name] = known[name].merged(read)
    plain = (_sized(_with_places(record), dataset) for record in known.values())
    header = {
        key: value for key, value in truth.header.items() if key not in ("type", "crs", "bbox") and value
    }
    return GroundTruth(tuple(plain), header)


def _with_places(record: Record) -> Record:
    """Record without the objects that lie nowhere, which were noted as lost."""
    for thing in record.things:
        if not isinstance(thing.label, str | int | float):
            raise DatasetError(f"{record.image}: a class is {thing.label!r}; write a name or a number")
    return replace(record, things=tuple(t for t in record.things if t.polygons or t.box is not None))


def _sized(record: Record, dataset: Dataset) -> Record:
    info = probe_image(dataset.path(record.image))
    return replace(record, width=info.width, height=info.height)


def _of_coco(record: Record, dataset: Dataset, losses: Losses) -> Record:
    own = ("id", "file_name", "width", "height", "group")
    for thing in record.things:
        if not thing.polygons and thing.box is None:
            losses.add("an object without box or polygon", record.image)
    things = tuple(_of_annotation(thing) for thing in record.things)
    return replace(record, things=things, extras=_without(record.extras, own))


def _of_annotation(thing: Thing) -> Thing:
    own = ["id", "image_id", "category_id", "bbox"]
    said = thing.extras
    if not isinstance(said.get("segmentation"), Mapping):
        own.append("segmentation")
    if not said.get("iscrowd"):
        own.append("iscrowd")
    polygons = _open(thing.polygons)
    box = thing.box if thing.box is None or not polygons or not _is_around(thing.box, polygons) else None
    plain = replace(thing, polygons=polygons, box=box)
    if said.get("area") is None or math.isclose(
        said["area"], shape_area(plain), rel_tol=CLOSE, abs_tol=CLOSE
    ):
        own.append("area")
    return replace(plain, extras=_without(said, own))


def _of_dota(record: Record, dataset: Dataset, losses: Losses) -> Record:
    lines = (line.partition(":") for line in record.extras.get("header", ()))
    attributes = {key.strip(): value.strip() for key, _, value in lines}
    things = [
        replace(
            thing,
            extras={key: thing.extras[key] for key in ("difficult", "iscrowd") if thing.extras.get(key)},
        )
        for thing in record.things
    ]
    return replace(record, things=tuple(things), extras=attributes)


def _of_geojson(record: Record, dataset: Dataset, losses: Losses) -> Record:
    things = tuple(_of_feature(thing, record.image, dataset, losses) for thing in record.things)
    return replace(record, things=things)


def _of_feature(thing: Thing, image: str, dataset: Dataset, losses: Losses) -> Thing:
    feature = thing.extras
    geometry = feature.get("geometry") or {}
    if not thing.polygons:
        losses.add(f"a geometry of type {geometry.get('type')}", image)
    if any(len(point) > 2 for point in _points(geometry.get("coordinates", ()))):
        losses.add("heights of points", image)
    for member in sorted(feature.keys() - {"type", "id", "bbox", "geometry", "properties"}):
        losses.add(f"the member {member!r} of a feature", image)

    def pixels(ring: Ring) -> Ring:
        return tuple(in_pixels(ring, dataset.path(image), known=thing.world is True))

    polygons = tuple(tuple(pixels(ring) for ring in rings) for rings in thing.polygons)
    attributes = _without(feature["properties"], ("image_filename", "class_id", "group"))
    return Thing(thing.label, polygons=_open(polygons), extras=attributes)


_READ: Mapping[str, Callable[[Record, Dataset, Losses], Record]] = {
    "coco": _of_coco,
    "dota": _of_dota,
    "geojson": _of_geojson,
}
FORMATS = tuple(_READ)


def shape_area(thing: Thing) -> float:
    """Area of an object's polygons, holes left out, else of its box; in square pixels."""
    if thing.polygons:
        return sum(_area(rings[0]) - sum(map(_area, rings[1:])) for rings in thing.polygons)
    return thing.box[2] * thing.box[3] if thing.box else 0.0


def shape_box(thing: Thing) -> tuple[float, float, float, float]:
    """Box that an object states, else that around its polygons."""
    if thing.box is not None:
        return thing.box
    return box_around([point for rings in thing.polygons for point in rings[0]])


def _area(ring: Ring) -> float:
    pairs = zip(ring, (*ring[1:], ring[0]), strict=True)
    return abs(math.fsum(x * v - y * u for (x, y), (u, v) in pairs)) / 2


def _is_around(box: Sequence[float], polygons: Sequence[Polygon]) -> bool:
    around = box_around([point for rings in polygons for point in rings[0]])
    return all(abs(one - other) <= CLOSE for one, other in zip(box, around, strict=True))


def _open(polygons: Sequence[Polygon]) -> tuple[Polygon, ...]:
    return tuple(tuple(tuple(opened(ring)) for ring in rings) for rings in polygons)


def _without(extras: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in extras.items() if key not in names}


def _points(coordinates: Any) -> Iterable[Sequence[Any]]:
    """Yield the points of coordinates, however deep."""
    if not isinstance(coordinates, list | tuple) or not coordinates:
        return
    if isinstance(coordinates[0], int | float):
        yield coordinates
        return
    for part in coordinates:
        yield from _points(part)
