"""Models trained on one variant and judged on others; a given model judged on all; what may be asked for."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from iqf_core import Study, StudyError, open_results
from tests.study.lab import Lab

TRAIN = """
import json, os, pathlib, sys
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
with open(os.environ["STARTS"], "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
def level(folder):
    return sum(sum(file.read_bytes()) for file in (pathlib.Path(folder) / "images").iterdir())
output = pathlib.Path(args["outputpath"])
if args.get("fail") == pathlib.Path(args["trainds"]).name:
    sys.exit(3)
(output / "model.json").write_text(json.dumps({"trained": level(args["trainds"]), "seed": args.get("seed")}))
(output / "results.json").write_text(json.dumps({"gap": abs(level(args["trainds"]) - level(args["testds"]))}))
"""
INFER = """
import json, os, pathlib, sys
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
assert set(args) == {"model", "testds", "outputpath"}, args
with open(os.environ["STARTS"] + ".infer", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
folder = pathlib.Path(args["testds"]) / "images"
level = sum(sum(file.read_bytes()) for file in folder.iterdir())
model = pathlib.Path(args["model"])
model = json.loads((model / "model.json" if model.is_dir() else model).read_text())
results = {"gap": abs(model["trained"] - level)}
(pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps(results))
"""
TASK = {"script": "code/train.py", "infer": "code/infer.py"}


@pytest.fixture
def ready(here: Lab) -> Lab:
    here.script(TRAIN, "train.py")
    here.script(INFER, "infer.py")
    here.images("train", 3, seed=1)
    return here


def study(lab: Lab, **content: object):
    known = {
        "datasets": {"train": "train", "test": "data"},
        "task": TASK,
        "modifiers": [{"jpeg": {"quality": [60, 10]}}],
        "matrix": True,
        "repetitions": 2,
        "seed_argument": "seed",
        "parallel": 2,
    }
    return lab.study(**{**known, **content})


def inferred(lab: Lab) -> int:
    file = lab.starts.with_name(lab.starts.name + ".infer")
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_each_model_is_trained_once_and_judged_on_every_variant(ready: Lab) -> None:
    file = study(ready)
    command = ready.iqf("run", file)
    assert (len(ready.started()), inferred(ready)) == (6, 12)
    table = open_results(file).dataframe()
    cells = Counter(zip(table["train_variant"], table["variant"], strict=True))
    names = ["reference", "jpeg-quality60", "jpeg-quality10"]
    assert cells == {(one, other): 2 for one in names for other in names}
    gaps = table.pivot_table(index="train_variant", columns="variant", values="gap")
    assert gaps.loc["reference", "jpeg-quality10"] != gaps.loc["jpeg-quality10", "jpeg-quality10"]
    assert len(open_results(file).summary()) == 9
    assert "train_variant" in command.out
    assert {run.params["train_variant"] for run in ready.mlflow().values()} == set(names)
    again = ready.iqf("run", file)
    assert "0 finished, 0 failed, 18 done earlier" in again.out
    assert inferred(ready) == 12


def test_another_model_script_or_image_makes_only_what_it_touches_anew(ready: Lab) -> None:
    ready.iqf("run", study(ready, repetitions=1))
    ready.script(INFER + "\n# another\n", "infer.py")
    task = {**TASK, "code": ["train.py"]}
    ready.iqf("run", study(ready, repetitions=1, task=task))
    trained = len(ready.started())
    ready.iqf("run", study(ready, repetitions=1, task=task, modifiers=[{"jpeg": {"quality": [60, 10, 5]}}]))
    assert len(ready.started()) == trained + 1


def test_a_model_that_was_not_trained_fails_what_needs_it_and_nothing_else(ready: Lab) -> None:
    name = "train#jpeg-quality10"
    file = study(ready, repetitions=1, hyperparameters={"fail": [name]})
    command = ready.iqf("run", file, code=1)
    table = open_results(file).dataframe()
    failed = table[table["status"] == "FAILED"]
    assert set(failed["train_variant"]) == {"jpeg-quality10"}
    assert len(failed) == 3
    assert "there is no model: training on jpeg-quality10" in command.err
    assert (table["status"] == "FINISHED").sum() == 6


@pytest.mark.parametrize("folder", [False, True])
def test_a_given_model_is_judged_on_every_variant(ready: Lab, folder: bool) -> None:
    model = ready.folder / ("model" if folder else "model.json")
    if folder:
        model.mkdir()
    (model / "model.json" if folder else model).write_text(json.dumps({"trained": 1000}))
    task = {"infer": "code/infer.py", "model": model.name}
    content = {"datasets": {"test": "data"}, "task": task, "modifiers": [{"jpeg": {"quality": [60, 10]}}]}
    file = ready.study(frozen=True, **content)
    ready.iqf("run", file)
    table = open_results(file).dataframe()
    assert list(table["variant"]) == ["reference", "jpeg-quality60", "jpeg-quality10"]
    assert "train_variant" not in table
    assert table["gap"].nunique() == 3
    ready.iqf("run", file)
    assert inferred(ready) == 3
    (model / "model.json" if folder else model).write_text(json.dumps({"trained": 2000}))
    ready.iqf("run", file)
    assert inferred(ready) == 6


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"task": {"script": "code/train.py"}, "matrix": True}, "matrix: say task.infer"),
        ({"task": {}}, "'task.script' is missing"),
        ({"task": {"script": "code/train.py", "model": "m"}}, "frozen: true"),
        ({"task": {"infer": "code/infer.py"}, "frozen": True}, "say task.model"),
        ({"task": {**TASK, "model": "m"}, "frozen": True}, "nothing is trained"),
        ({"task": {"infer": "code/infer.py", "model": "none"}, "frozen": True}, "no such file or folder"),
        ({"task": {**TASK, "infer": "code/none.py"}, "matrix": True}, "task.infer: no such file"),
    ],
)
def test_what_does_not_fit_is_refused(ready: Lab, content: dict[str, object], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        Study.from_file(ready.study(**content)).plan()


def test_more_than_allowed_is_refused_before_anything_is_made(ready: Lab) -> None:
    file = study(ready)
    refused = ready.iqf("run", file, "--max-runs", "17", code=2)
    assert "18 runs are to be done, and --max-runs allows 17" in refused.err
    assert "--max-gb allows 0" in ready.iqf("run", file, "--max-gb", "0", code=2).err
    assert not ready.started()
    assert not list(ready.folder.glob("*#*"))
    ready.iqf("run", study(ready, repetitions=1), "--max-runs", "9", "--max-gb", "1")
    planned = json.loads(ready.iqf("plan", study(ready), "--json").out)
    assert sum(run["state"] == "to do" for run in planned["runs"]) == 9
    assert planned["expected_s"] > 0
    assert "Expected: " in ready.iqf("plan", file).out
