"""Reading a folder of images with COCO ground truth, whatever their depth, bands and pixel size."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

FULL_SCALE = {"uint8": 255.0, "float32": 1.0}  # of other types it is the option --white


@dataclass
class Picture:
    """An image with lengths in metres, and the objects that are known in it.

    Parameters
    ----------
    image_id : int
        As the ground truth numbers it.
    pixels : ndarray of float32, shape (height, width, bands)
        As shares of full scale.
    gsd_m : (float, float)
        Metres a pixel along x and y.
    poses : ndarray, shape (n, 5)
        x, y, heading in radians, length and width of each object, in metres from the upper left corner.
    labels : ndarray of int, shape (n,)
        Their categories.
    """

    image_id: int
    pixels: np.ndarray
    gsd_m: tuple[float, float]
    poses: np.ndarray
    labels: np.ndarray
    _levels: dict[float, np.ndarray] = field(default_factory=dict)

    def level(self, metres: float) -> np.ndarray:
        """Pixels of about so many metres: (height, width, bands)."""
        if metres not in self._levels:
            height, width = self.pixels.shape[:2]
            size = round(width * self.gsd_m[0] / metres), round(height * self.gsd_m[1] / metres)
            way = cv2.INTER_AREA if size[0] < width else cv2.INTER_CUBIC
            resized = (
                self.pixels if size == (width, height) else cv2.resize(self.pixels, size, interpolation=way)
            )
            self._levels[metres] = resized.reshape(size[1], size[0], -1)
        return self._levels[metres]

    def to_level(self, level: np.ndarray) -> np.ndarray:
        """Pixels of a level a metre, along x and y."""
        height, width = self.pixels.shape[:2]
        return np.array((level.shape[1] / (width * self.gsd_m[0]), level.shape[0] / (height * self.gsd_m[1])))


def categories_of(dataset: Path) -> dict[int, str]:
    """Names of the categories by id."""
    return {entry["id"]: entry["name"] for entry in _truth(dataset)["categories"]}


def read_pictures(dataset: Path, *, white: float, gsd_m: float) -> Iterator[Picture]:
    """Read the images of a dataset one after the other.

    Parameters
    ----------
    dataset : pathlib.Path
        Holds `images/` and `annotations.json`.
    white : float
        Full scale of images that are neither uint8 nor float32.
    gsd_m : float
        Metres a pixel where neither the image nor its entry says.
    """
    truth = _truth(dataset)
    objects: dict[int, list[dict[str, Any]]] = {}
    for annotation in truth["annotations"]:
        objects.setdefault(annotation["image_id"], []).append(annotation)
    for entry in truth["images"]:
        pixels, metres = _read(dataset / "images" / entry["file_name"], white)
        known = metres or _stated(entry, pixels.shape[1]) or (gsd_m, gsd_m)
        found = objects.get(entry["id"], [])
        poses = np.array([_pose(annotation) for annotation in found]).reshape(-1, 5)
        poses[:, [0, 1]] *= known
        poses[:, [3, 4]] *= np.sqrt(known[0] * known[1])
        labels = np.array([annotation["category_id"] for annotation in found], int)
        yield Picture(entry["id"], pixels, known, poses, labels)


def _truth(dataset: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((dataset / "annotations.json").read_text())
    return found


def _read(path: Path, white: float) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Pixels as shares of full scale, and metres a pixel where a projected georeference says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a PNG: the entry says how large it is
        with rasterio.open(path) as file:
            samples = np.moveaxis(file.read(), 0, -1)
            crs, transform = file.crs, file.transform
    pixels = samples.astype(np.float32) / FULL_SCALE.get(samples.dtype.name, white)
    if crs is None or not crs.is_projected:
        return pixels, None
    return pixels, (abs(transform.a), abs(transform.e))


def _stated(entry: dict[str, Any], width: int) -> tuple[float, float] | None:
    ground = entry.get("ground_width_m")
    return None if ground is None else (ground / width, ground / width)


def _pose(annotation: dict[str, Any]) -> tuple[float, ...]:
    """Pose in pixels of corners that begin with the front two, or of a box."""
    parts = annotation.get("segmentation")
    if isinstance(parts, list) and len(parts) == 1 and len(parts[0]) == 8:
        corners = np.reshape(parts[0], (4, 2))
    else:
        x, y, width, height = annotation["bbox"]
        corners = np.array([(x + width, y), (x + width, y + height), (x, y + height), (x, y)])
    forward = (corners[0] + corners[1] - corners[2] - corners[3]) / 2
    across = (corners[1] + corners[2] - corners[0] - corners[3]) / 2
    x, y = corners.mean(axis=0)
    return x, y, np.arctan2(forward[1], forward[0]), np.hypot(*forward), np.hypot(*across)
