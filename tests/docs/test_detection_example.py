"""The detection example in small: scenes drawn, detectors trained, scored, decided on, and drawn again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import iqf_core as iqf

EXAMPLE = Path(__file__).parents[2] / "examples" / "detection"
IQF = "import sys; from iqf_core.cli import main; sys.exit(main())"


def run(*command: object, cwd: Path) -> str:
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_detector_suffers_and_the_study_says_from_where_on(tmp_path):
    place = tmp_path / "detection"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("data*", "iqf-runs", "__pycache__"))
    run("make_scenes.py", "data-quick", "--quick", cwd=place)
    scene = iqf.open_dataset(place / "data-quick" / "scenes12" / "test")
    image = scene.read(scene.images[0])
    assert (image.dtype.name, image.bands, image.white, image.geo.crs.is_projected) == (
        "uint16",
        4,
        4095,
        True,
    )
    assert len({record.group for record in scene.records}) > 1
    assert len(iqf.open_dataset(place / "data-quick" / "dota" / "test").records[0].things) > 0

    assert "14 finished, 0 failed" in run("-c", IQF, "run", "study-quick.yaml", cwd=place)
    assert "14 done earlier" in run("-c", IQF, "run", "study-quick.yaml", cwd=place)
    rows = json.loads(run("-c", IQF, "results", "detection-quick", "--json", cwd=place))
    (column,) = [name for name in rows[0] if name.endswith(".ap_0.5_mean")]
    found = {row["variant"]: row[column] for row in rows}
    assert 0.4 < found["reference"] < 0.8
    for harsh in (
        "jpeg2000-ratio80",
        "blur-sigma_px2",
        "bit_depth-bits8-dtypesmallest+jpeg-quality10-bandseach",
    ):
        assert found["reference"] - found[harsh] > 0.1, harsh
    said = run("-c", IQF, "recommend", "detection-quick", cwd=place)
    assert "needs at least 3" in said  # two repetitions decide nothing, and it says so
    run("-c", IQF, "report", "detection-quick", "-o", "report.html", cwd=place)
    page = (place / "report.html").read_text()
    assert "The place where most changed: scene" in page
    assert page.count("data:image/png") == 6 + 4  # every setting, and untouched beside each family
    assert len(page) < 5_000_000
    run("draw.py", "iqf-runs/detection-quick", "-o", "pictures", cwd=place)
    assert len(list((place / "pictures").glob("*.png"))) == 3
