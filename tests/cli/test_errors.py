"""What is said of wrong use: what, where, and what to do; it is never a traceback, nor called a defect."""

from __future__ import annotations

from typing import Any

import pytest

from tests.study.lab import Lab

STUDIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"modifiers": ["jepg"]}, ["study.yaml", "'jepg'", "Did you mean 'jpeg'"]),
    ({"modifiers": ["jpeg(qality=3)"]}, ["study.yaml", "modifiers[0]", "'qality'", "Did you mean 'quality'"]),
    ({"modifiers": ["jpeg(quality=300)"]}, ["study.yaml", "modifiers[0]", "quality=300", "100"]),
    ({"metrics": ["snrr"]}, ["study.yaml", "'snrr'", "Did you mean"]),
    ({"executor": "locl"}, ["study.yaml", "'locl'", "Did you mean 'local'"]),
    ({"datasets": {"test": "none"}}, ["study.yaml", "none: no such folder", "a dataset is a folder"]),
    ({"datasets": {"test": "empty"}}, ["study.yaml", "empty: no images", "Looked for"]),
    ({"task": {"script": "none.py"}}, ["study.yaml", "task.script", "none.py", "relative to the study file"]),
    ({"modifers": ["jpeg"]}, ["study.yaml", "'modifers'", "Did you mean 'modifiers'"]),
    ({"repetitions": "many"}, ["study.yaml", "repetitions", "valid integer"]),
    ({"plugins": {"require": ["iqf-none"]}}, ["study.yaml", "iqf-none", "pip install 'iqf-none'"]),
]
FILES = [
    ("a: [1\n", ["wrong.yaml", "not valid YAML", "line 2"]),
    ("- 1\n", ["wrong.yaml", "not a mapping"]),
    ("", ["wrong.yaml", "is empty"]),
    ("a: 1\na: 2\n", ["wrong.yaml", "'a' stands twice", "line 2"]),
]
COMMANDS = [
    ("plan none.yaml", ["none.yaml: no such file", "study.yaml"]),
    ("plan data", ["data", "is a folder", "study's file"]),
    ("results none", ["none: no study of that name in iqf-runs/", "`iqf run STUDY.yaml`"]),
    ("results study.yaml", ["iqf-runs/study", "no study was run here", "`iqf run`"]),
    ("recommend none", ["none: no study of that name", "`iqf run STUDY.yaml`"]),
    ("clean none --yes", ["none: no study of that name", "`iqf run STUDY.yaml`"]),
    ("refine none.yaml", ["none.yaml", "no such file"]),
    ("run study.yaml --max-runs 0", ["--max-runs allows 0", "Allow more"]),
    ("run study.yaml --parallel 0", ["--parallel", "x>=1"]),
    ("modify none -m jpeg", ["none: no such folder", "a dataset is a folder"]),
    ("modify data -m jepg", ["'jepg'", "Did you mean 'jpeg'"]),
    ("modify data -m jpeg(", ["'jpeg('", "name(parameter=value"]),
    ("modify data", ["--modifier"]),
    ("measure data -m psnr", ["psnr", "--reference"]),
    ("measure data -m basic --csv none/x.csv", ["none/x.csv", "make it first"]),
    ("measure data -m coco_detection", ["coco_detection", "in a study"]),
    ("task none.py", ["none.py", "does not exist"]),
    ("task code/script.py -o lr", ["'lr'", "NAME=VALUE"]),
    ("modifiers jepg", ["'jepg'", "Did you mean 'jpeg'"]),
    ("plugins show none", ["'none'", "iqf-core"]),
    ("plugins shw", ["shw", "Did you mean 'show'"]),
    ("resluts", ["'resluts'", "Did you mean 'results'"]),
]


def says(lab: Lab, arguments: list[str], parts: list[str]) -> None:
    said = lab.iqf(*arguments, code=2).err
    assert [part for part in parts if part not in " ".join(said.split())] == [], said
    assert "Traceback" not in said


@pytest.mark.parametrize(("content", "parts"), STUDIES)
def test_a_study_that_cannot_be_run_as_written(lab: Lab, content: dict[str, Any], parts: list[str]) -> None:
    (lab.folder / "empty").mkdir()
    lab.study(**content)
    says(lab, ["plan", "study.yaml"], parts)


@pytest.mark.parametrize(("text", "parts"), FILES)
def test_a_file_that_is_no_study(lab: Lab, text: str, parts: list[str]) -> None:
    (lab.folder / "wrong.yaml").write_text(text)
    says(lab, ["run", "wrong.yaml"], parts)


@pytest.mark.parametrize(("line", "parts"), COMMANDS)
def test_wrong_use(lab: Lab, line: str, parts: list[str]) -> None:
    lab.study()
    says(lab, line.split(), parts)
