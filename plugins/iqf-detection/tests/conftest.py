"""Scenes with objects and detections as COCO files, and the reference code's twelve numbers of them."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqf_core import Dataset, Image, open_dataset, write_image

Truth = dict[str, Any]
Found = list[dict[str, Any]]


def make_scene(images: int, classes: int, objects: int, detections: int, *, seed: int) -> tuple[Truth, Found]:
    """Objects of all sizes, some crowds, and detections of which half lie near an object."""
    rng = np.random.default_rng(seed)
    annotations: Found = []
    found: Found = []
    for image in range(1, images + 1):
        mine = [_object(rng, image, int(rng.integers(1, classes + 1))) for _ in range(rng.poisson(objects))]
        annotations += mine
        for _ in range(detections):
            near = mine[rng.integers(len(mine))] if mine and rng.random() < 0.5 else None
            found.append(_detection(rng, image, classes, near))
    for index, annotation in enumerate(annotations):
        annotation["id"] = index + 1
    truth = {
        "images": [
            {"id": i, "file_name": f"{i:05d}.png", "width": 640, "height": 640} for i in range(1, images + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": c, "name": f"class {c}"} for c in range(1, classes + 1)],
    }
    return truth, found


def _object(rng: np.random.Generator, image: int, label: int) -> dict[str, Any]:
    (x, y), (width, height) = rng.uniform(0, 500, 2), np.exp(rng.uniform(np.log(6), np.log(200), 2))
    return {
        "image_id": image,
        "category_id": label,
        "bbox": [x, y, width, height],
        "area": width * height * rng.uniform(0.5, 1),
        "iscrowd": int(rng.random() < 0.03),
    }


def _detection(
    rng: np.random.Generator, image: int, classes: int, near: dict[str, Any] | None
) -> dict[str, Any]:
    box = np.array([*rng.uniform(0, 500, 2), *rng.uniform(5, 150, 2)])
    label = int(rng.integers(1, classes + 1))
    if near is not None:
        sides = np.array(near["bbox"][2:] * 2)
        box, label = np.array(near["bbox"]) + rng.normal(0, 0.08, 4) * sides, near["category_id"]
        box[2:] = np.abs(box[2:])
    return {"image_id": image, "category_id": label, "bbox": box.tolist(), "score": float(rng.random())}


def reference(truth: Truth, found: Found, **parameters: Any) -> list[float]:
    """The twelve numbers of pycocotools, -1 where there is none."""
    coco = pytest.importorskip(
        "pycocotools.coco", reason="pycocotools, which is compared with, is not installed"
    )
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        known = coco.COCO()
        known.dataset = truth
        known.createIndex()
        evaluation = COCOeval(known, known.loadRes(found), "bbox")
        for name, value in parameters.items():
            setattr(evaluation.params, name, value)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(number) for number in evaluation.stats]


class Files:
    """Writes ground truth and detections."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def dataset(self, truth: Truth, *, image: Image | None = None, name: str = "scenes") -> Dataset:
        """Dataset of tiny images (or of ``image``), whose ground truth is what counts."""
        root = self.folder / name
        (root / "images").mkdir(parents=True)
        for entry in truth["images"]:
            path = root / "images" / entry["file_name"]
            write_image(path, image or Image.from_array(np.zeros((2, 2, 1), np.uint8)))
        (root / "annotations.json").write_text(json.dumps(truth))
        return open_dataset(root)

    def output(self, found: Any, name: str = "output.json") -> Path:
        path = self.folder / name
        path.write_text(json.dumps(found))
        return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(scope="session")
def scene() -> Callable[..., tuple[Truth, Found]]:
    return make_scene


@pytest.fixture(scope="session")
def pycocotools() -> Callable[..., list[float]]:
    return reference
