"""The same command again: what is done is not done again, what changed is, and MLflow holds each run once."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from iqf_core import Study, StudyError
from tests.study.lab import Lab, wait_for

FULL: dict[str, Any] = {
    "modifiers": ["jpeg(quality=50)"],
    "hyperparameters": {"lr": [0.1, 0.2]},
    "seed_argument": "seed",
    "metrics": ["basic"],
}
RUN_AND_TELL = """
import sys
from iqf_core.cli import main
code = main(["run", sys.argv[1]])
print("imported:", *sorted({"mlflow", "sqlalchemy"} & set(sys.modules)))
sys.exit(code)
"""


def keys(lab: Lab, **content: Any) -> dict[str, str]:
    """Title -> key of the plan, as files are now."""
    plan = Study.from_file(lab.study(**{**FULL, **content})).plan()
    return {run.title: run.key for run in plan.runs}


def test_the_second_time_nothing_is_run_and_mlflow_not_even_imported(lab: Lab) -> None:
    file = lab.study(**FULL)
    lab.iqf("run", file)
    before, starts, tracked = lab.table(), len(lab.started()), lab.mlflow()
    assert (starts, len(tracked)) == (4, 4)
    started = time.monotonic()
    again = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL, str(file)],
        cwd=lab.folder, env=lab.environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert time.monotonic() - started < 10
    assert "0 finished, 0 failed, 4 done earlier" in again.stdout
    assert again.stdout.endswith("imported:\n")
    assert lab.table() == before
    assert len(lab.started()) == starts


def test_a_finished_study_does_not_make_variants_again_that_were_removed(here: Lab) -> None:
    study = Study.from_file(here.study(**FULL))
    study.run(progress=False)
    (variant,) = here.folder.glob("data#*")
    shutil.rmtree(variant)
    study.run(progress=False)
    assert not list(here.folder.glob("data#*"))
    assert len(here.started()) == 4


def test_failed_runs_are_tried_again_and_finished_ones_are_not(here: Lab) -> None:
    here.script("""
        import os, pathlib, sys
        args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
        with open(os.environ["STARTS"], "a") as file:
            file.write(" ".join(sys.argv[1:]) + "\\n")
        if args["lr"] == "0.2" and not pathlib.Path("mended").exists():
            sys.exit("broken for now")
        (pathlib.Path(args["outputpath"]) / "results.json").write_text('{"accuracy": 1.0}')
    """)
    study = Study.from_file(here.study(hyperparameters={"lr": [0.1, 0.2]}))
    assert list(study.run(progress=False).dataframe()["status"]) == ["FINISHED", "FAILED"]
    assert list(study.run(progress=False).dataframe()["status"]) == ["FINISHED", "FAILED"]
    assert [start["--lr"] for start in here.started()] == ["0.1", "0.2", "0.2"]
    Path("mended").touch()
    results = study.run(progress=False)
    assert list(results.dataframe()["status"]) == ["FINISHED", "FINISHED"]
    assert len(here.started()) == 4
    assert sorted(run.status for run in here.mlflow().values()) == ["FINISHED"] * 2
    previous = [folder.path / "log.previous.txt" for folder in results.runs()]
    assert previous[1].read_text() == "broken for now\n"
    assert not previous[0].exists()


def test_fresh_runs_everything_again_and_mlflow_holds_each_run_once(here: Lab) -> None:
    study = Study.from_file(here.study(**FULL))
    before = study.run(progress=False).dataframe().drop(columns="duration_s")
    ids = {run.tags["iqf.outcome"] for run in here.mlflow().values()}
    after = study.run(progress=False, fresh=True).dataframe().drop(columns="duration_s")
    assert len(here.started()) == 8
    assert before.equals(after)
    tracked = here.mlflow()
    assert len(tracked) == 4
    assert not ids & {run.tags["iqf.outcome"] for run in tracked.values()}


def differs(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether no run of one plan is one of the other's."""
    return not set(one.values()) & set(other.values())


def test_a_run_is_determined_by_what_determines_it_and_by_nothing_else(here: Lab) -> None:
    before = keys(here)
    assert len(set(before.values())) == 4
    assert keys(here, metrics=[], parallel=2, executor={"local": {"grace_s": 1.0}}) == before
    assert keys(here, task={"script": "code/script.py", "timeout_s": 9}) == before
    assert differs(keys(here, seed=7), before)
    assert keys(here, seed=7, seed_argument=None) == keys(here, seed=8, seed_argument=None)
    other = keys(here, hyperparameters={"lr": [0.1, 0.3]})
    assert {title for title, key in other.items() if before.get(title) == key} == {
        title for title in before if "lr=0.1" in title
    }
    more = keys(here, modifiers=["jpeg(quality=50)", "quantise(bits=4)"], repetitions=2)
    assert more.items() >= before.items()
    assert len(more) == 12
    assert differs(keys(here, task={"script": "code/script.py", "environment": {"THREADS": 1}}), before)
    here.script("VALUE = 1", "helper.py")
    assert differs(keys(here), before)
    with_helper = keys(here)
    (here.folder / "data" / "images" / "scene9_9.png").write_bytes(
        (here.folder / "data" / "images" / "scene0_0.png").read_bytes()
    )
    assert differs(keys(here), with_helper)


def test_results_of_other_studies_beside_the_script_are_not_its_code(here: Lab) -> None:
    first = keys(here, runs_root="code/kept", variants_root="code/variants")
    here.iqf("run", here.study("another", runs_root="code/kept", variants_root="code/variants", **FULL))
    assert keys(here, runs_root="code/kept", variants_root="code/variants") == first


def test_a_study_with_more_modifiers_keeps_what_is_finished(here: Lab) -> None:
    Study.from_file(here.study(**FULL)).run(progress=False)
    wider = Study.from_file(here.study(**{**FULL, "modifiers": ["jpeg(quality=50)", "quantise(bits=2)"]}))
    assert len(wider.run(progress=False).dataframe()) == 6
    assert len(here.started()) == 6
    narrower = Study.from_file(here.study(**{**FULL, "modifiers": []}))
    assert len(narrower.run(progress=False).dataframe()) == 2
    assert len(here.started()) == 6


def test_an_image_metric_added_later_reaches_mlflow_without_a_run(here: Lab) -> None:
    Study.from_file(here.study(**{**FULL, "metrics": []})).run(progress=False)
    assert all("basic.mean" not in run.metrics for run in here.mlflow().values())
    Study.from_file(here.study(**FULL)).run(progress=False)
    tracked = here.mlflow()
    assert len(tracked) == 4
    assert all("basic.mean" in run.metrics for run in tracked.values())
    assert len(here.started()) == 4


def test_mlflows_database_can_be_deleted_and_is_filled_again(here: Lab) -> None:
    study = Study.from_file(here.study(**FULL))
    study.run(progress=False)
    before = {key: run.metrics for key, run in here.mlflow().items()}
    (here.runs / "mlflow.db").unlink()
    done = here.iqf("run", here.study(**FULL))
    assert "4 done earlier" in done.out
    assert {key: run.metrics for key, run in here.mlflow().items()} == before


def test_a_retry_interrupted_while_the_folder_is_cleared_is_neither_done_nor_running(here: Lab) -> None:
    """`job.json` goes first: what is left of a finished run must not be taken for a result."""
    study = Study.from_file(here.study())
    results = study.run(progress=False)
    (results.runs()[0].path / "job.json").unlink()
    assert results.runs() == []
    assert study.run(progress=False).dataframe()["status"].tolist() == ["FINISHED"]
    assert len(here.started()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_running_and_the_study_can_go_on(lab: Lab, number: int) -> None:
    file = lab.study(hyperparameters={"sleep": [0, 300, 301, 0.1]}, parallel=3)
    command = lab.start("run", file)
    wait_for(lambda: len(lab.started()) == 4, command)
    asked = time.monotonic()
    command.send(number)
    time.sleep(0.05)
    command.send(number)  # twice, as people do
    assert command.wait(10).code == 130
    assert time.monotonic() - asked < 5
    assert "Interrupted. 1 of 4 runs are done and kept" in command.err.splitlines()[-1]
    assert "Traceback" not in command.err
    assert lab.left_running() == []
    shorter = lab.study(hyperparameters={"sleep": [0, 0.1]})
    lab.iqf("run", shorter)
    assert [row["status"] for row in lab.table()] == ["FINISHED"] * 2
    assert sorted(run.status for run in lab.mlflow().values()) == ["FINISHED"] * 2


def test_ctrl_c_while_a_variant_is_made_ends_soon_and_the_variant_goes_on(lab: Lab) -> None:
    lab.plugin(
        "iqf-slow",
        """
        import time
        from typing import ClassVar
        from iqf_core import Component, ImageModifier, Modified, hookimpl
        IQF_API = 1
        class Slow(ImageModifier):
            name: ClassVar[str] = "slow"
            def apply(self, image, *, rng):
                time.sleep(0.5)
                return Modified(image.with_pixels(image.pixels + 1))
        @hookimpl
        def iqf_modifiers():
            return [Component("slow", "iqf_slow:Slow", "Of a test")]
    """,
    )
    lab.images("many", 40)
    file = lab.study(datasets={"test": "many"}, modifiers=["slow"], reference=False, workers=2)
    command = lab.start("run", file)
    wait_for(lambda: list(lab.folder.glob("*.partial/images/*")), command)
    asked = time.monotonic()
    command.send(signal.SIGINT)
    assert command.wait(10).code == 130
    assert time.monotonic() - asked < 5
    made = len(list(lab.folder.glob("*.partial/images/*")))
    assert 0 < made < 40


def test_two_at_once_the_second_says_so(lab: Lab) -> None:
    file = lab.study(hyperparameters={"sleep": [3]})
    first = lab.start("run", file)
    wait_for(lambda: lab.started(), first)
    second = lab.iqf("run", file, code=2)
    assert "another `iqf run` is at work on this study" in second.err
    assert first.wait().code == 0
    assert len(lab.started()) == 1


@pytest.mark.slow
def test_a_server_that_is_down_costs_one_warning_and_is_caught_up_with(lab: Lab) -> None:
    started = time.monotonic()
    done = lab.iqf("run", lab.study(**FULL, tracking_uri="http://127.0.0.1:9"))
    assert time.monotonic() - started < 45
    assert done.err.count("takes nothing now") == 1
    assert "4 finished" in done.out
    assert lab.mlflow() == {}
    lab.iqf("run", lab.study(**FULL))
    assert [run.status for run in lab.mlflow().values()] == ["FINISHED"] * 4
    assert len(lab.started()) == 4


@pytest.mark.slow
def test_a_locked_database_costs_one_warning_and_is_caught_up_with(lab: Lab) -> None:
    file = lab.study(**FULL)
    with closing(sqlite3.connect(lab.runs / "mlflow.db", isolation_level=None)) as rival:
        rival.execute("begin exclusive")
        done = lab.iqf("run", file)
    assert done.err.count("takes nothing now") == 1
    assert lab.mlflow() == {}
    lab.iqf("run", file)
    assert [run.status for run in lab.mlflow().values()] == ["FINISHED"] * 4


def test_runs_left_running_by_a_dead_study_are_closed(here: Lab) -> None:
    from mlflow import MlflowClient

    study = Study.from_file(here.study())
    study.run(progress=False)
    client = MlflowClient(f"sqlite:///{here.runs / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("study").experiment_id
    client.create_run(experiment, tags={"iqf.key": "of a study that is dead"})
    by_hand = client.create_run(experiment)
    Study.from_file(here.study(hyperparameters={"lr": [1]})).run(progress=False)
    with closing(sqlite3.connect(here.runs / "mlflow.db")) as connection:
        states = dict(connection.execute("select run_uuid, status from runs"))
    assert states.pop(here.parent().id) == "FINISHED"
    assert states.pop(by_hand.info.run_id) == "RUNNING"  # a stranger's, in the same experiment
    assert sorted(states.values()) == ["FINISHED", "FINISHED", "KILLED"]


def test_one_run_that_mlflow_refuses_does_not_keep_the_others_from_it(
    here: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vanished artifact, a name that a server refuses: only that run is not delivered, and it is told."""
    from mlflow import MlflowClient

    true = MlflowClient.log_artifact

    def fussy(self: Any, run_id: str, path: str, name: str | None = None) -> None:
        if name and "lr=0.1" in Path(path).parents[1].joinpath("job.json").read_text():
            raise OSError("not this file")
        true(self, run_id, path, name)

    monkeypatch.setattr(MlflowClient, "log_artifact", fussy)
    file = here.study(hyperparameters={"lr": [0.1, 0.2, 0.3]})
    Study.from_file(file).run(progress=False)
    assert sum("does not take the run" in record.message for record in caplog.records) == 1
    monkeypatch.undo()
    assert sorted(run.status for run in here.mlflow().values()) == ["FINISHED", "FINISHED", "RUNNING"]
    here.iqf("run", file)
    assert sorted(run.status for run in here.mlflow().values()) == ["FINISHED"] * 3


def test_fail_fast_starts_nothing_more(lab: Lab) -> None:
    lab.script("import sys; sys.exit(3)")
    done = lab.iqf("run", lab.study(hyperparameters={"lr": [1, 2, 3]}), "--fail-fast", code=1)
    assert "0 finished, 1 failed, 0 done earlier, 2 not started" in done.out


def test_a_folder_that_cannot_be_written_is_wrong_input(here: Lab) -> None:
    (here.folder / "file").touch()
    with pytest.raises(StudyError, match="cannot be written"):
        Study.from_file(here.study(runs_root="file")).run(progress=False)


def test_files_that_have_every_run_done_anew_are_named(here: Lab) -> None:
    study = here.study(modifiers=[])
    assert "changed beside" not in here.iqf("run", study).err
    (here.folder / "code" / "notes.txt").write_text("one more file beside the script")
    again = here.iqf("run", study)
    assert "changed beside the script since the last time: notes.txt" in again.err
    assert "0 done already" in again.out
