"""Tell materials apart by the statistics of their pixels: one script, on this machine and on SageMaker.

IQF passes `--trainds`, `--testds` and `--outputpath` wherever it runs the script. Started by other hands in a
container of SageMaker, as by an estimator, it finds the same folders in the environment.

A softmax regression, trained step by step. Where `IQF_CHECKPOINTS` names a folder, it is looked into first
and written to every so often: what is interrupted on spot capacity goes on from there. The same seed gives
the same numbers to the last digit, interrupted or not.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path

import cv2
import numpy as np

KEPT_EVERY = 100  # steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainds", type=Path, default=os.environ.get("SM_CHANNEL_TRAINDS"))
    parser.add_argument("--testds", type=Path, default=os.environ.get("SM_CHANNEL_TESTDS"))
    parser.add_argument("--outputpath", type=Path, default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in ("trainds", "testds", "outputpath"):
        if getattr(options, name) is None:
            parser.error(f"--{name} is missing, and SageMaker's environment does not name it")

    features, labels = read(options.trainds)
    classes = np.unique(labels)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    weights = train((features - mean) / spread, labels[:, None] == classes, options)
    tested, truth = read(options.testds)
    answers = classes[(scaled(tested, mean, spread) @ weights).argmax(axis=1)]
    accuracy = float(np.mean(answers == truth))
    options.outputpath.mkdir(parents=True, exist_ok=True)
    (options.outputpath / "results.json").write_text(json.dumps({"accuracy": accuracy}))
    print(f"accuracy {accuracy!r} over {len(truth)} windows")


def train(features: np.ndarray, wanted: np.ndarray, options: argparse.Namespace) -> np.ndarray:
    """Return the weights (features + 1, classes) after all steps, of which some may be done already."""
    inputs = np.column_stack([features, np.ones(len(features))])
    folder = os.environ.get("IQF_CHECKPOINTS")
    kept = Path(folder, "weights.npz") if folder else None
    weights, first = np.zeros((inputs.shape[1], wanted.shape[1])), 0
    if kept is not None and kept.is_file():
        with np.load(kept) as found:
            weights, first = found["weights"], int(found["step"])
        print(f"going on from step {first}")
    for step in range(first, options.steps):
        batch = np.random.default_rng([options.seed, step]).choice(len(inputs), 256)
        scores = inputs[batch] @ weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        weights = weights - options.lr * inputs[batch].T @ (shares - wanted[batch]) / len(batch)
        if kept is not None and (step + 1) % KEPT_EVERY == 0:
            partial = kept.with_name("partial.npz")
            np.savez(partial, weights=weights, step=step + 1)
            partial.replace(kept)
            print(f"step {step + 1} kept", flush=True)
    return weights


def read(dataset: Path, window: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Return features (windows, 8) and the label of every window of a dataset."""
    features, labels = [], []
    with (dataset / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            path = dataset / "images" / row["image_filename"]
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise SystemExit(f"{path}: not an image that OpenCV can read")
            rows, columns = (side // window for side in image.shape)
            grid = image[: rows * window, : columns * window].reshape(rows, window, columns, window)
            cut = grid.swapaxes(1, 2).reshape(-1, window, window).astype(float)
            features.append(described(cut))
            labels += [row["label"]] * len(cut)
    return np.concatenate(features), np.array(labels)


def described(windows: np.ndarray) -> np.ndarray:
    """Return how much windows vary, at four distances across and down: (windows, 8), in logarithms."""
    across = [np.abs(windows[:, :, lag:] - windows[:, :, :-lag]).mean(axis=(1, 2)) for lag in (1, 2, 4, 8)]
    down = [np.abs(windows[:, lag:] - windows[:, :-lag]).mean(axis=(1, 2)) for lag in (1, 2, 4, 8)]
    return np.log1p(np.stack([*across, *down], axis=1))


def scaled(features: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.column_stack([(features - mean) / spread, np.ones(len(features))])


if __name__ == "__main__":
    main()
