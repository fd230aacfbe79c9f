"""The laws that every metric and modifier keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.testing import modifier_laws, prediction_laws


def detections(folder):
    """Five images, objects and detections, one image without either."""
    rng = np.random.default_rng(3)
    root = folder / "scenes"
    (root / "images").mkdir(parents=True)
    images, objects, found = [], [], []
    for number in range(5):
        name = f"s{number}.png"
        iqf.write_image(root / "images" / name, iqf.Image.from_array(np.zeros((4, 4), np.uint8)))
        images.append({"id": number, "file_name": name, "group": f"g{number // 2}"})
        for _ in range(4 if number < 4 else 0):
            box = [*rng.uniform(0, 300, 2), *rng.uniform(10, 150, 2)]
            label = int(rng.integers(1, 3))
            known = {"id": len(objects) + 1, "image_id": number, "category_id": label, "bbox": box}
            objects.append({**known, "area": box[2] * box[3], "iscrowd": int(rng.random() < 0.1)})
            near = [side + rng.normal(0, 4) for side in box]
            found.append({"image_id": number, "category_id": label, "bbox": near, "score": rng.random()})
            found.append({**found[-1], "bbox": [5, 5, 40, 40], "score": rng.random()})
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "ship"}]
    truth = {"images": images, "annotations": objects, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(truth))
    (folder / "output.json").write_text(json.dumps(found))
    return folder / "output.json", iqf.open_dataset(root)


COUNTS = ["objects", "detections", "capped", "score_threshold"]
LAWS = [
    *prediction_laws("coco_detection", detections),
    *prediction_laws("coco_detection(score_threshold=0.4, max_detections=3)", detections, always=COUNTS),
    *prediction_laws("oriented_detection(score_threshold=0.4)", detections, always=COUNTS),
    *modifier_laws("chips(size_px=16, overlap_px=4)"),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws(law):
    law.check()
