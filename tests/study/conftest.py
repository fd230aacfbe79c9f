from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from iqf_core.plugins import Policy, configure
from tests.study.lab import Lab

MAKE = """
import sys
from mlflow import MlflowClient
MlflowClient(tracking_uri=f"sqlite:///{sys.argv[1]}").search_experiments()
"""


def pytest_itemcollected(item: pytest.Item) -> None:
    """MLflow in this process: it uses what SQLAlchemy is about to drop, which is no fault of ours."""
    if "here" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:(sqlalchemy|mlflow)"))


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database, empty: making one takes seconds, copying it none."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    path = shared / "empty-mlflow.db"
    with filelock.FileLock(shared / "empty-mlflow.lock"):
        if not path.exists():
            made = shared / "empty-mlflow.db.partial"
            subprocess.run(
                [sys.executable, "-c", MAKE, str(made)], check=True, capture_output=True, timeout=120
            )
            made.rename(path)
    return path


@pytest.fixture
def lab(tmp_path: Path, database: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab", database)
    yield made
    left = made.left_running()
    made.clean_up()
    assert left == []


@pytest.fixture
def here(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab in which this process itself works: no start of Python, MLflow imported once."""
    monkeypatch.chdir(lab.folder)
    for name in ("XDG_CACHE_HOME", "STARTS"):
        monkeypatch.setenv(name, lab.environment[name])
    monkeypatch.syspath_prepend(str(lab.site))
    configure(Policy())
    yield lab
    configure(Policy())
    for name, module in list(sys.modules.items()):
        if str(lab.site) in str(getattr(module, "__file__", "")):
            del sys.modules[name]
