"""An executor of a stranger's plugin: its jobs outlive a killed study, are found again, and started once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.study.lab import Lab, wait_for


@pytest.fixture
def farm(lab: Lab) -> Lab:
    lab.plugin("iqf-farm")
    return lab


def book(lab: Lab) -> list[str]:
    return (lab.folder / "farm.txt").read_text().split()


def test_jobs_of_a_killed_study_are_found_again_and_not_started_twice(farm: Lab) -> None:
    file = farm.study(executor="farm", hyperparameters={"sleep": [3, 3.1]}, parallel=2)
    process = farm.start("run", file)
    wait_for(lambda: len(farm.started()) == 2 and len(list(farm.runs.glob("study/runs/*/handle.json"))) == 2)
    process.kill()
    assert farm.left_running(), "the jobs should outlive the study"
    done = farm.iqf("run", file)
    assert done.err.count("re-attached") == 2
    assert len(farm.started()) == 2
    assert sorted(book(farm)) == sorted(set(book(farm)))
    assert [row["status"] for row in farm.table()] == ["FINISHED"] * 2
    assert [run.status for run in farm.mlflow().values()] == ["FINISHED"] * 2


def test_jobs_that_ended_while_nobody_looked_are_collected(farm: Lab) -> None:
    file = farm.study(executor="farm", hyperparameters={"sleep": [0.5]})
    process = farm.start("run", file)
    wait_for(lambda: list(farm.runs.glob("study/runs/*/handle.json")))
    process.kill()
    wait_for(lambda: list(farm.runs.glob("study/runs/*/farm.end")))
    farm.iqf("run", file)
    assert len(farm.started()) == len(book(farm)) == 1


def test_a_job_is_found_by_the_executor_that_it_was_given_to(farm: Lab) -> None:
    """The study file names another executor meanwhile: the job is not started again."""
    file = farm.study(executor="farm", hyperparameters={"sleep": [2]})
    process = farm.start("run", file)
    wait_for(lambda: farm.started() and list(farm.runs.glob("study/runs/*/handle.json")))
    process.kill()
    file = farm.study(hyperparameters={"sleep": [2]})
    assert "re-attached" in farm.iqf("run", file).err
    assert len(farm.started()) == 1


def test_jobs_that_are_not_asked_for_any_more_are_stopped(farm: Lab) -> None:
    file = farm.study(executor="farm", hyperparameters={"sleep": [300]})
    process = farm.start("run", file)
    wait_for(lambda: farm.started() and list(farm.runs.glob("study/runs/*/handle.json")))
    process.kill()
    file = farm.study(executor="farm", hyperparameters={"sleep": [0]})
    done = farm.iqf("run", file)
    assert "stopped" in done.err
    wait_for(lambda: not farm.left_running())


def test_ctrl_c_stops_the_jobs_of_a_plugin_too(farm: Lab) -> None:
    file = farm.study(executor="farm", hyperparameters={"sleep": [300, 301]}, parallel=2)
    process = farm.start("run", file)
    wait_for(lambda: len(farm.started()) == 2)
    process.send(signal.SIGINT)
    assert process.wait(10).code == 130
    wait_for(lambda: not farm.left_running(), patience_s=5)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("submit", "RuntimeError: no farm today"),
        ("poll", "RuntimeError: the farm does not answer"),
        ("collect", "KeyError: 'harvest'"),
        ("exit", "SystemExit: a plugin that wants to end everything"),
    ],
)
def test_an_executor_that_raises_fails_its_runs_alone(here: Lab, at: str, reason: str) -> None:
    from iqf_core import Study

    here.plugin("iqf-farm")
    file = here.study(executor={"faulty": {"at": at}}, hyperparameters={"lr": [1, 2]})
    results = Study.from_file(file).run(progress=False)
    table = results.dataframe()
    assert list(table["status"]) == ["FAILED"] * 2
    assert list(table["reason"]) == [reason] * 2
    wait_for(lambda: not here.left_running(), patience_s=5)  # also where the job could not be followed


@pytest.mark.parametrize(("times", "status", "starts"), [(2, "FINISHED", 3), (99, "FAILED", 3)])
def test_a_job_lost_without_a_trace_is_submitted_again_but_not_for_ever(
    here: Lab, times: int, status: str, starts: int
) -> None:
    from iqf_core import Study

    here.plugin("iqf-farm")
    results = Study.from_file(here.study(executor={"leaky": {"times": times}})).run(progress=False)
    row = results.dataframe().iloc[0]
    assert row["status"] == status
    assert len(book(here)) == starts
    assert (row["reason"] == "lost without a trace, 3 times") == (status == "FAILED")


def test_an_executor_that_is_none_is_refused(lab: Lab) -> None:
    done = lab.iqf("run", lab.study(executor="jpeg"), code=2)
    assert "jpeg" in done.err
    assert not Path(lab.runs / "study" / "runs").exists()
