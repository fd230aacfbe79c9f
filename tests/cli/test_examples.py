"""Every example of every command's help is executed, in a folder where such things lie."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest

from iqf_core.cli import iqf
from tests.study.lab import Lab

EXAMPLE = re.compile(r"^ +((?:[A-Z_]+=\S+ )?iqf\b.*)$", re.MULTILINE)
ELSEWHERE = {
    "iqf demo": "takes a minute: executed by tests/docs/test_readme.py",
    "iqf demo --folder /tmp/textures": "the same in another folder",
    "iqf ui": "serves until it is interrupted: tests/cli/test_study_cli.py",
    "iqf ui textures --port 5001": "the same for one study",
}
ALLOWED_S = 90

TRAIN = """
import json, pathlib, re, sys

args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
found = re.search("quality([0-9]+)", args.get("testds", ""))
seen = re.search("quality([0-9]+)", args.get("trainds", args.get("model", "")))
quality = min(int(one[1]) if one else 100 for one in (found, seen))
score = 0.9 - max(0, 60 - quality) / 100 + int(args.get("seed", 0)) % 97 / 50000
results = {"accuracy": score, "ap_0.5": score - 0.1}
(pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps(results))
"""


def commands(
    group: click.Group, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and those below it, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))


def examples() -> dict[str, list[str]]:
    """Command -> its examples, as its help shows them."""
    every = {"iqf": iqf, **{" ".join(words): command for words, command in commands(iqf)}}
    return {
        name: EXAMPLE.findall((command.help or "").partition("Examples:")[2])
        for name, command in every.items()
    }


def scene(rng: np.random.Generator) -> Any:
    """A picture with straight edges, flat places and some noise."""
    picture = np.full((160, 160, 3), 90.0)
    for _ in range(5):
        centre, size = rng.uniform(30, 130, 2), rng.uniform(20, 50, 2)
        box = cv2.boxPoints((tuple(centre), tuple(size), float(rng.uniform(5, 40))))
        cv2.fillPoly(picture, [np.int32(box)], [float(value) for value in rng.uniform(30, 220, 3)])
    picture = cv2.GaussianBlur(picture, (0, 0), 0.8) + rng.normal(0, 2, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def dataset(folder: Path, count: int) -> None:
    rng = np.random.default_rng(count)
    (folder / "images").mkdir(parents=True)
    images, boxes = [], []
    for index in range(1, count + 1):
        cv2.imwrite(str(folder / "images" / f"scene{index}.png"), scene(rng))
        images.append({"id": index, "file_name": f"scene{index}.png", "width": 160, "height": 160})
        boxes.append(
            {
                "id": index,
                "image_id": index,
                "category_id": 1,
                "bbox": [20, 20, 40, 30],
                "area": 1200,
                "iscrowd": 0,
            }
        )
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]}
    (folder / "boxes.json").write_text(json.dumps(content))


@pytest.fixture
def prepared(lab: Lab) -> Lab:
    """Datasets, a script, a study that was run, and one with a matrix."""
    dataset(lab.folder / "scenes", 4)
    for part in ("train", "test"):
        dataset(lab.folder / "data" / part, 2)
    for name in ("train.py", "infer.py"):
        (lab.folder / name).write_text(TRAIN)
    common = {
        "repetitions": 3,
        "seed_argument": "seed",
        "criterion": {"metric": "accuracy", "margin": 0.1},
        "parallel": 2,
    }
    code = {"script": "train.py", "code": ["train.py"]}
    textures = lab.study(
        "textures",
        datasets={"test": "scenes"},
        task=code,
        modifiers=[{"jpeg": {"quality": [90, 30]}}],
        **common,
    )
    textures.rename(lab.folder / "study.yaml")
    matrix = lab.study(
        "detection-matrix",
        datasets={"train": "data/train", "test": "data/test"},
        task={**code, "infer": "infer.py"},
        matrix=True,
        modifiers=["jpeg(quality=30)"],
        **{**common, "criterion": {"metric": "ap_0.5", "margin": 0.1}},
    )
    lab.iqf("run", "study.yaml")
    lab.iqf("run", matrix)
    return lab


def test_every_command_has_examples_that_call_it() -> None:
    for name, lines in examples().items():
        assert lines, f"the help of {name} has no Examples"
        called = name if name.startswith("iqf") else f"iqf {name}"
        assert [line for line in lines if called not in line] == []


def test_what_is_executed_elsewhere_is_still_an_example() -> None:
    assert set(ELSEWHERE) <= {line for lines in examples().values() for line in lines}


@pytest.mark.slow
def test_every_example_runs(prepared: Lab, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "iqf").symlink_to(Path(sys.executable).with_name("iqf"))
    environment = {**prepared.environment, "PATH": f"{programs}:{os.environ['PATH']}"}

    def executed(name: str) -> list[str]:
        """What went wrong with the examples of a command, each after the other in a copy of the folder."""
        place = tmp_path / name.replace(" ", "-")
        shutil.copytree(prepared.folder, place)
        faults = []
        for line in examples()[name]:
            if line in ELSEWHERE:
                continue
            done = subprocess.run(
                ["bash", "-c", line.replace("/tmp/", f"{place}/tmp/")],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            if done.returncode:
                faults.append(f"{line}\n  exit code {done.returncode}: {done.stderr[-400:]}")
        return faults

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        faults = [fault for found in pool.map(executed, examples()) for fault in found]
    assert not faults, "\n".join(faults)
    assert time.monotonic() - began < ALLOWED_S
