"""Small seeded datasets, made where a test works, and the shared pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from affine import Affine
from rasterio.crs import CRS

from iqf_core.image import Geo, Image, write_image

SHARED = Path(__file__).parents[2] / "shared" / "data"
WIDTH, HEIGHT = 32, 24


def pixels_of(index: int, *, dtype: str = "uint8", bands: int = 3) -> np.ndarray[Any, Any]:
    """A ramp with noise; the first sample is the index."""
    rng = np.random.default_rng(index)
    span = {"uint8": 120, "uint16": 4000, "int16": 3000, "float32": 1}[dtype]
    ramp = np.linspace(0, span, HEIGHT * WIDTH * bands).reshape(HEIGHT, WIDTH, bands)
    noisy = ramp + rng.uniform(0, span, ramp.shape) - (span / 2 if dtype == "int16" else 0)
    pixels = noisy.astype(dtype)
    pixels[0, 0, 0] = index
    return pixels


def geo_of(index: int) -> Geo:
    """Pixels of half a metre in UTM 16 N; each image beside the one before."""
    return Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 733600 + 16 * index, 0, -0.5, 3725139))


@dataclass(frozen=True)
class Maker:
    """Makes datasets below a folder."""

    base: Path

    def images(
        self,
        folder: str | Path,
        names: Sequence[str],
        *,
        dtype: str = "uint8",
        bands: int = 3,
        geo: bool = False,
        nodata: float | None = None,
        white: float | None = None,
    ) -> Path:
        """Write images under these names, in the containers that their suffixes say."""
        folder = self.base / folder
        for index, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = pixels_of(index, dtype=dtype, bands=bands)
            if nodata is not None:
                pixels[4:9, 3:11] = nodata
            if path.suffix.lower() in (".jpg", ".jpeg"):
                order = np.ascontiguousarray(pixels[..., ::-1] if bands == 3 else pixels)
                path.write_bytes(cv2.imencode(".jpg", order, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
                continue
            image = Image.from_array(pixels, nodata=nodata, white=white, geo=geo_of(index) if geo else None)
            write_image(path, image)
        return folder

    def plain(self, name: str = "plain", *, count: int = 4, suffix: str = ".png", **options: Any) -> Path:
        """Images without ground truth."""
        self.images(f"{name}/images", [f"scene{index}{suffix}" for index in range(count)], **options)
        return self.base / name

    def coco(self, name: str = "coco", *, suffix: str = ".jpg", count: int = 4, **options: Any) -> Path:
        """Two objects in each image; one box near each corner."""
        root = self.plain(name, suffix=suffix, count=count, **options)
        (root / "annotations.json").write_text(json.dumps(coco_of(suffix, count)))
        return root

    def geojson(self, name: str = "geo", *, world: bool = True, count: int = 4, **options: Any) -> Path:
        """One square in each image, in the world or in pixels."""
        options = {"dtype": "uint16", "bands": 1, "geo": world, "suffix": ".tif", **options}
        root = self.plain(name, count=count, **options)
        suffix = options["suffix"]
        features = [square(index, f"scene{index}{suffix}", world=world) for index in range(count)]
        (root / "annots.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return root

    def masks(self, name: str = "masks", *, suffix: str = ".tif", count: int = 4, **options: Any) -> Path:
        """A mask of two labels for each image: ``images_mask/scene0_mask.png``."""
        root = self.plain(name, suffix=suffix, count=count, **options)
        for index in range(count):
            write_image(root / "images_mask" / make(root, f"scene{index}_mask.png"), mask_of(index))
        return root

    def classes_csv(
        self, name: str = "labels", *, suffix: str = ".jpg", count: int = 4, **options: Any
    ) -> Path:
        """A CSV of labels and groups: two scenes each."""
        root = self.plain(name, suffix=suffix, count=count, **options)
        with (root / "labels.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["image_filename", "label", "group", "note"])
            for index in range(count):
                table.writerow(
                    [f"scene{index}{suffix}", "odd" if index % 2 else "even", f"g{index // 2}", "é, x"]
                )
        return root

    def classes_folders(self, name: str = "classes", *, suffix: str = ".png", **options: Any) -> Path:
        """A folder per class, in the root."""
        self.images(name, [f"{c}/{c}{i}{suffix}" for c in ("field", "wood") for i in range(3)], **options)
        return self.base / name


def coco_of(suffix: str, count: int) -> dict[str, Any]:
    """COCO ground truth of `Maker.coco`."""
    images = [
        {"id": 10 + i, "file_name": f"scene{i}{suffix}", "width": WIDTH, "height": HEIGHT, "date": "2026"}
        for i in range(count)
    ]
    boxes = [[2, 3, 5, 4], [20, 14, 6, 8]]
    annotations = [
        {
            "id": 100 + 2 * i + j,
            "image_id": 10 + i,
            "category_id": j + 1,
            "bbox": [x, y, w, h],
            "area": w * h / 2,
            "segmentation": [[x, y, x + w, y, x + w, y + h]],
            "iscrowd": 0,
            "score_of_somebody": 0.5,
        }
        for i in range(count)
        for j, (x, y, w, h) in enumerate(boxes)
    ]
    categories = [{"id": 1, "name": "ship"}, {"id": 2, "name": "plane"}]
    return {"info": {"year": 2026}, "images": images, "annotations": annotations, "categories": categories}


def square(index: int, image: str, *, world: bool) -> dict[str, Any]:
    """A feature: the pixels 4 to 8 across and 6 to 10 down, with a hole."""
    rings = [[(4, 6), (8, 6), (8, 10), (4, 10), (4, 6)], [(5, 7), (6, 7), (6, 8), (5, 7)]]
    if world:
        rings = [[geo_of(index).transform @ point for point in ring] for ring in rings]
    return {
        "type": "Feature",
        "properties": {"image_filename": image, "class_id": index % 2, "height_m": 3.5},
        "geometry": {"type": "Polygon", "coordinates": [[list(p) for p in ring] for ring in rings]},
    }


def mask_of(index: int) -> Image:
    """Labels 0, 1 and 7."""
    labels = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    labels[2 : 8 + index, 3:20] = 1
    labels[10:, 12:] = 7
    return Image.from_array(labels)


def make(root: Path, name: str) -> str:
    """Name of a mask, whose folder is there."""
    (root / "images_mask").mkdir(exist_ok=True)
    return name


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(f.relative_to(root)): f.read_bytes() for f in sorted(root.rglob("*")) if f.is_file()}
