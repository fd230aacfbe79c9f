"""`kill -9` of a study at any instant, and the same command again: nothing lost, nothing twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.study.lab import Lab, wait_for

STUDY = {
    "modifiers": [{"jpeg": {"quality": [90, 80, 70, 60, 50, 40, 30, 20, 10]}}],
    "hyperparameters": {"lr": [0.1], "sleep": [0.2]},
    "repetitions": 2,
    "seed": 3,
    "seed_argument": "seed",
    "metrics": ["basic"],
    "parallel": 2,
}
RUNS = 20
ON_THE_WAY = {
    "a variant being built": "*.partial",
    "a picture of a variant": "*.partial/images/*",
    "a variant": "data#*",
    "a run's folder": "iqf-runs/study/runs/*",
    "what was asked": "iqf-runs/study/runs/*/job.json",
    "a job submitted, its handle not kept": "iqf-runs/study/runs/*/local/spec.json",
    "a handle": "iqf-runs/study/runs/*/handle.json",
    "a script's output": "iqf-runs/study/runs/*/output/results.json",
    "a job that ended": "iqf-runs/study/runs/*/local/exit.json",
    "an outcome": "iqf-runs/study/runs/*/outcome.json",
    "measurements": "iqf-runs/study/measurements/*/*.csv",
}
DELIVERY = {
    "a run in MLflow, half delivered": "iqf-runs/study/mlflow-artifacts/*",
    "an artifact in MLflow": "iqf-runs/study/mlflow-artifacts/*/artifacts/output/*",
    "a delivery": "iqf-runs/study/runs/*/delivered.json",
}


def instants() -> list[tuple[str, str | float]]:
    """Twenty: in making variants and running, at random, and between run folders and MLflow."""
    rng = random.Random(20)
    on_the_way = rng.sample(sorted(ON_THE_WAY.items()), len(ON_THE_WAY))
    at_random = [("an instant", rng.uniform(0.2, 1.4)) for _ in range(3)]
    return [*on_the_way, *at_random, *rng.choices(sorted(DELIVERY.items()), k=6)]


def comparable(lab: Lab) -> tuple[list[dict], dict]:
    tracked = {key: (run.status, run.name, run.metrics, run.params) for key, run in lab.mlflow().items()}
    return lab.table(), tracked


def killed_at(lab: Lab, file: Path, instant: str | float) -> bool:
    """Run the study and kill it then; whether it was still there to be killed."""

    def count(pattern: str) -> int:
        return len(list(lab.folder.glob(pattern)))

    before = count(instant) if isinstance(instant, str) else 0
    process = lab.start("run", file)
    if isinstance(instant, str):
        wait_for(lambda: count(instant) > before, process)
    else:
        time.sleep(instant)
    alive = process.code is None
    process.kill()
    return alive


@pytest.mark.slow
def test_killed_at_twenty_instants_a_study_comes_to_what_it_would_have_come_to(
    lab: Lab, tmp_path: Path, database: Path
) -> None:
    calm = Lab(tmp_path / "calm", database)
    uninterrupted = calm.start("run", calm.study(**STUDY))
    file = lab.study(**STUDY)
    missed = [what for what, instant in instants() if not killed_at(lab, file, instant)]
    assert missed == []
    assert "0 failed" in lab.iqf("run", file).out
    assert lab.left_running() == []
    uninterrupted.wait()
    assert comparable(lab) == comparable(calm)
    tracked = lab.mlflow()
    assert len(tracked) == len(lab.table()) == RUNS
    assert {run.status for run in tracked.values()} == {"FINISHED"}
    assert lab.parent().status == "FINISHED"
