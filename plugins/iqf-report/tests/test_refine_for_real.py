"""`iqf refine` with real runs: the knee is found, confirmed on fresh seeds, and nothing is run twice."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import iqf_core as iqf
from iqf_core.cli import main
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
    return ran(tmp_path / "study.yaml", {"jpeg": {"quality": [90, 60, 20]}})


def ran(file: Path, *modifiers: Any, **changes: Any) -> Path:
    """Write a study and run it."""
    content = {
        "name": file.stem,
        "datasets": {"test": "data"},
        "task": {"script": "code/script.py"},
        "modifiers": list(modifiers),
        "repetitions": 4,
        "seed_argument": "seed",
        "parallel": 2,
        "criterion": {"metric": "score", "margin": 0.03},
        **changes,
    }
    file.write_text(json.dumps(content))
    iqf.Study.from_file(file).run(progress=False)
    return file


def refined(file: Path, *options: str) -> list[dict[str, Any]]:
    arguments = [str(file), *options, "--json"]
    rows: list[dict[str, Any]] = json.loads(
        CliRunner().invoke(command, arguments, catch_exceptions=False).stdout
    )
    return rows


def starts(file: Path) -> list[str]:
    return (file.parent / "starts").read_text().splitlines()


def test_the_knee_is_found_and_confirmed(study):
    before = len(starts(study))
    assert before == 16
    (row,) = refined(study, "--resolution", "4")
    assert row["verdict"] == "accepted"
    assert 37 <= int(row["chosen"].removeprefix("jpeg-quality")) <= 44
    assert len(row["tried"]) <= 4
    assert "is confirmed on fresh seeds" in row["text"]
    lines = starts(study)
    confirming = 2 * 8  # reference and setting, twice the repetitions, fresh
    assert len(lines) == len(set(lines)) == before + 4 * len(row["tried"]) + confirming
    assert len(iqf.open_results(study).dataframe()) == 16
    assert refined(study, "--resolution", "4") == [row]
    assert len(starts(study)) == len(lines)


def test_a_chain_is_narrowed_along_the_knob_that_varies(study):
    chain = [{"jpeg": {"quality": [90, 30]}}, {"identity": {}}]
    file = ran(study.with_name("chain.yaml"), chain, {"jpeg": {"quality": [95, 85]}})
    (row,) = refined(file, "--resolution", "8", "--family", "jpeg+identity")
    assert row["chosen"].startswith("jpeg-quality")
    assert row["chosen"].endswith("+identity")
    assert 37 <= int(row["chosen"].removeprefix("jpeg-quality").removesuffix("+identity")) <= 52


def test_where_nothing_passed_it_goes_towards_the_mild_end(study):
    file = ran(study.with_name("harsh.yaml"), {"jpeg": {"quality": [30, 10]}})
    (row,) = refined(file, "--resolution", "8")
    assert row["tried"][0] > 60
    assert 37 <= int(row["chosen"].removeprefix("jpeg-quality")) <= 52


def test_what_stands_is_not_confirmed_again(study):
    file = ran(study.with_name("fine.yaml"), {"jpeg": {"quality": [90, 39, 20]}})
    before = len(starts(study))
    (row,) = refined(file, "--resolution", "10")
    assert row["verdict"] is None
    assert "jpeg-quality39 stands. 1 setting tried" in row["text"]
    assert len(starts(study)) == before + 4


def test_hyperparameters_are_families_of_their_own(study):
    file = ran(study.with_name("hyper.yaml"), {"jpeg": {"quality": [90, 20]}}, hyperparameters={"x": [1, 2]})
    rows = refined(file, "--resolution", "16")
    assert [row["family"] for row in rows] == ["jpeg (x=1)", "jpeg (x=2)"]
    assert all(row["verdict"] is not None for row in rows)


def test_no_more_runs_than_allowed(study):
    before = len(starts(study))
    (row,) = refined(study, "--max-runs", "20")  # one setting, and the confirmation
    assert len(row["tried"]) == 1
    assert len(starts(study)) == before + 4 + 16
    (row,) = refined(ran(study.with_name("few.yaml"), {"jpeg": {"quality": [90, 20]}}), "--max-runs", "10")
    assert row["verdict"] is None
    assert "leaves too few for a setting (4) and the confirmation (16)" in row["text"]
    assert "--max-runs 48 is enough for all that was asked for" in row["text"]


def test_what_could_not_be_done_is_no_success(study, capsys):
    before = len(starts(study))
    for few in ("5", "18"):  # too few for the confirmation; and too few for a setting besides
        assert main(["refine", "study.yaml", "--resolution", "4", "--max-runs", few]) == 1
        enough = re.search(r"--max-runs (\d+) is enough", capsys.readouterr().out)
    assert len(starts(study)) == before
    assert enough is not None
    assert main(["refine", "study.yaml", "--resolution", "4", "--max-runs", enough[1]]) == 0
    assert "is confirmed on fresh seeds" in capsys.readouterr().out
    assert len(starts(study)) - before <= int(enough[1])


def test_the_study_is_given_by_name_folder_or_file(study, tmp_path, monkeypatch, capsys):
    (row,) = refined(study, "--resolution", "4")
    done = len(starts(study))
    assert refined(Path("study"), "--resolution", "4") == [row]
    monkeypatch.chdir(tmp_path.parent)
    assert refined(tmp_path / "iqf-runs" / "study", "--resolution", "4") == [row]
    assert len(starts(study)) == done
    capsys.readouterr()
    study.write_text(json.dumps({**json.loads(study.read_text()), "criterion": None}))
    assert main(["refine", str(tmp_path / "iqf-runs" / "study")]) == 2
    assert "has another name or criterion now" in capsys.readouterr().err
    study.unlink()
    assert main(["refine", str(tmp_path / "iqf-runs" / "study")]) == 2
    assert re.search(r"study.yaml, which is no longer there; give the study's file", capsys.readouterr().err)
    assert main(["refine", "nothing"]) == 2
    assert "no study of that name" in capsys.readouterr().err


def test_what_fails_is_not_taken_for_a_setting_that_fails(study):
    script = study.parent / "code" / "script.py"
    script.write_text(script.read_text() + "\nif 20 < quality < 60: sys.exit(3)\n")
    file = ran(study.with_name("broken.yaml"), {"jpeg": {"quality": [90, 60, 20]}})
    (row,) = refined(file)
    assert row["chosen"] is None
    assert "jpeg-quality40 cannot be decided" in row["text"]


def test_what_has_no_criterion_or_seed_is_refused(study):
    content = json.loads(study.read_text())
    study.write_text(json.dumps({**content, "criterion": None}))
    found = CliRunner().invoke(command, [str(study)])
    assert "give --metric and --margin, such as `--metric score --margin 0.03`" in str(found.exception)
    study.write_text(json.dumps({**content, "seed_argument": None}))
    found = CliRunner().invoke(command, [str(study)])
    assert "seed_argument" in str(found.exception)


def without_runs(file: Path, count: int) -> None:
    """As an interruption leaves it: the last runs are still to do."""
    folder = iqf.open_results(file).folder
    for key in json.loads((folder / "study.json").read_text())["runs"][-count:]:
        shutil.rmtree(folder / "runs" / key)


def test_what_has_not_run_is_not_taken_for_a_setting_that_fails(study, capsys):
    without_runs(study, 3)  # of four repetitions at the harshest setting: it has run, and is missing
    before = len(starts(study))
    for given in ("study.yaml", "study"):
        assert main(["refine", given, "--resolution", "4"]) == 1
        found = capsys.readouterr()
        assert found.err == "Error: study: 3 of 16 runs are not done; `iqf run study.yaml` first\n"
        assert found.out == ""
    assert len(starts(study)) == before


def test_a_setting_whose_runs_failed_is_no_place_to_stop_at(study):
    script = study.parent / "code" / "script.py"
    script.write_text(script.read_text() + "\nif quality == 60 and int(args['seed']) % 2: sys.exit(3)\n")
    file = ran(study.with_name("half.yaml"), {"jpeg": {"quality": [90, 60]}})
    before = len(starts(study))
    (row,) = refined(file)
    assert row["tried"] == []
    assert re.match(r"jpeg: jpeg-quality60: .*; \d of 4 runs of jpeg-quality60 failed", row["text"])
    assert len(starts(study)) == before


def test_where_the_runs_lie_is_said(study, capsys):
    assert main(["refine", "study.yaml", "--resolution", "4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "These runs lie in iqf-runs/study-refine and iqf-runs/study-confirm; `iqf report study` shows the "
        "study itself, without them."
    )
    file = ran(study.with_name("one.yaml"), {"jpeg": {"quality": [90]}})
    assert main(["refine", str(file)]) == 0
    assert "These runs" not in capsys.readouterr().out
