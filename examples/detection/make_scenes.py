"""Draw overhead scenes with known cars, trucks and aircraft: `make_scenes.py OUT [--quick] [--seed N]`.

Writes below OUT, each scene cut into four images, and all images of a scene in the same part:

- `scenes12/{train,val,test}`: uint16 GeoTIFF of 12 bits (blue, green, red, near infrared; 0.5 m a pixel) in
  `images/`, COCO ground truth in `annotations.json`;
- `scenes8/{train,val,test}`: the same scenes as 8-bit RGB PNG, as a viewer would show them;
- `dota/{train,val,test}`: the oriented boxes as `labelTxt/*.txt`, beside a link to the 12-bit images.

Nothing is downloaded; the same seed gives the same files.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from affine import Affine
from rasterio.crs import CRS
from scenery.canvas import Canvas
from scenery.layout import draw_scene
from scenery.sensor import WHITE, displayed, exposed

from iqf_core import Image, write_image
from iqf_core.image import Encoding, Geo

GSD_M = 0.5
ORIGIN = 430_000.0, 4_580_000.0  # easting and northing of the first scene, UTM zone 31 north
CLASSES = ["car", "truck", "aircraft"]
LAYOUT = Encoding("TIFF", compress="deflate", interleave="pixel", predictor=2)
FULL = {"train": 7, "val": 2, "test": 8}
QUICK = {"train": 4, "val": 1, "test": 5}
FULL_SIDE, QUICK_SIDE = 768, 512  # of a scene in pixels


@dataclass
class Tile:
    """An image cut from a scene: its name, its pixels, and its objects as classes and corners in pixels."""

    name: str
    scene: str
    samples: np.ndarray
    transform: Affine
    things: list[tuple[str, np.ndarray]] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output_folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller scenes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    counts, side = (QUICK, QUICK_SIDE) if options.quick else (FULL, FULL_SIDE)
    number = 0
    for part, count in counts.items():
        tiles: list[Tile] = []
        for _ in range(count):
            tiles += draw_tiles(number, side, options.seed)
            number += 1
        write_part(options.output_folder, part, tiles)
        found = Counter(label for tile in tiles for label, _ in tile.things)
        said = ", ".join(f"{found[label]} {label}" for label in CLASSES)
        print(f"{part}: {count} scenes, {len(tiles)} images of {side // 2} x {side // 2}: {said}")


def draw_tiles(number: int, side: int, seed: int) -> list[Tile]:
    """Draw a scene and cut it into four."""
    rng = np.random.default_rng([seed, number])
    canvas = draw_scene(side, side // 2, GSD_M, rng)
    samples = exposed(canvas.finished(rng), rng)
    return list(cut(canvas, samples, number))


def cut(canvas: Canvas, samples: np.ndarray, number: int) -> Iterator[Tile]:
    scene, tile = f"scene{number:02d}", canvas.tile
    east, north = ORIGIN[0] + 2_000 * number, ORIGIN[1]
    for row in range(canvas.size // tile):
        for column in range(canvas.size // tile):
            top, left = row * tile, column * tile
            yield Tile(
                f"{scene}_r{row}c{column}",
                scene,
                samples[top : top + tile, left : left + tile],
                Affine(GSD_M, 0, east + left * GSD_M, 0, -GSD_M, north - top * GSD_M),
                list(things_within(canvas, top, left)),
            )


def things_within(canvas: Canvas, top: int, left: int) -> Iterator[tuple[str, np.ndarray]]:
    """Objects of a tile: class, and corners (4, 2) in its pixels."""
    for thing in canvas.things:
        corners = thing.corners / canvas.gsd_m - (left, top)
        if (corners >= 0).all() and (corners < canvas.tile).all():
            yield thing.label, np.round(corners, 2)


def write_part(folder: Path, part: str, tiles: list[Tile]) -> None:
    """Write the images of a part in 12 and in 8 bits, and their ground truth in COCO and DOTA."""
    deep, flat, dota = (folder / name / part for name in ("scenes12", "scenes8", "dota"))
    for made in (deep / "images", flat / "images", dota / "labelTxt"):
        made.mkdir(parents=True, exist_ok=True)
    for tile in tiles:
        geo = Geo(crs=CRS.from_epsg(32631), transform=tile.transform)
        image = Image.from_array(tile.samples, white=WHITE, geo=geo)
        write_image(deep / "images" / f"{tile.name}.tif", image, like=LAYOUT)
        cv2.imwrite(str(flat / "images" / f"{tile.name}.png"), displayed(tile.samples)[..., ::-1])
        (dota / "labelTxt" / f"{tile.name}.txt").write_text(dota_of(tile))
    for made, suffix in ((deep, ".tif"), (flat, ".png")):
        (made / "annotations.json").write_text(json.dumps(coco_of(tiles, suffix)))
    link = dota / "images"
    if not link.is_symlink():
        link.symlink_to(Path("../..") / "scenes12" / part / "images", target_is_directory=True)


def coco_of(tiles: list[Tile], suffix: str) -> dict[str, object]:
    """COCO ground truth: boxes around the rotated rectangles, these as segmentation, the scene as group."""
    images, annotations = [], []
    for image_id, tile in enumerate(tiles, start=1):
        height, width = tile.samples.shape[:2]
        entry = {"id": image_id, "file_name": tile.name + suffix, "width": width, "height": height}
        images.append({**entry, "group": tile.scene, "ground_width_m": width * GSD_M})
        for label, corners in tile.things:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": CLASSES.index(label) + 1,
                    "bbox": box_of(corners),
                    "area": round(float(cv2.contourArea(corners.astype(np.float32))), 2),
                    "segmentation": [corners.ravel().tolist()],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": index, "name": name} for index, name in enumerate(CLASSES, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def box_of(corners: np.ndarray) -> list[float]:
    """Axis-parallel box around corners: x, y, width, height."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    return [round(value, 2) for value in (*low.tolist(), *(high - low).tolist())]


def dota_of(tile: Tile) -> str:
    """Lines of DOTA: x1 y1 … x4 y4 class difficult (Xia et al., 2018, doi:10.1109/CVPR.2018.00418)."""
    lines = ["imagesource:rendered", f"gsd:{GSD_M}"]
    for label, corners in tile.things:
        lines.append(" ".join(f"{value:g}" for value in corners.ravel()) + f" {label} 0")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
