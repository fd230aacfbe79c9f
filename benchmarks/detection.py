"""Scoring 250,000 detections in 5,000 images, against pycocotools on the same files."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pairs import Figure, in_turns

import iqf_core as iqf

IMAGES, CLASSES, OBJECTS, DETECTIONS = 5000, 80, 36_000, 250_000
RESAMPLES, RESAMPLED = 1000, 500


def figures(quick: bool) -> Iterator[Figure]:
    images = IMAGES // 10 if quick else IMAGES
    with tempfile.TemporaryDirectory() as folder:
        truth, found = _scene(images)
        dataset, predictions = _written(Path(folder), truth, found)
        yield _against_the_reference(dataset, predictions, rounds=1 if quick else 2)
        yield _resampling(dataset, predictions, rounds=1 if quick else 3)


def _against_the_reference(dataset: iqf.Dataset, predictions: Path, *, rounds: int) -> Figure:
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    annotations = dataset.root / "annotations.json"
    pairs = in_turns(
        lambda: ours.append(_ours(dataset, predictions)),
        lambda: theirs.append(_theirs(annotations, predictions)),
        rounds=rounds,
        warm_up=0,  # what is imported first is a small part of it
    )
    if ours[0] != theirs[0]:
        raise RuntimeError(f"not the same numbers: {ours[0]} and {theirs[0]}")
    best, reference = (min(seconds) for seconds in zip(*pairs, strict=True))
    return Figure(
        f"coco_detection of {len(dataset)} images over pycocotools",
        [seconds / other for seconds, other in pairs],
        at_most=0.25,
        note=f"at best {best:.1f} against {reference:.1f} s, all twelve numbers equal to the last bit",
    )


def _resampling(dataset: iqf.Dataset, predictions: Path, *, rounds: int) -> Figure:
    """Resamples at once, against so many calls of `aggregate`, of which a fiftieth is timed."""
    metric: Any = iqf.metric("coco_detection")
    part = dataset.subset(dataset.images[:RESAMPLED])
    table = metric.match(predictions, part)
    images, count = list(part.images), len(part)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(float)

    def at_once() -> None:
        metric.aggregate_many(table, weights, images, ["ap_0.5"])

    def one_by_one() -> None:
        for row in weights[: RESAMPLES // 50].tolist():
            metric.aggregate(table, dict(zip(images, row, strict=True)))

    pairs = in_turns(at_once, one_by_one, rounds=rounds, warm_up=0)
    best = min(seconds for seconds, _ in pairs)
    return Figure(
        f"{RESAMPLES} resamples of {count} images over aggregate by itself",
        [seconds / (50 * other) for seconds, other in pairs],
        at_most=0.1,
        note=f"at best {best:.2f} s for ap_0.5",
    )


def _ours(dataset: iqf.Dataset, predictions: Path) -> list[float]:
    metric: Any = iqf.metric("coco_detection")
    values = metric.aggregate(metric.match(predictions, iqf.open_dataset(dataset.root)))
    return [float(values[output.name]) for output in metric.outputs[:12]]


def _theirs(annotations: Path, predictions: Path) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(annotations))
        evaluation = COCOeval(known, known.loadRes(str(predictions)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(number) for number in evaluation.stats]


def _scene(images: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Objects, and detections of which half lie near one."""
    rng = np.random.default_rng(0)
    objects, detections = OBJECTS * images // IMAGES, DETECTIONS * images // IMAGES
    image, label = rng.integers(1, images + 1, objects), rng.integers(1, CLASSES + 1, objects)
    boxes = np.hstack([rng.uniform(0, 500, (objects, 2)), np.exp(rng.uniform(1.8, 5.3, (objects, 2)))])
    near = rng.integers(objects, size=detections)
    sides = np.tile(boxes[near, 2:], 2)
    found = np.abs(boxes[near] + rng.normal(0, 0.08, (detections, 4)) * sides)
    lost = rng.random(detections) < 0.5
    found[lost] = np.hstack([rng.uniform(0, 500, (lost.sum(), 2)), rng.uniform(5, 150, (lost.sum(), 2))])
    truth = {
        "images": [{"id": n, "file_name": f"{n:06d}.png"} for n in range(1, images + 1)],
        "annotations": [
            {
                "id": n + 1,
                "image_id": int(image[n]),
                "category_id": int(label[n]),
                "bbox": boxes[n].tolist(),
                "area": float(boxes[n, 2] * boxes[n, 3]),
                "iscrowd": int(n % 40 == 0),
            }
            for n in range(objects)
        ],
        "categories": [{"id": n, "name": f"class {n}"} for n in range(1, CLASSES + 1)],
    }
    scores = rng.random(detections)
    predictions = [
        {
            "image_id": int(image[near[n]]),
            "category_id": int(label[near[n]]),
            "bbox": found[n].tolist(),
            "score": float(scores[n]),
        }
        for n in range(detections)
    ]
    return truth, predictions


def _written(folder: Path, truth: dict[str, Any], found: list[dict[str, Any]]) -> tuple[iqf.Dataset, Path]:
    """Write both; of the images, which nobody looks at, only the names count."""
    images = folder / "scenes" / "images"
    images.mkdir(parents=True)
    pixel = iqf.Image.from_array(np.zeros((1, 1), np.uint8))
    first = images / truth["images"][0]["file_name"]
    iqf.write_image(first, pixel)
    for entry in truth["images"][1:]:
        (images / entry["file_name"]).hardlink_to(first)
    (folder / "scenes" / "annotations.json").write_text(json.dumps(truth))
    (folder / "output.json").write_text(json.dumps(found))
    return iqf.open_dataset(folder / "scenes"), folder / "output.json"
