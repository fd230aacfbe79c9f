"""The whole detector: a finder for each category, trained on a dataset, applied to others, kept in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import joblib
import numpy as np

from detector.model import KINDS, Finder, Settings, fit_finder
from detector.pictures import Picture, categories_of, read_pictures

MOST = 300  # detections of an image and category that are written, best first


@dataclass(frozen=True)
class Detector:
    """What is kept of training.

    Parameters
    ----------
    finders : dict of int to Finder
        By category.
    white : float
        Full scale of images that are neither uint8 nor float32.
    gsd_m : float
        Metres a pixel where the images do not say.
    """

    finders: dict[int, Finder]
    white: float
    gsd_m: float

    def detect(self, dataset: Path) -> list[dict[str, Any]]:
        """Detections in a dataset's images, as COCO writes results."""
        pictures = read_pictures(dataset, white=self.white, gsd_m=self.gsd_m)
        return [entry for picture in pictures for entry in self._detect(picture)]

    def _detect(self, picture: Picture) -> Iterable[dict[str, Any]]:
        for category, finder in self.finders.items():
            boxes, scores = finder.find(picture)
            pixels = boxes / np.tile(picture.gsd_m, 2)
            for box, score in zip(pixels[:MOST].tolist(), scores[:MOST].tolist(), strict=True):
                yield {
                    "image_id": picture.image_id,
                    "category_id": category,
                    "bbox": [round(value, 2) for value in box],
                    "score": round(score, 5),
                }

    def save(self, path: Path) -> None:
        """Write it into a file."""
        joblib.dump(self, path)

    @classmethod
    def load(cls, path: Path) -> Detector:
        """Read what `save` wrote."""
        found: Detector = joblib.load(path)
        return found


def fit_detector(dataset: Path, settings: Settings, *, seed: int, white: float, gsd_m: float) -> Detector:
    """Train on a dataset; the seed decides which examples and counter-examples are drawn."""
    pictures = list(read_pictures(dataset, white=white, gsd_m=gsd_m))
    finders = {}
    for category, name in categories_of(dataset).items():
        objects = [picture.poses[picture.labels == category] for picture in pictures]
        if name not in KINDS or not any(map(len, objects)):
            continue  # nothing is known of it, or nothing shown: it will not be found
        rng = np.random.default_rng([seed, category])
        finders[category] = fit_finder(KINDS[name], pictures, objects, settings, rng)
    return Detector(finders, white, gsd_m)


def write_detections(found: list[dict[str, Any]], path: Path) -> None:
    """Write detections as a JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found))


def use_one_thread() -> None:
    """Keep to one thread, so that two runs at once share two processors, and sums come out the same."""
    from threadpoolctl import threadpool_limits

    cv2.setNumThreads(1)
    threadpool_limits(1)
