"""Draw three images at three settings with ground truth and detections: `draw.py STUDY -o pictures`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import iqf_core as iqf

SCORE = 0.35
GREEN, RED = (60, 220, 60), (60, 60, 250)
SIDE = 640


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", help="name, folder or file of the study")
    parser.add_argument("-o", "--output", type=Path, default=Path("pictures"))
    parser.add_argument("--images", type=int, default=3)
    parser.add_argument("--settings", nargs="+", help="labels; the reference and two others unless given")
    options = parser.parse_args()
    runs = {
        folder.job()["label"]: folder
        for folder in iqf.open_results(options.study).runs()
        if folder.is_finished() and folder.job()["repetition"] == 0
    }
    labels = options.settings or ["reference", *[name for name in runs if name != "reference"][3::8]][:3]
    options.output.mkdir(parents=True, exist_ok=True)
    for index in range(options.images):
        row = np.hstack([picture(runs[label], index, label) for label in labels])
        target = options.output / f"image{index}.png"
        cv2.imwrite(str(target), row)
        print(target)


def picture(run: Any, index: int, label: str) -> np.ndarray:
    """Image of the run's test part, objects in green, detections from SCORE on in red."""
    folder = Path(run.job()["datasets"]["test"]["path"])
    truth = json.loads((folder / "annotations.json").read_text())
    entry = truth["images"][index * 5 % len(truth["images"])]
    image = iqf.read_image(folder / "images" / entry["file_name"])
    scale = SIDE / image.width
    shown = np.clip(image.pixels[..., :3] / (0.5 * (image.white or 4095)), 0, 1) ** 0.55
    canvas = cv2.resize((255 * shown).astype(np.uint8), (SIDE, round(image.height * scale)))
    for one in truth["annotations"]:
        if one["image_id"] == entry["id"]:
            box(canvas, one["bbox"], scale, GREEN)
    for one in json.loads((run.output / "output.json").read_text()):
        if one["image_id"] == entry["id"] and one["score"] >= SCORE:
            box(canvas, one["bbox"], scale, RED)
    cv2.putText(canvas, label, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    return canvas


def box(canvas: np.ndarray, place: list[float], scale: float, color: tuple[int, int, int]) -> None:
    x, y, width, height = (side * scale for side in place)
    cv2.rectangle(canvas, (round(x), round(y)), (round(x + width), round(y + height)), color, 1)


if __name__ == "__main__":
    main()
