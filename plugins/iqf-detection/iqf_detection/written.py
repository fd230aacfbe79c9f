"""From the neutral form of ground truth to what each format writes, and what it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from iqf_core import Dataset, GroundTruth, Record
from iqf_core.records import Ring, Thing
from iqf_detection.ground import in_world
from iqf_detection.losses import Losses
from iqf_detection.neutral import shape_area, shape_box
from iqf_detection.quads import corners_of_box, quad_around

DOTA_HEADER = ("imagesource", "gsd", "acquisition dates")


def to_coco(truth: GroundTruth, dataset: Dataset, losses: Losses) -> GroundTruth:
    """Images, annotations and categories; attributes are further keys of annotations and images."""
    things = [thing for record in truth.records for thing in record.things]
    categories = _categories(truth.header.get("categories"), things, losses)
    ids = {_named(category): category["id"] for category in reversed(categories)}
    records = []
    for number, record in enumerate(truth.records, 1):
        entry = {"file_name": record.image, "width": record.width, "height": record.height, "id": number}
        group = {} if record.group is None else {"group": record.group}
        annotated = (_annotation(thing, ids[thing.label], record.image, losses) for thing in record.things)
        records.append(replace(record, things=tuple(annotated), extras={**record.extras, **group, **entry}))
    return GroundTruth(tuple(_numbered(records)), {**truth.header, "categories": categories})


def _categories(given: Any, things: list[Thing], losses: Losses) -> list[dict[str, Any]]:
    """Categories that the ground truth has already, and one for each other label."""
    found = [dict(one) for one in given or () if isinstance(one, Mapping) and isinstance(one.get("id"), int)]
    names = [_named(one) for one in found]
    for name in sorted({str(name) for name in names if names.count(name) > 1}):
        losses.add("a category that has the name of another", name)
    after = max((one["id"] for one in found), default=0) + 1
    labels = sorted({thing.label for thing in things} - set(names), key=str)
    return found + [{"id": number, "name": label} for number, label in enumerate(labels, after)]


def _named(category: Mapping[str, Any]) -> Any:
    return category.get("name", category["id"])


def _annotation(thing: Thing, category: int, image: str, losses: Losses) -> Thing:
    if any(len(rings) > 1 for rings in thing.polygons):
        losses.add("holes", image)
    attributes = dict(thing.extras)
    for name in ("id", "image_id", "category_id", "bbox"):
        if attributes.pop(name, None) is not None:
            losses.add(f"the attribute {name!r}, whose name COCO has for its own", image)
    entry: dict[str, Any] = {
        "category_id": category,
        "bbox": list(shape_box(thing)),
        "area": shape_area(thing),
        "iscrowd": 0,
    }
    polygons = tuple((rings[0],) for rings in thing.polygons)
    if polygons:
        entry["segmentation"] = [[value for point in ring for value in point] for (ring,) in polygons]
    return replace(thing, box=shape_box(thing), polygons=polygons, extras={**entry, **attributes})


def _numbered(records: list[Record]) -> list[Record]:
    number = 0
    found = []
    for record in records:
        things = [
            replace(thing, extras={"id": number + i, **thing.extras})
            for i, thing in enumerate(record.things, 1)
        ]
        number += len(things)
        found.append(replace(record, things=tuple(things)))
    return found


def to_dota(truth: GroundTruth, dataset: Dataset, losses: Losses) -> GroundTruth:
    """A file for each image; of attributes ``difficult``, and ``imagesource`` and ``gsd`` of the image."""
    used = {thing.label for record in truth.records for thing in record.things}
    for key, value in truth.header.items():
        if key != "categories" or not isinstance(value, list):
            losses.add(f"{key!r} of the whole")
        elif not all(set(one) <= {"id", "name"} and _named(one) in used for one in value):
            losses.add("categories without an object, or more of one than its name")
    return GroundTruth(tuple(_file(record, losses) for record in truth.records))


def _file(record: Record, losses: Losses) -> Record:
    for key in sorted(record.extras.keys() - set(DOTA_HEADER)):
        losses.add(f"{key!r} of an image", record.image)
    if record.group is not None:
        losses.add("the group of an image", record.image)
    header = tuple(f"{key}:{record.extras[key]}" for key in DOTA_HEADER if key in record.extras)
    things = tuple(_quad(thing, record.image, losses) for thing in record.things)
    name = str(PurePosixPath(record.image).with_suffix(""))
    return Record(name, things=things, extras={"header": header} if header else {})


def _quad(thing: Thing, image: str, losses: Losses) -> Thing:
    points = [point for rings in thing.polygons for point in rings[0]]
    if len(thing.polygons) > 1 or (points and len(points) != 4):
        losses.add("a polygon of other than four corners, or several", image)
    if any(len(rings) > 1 for rings in thing.polygons):
        losses.add("holes", image)
    if points and thing.box is not None:
        losses.add("a box that is not the one around the polygon", image)
    label = "-".join(str(thing.label).split()) or "-"
    if label != str(thing.label):
        losses.add("blanks in the name of a class", image)
    corners: Ring = (
        tuple(points) if len(points) == 4 else quad_around(points or corners_of_box(shape_box(thing)))
    )
    return Thing(label, polygons=((corners,),), extras={"difficult": _level(thing, image, losses)})


def _level(thing: Thing, image: str, losses: Losses) -> int:
    """Difficulty of an object, of whose attributes DOTA has no other."""
    difficult, crowd = thing.extras.get("difficult", 0), bool(thing.extras.get("iscrowd"))
    for key in sorted(thing.extras.keys() - {"difficult", "iscrowd"}):
        losses.add(_told(key), image)
    if difficult not in (0, 1, 2):
        losses.add("a difficulty that is not 0, 1 or 2", image)
        difficult = int(bool(difficult))
    if bool(difficult) != crowd:
        losses.add("'iscrowd', where DOTA has 'difficult' for both", image)
    return int(difficult or crowd)


def to_geojson(truth: GroundTruth, dataset: Dataset, losses: Losses) -> GroundTruth:
    """A feature for each object, attributes among its properties; in the world where the image lies there."""
    records = []
    for record in truth.records:
        for key in record.extras:
            losses.add(f"{key!r} of an image", record.image)
        if record.group is not None and not record.things:
            losses.add("the group of an image without objects", record.image)
        features = (_feature(thing, record, dataset, losses) for thing in record.things)
        records.append(replace(record, things=tuple(features)))
    return GroundTruth(tuple(records), {"type": "FeatureCollection", **truth.header})


def _feature(thing: Thing, record: Record, dataset: Dataset, losses: Losses) -> Thing:
    image, path = record.image, dataset.path(record.image)
    attributes = dict(thing.extras)
    for key in ("area", "keypoints", "num_keypoints", "segmentation"):
        if attributes.pop(key, None) is not None:
            losses.add(_told(key), image)
    for key in ("image_filename", "class_id", "group"):
        if attributes.pop(key, None) is not None:
            losses.add(f"the attribute {key!r}, whose name GeoJSON has here for its own", image)
    if thing.polygons and thing.box is not None:
        losses.add("a box that is not the one around the polygon", image)
    polygons = thing.polygons or ((corners_of_box(shape_box(thing)),),)
    placed = tuple(tuple(tuple(in_world([*ring, ring[0]], path)) for ring in rings) for rings in polygons)
    named = {"image_filename": image, "class_id": thing.label, **attributes}
    properties = named if record.group is None else {**named, "group": record.group}
    kind = "Polygon" if len(placed) == 1 else "MultiPolygon"
    parts = [[[list(point) for point in ring] for ring in rings] for rings in placed]
    geometry = {"type": kind, "coordinates": parts[0] if len(parts) == 1 else parts}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    return Thing(thing.label, polygons=placed, extras=feature)


def _told(key: str) -> str:
    """What an attribute is called where it is lost."""
    names = {"segmentation": "a mask of run lengths", "area": "a stated area that is not that of the shape"}
    return names.get(key, f"the attribute {key!r}")


WRITERS: Mapping[str, Callable[[GroundTruth, Dataset, Losses], GroundTruth]] = {
    "coco": to_coco,
    "dota": to_dota,
    "geojson": to_geojson,
}
"""Format -> function from the neutral form to what the format writes."""
