"""The folder of a run: the truth about it, from which tables and MLflow are fed.

``job.json`` says what was asked, ``handle.json`` identifies the submitted job, ``log.txt`` is what the
script printed, ``output/`` what it wrote, ``tables/`` what metrics made of it, and ``outcome.json``,
written last, how it ended. A folder without an outcome is a run that is not done.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqf_core.errors import ResultsError

LAYOUT = 1


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Files of one run.

    Parameters
    ----------
    path : pathlib.Path
        Its folder; the name is the run's key.
    """

    path: Path

    @property
    def key(self) -> str:
        """The run's key."""
        return self.path.name

    @property
    def output(self) -> Path:
        """What the script wrote."""
        return self.path / "output"

    @property
    def log(self) -> Path:
        """What the script printed."""
        return self.path / "log.txt"

    @property
    def tables(self) -> Path:
        """What metrics made of the run."""
        return self.path / "tables"

    @property
    def measurements(self) -> Path:
        """What metrics made of the images that the run was judged on: shared by all runs on them."""
        identity = self.job().get("measured", {}).get("identity", "none")
        return self.path.parents[1] / "measurements" / str(identity)

    def job(self) -> dict[str, Any]:
        """What was asked, empty when nothing was."""
        return read_json(self.path / "job.json") or {}

    def handle(self) -> dict[str, Any] | None:
        """Handle of the submitted job, None when there is none."""
        return read_json(self.path / "handle.json")

    def outcome(self) -> dict[str, Any] | None:
        """How it ended, None while it is not done.

        Raises
        ------
        ResultsError
            When it was written by a newer layout.
        """
        outcome = read_json(self.path / "outcome.json")
        if outcome is not None and outcome.get("layout", 0) > LAYOUT:
            raise ResultsError(f"{self.path}: written by a newer iqf-core (layout {outcome['layout']})")
        return outcome

    def is_finished(self) -> bool:
        """Whether it ended well, and so is not run again."""
        outcome = self.outcome()
        return outcome is not None and outcome["status"] == "FINISHED" and bool(self.job())

    def is_pending(self) -> bool:
        """Whether a job was asked for whose end was not seen: it may still run."""
        return bool(self.job()) and self.outcome() is None

    def start_anew(self) -> None:
        """Remove what an earlier attempt left, but keep its log as ``log.previous.txt``."""
        self.path.mkdir(parents=True, exist_ok=True)
        # What was asked goes first: the rest alone passes neither for a run that is done nor for a live one.
        (self.path / "job.json").unlink(missing_ok=True)
        previous = self.path / "log.previous.txt"
        if self.log.exists():
            self.log.replace(previous)
        for entry in self.path.iterdir():
            if entry != previous and entry.name != "delivered.json":
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        self.output.mkdir()

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write ``job.json``, ``handle.json``, ``outcome.json`` or ``delivered.json``, atomically.

        Only an outcome is forced onto the disk, which takes milliseconds: without one, the run is done again.
        """
        write_json(self.path / name, content, durable=name == "outcome.json")


def read_json(path: Path) -> dict[str, Any] | None:
    """JSON object of a file that IQF wrote, None when there is no file."""
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ResultsError(f"{path}: damaged; remove it to have the run done again ({error})") from error
    return value


def write_json(path: Path, content: Any, *, durable: bool = True) -> None:
    """Write JSON so that a reader finds all of it or nothing; if durable, also after a power failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
