"""GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from iqf_core.errors import DatasetError
from iqf_core.formats.base import DatasetFormat, dump_json, load_json
from iqf_core.records import GroundTruth, Move, Polygon, Record, Thing


class GeoJsonFormat(DatasetFormat):
    """GeoJSON features with the properties ``image_filename``, ``class_id`` and, if any, ``group``.

    Coordinates are those of the world where the file has a ``crs`` or the image a georeference, else
    pixels.
    """

    name: ClassVar[str] = "geojson"

    def detect(self, path: Path) -> bool:
        """Whether it is a feature collection of which any feature names its image."""
        if path.suffix.lower() not in (".geojson", ".json") or not path.is_file():
            return False
        try:
            features = load_json(path)["features"]
            return any("image_filename" in feature["properties"] for feature in features)
        except (DatasetError, KeyError, TypeError):
            return path.suffix.lower() == ".geojson"

    def read(self, path: Path) -> GroundTruth:
        """Read features, one record per image in the order of first mention."""
        value = load_json(path)
        if not isinstance(value, dict) or not isinstance(value.get("features"), list):
            raise DatasetError(f"{path}: not a GeoJSON feature collection ('features' is missing)")
        world = True if "crs" in value else None
        records: dict[str, Record] = {}
        for index, feature in enumerate(value["features"]):
            try:
                properties = feature["properties"]
                name = properties["image_filename"]
                if not isinstance(name, str):
                    raise TypeError(f"image_filename is {name!r}, not text")
                thing = Thing(
                    label=properties.get("class_id", ""),
                    polygons=_rings_of(feature.get("geometry")),
                    world=world,
                    extras=feature,
                )
            except (KeyError, TypeError, IndexError, AttributeError) as error:
                raise DatasetError(
                    f"{path}: features[{index}] needs properties with 'image_filename' (got {error!r})"
                ) from error
            group = properties.get("group")
            before = records.get(name, Record(name, group=None if group is None else str(group)))
            records[name] = replace(before, things=(*before.things, thing))
        return GroundTruth(tuple(records.values()), {k: v for k, v in value.items() if k != "features"})

    def moved(self, thing: Thing, move: Move) -> Thing:
        """Map polygons in pixels; other geometries in pixels cannot follow."""
        geometry = thing.extras.get("geometry")
        if move.affine is not None and geometry and not thing.polygons and not thing.in_world(move):
            raise DatasetError(
                f"a geometry of type {geometry.get('type')} in pixels cannot follow moved pixels; "
                "only Polygon and MultiPolygon can"
            )
        return thing.moved(move)

    def write(self, truth: GroundTruth, path: Path) -> None:
        """Write a feature per object."""
        features = [_feature(thing, record.image) for record in truth.records for thing in record.things]
        dump_json({**truth.header, "features": features}, path)


def _rings_of(geometry: Mapping[str, Any] | None) -> tuple[Polygon, ...]:
    if geometry is None or geometry["type"] not in ("Polygon", "MultiPolygon"):
        return ()
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return tuple(tuple(tuple((p[0], p[1]) for p in ring) for ring in part) for part in parts)


def _feature(thing: Thing, image: str) -> dict[str, Any]:
    feature = {**thing.extras, "properties": {**thing.extras["properties"], "image_filename": image}}
    if _rings_of(feature.get("geometry")) == thing.polygons:
        return feature
    parts = [[[list(point) for point in ring] for ring in rings] for rings in thing.polygons]
    single = feature["geometry"]["type"] == "Polygon" and len(parts) == 1
    feature["geometry"] = {
        "type": "Polygon" if single else "MultiPolygon",
        "coordinates": parts[0] if single else parts,
    }
    return feature
