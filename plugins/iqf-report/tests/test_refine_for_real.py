"""`iqf refine` with real runs: the knee is found, confirmed on fresh seeds, and nothing is run twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import iqf_core as iqf
from iqf_report.refine import command

SCRIPT = """
import json, pathlib, random, re, sys
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
found = re.search(r"quality(\\d+)", args["testds"])
quality = int(found.group(1)) if found else 100
noise = random.Random(f"{args['seed']} {quality}").gauss(0, 0.002)
results = {"score": 0.9 - 0.01 * max(0, 40 - quality) + noise}
(pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps(results))
with open(pathlib.Path(sys.argv[0]).parent.parent / "starts", "a") as file:
    file.write(f"{quality} {args['seed']}\\n")
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    pytest.importorskip("iqf_modifiers_compression", reason="iqf-modifiers-compression is not installed")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "script.py").write_text(SCRIPT)
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    iqf.write_image(tmp_path / "data" / "images" / "a.png", iqf.Image.from_array(pixels))
    content = {
        "name": "knee",
        "datasets": {"test": "data"},
        "task": {"script": "code/script.py"},
        "modifiers": [{"jpeg": {"quality": [90, 60, 20]}}],
        "repetitions": 4,
        "seed_argument": "seed",
        "parallel": 2,
        "criterion": {"metric": "score", "margin": 0.03},
    }
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(content))
    iqf.Study.from_file(file).run(progress=False)
    return file


def test_the_knee_is_found_and_confirmed(study):
    starts = study.parent / "starts"
    before = len(starts.read_text().splitlines())
    assert before == 16
    found = CliRunner().invoke(command, [str(study), "--resolution", "4", "--json"], catch_exceptions=False)
    (row,) = json.loads(found.stdout)
    assert row["verdict"] == "accepted"
    assert 37 <= int(row["chosen"].removeprefix("jpeg-quality")) <= 44
    assert len(row["tried"]) <= 4
    assert "is confirmed on fresh seeds" in row["text"]
    lines = starts.read_text().splitlines()
    confirming = 2 * 8  # reference and setting, twice the repetitions, fresh
    assert len(lines) == len(set(lines)) == before + 4 * len(row["tried"]) + confirming
    table = iqf.open_results(study).dataframe()
    assert len(table) == 16


def test_what_has_no_criterion_or_seed_is_refused(study):
    content = json.loads(study.read_text())
    study.write_text(json.dumps({**content, "criterion": None}))
    found = CliRunner().invoke(command, [str(study)])
    assert "give --metric and --margin" in str(found.exception)
    study.write_text(json.dumps({**content, "seed_argument": None}))
    found = CliRunner().invoke(command, [str(study)])
    assert "seed_argument" in str(found.exception)
