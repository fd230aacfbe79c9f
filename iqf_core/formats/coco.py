"""COCO JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from iqf_core.errors import DatasetError
from iqf_core.formats.base import DatasetFormat, dump_json, load_json
from iqf_core.formats.labels import moved_runs
from iqf_core.records import GroundTruth, Move, Polygon, Record, Thing

if TYPE_CHECKING:
    from affine import Affine


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
        for key in ("images", "annotations", "categories"):
            entries = value.get(key) or []
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise DatasetError(f"{path}: {key!r} must be a list of objects")
        categories = {c.get("id"): c.get("name", c.get("id")) for c in value.get("categories") or []}
        things: dict[Any, list[Thing]] = {}
        for index, annotation in enumerate(value["annotations"] or []):
            try:
                things.setdefault(annotation["image_id"], []).append(_coco_thing(annotation, categories))
            except (KeyError, TypeError, ValueError) as error:
                raise DatasetError(f"{path}: annotations[{index}] is not COCO: {error!r}") from error
        records = []
        for index, image in enumerate(value["images"] or []):
            if "id" not in image or not isinstance(image.get("file_name"), str):
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
        image_ids, annotation_ids = _Ids(), _Ids()
        for record in truth.records:
            image = {**record.extras, "file_name": record.image}
            image["id"] = image_ids.unused(image["id"])
            sizes = {"width": record.width, "height": record.height}
            images.append(image | {key: value for key, value in sizes.items() if value is not None})
            for thing in record.things:
                annotation = {**_coco_annotation(thing), "image_id": image["id"]}
                if "id" in annotation:
                    annotation["id"] = annotation_ids.unused(annotation["id"])
                annotations.append(annotation)
        dump_json({**truth.header, "images": images, "annotations": annotations}, path)

    def moved(self, thing: Thing, move: Move) -> Thing:
        """Map boxes, polygons, run lengths, areas and keypoints."""
        if move.affine is None:
            return thing
        extras = dict(thing.extras)
        segmentation = extras.get("segmentation")
        try:
            if isinstance(segmentation, dict):
                size = move.width, move.height
                extras["segmentation"] = moved_runs(segmentation, move.affine, size)
            if extras.get("keypoints"):
                extras["keypoints"] = _moved_keypoints(extras["keypoints"], move.affine)
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"annotation {extras.get('id')} is not COCO: {error!r}") from error
        if isinstance(extras.get("area"), int | float):
            extras["area"] = extras["area"] * abs(move.affine.determinant)
        return replace(thing.moved(move), extras=extras)


class _Ids:
    """Identifiers that no two entries share: an image that became many gives all but one a new one."""

    def __init__(self) -> None:
        self._used: set[Any] = set()
        self._largest = 0

    def unused(self, wanted: Any) -> Any:
        if wanted in self._used:
            wanted = self._largest + 1
        self._used.add(wanted)
        self._largest = max(self._largest, wanted) if isinstance(wanted, int) else self._largest
        return wanted


def _moved_keypoints(keypoints: Sequence[float], affine: Affine) -> list[float]:
    """Triples x, y, visibility; those that are not labelled (0) stay at 0, 0."""
    moved: list[float] = []
    for x, y, visible in zip(keypoints[0::3], keypoints[1::3], keypoints[2::3], strict=True):
        moved += [*(affine @ (x, y)), visible] if visible else [x, y, visible]
    return moved


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


def _coco_annotation(thing: Thing) -> dict[str, Any]:
    annotation = dict(thing.extras)
    before = _coco_thing(annotation, {})
    if thing.box is not None and before.box != thing.box:
        annotation["bbox"] = list(thing.box)
    if thing.polygons and before.polygons != thing.polygons:
        annotation["segmentation"] = [[c for point in rings[0] for c in point] for rings in thing.polygons]
    return annotation
