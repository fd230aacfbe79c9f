"""Cut the demo's patches from the pictures that scikit-image carries: `make_patches.py OUTPUT_FOLDER`.

Writes `OUTPUT_FOLDER/images/*.png` and `OUTPUT_FOLDER/labels.csv` (image_filename, label, group).
Nothing is downloaded and nothing is random: the same bytes come out each time.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
import skimage.data

PICTURES = {
    "brick": skimage.data.brick,
    "galaxies": skimage.data.hubble_deep_field,
    "grass": skimage.data.grass,
    "gravel": skimage.data.gravel,
    "moon": skimage.data.moon,
    "tissue": skimage.data.immunohistochemistry,
}
PATCH = 240  # pixels; smaller, and a strongly compressed JPEG would be mostly header


def cut_corners(picture: np.ndarray) -> dict[str, np.ndarray]:
    """Return the patch in each corner. In a picture of 512 pixels they lie 32 pixels apart."""
    top, left = slice(None, PATCH), slice(None, PATCH)
    bottom, right = slice(-PATCH, None), slice(-PATCH, None)
    return {
        "nw": picture[top, left],
        "ne": picture[top, right],
        "sw": picture[bottom, left],
        "se": picture[bottom, right],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output_folder", type=Path)
    folder: Path = parser.parse_args().output_folder

    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for label, load in PICTURES.items():
        picture = load()
        if picture.ndim == 3:
            picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        for corner, patch in cut_corners(picture).items():
            name = f"{label}-{corner}"
            cv2.imwrite(str(folder / "images" / f"{name}.png"), patch)
            rows.append({"image_filename": f"{name}.png", "label": label, "group": name})
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["image_filename", "label", "group"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} patches of {len(PICTURES)} materials in {folder}")


if __name__ == "__main__":
    main()
