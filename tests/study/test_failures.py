"""Scripts, variants and plugins that fail: a failed run each, with its reason, and the rest is done."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from iqf_core import Study
from tests.study.lab import Lab

MISBEHAVE = """
import json, os, pathlib, signal, sys, time

args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
how, output = args["how"], pathlib.Path(args["outputpath"])
print("first words of", how, flush=True)
if how == "prints":
    block = b"x" * 99 + b"\\n"
    for _ in range(100):
        os.write(1, block * 10_000)
if how == "hangs":
    time.sleep(300)
if how == "signal":
    os.kill(os.getpid(), signal.SIGKILL)
if how != "nothing":
    (output / "results.json").write_text("{broken" if how == "broken" else json.dumps({"good": 1.0}))
if how.startswith("exits"):
    sys.exit(3)
"""
REASONS = {
    "well": "",
    "exits": "exit code 3",
    "broken": "not valid JSON: Expecting property name enclosed in double quotes in line 1, column 2",
    "hangs": "timeout after 4 s",
    "prints": "log larger than 64 MB",
    "signal": "killed by signal 9 (SIGKILL)",
    "nothing": "the script wrote nothing into --outputpath",
}


@pytest.mark.slow
def test_each_way_to_fail_is_a_failed_run_with_its_reason_and_log(lab: Lab) -> None:
    lab.script(MISBEHAVE)
    ways = {"how": list(REASONS)}
    task = {"script": "code/script.py", "timeout_s": 4}
    done = lab.iqf("run", lab.study(hyperparameters=ways, task=task, parallel=2), code=1)
    assert "1 finished, 6 failed, 0 done earlier" in done.out
    tracked = lab.mlflow()
    for row in lab.table():
        reason, run = REASONS[row["how"]], tracked[row["key"]]
        folder = lab.runs / "study" / "runs" / row["key"]
        assert reason in row["reason"]
        assert row["status"] == run.status == ("FAILED" if reason else "FINISHED")
        assert run.tags.get("iqf.reason", "") == row["reason"]
        assert (folder / "log.txt").read_text().startswith(f"first words of {row['how']}\n")
        assert (folder / "log.txt").stat().st_size < 3e6
        if reason:
            assert reason in done.err
    failed = lab.iqf("results", "study", "--failed").out
    assert failed.count("    log: ") == 6
    assert "    | first words of exits\n" in failed
    assert lab.left_running() == []


@pytest.mark.slow
def test_with_monitoring_a_failure_is_one_in_mlflow_too_and_the_scripts_own_metrics_are_kept(
    lab: Lab,
) -> None:
    """MLflow itself calls a run FINISHED whose script exits with 3 inside ``mlflow.start_run``."""
    lab.script("""
        import json, pathlib, sys, mlflow
        args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
        mlflow.set_tracking_uri(args["mlfuri"])
        with mlflow.start_run(run_id=args["mlfrunid"], experiment_id=args["mlfexpid"]):
            mlflow.log_param("optimiser", "adam")
            mlflow.log_param("code", args["code"])
            for epoch in range(3):
                mlflow.log_metric("loss", 3 - epoch, step=epoch)
            if args["code"] == "0":
                text = {"accuracy": 0.0, "loss": 0.5, "optimiser": "sgd", "code": "text"}
                (pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps(text))
        sys.exit(int(args["code"]))
    """)
    file = lab.study(hyperparameters={"code": [0, 3]}, mlflow_monitoring=True, parallel=2)
    lab.iqf("run", file, code=1)
    good, bad = lab.table()
    assert (good["status"], good["accuracy"], good["loss"]) == ("FINISHED", 0.0, 0.5)
    assert (bad["status"], bad["reason"], bad["loss"]) == ("FAILED", "exit code 3", 1.0)
    tracked = lab.mlflow()
    assert [tracked[row["key"]].status for row in (good, bad)] == ["FINISHED", "FAILED"]
    assert lab.parent().status == "FAILED"
    run = tracked[good["key"]]
    assert run.metrics["loss"] == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert run.metrics["accuracy"] == [(0, 0.0)]
    assert (run.params["optimiser"], run.params["code"]) == ("adam", "0")
    before = run
    lab.iqf("run", lab.study(hyperparameters={"code": [0]}, mlflow_monitoring=True, metrics=["basic"]))
    after = lab.mlflow()[good["key"]]
    assert (
        after.metrics.items() >= before.metrics.items()
    )  # a metric was added, and nothing of the script's lost
    assert "basic.mean" in after.metrics


LABELS = """
import json, pathlib, sys
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
output = pathlib.Path(args["outputpath"])
names = sorted(file.name for file in (pathlib.Path(args["testds"]) / "images").iterdir())
(output / "results.json").write_text(json.dumps({"accuracy": 1.0}))
(output / "output.json").write_text(json.dumps({name: "ab"[index % 2] for index, name in enumerate(names)}))
"""


def test_a_variant_that_cannot_be_made_fails_the_runs_of_its_setting_alone(here: Lab) -> None:
    here.plugin("iqf-stranger")
    here.images("deep", sixteen=True)
    modifiers = [
        "eight",
        {"quantise": {"bits": [4]}},
        *({"angry": {"kind": k}} for k in ("RuntimeError", "SystemExit", "OSError")),
    ]
    file = here.study(datasets={"test": "deep"}, modifiers=modifiers, repetitions=2, seed_argument="seed")
    results = Study.from_file(file).run(progress=False)
    table = results.dataframe().set_index(["variant", "repetition"])
    failed = table[table["status"] == "FAILED"]["reason"]
    assert set(table[table["status"] == "FINISHED"].index) == {
        (variant, repetition) for variant in ("reference", "quantise-bits4") for repetition in (0, 1)
    }
    assert len(failed) == 8
    assert ".png: eight takes 8 bits; put quantise before it" in failed["eight", 0]
    assert failed["eight", 1] == failed["eight", 0]
    assert "not this one" in failed["angry-kindRuntimeError", 0]
    assert "not this one" in failed["angry-kindSystemExit", 0]
    assert "not this one" in failed["angry-kindOSError", 0]
    assert len(here.started()) == 4
    tracked = here.mlflow()
    assert sorted(run.status for run in tracked.values()) == ["FAILED"] * 8 + ["FINISHED"] * 4


def test_a_damaged_picture_fails_the_variants_and_not_the_reference(here: Lab) -> None:
    picture = here.folder / "data" / "images" / "scene1_2.png"
    picture.write_bytes(picture.read_bytes()[:200])
    study = Study.from_file(here.study(modifiers=["jpeg(quality=50)"], metrics=["basic"]))
    assert study.plan().disk_bytes() == 3 * 16 * 16 * 3
    table = study.run(progress=False).dataframe().set_index("variant")
    assert table["status"].to_dict() == {"reference": "FINISHED", "jpeg-quality50": "FAILED"}
    assert "scene1_2.png" in table["reason"]["jpeg-quality50"]
    assert table["basic.mean"]["reference"] > 0


def test_metrics_that_raise_leave_the_runs_as_they_are(here: Lab) -> None:
    here.plugin("iqf-stranger")
    here.script(LABELS)
    ways = ["match", "aggregate", "text"]
    metrics = [{"sulky": {"path": "/a/b c"}}, *({"judge": {"at": at}} for at in ways), "judge"]
    results = Study.from_file(here.study(metrics=metrics)).run(progress=False)
    row = results.dataframe().iloc[0]
    assert (row["status"], row["judge.score"]) == ("FINISHED", 0.5)
    for name in ("sulky-path/a/b c.mood", *(f"judge-at{at}.score" for at in ways), "judge.never"):
        assert row[name] != row[name], name
    assert "judge.undeclared" not in row
    said = [
        json.loads(file.read_text())["reasons"] for file in results.runs()[0].tables.glob("judge-at*.json")
    ]
    reasons = " ".join(reason for one in said for reason in one.values())
    assert all(
        word in reasons for word in ("OSError: no such truth", "RuntimeError: cannot add up", "ValueError")
    )


def test_a_prediction_metric_that_failed_is_tried_again(here: Lab) -> None:
    here.plugin("iqf-stranger")
    here.script(LABELS)
    here.iqf("run", here.study(metrics=["judge(at='match')"]), code=1)
    assert here.table()[0]["judge-atmatch.score"] is None
    module = here.site / "iqf_stranger.py"
    module.write_text(module.read_text().replace('raise OSError("no such truth")', "pass"))
    here.iqf("run", here.study(metrics=["judge(at='match')"]))
    assert here.table()[0]["judge-atmatch.score"] == 0.5
    (run,) = here.mlflow().values()
    assert run.metrics["judge-atmatch.score"] == [(0, 0.5)]
    assert run.status == "FINISHED"


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as rest:
        while rest.write(b"x" * 1024):
            pass


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_says_so_and_the_same_command_goes_on_after(lab: Lab) -> None:
    disk = lab.folder / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=400k tmpfs '{disk}' 2>/dev/null"):
        pytest.skip("no file system can be mounted here")
    uri = f"sqlite:///{lab.runs / 'mlflow.db'}"
    try:
        file = lab.study(
            runs_root="disk", tracking_uri=uri, hyperparameters={"lr": [1, 2, 3]}, executor="local"
        )
        (disk / "ballast").write_bytes(b"x" * 380_000)
        fill(disk / "rest")
        done = lab.iqf("run", file, code=2)
        assert "No space left on device" in done.err
        assert "the same command goes on" in done.err
        (disk / "rest").unlink()
        (disk / "ballast").write_bytes(b"x" * 200_000)
        assert "3 finished" in lab.iqf("run", file).out
        assert [run.status for run in lab.mlflow().values()] == ["FINISHED"] * 3
    finally:
        os.system(f"umount '{disk}'")


def test_a_damaged_file_in_a_run_folder_is_named(lab: Lab) -> None:
    file = lab.study()
    lab.iqf("run", file)
    outcome = Path(lab.folders()[0] / "outcome.json")
    outcome.write_text("")
    done = lab.iqf("run", file, code=2)
    assert f"{outcome}: damaged; remove it" in done.err
    outcome.unlink()
    lab.iqf("run", file)
    assert lab.table()[0]["status"] == "FINISHED"


def test_runs_that_a_metric_cannot_judge_are_no_success(here: Lab) -> None:
    """No predictions: exit code 1, a count, a reason that stays; the runs themselves ended well."""
    here.plugin("iqf-stranger")
    command = here.iqf("run", here.study(metrics=["chooser"], repetitions=2), code=1)
    assert "2 finished, 0 failed, 0 done earlier, 2 not judged by every metric" in command.out
    reason = "the script wrote no output.json, which chooser judges"
    assert reason in command.err
    assert f"chooser could not be applied to 2 run(s), first: {reason}" in here.iqf("results", "study").err
    assert here.table()[0]["status"] == "FINISHED"
    assert (
        here.iqf("run", here.study(metrics=["chooser"], repetitions=2), code=1).out.count("not judged") == 1
    )
    here.iqf("run", here.study(repetitions=2))


PARSES = """
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--testds")
parser.add_argument("--outputpath", type=pathlib.Path)
(parser.parse_args().outputpath / "results.json").write_text('{"good": 1.0}')
"""


def test_an_option_that_the_script_does_not_know_is_traced_to_the_study(lab: Lab) -> None:
    lab.script(PARSES)
    known = {"datasets": {"val": "data", "test": "data"}, "hyperparameters": {"depth": [3]}}
    done = lab.iqf("run", lab.study(**known, seed_argument="sede"), code=1)
    assert "exit code 2; the script does not know --depth (from hyperparameters), --sede (from" in done.err
    assert "--valds (from the part val of datasets): have it take it" in done.err
    lines = done.out[done.out.index("Next:") :].splitlines()
    assert lines[1].split("#")[0].strip() == "iqf results study --failed"


def test_a_seed_argument_of_another_name_is_another_run(lab: Lab) -> None:
    lab.iqf("run", lab.study(seed_argument="seed"))
    again = lab.iqf("run", lab.study(seed_argument="sede"))
    assert "1 finished, 0 failed, 0 done earlier" in again.out
