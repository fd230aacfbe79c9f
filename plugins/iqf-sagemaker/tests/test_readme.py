"""What the README says is so: options, the policy, the example."""

from __future__ import annotations

import doctest
import fnmatch
import importlib
import json
import pkgutil
import re
import shutil
from pathlib import Path

import pytest
import yaml

import iqf_sagemaker
from iqf_core.executor import TaskExecutor
from iqf_core.parameters import create, parse_spec
from iqf_sagemaker import SageMakerExecutor

from .conftest import Lab

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLE = Path(__file__).parents[3] / "examples" / "sagemaker"
MODULES = [module.name for module in pkgutil.walk_packages(iqf_sagemaker.__path__, "iqf_sagemaker.")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_executor_of_the_readme_is_one():
    name, options = parse_spec(yaml.safe_load(blocks("yaml")[0])["executor"])
    made = create("executors", name, options, base=TaskExecutor)
    assert made.price_of(3600.0) == 1.41
    assert made.tags == (("project", "compression"),)


def test_every_option_is_explained():
    said = SageMakerExecutor.__doc__ or ""
    assert [name for name in SageMakerExecutor.model_fields if not re.search(rf"\b{name}\b", said)] == []


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__main__")])
def test_the_examples_of_docstrings_run(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


ACTIONS = {"ListObjectsV2": "s3:ListBucket", "HeadBucket": "s3:ListBucket", "HeadObject": "s3:GetObject"}
ACTIONS |= {"CreateMultipartUpload": "s3:PutObject", "UploadPart": "s3:PutObject"}
ACTIONS |= {"CompleteMultipartUpload": "s3:PutObject"}
FREE = {"sts:GetCallerIdentity"}  # AWS allows it to everybody


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_policy_allows_what_is_asked_and_no_more(lab: Lab):
    """Every request of a study that goes well, of one that is stopped, and of one whose job was lost."""
    (lab.folder / "data" / "large.bin").write_bytes(b"x" * (17 << 20))
    lab.run({"sagemaker": lab.options(spot=True)}, hyperparameters={"how": ["well", "fails"]})
    made = SageMakerExecutor(**lab.options())
    run = lab.runs()[0]
    job = iqf_job(lab, run)
    assert made.find(job) is not None
    (run / "sagemaker.json").unlink()
    assert made.find(job) is None  # it has ended, so it is not looked for by tags any more
    made.cancel({"name": lab.server.jobs()[0]["TrainingJobName"]})
    asked = {
        ACTIONS.get(one.operation, f"{one.service}:{one.operation}") for one in lab.server.requests
    } - FREE
    (policy,) = map(json.loads, blocks("json"))
    allowed = [
        action
        for one in policy["Statement"]
        for action in [*one["Action"]]
        if isinstance(one["Action"], list)
    ]
    allowed += [one["Action"] for one in policy["Statement"] if isinstance(one["Action"], str)]
    assert {action for action in asked if not any(fnmatch.fnmatch(action, one) for one in allowed)} == set()
    unasked = {
        "sagemaker:AddTags",
        "sagemaker:ListTags",
        "iam:PassRole",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
    }
    assert {one for one in allowed if one not in asked} <= unasked  # implied by others, or by what goes wrong


def iqf_job(lab: Lab, run: Path):
    from iqf_core import Job

    return Job(
        key=run.name,
        script=lab.folder / "code" / "script.py",
        datasets={},
        folder=run,
        output=run / "output",
        log=run / "log.txt",
    )


@pytest.mark.skipif(not EXAMPLE.is_dir(), reason="the example is in the repository alone")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_example_gives_the_same_here_and_there_interrupted_or_not(lab: Lab):
    """Its own script, on pictures of two textures."""
    import numpy as np

    import iqf_core as iqf

    shutil.rmtree(lab.folder / "data")
    rng, rows = np.random.default_rng(5), ["image_filename,label"]
    for number in range(12):
        kind, scale = ("rough", 40) if number % 2 else ("smooth", 20)
        file = lab.folder / "data" / "images" / f"{kind}{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(rng.normal(128, scale, (96, 96)), 0, 255).astype(np.uint8)
        iqf.write_image(file, iqf.Image.from_array(pixels))
        rows.append(f"{file.name},{kind}")
    (lab.folder / "data" / "labels.csv").write_text("\n".join(rows))
    shutil.copytree(EXAMPLE, lab.folder / "code", dirs_exist_ok=True)
    content = {
        "datasets": {"train": "data", "test": "data"},
        "task": {"script": "code/train.py", "code": ["train.py"]},
        "modifiers": ["quantise(bits=3)"] if "iqf_modifiers_compression" in installed() else ["identity"],
        "hyperparameters": {"steps": [250]},
        "repetitions": 2,
        "seed_argument": "seed",
    }
    here = lab.run("local", name="here", **content)
    there = lab.run({"sagemaker": lab.options(spot=True)}, **content)
    assert [row["status"] for row in here + there] == ["FINISHED"] * 8
    assert [row["accuracy"] for row in here] == [row["accuracy"] for row in there]
    assert min(row["accuracy"] for row in here) > 0.6
    assert "step 200 kept" in (lab.runs()[0] / "log.txt").read_text()


def installed() -> set[str]:
    return {module.name for module in pkgutil.iter_modules()}
