"""Predictions on images whose pixels moved are held against the ground truth that moved with them."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_core import Image, Study, open_results, write_image
from tests.study.lab import Lab

SCRIPT = """
import json, pathlib, shutil, sys
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
output = pathlib.Path(args["outputpath"])
masks = sorted((pathlib.Path(args["testds"]) / "masks").iterdir())
for mask in masks:
    shutil.copy(mask, output / mask.name)
(output / "output.json").write_text(json.dumps([mask.name for mask in masks]))
(output / "results.json").write_text(json.dumps({"masks": len(masks)}))
"""
"""Predicts what stands beside the images that it is given: the truth."""


def test_the_truth_of_the_variant_counts(here: Lab) -> None:
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (here.folder / "scenes" / folder).mkdir(parents=True)
    for index in range(3):
        pixels = rng.integers(0, 255, (32, 48, 3), np.uint8)
        mask = np.zeros((32, 48, 1), np.uint8)
        mask[4:20, 6 : 20 + index] = 1
        write_image(here.folder / "scenes" / "images" / f"{index}.tif", Image.from_array(pixels))
        write_image(here.folder / "scenes" / "masks" / f"{index}.png", Image.from_array(mask))
    here.script(SCRIPT)
    modifiers = ["gsd(scale=2.0)", "jpeg(quality=50)"]
    file = here.study(datasets={"test": "scenes"}, modifiers=modifiers, metrics=["segmentation"])
    Study.from_file(file).run(progress=False)
    found = open_results(file).dataframe().set_index("variant")
    assert found["segmentation.overall_accuracy"].to_dict() == pytest.approx(
        {"reference": 1.0, "gsd-scale2": 1.0, "jpeg-quality50": 1.0}
    )
