"""COCO JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqf_core.errors import DatasetError
from iqf_core.formats.base import DatasetFormat, dump_json, load_json
from iqf_core.records import GroundTruth, Polygon, Record, Thing


class CocoFormat(DatasetFormat):
    """COCO JSON (Lin et al. 2014): ``images``, ``annotations``, ``categories``."""

    name: ClassVar[str] = "coco"

    def detect(self, path: Path) -> bool:
        """Whether it is a JSON object with ``images`` and ``annotations``."""
        if path.suffix.lower() != ".json" or not path.is_file():
            return False
        try:
            value = load_json(path)
        except DatasetError:
            return False
        return isinstance(value, dict) and {"images", "annotations"} <= value.keys()

    def read(self, path: Path) -> GroundTruth:
        """Read images and annotations; categories and the rest stay in the header."""
        value = load_json(path)
        categories = {c.get("id"): c.get("name", c.get("id")) for c in value.get("categories", [])}
        things: dict[Any, list[Thing]] = {}
        for index, annotation in enumerate(value["annotations"]):
            try:
                things.setdefault(annotation["image_id"], []).append(_coco_thing(annotation, categories))
            except (KeyError, TypeError, ValueError) as error:
                raise DatasetError(f"{path}: annotations[{index}] is not COCO: {error!r}") from error
        records = []
        for index, image in enumerate(value["images"]):
            if not isinstance(image, dict) or not {"id", "file_name"} <= image.keys():
                raise DatasetError(f"{path}: images[{index}] needs an 'id' and a 'file_name'")
            group = image.get("group")
            records.append(
                Record(
                    image=image["file_name"],
                    width=image.get("width"),
                    height=image.get("height"),
                    things=tuple(things.get(image["id"], ())),
                    group=None if group is None else str(group),
                    extras=image,
                )
            )
        return GroundTruth(
            tuple(records), {k: v for k, v in value.items() if k not in ("images", "annotations")}
        )

    def write(self, truth: GroundTruth, path: Path) -> None:
        """Write COCO JSON; boxes, polygons, areas, keypoints and sizes as the records say."""
        images, annotations = [], []
        for record in truth.records:
            image = {**record.extras, "file_name": record.image}
            sizes = {"width": record.width, "height": record.height}
            images.append(image | {key: value for key, value in sizes.items() if value is not None})
            annotations += [_coco_annotation(thing, path) for thing in record.things]
        dump_json({**truth.header, "images": images, "annotations": annotations}, path)


def _coco_thing(annotation: Mapping[str, Any], categories: Mapping[Any, Any]) -> Thing:
    segmentation = annotation.get("segmentation")
    polygons: tuple[Polygon, ...] = ()
    if isinstance(segmentation, list):
        polygons = tuple((tuple(zip(part[0::2], part[1::2], strict=True)),) for part in segmentation)
    box = annotation.get("bbox")
    x, y, width, height = box or (0, 0, 0, 0)
    category = annotation.get("category_id")
    return Thing(
        label=categories.get(category, category),
        box=(x, y, width, height) if box else None,
        polygons=polygons,
        extras=annotation,
    )


def _coco_annotation(thing: Thing, path: Path) -> dict[str, Any]:
    annotation = dict(thing.extras)
    before = _coco_thing(annotation, {})
    if (before.box, before.polygons) == (thing.box, thing.polygons):
        return annotation
    if thing.box is not None and before.box is not None:
        annotation["bbox"] = list(thing.box)
        scale = (thing.box[2] * thing.box[3]) / (before.box[2] * before.box[3] or 1)
        if "area" in annotation:
            annotation["area"] = float(annotation["area"]) * scale
    unmoved = [key for key in ("keypoints",) if annotation.get(key)]
    if isinstance(annotation.get("segmentation"), dict):
        unmoved.append("segmentation (run-length encoded)")
    if unmoved:
        raise DatasetError(
            f"{path}: annotation {annotation.get('id')} has {' and '.join(unmoved)}, which cannot follow moved "
            "pixels; convert them to polygons or remove them"
        )
    if thing.polygons:
        annotation["segmentation"] = [[c for point in rings[0] for c in point] for rings in thing.polygons]
    return annotation
