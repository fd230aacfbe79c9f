"""The laws that every metric keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.testing import prediction_laws


def labels(folder):
    root, rows, said = folder / "scenes", ["image_filename,label,group"], {}
    (root / "images").mkdir(parents=True)
    for number in range(6):
        label, other = ("field", "water")[:: 1 if number % 2 else -1]
        iqf.write_image(root / "images" / f"s{number}.png", iqf.Image.from_array(np.zeros((4, 4), np.uint8)))
        rows.append(f"s{number}.png,{label},g{number // 2}")
        likely = 0.6 + number / 20
        probabilities = {label if number else other: likely, "cloud": 1 - likely}
        said[f"s{number}.png"] = {"probabilities": probabilities}
    (root / "labels.csv").write_text("\n".join(rows))
    (folder / "output.json").write_text(json.dumps(said))
    return folder / "output.json", iqf.open_dataset(root)


def masks(folder):
    rng = np.random.default_rng(3)
    root, said = folder / "scenes", []
    for place in (root / "images", root / "images_mask", folder / "masks"):
        place.mkdir(parents=True)
    for number in range(4):
        truth = rng.integers(0, 3, (20, 20), np.uint8)
        predicted = np.where(rng.random(truth.shape) < 0.8, truth, 1).astype(np.uint8)
        for place, pixels in (
            (root / "images", truth),
            (root / "images_mask", truth),
            (folder / "masks", predicted),
        ):
            iqf.write_image(place / f"s{number}.png", iqf.Image.from_array(pixels))
        said.append(f"masks/s{number}.png")
    (folder / "output.json").write_text(json.dumps(said))
    return folder / "output.json", iqf.open_dataset(root)


def without_the_first(example):
    def made(folder):
        path, dataset = example(folder)
        said = json.loads(path.read_text())
        path.write_text(json.dumps(said[1:] if isinstance(said, list) else dict(list(said.items())[1:])))
        return path, dataset

    return made


LAWS = [
    *prediction_laws("classification", labels),
    *prediction_laws("classification(bins=2, unpredicted='wrong')", without_the_first(labels)),
    *prediction_laws("segmentation", masks),
    *prediction_laws("segmentation(ignore=1, unpredicted='wrong')", without_the_first(masks)),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws(law):
    law.check()
