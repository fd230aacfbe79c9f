"""The study in MLflow: one parent of its runs, whatever happens to study and database, and its report."""

from __future__ import annotations

import logging
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from iqf_core import Results, ResultsError, Study, open_results
from tests.study.lab import Lab, Tracked, wait_for

FULL: dict[str, Any] = {
    "modifiers": ["jpeg(quality=50)"],
    "hyperparameters": {"lr": [0.1, 0.2]},
    "metrics": ["basic"],
    "criterion": {"metric": "testds", "margin": 0.02, "better": "higher", "families": ["jpeg"]},
}


def run(lab: Lab, **content: Any) -> Results:
    return Study.from_file(lab.study(**content)).run(progress=False)


def span(results: Results) -> tuple[int, int]:
    """First start and last end of the runs, in MLflow's milliseconds."""
    outcomes = [folder.outcome() or {} for folder in results.runs()]
    return (
        int(min(one["started"] for one in outcomes) * 1000),
        int(max(one["ended"] for one in outcomes) * 1000),
    )


def change(lab: Lab, *statements: str) -> None:
    """Change MLflow's database past MLflow."""
    with closing(sqlite3.connect(lab.runs / "mlflow.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def without_parent(lab: Lab, results: Results) -> None:
    """Bring all into the state of a study that was delivered before there were parents."""
    parent = lab.parent().id
    change(
        lab,
        "delete from tags where key = 'mlflow.parentRunId'",
        f"delete from tags where run_uuid = '{parent}'",
        f"delete from runs where run_uuid = '{parent}'",
    )
    (results.folder / "delivered.json").unlink()


def test_the_runs_hang_under_one_parent_that_says_what_the_study_is(here: Lab) -> None:
    before = int(time.time() * 1000)
    results = run(here, **FULL)
    assert len(here.mlflow()) == 4  # each under the parent: the lab sees to it
    parent = here.parent()
    assert (parent.name, parent.status) == ("study", "FINISHED")
    assert before <= parent.started <= parent.ended == span(results)[1]
    own = {name: value for name, value in parent.tags.items() if not name.startswith("mlflow.")}
    assert own == {
        "iqf.study": "study",
        "iqf.study_file": str(here.folder / "study.yaml"),
        "iqf.criterion.metric": "testds",
        "iqf.criterion.margin": "0.02",
        "iqf.criterion.better": "higher",
        "iqf.criterion.families": '["jpeg"]',
        "iqf.criterion.confidence": "0.95",
        "iqf.criterion.relative": "false",
        "iqf.criterion.cost": "bits_per_pixel",
        "iqf.criterion.looks": "1",
        "iqf.criterion.frozen": "false",
        "iqf.criterion.draws": "1000",
        "iqf.criterion.runs_before": "0",
    }
    assert (parent.metrics, parent.params) == ({}, {})
    assert (parent.artifacts / "study.yaml").read_bytes() == (here.folder / "study.yaml").read_bytes()


def test_a_study_without_a_file_is_told_as_it_was_run(here: Lab) -> None:
    content = {"datasets": {"test": "data"}, "task": {"script": "code/script.py"}}
    results = Study(name="study", **content).run(progress=False)
    parent = here.parent()
    assert "iqf.study_file" not in parent.tags
    assert (parent.artifacts / "study.json").read_bytes() == (results.folder / "study.json").read_bytes()


def test_a_study_that_grows_keeps_its_parent_and_drops_what_it_no_longer_says(here: Lab) -> None:
    run(here, **FULL)
    first = here.parent()
    results = run(here, **{**FULL, "hyperparameters": {"lr": [0.1, 0.2, 0.3]}, "criterion": None})
    parent = here.parent()
    assert (parent.id, parent.started, parent.status) == (first.id, first.started, "FINISHED")
    assert parent.ended == span(results)[1] > first.ended
    assert not [name for name in parent.tags if name.startswith("iqf.criterion.")]
    assert (parent.artifacts / "study.yaml").read_bytes() == (here.folder / "study.yaml").read_bytes()
    assert len(here.mlflow()) == 6


def test_a_deleted_database_gets_one_parent_again_with_the_times_of_its_runs(here: Lab) -> None:
    results = run(here, **FULL)
    (here.runs / "mlflow.db").unlink()
    here.iqf("run", here.study(**FULL))  # another process: MLflow keeps the file open that was deleted
    parent = here.parent()
    assert (parent.status, parent.started, parent.ended) == ("FINISHED", *span(results))
    assert len(here.mlflow()) == len(here.started()) == 4


def test_a_parent_that_somebody_deleted_is_made_again_for_all_runs(here: Lab) -> None:
    from mlflow import MlflowClient

    run(here, **FULL)
    first = here.parent()
    MlflowClient(f"sqlite:///{here.runs / 'mlflow.db'}").delete_run(first.id)
    run(here, **FULL)  # nothing is new, so MLflow is not asked
    run(here, **{**FULL, "hyperparameters": {"lr": [0.1, 0.2, 0.3]}})
    parent = here.parent()
    assert parent.id != first.id
    assert (parent.status, len(here.mlflow())) == ("FINISHED", 6)


def test_the_runs_of_a_database_without_a_parent_are_hung_under_a_new_one_and_not_delivered_again(
    here: Lab,
) -> None:
    results = run(here, **FULL)
    before = {key: tracked.id for key, tracked in here.mlflow().items()}
    without_parent(here, results)
    run(here, **FULL)
    assert {key: tracked.id for key, tracked in here.mlflow().items()} == before
    parent = here.parent()
    assert (parent.status, parent.started, parent.ended) == ("FINISHED", *span(results))
    assert len(here.started()) == 4


def test_a_failed_run_is_a_failed_study_until_it_is_done(here: Lab) -> None:
    good = (here.folder / "code" / "script.py").read_text()
    here.script(good + "sys.exit(3 if args['lr'] == '0.2' else 0)\n")
    run(here, **FULL)
    first = here.parent()
    assert first.status == "FAILED"
    here.script(good)
    run(here, **FULL)
    assert (here.parent().id, here.parent().status) == (first.id, "FINISHED")


def parent_now(lab: Lab) -> Tracked | None:
    try:
        return lab.parent()
    except (AssertionError, sqlite3.Error):
        return None


def test_an_interrupted_study_is_killed_and_goes_on_under_the_same_parent(lab: Lab) -> None:
    file = lab.study(hyperparameters={"sleep": [0, 30]})
    command = lab.start("run", file)
    wait_for(lambda: (parent := parent_now(lab)) and parent.status == "RUNNING" and lab.mlflow(), command)
    command.send(signal.SIGINT)
    assert command.wait(15).code == 130
    first = lab.parent()
    assert first.status == "KILLED"
    assert first.ended >= first.started
    lab.iqf("run", lab.study(hyperparameters={"sleep": [0, 0.1]}))
    assert (lab.parent().id, lab.parent().status) == (first.id, "FINISHED")
    assert sorted(one.status for one in lab.mlflow().values()) == ["FINISHED"] * 2


def test_a_parent_left_running_by_a_killed_study_is_found_again(lab: Lab) -> None:
    file = lab.study(hyperparameters={"sleep": [1]})
    command = lab.start("run", file)
    wait_for(lambda: parent_now(lab), command)
    command.kill()
    first = lab.parent()
    lab.iqf("run", file)
    assert (lab.parent().id, lab.parent().status, len(lab.mlflow())) == (first.id, "FINISHED", 1)


def test_a_parent_that_is_half_refused_does_not_keep_the_runs_from_mlflow(
    here: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    true = MlflowClient.log_artifact

    def fussy(self: Any, run_id: str, path: str, name: str | None = None) -> None:
        if Path(path).name == "study.yaml":
            raise OSError("not this file")
        true(self, run_id, path, name)

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_artifact", fussy)
        run(here, **FULL)
    assert "does not take the study in" in caplog.text
    assert [one.status for one in here.mlflow().values()] == ["FINISHED"] * 4
    assert here.parent().status == "RUNNING"
    run(here, **FULL)
    assert here.parent().status == "FINISHED"


def test_the_table_of_an_experiment_does_not_list_the_parent(here: Lab) -> None:
    run(here, **FULL)
    table = open_results("study", tracking_uri=f"sqlite:///{here.runs / 'mlflow.db'}")
    assert not isinstance(table, Results)
    assert len(table) == 4
    assert here.parent().id not in set(table["run_id"])


def test_a_report_is_attached_and_replaced(here: Lab, tmp_path: Path) -> None:
    results = run(here, **FULL)
    report = tmp_path / "report.html"
    for text in ("first", "second"):
        report.write_text(text)
        assert results.attach(report)
    kept = here.parent().artifacts / "report"
    assert [file.name for file in kept.iterdir()] == ["report.html"]
    assert (kept / "report.html").read_text() == "second"
    run(here, **FULL)
    assert (kept / "report.html").read_text() == "second"
    with pytest.raises(ResultsError, match="no such file"):
        results.attach(tmp_path / "missing.html")


def test_a_report_that_mlflow_does_not_take_is_a_warning(
    here: Lab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = tmp_path / "report.html"
    report.write_text("words")
    results = run(here, **FULL)
    without_parent(here, results)
    with caplog.at_level(logging.WARNING, logger="iqf"):
        assert not results.attach(str(report))
        assert "no parent run there; `iqf run` makes it" in caplog.text
        (here.runs / "mlflow.db").unlink()
        assert not results.attach(report)
        assert "no MLflow database there" in caplog.text
    # Had it made an empty database, the next study would take its runs for delivered.
    assert not (here.runs / "mlflow.db").exists()
    here.iqf("run", here.study(**FULL))
    assert len(here.mlflow()) == 4


@pytest.mark.slow
def test_a_report_for_a_server_that_is_down_is_a_warning(
    here: Lab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = tmp_path / "report.html"
    report.write_text("words")
    results = run(here, tracking_uri="http://127.0.0.1:9")
    caplog.clear()
    assert not results.attach(report)
    assert f"does not take {report}" in caplog.text
