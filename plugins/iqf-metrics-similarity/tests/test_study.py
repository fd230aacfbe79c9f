"""In a study: variants against their source, and what a script generates against the untouched images."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

import iqf_core as iqf
from iqf_metrics_similarity import psnr, ssim

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(sqlalchemy|mlflow)")

SCRIPT = """
import json, pathlib, shutil, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
output = pathlib.Path(options["--outputpath"])
shutil.copytree(pathlib.Path(__file__).parent / "generated", output / "sharp")
(output / "output.json").write_text(json.dumps(["sharp/scene0.png", "sharp/scene2.png"]))
"""


def test_generated_images_against_the_untouched(pair, tmp_path, monkeypatch):
    """As of super-resolution: in another container, some larger than the targets, which have all scenes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    scenes, generated = tmp_path / "scenes" / "images", tmp_path / "generated"
    for folder in (scenes, generated):
        folder.mkdir(parents=True)
    targets, outputs = zip(*(pair("uint8", noise=0.02, seed=number) for number in range(3)), strict=True)
    for number in range(3):
        iqf.write_image(scenes / f"scene{number}.tif", iqf.Image.from_array(targets[number]))
    large = np.repeat(np.repeat(outputs[2], 2, axis=0), 2, axis=1)  # its mean over 2x2 pixels is itself
    for number, pixels in ((0, outputs[0]), (2, large)):
        assert cv2.imwrite(str(generated / f"scene{number}.png"), np.ascontiguousarray(pixels[..., ::-1]))
    (tmp_path / "script.py").write_text(SCRIPT)
    results = iqf.Study(
        name="sharper",
        datasets={"test": str(scenes.parent)},
        task={"script": str(tmp_path / "script.py")},
        metrics=["psnr", "ssim(resample=True)"],
        runs_root=str(tmp_path / "runs"),
    ).run(progress=False)
    (row,) = results.dataframe().to_dict("records")
    assert (row["psnr.psnr"], row["ssim-resampleTrue.ssim"]) == (math.inf, 1)
    assert row["output.psnr.psnr"] == pytest.approx(psnr(targets[0], outputs[0]))  # the other has no number
    expected = [ssim(targets[number], outputs[number]) for number in (0, 2)]
    assert row["output.ssim-resampleTrue.ssim"] == pytest.approx(np.mean(expected), abs=1e-12)

    results.apply("psnr(resample=True)")
    (row,) = results.dataframe().to_dict("records")
    expected = [psnr(targets[number], outputs[number]) for number in (0, 2)]
    assert row["output.psnr-resampleTrue.psnr"] == pytest.approx(np.mean(expected), abs=1e-9)
