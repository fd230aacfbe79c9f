"""A place to run studies in: a tiny dataset, a script of the standard library, the command as a process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import psutil

IQF = "import sys; from iqf_core.cli import main; sys.exit(main())"
PATIENCE_S = 60
PLUGINS = Path(__file__).with_name("plugins")

ANSWER = """
import json, os, pathlib, sys, time, zlib

args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
with open(os.environ["STARTS"], "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
time.sleep(float(args.get("sleep", 0)))
words = [args.get("lr", ""), args.get("seed", "")]
sums = {}
for option in ("trainds", "valds", "testds"):
    if option in args:
        files = sorted(pathlib.Path(args[option]).glob("images/*"))
        content = b"".join(file.read_bytes() for file in files)
        sums[option] = zlib.crc32(content, zlib.crc32(repr(words).encode()))
results = {name: value % 10007 / 10007 for name, value in sums.items()}
results |= {"zero": 0.0, "nothing": float("nan"), "loss": [3.0, 2.0, 1.0], "AP@[.5:.95]": 0.25}
results |= {"how": "quickly"}
(pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps(results))
print("done")
"""
"""Answers from the bytes of its datasets, its options and its seed alone, and notes each start."""


class Lab:
    """A folder with ``data`` (four pictures), ``code/script.py``, and ``runs`` for results."""

    def __init__(self, folder: Path, database: Path | None) -> None:
        folder.mkdir()
        self.folder = folder
        self.starts = folder / "starts.txt"
        self.site = folder / "site"
        self.environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "STARTS": str(self.starts),
            "PYTHONPATH": str(self.site),
        }
        self.commands: list[Command] = []
        self.site.mkdir()
        self.runs = folder / "iqf-runs"
        self.runs.mkdir()
        if database is not None:
            shutil.copy(database, self.runs / "mlflow.db")
        self.script(ANSWER)
        self.images("data")

    def images(
        self, name: str, count: int = 4, *, size: int = 16, seed: int = 0, sixteen: bool = False
    ) -> Path:
        import cv2
        import numpy as np

        rng = np.random.default_rng(seed)
        folder = self.folder / name / "images"
        folder.mkdir(parents=True)
        for index in range(count):
            kind = np.uint16 if sixteen else np.uint8
            pixels = rng.integers(0, np.iinfo(kind).max, (size, size, 3), kind)
            cv2.imwrite(str(folder / f"scene{index // 2}_{index}.png"), pixels)
        return self.folder / name

    def script(self, source: str, name: str = "script.py") -> Path:
        path = self.folder / "code" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def study(self, name: str = "study", **content: Any) -> Path:
        """Write a study file: JSON is YAML."""
        known = {"name": name, "datasets": {"test": "data"}, "task": {"script": "code/script.py"}}
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps({**known, **content}, indent=1))
        return file

    def plugin(self, distribution: str, source: str = "") -> None:
        """Install a distribution of one module, as an installer does; by default that of ``plugins/``."""
        module = distribution.replace("-", "_")
        source = source or (PLUGINS / f"{module}.py").read_text()
        (self.site / f"{module}.py").write_text(textwrap.dedent(source))
        info = self.site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[iqf]\n{distribution} = {module}\n")

    def start(self, *arguments: str | Path, **environment: str) -> Command:
        """Start the command, and do not wait for it."""
        self.commands.append(Command(self, arguments, environment))
        return self.commands[-1]

    def iqf(self, *arguments: str | Path, code: int | None = 0, **environment: str) -> Command:
        """Run the command."""
        command = self.start(*arguments, **environment)
        command.wait()
        assert code in (None, command.code), f"{command.code}\n{command.out}\n{command.err}"
        return command

    def table(self, name: str = "study") -> list[dict[str, Any]]:
        """Rows of all runs, without what depends on the clock."""
        rows = json.loads(self.iqf("results", name, "--runs", "--json").out)
        return [{key: value for key, value in row.items() if key != "duration_s"} for row in rows]

    def folders(self, name: str = "study") -> list[Path]:
        return sorted((self.runs / name / "runs").iterdir())

    def outcomes(self, name: str = "study") -> list[dict[str, Any]]:
        return [json.loads((folder / "outcome.json").read_text()) for folder in self.folders(name)]

    def outcomes_so_far(self, name: str = "study") -> list[dict[str, Any]]:
        found = sorted((self.runs / name / "runs").glob("*/outcome.json"))
        return [json.loads(file.read_text()) for file in found]

    def started(self) -> list[dict[str, str]]:
        """Options of every start of the script."""
        lines = self.starts.read_text().splitlines() if self.starts.exists() else []
        return [dict(zip(line.split()[::2], line.split()[1::2], strict=True)) for line in lines]

    def mlflow(self, name: str = "study", database: Path | None = None) -> dict[str, Tracked]:
        """What MLflow holds, read past MLflow: key -> run.

        A key that is there twice is an error, and so is a run outside of the study's one parent.
        """
        return read_mlflow(database or self.runs / "mlflow.db", name)

    def parent(self, name: str = "study") -> Tracked:
        """The one parent of the study's runs."""
        return read_parent(self.runs / "mlflow.db", name)

    def left_running(self) -> list[psutil.Process]:
        """Processes that belong here: by their directory or their command line."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = process.pid != os.getpid() and process.environ().get("STARTS") == str(self.starts)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def clean_up(self) -> None:
        for command in self.commands:
            command.kill()
        for process in self.left_running():
            with contextlib.suppress(psutil.Error):
                process.kill()


class Command:
    """The command, running or ended.

    What it prints goes into files: a pipe would be held open by jobs that outlive it.
    """

    def __init__(self, lab: Lab, arguments: tuple[str | Path, ...], environment: dict[str, str]) -> None:
        self._printed = [Path(tempfile.mkstemp(dir=lab.folder.parent)[1]) for _ in range(2)]
        with self._printed[0].open("w") as out, self._printed[1].open("w") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-c", IQF, *map(str, arguments)],
                cwd=lab.folder,
                env={**lab.environment, **environment},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the process, and of its group: it leads a session."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        return self._process.poll()

    @property
    def out(self) -> str:
        return self._printed[0].read_text()

    @property
    def err(self) -> str:
        return self._printed[1].read_text()

    def wait(self, seconds: float = PATIENCE_S) -> Command:
        self._process.wait(seconds)
        return self

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill -9 the command alone: jobs are in sessions of their own."""
        self._process.kill()
        self._process.wait()


class Tracked:
    """A run in MLflow."""

    def __init__(self, row: sqlite3.Row) -> None:
        self.id, self.status, self.name = row["run_uuid"], row["status"], row["name"]
        self.started, self.ended = row["start_time"], row["end_time"]
        self.artifacts = Path(url2pathname(row["artifact_uri"].removeprefix("file://")))
        self.metrics: dict[str, list[tuple[int, float]]] = {}
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}


def read_mlflow(database: Path, experiment: str) -> dict[str, Tracked]:
    runs = [run for run in _tracked(database, experiment) if "iqf.key" in run.tags]
    found = {run.tags["iqf.key"]: run for run in runs}
    assert len(found) == len(runs), "MLflow holds a run twice"
    if runs:
        parent = read_parent(database, experiment)
        assert {run.tags.get("mlflow.parentRunId") for run in runs} == {parent.id}, "a run hangs elsewhere"
    return found


def read_parent(database: Path, experiment: str) -> Tracked:
    parents = [run for run in _tracked(database, experiment) if "iqf.study" in run.tags]
    assert len(parents) == 1, f"MLflow holds {len(parents)} parents"
    return parents[0]


def _tracked(database: Path, experiment: str) -> list[Tracked]:
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "select r.* from runs r join experiments e using (experiment_id) "
            "where e.name = ? and r.lifecycle_stage = 'active'",
            [experiment],
        ).fetchall()
        runs = [Tracked(row) for row in rows]
        connection.row_factory = None
        for run in runs:
            metrics = connection.execute(
                "select key, step, value, is_nan from metrics where run_uuid = ? order by key, step", [run.id]
            )
            for key, step, value, is_nan in metrics:
                run.metrics.setdefault(key, []).append((step, None if is_nan else value))
            run.params = dict(
                connection.execute("select key, value from params where run_uuid = ?", [run.id])
            )
            run.tags = dict(connection.execute("select key, value from tags where run_uuid = ?", [run.id]))
    return runs


def wait_for(test: Callable[[], Any], command: Command | None = None, patience_s: float = 60) -> None:
    """Wait until something is true, or until the command has ended."""
    deadline = time.monotonic() + patience_s
    while not test() and (command is None or command.code is None):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)
