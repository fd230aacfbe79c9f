"""Learn to name the material in every window of a patch, and say how often that is right.

An ordinary script, which knows nothing of IQF: it is given a folder to train on, a folder to test on and
a folder for its answers. Each folder holds `images/` and `labels.csv` (image_filename, label, group).
Every patch is read as a grid of square windows; each window is described by how its pixels compare with
their neighbours (local binary patterns) and by how its energy is spread over spatial frequencies, and
named by a random forest. Neither description looks at how bright the window is.

Writes `results.json` (accuracy over the test windows) and `output.json` (one row per test window).
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import cv2
import numpy as np
from sklearn.ensemble import RandomForestClassifier

NEIGHBOURS = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]  # once around a pixel
BAND_WIDTH = 1 / 16  # of spatial frequencies, in cycles per pixel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainds", type=Path, required=True, help="the folder to train on")
    parser.add_argument("--testds", type=Path, required=True, help="the folder to test on")
    parser.add_argument("--outputpath", type=Path, required=True, help="where the answers go")
    parser.add_argument("--seed", type=int, default=0, help="of the random forest")
    parser.add_argument("--trees", type=int, default=100, help="in the random forest")
    parser.add_argument("--window", type=int, default=24, help="side of a window in pixels")
    options = parser.parse_args()

    _, features, labels = read_windows(options.trainds, options.window)
    test_names, test_features, test_labels = read_windows(options.testds, options.window)
    forest = RandomForestClassifier(options.trees, oob_score=True, random_state=options.seed)
    forest.fit(features, labels)
    chances = forest.predict_proba(test_features)
    answers = forest.classes_[chances.argmax(axis=1)]

    options.outputpath.mkdir(parents=True, exist_ok=True)
    results = {
        "accuracy": float(np.mean(answers == test_labels)),
        "accuracy_train": float(forest.oob_score_),  # by the trees that did not see the window
        "classes": len(forest.classes_),
    }
    rows = [
        {"image_filename": name, "label": str(label), "score": round(float(score), 4)}
        for name, label, score in zip(test_names, answers, chances.max(axis=1), strict=True)
    ]
    (options.outputpath / "results.json").write_text(json.dumps(results))
    (options.outputpath / "output.json").write_text(json.dumps(rows))
    print(f"accuracy {results['accuracy']:.4f} over {len(rows)} windows")


def read_windows(dataset: Path, size: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return file name, features and label of every window of a dataset."""
    names, features, labels = [], [], []
    with (dataset / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            path = dataset / "images" / row["image_filename"]
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise SystemExit(f"{path}: not an image that OpenCV can read")
            described = describe_windows(image, size)
            features.append(described)
            names += [path.name] * len(described)
            labels += [row["label"]] * len(described)
    return names, np.concatenate(features), np.array(labels)


def describe_windows(image: np.ndarray, size: int) -> np.ndarray:
    """Return the features of each window of a grey image: an array (windows, features)."""
    patterns = [cut_windows(binary_patterns(image, radius), size) for radius in (1, 2)]
    shares = [(windows[..., None] == np.arange(10)).mean(axis=(1, 2)) for windows in patterns]
    return np.hstack([*shares, band_energies(cut_windows(image, size))])


def cut_windows(image: np.ndarray, size: int) -> np.ndarray:
    """Return the image's whole windows, row by row: an array (windows, size, size)."""
    rows, columns = image.shape[0] // size, image.shape[1] // size
    grid = image[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return grid.swapaxes(1, 2).reshape(-1, size, size)


def binary_patterns(image: np.ndarray, radius: int) -> np.ndarray:
    """Return each pixel's uniform local binary pattern, 0 to 9.

    0 to 8: so many of the eight neighbours, all side by side, are at least as bright as the pixel.
    9: any other pattern (Ojala et al., 2002, doi:10.1109/TPAMI.2002.1017623).
    """
    height, width = image.shape
    padded = np.pad(image, radius, mode="reflect")
    shifted = [padded[radius * (1 + dy) :, radius * (1 + dx) :][:height, :width] for dy, dx in NEIGHBOURS]
    brighter = np.stack(shifted) >= image
    changes = (brighter != np.roll(brighter, 1, axis=0)).sum(axis=0)
    return np.where(changes <= 2, brighter.sum(axis=0), 9).astype(np.uint8)


def band_energies(windows: np.ndarray) -> np.ndarray:
    """Return the logarithm of each window's energy in each band of spatial frequency: (windows, bands)."""
    size = windows.shape[1]
    power = np.abs(np.fft.rfft2(windows)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij"))
    band = np.ceil(frequency / BAND_WIDTH).astype(int)  # 0 is the mean brightness, left out
    energies = [power[:, band == number].sum(axis=1) for number in range(1, band.max() + 1)]
    return np.log1p(np.stack(energies, axis=1))


if __name__ == "__main__":
    main()
