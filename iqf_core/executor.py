"""The contract between a study and whatever runs its jobs.

A `TaskExecutor` submits a `Job` and returns a *handle*: a dictionary of JSON values, persisted in the
run's folder before anything waits for it, from which ``poll``, ``collect`` and ``cancel`` can be called
by another process. So a study whose process died re-attaches to what still runs.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from iqf_core.parameters import Parametrised

Handle = dict[str, Any]
"""JSON values that identify a submitted job to ``poll``, ``collect`` and ``cancel``."""


class State(enum.StrEnum):
    """What an executor knows of a job."""

    RUNNING = "running"
    DONE = "done"
    """It ended, well or badly: ``collect`` says how."""
    LOST = "lost"
    """No trace of it: it never started, or its machine is gone. It may be submitted again."""


class Status(enum.StrEnum):
    """How a run ended, in MLflow's words."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of the user's script.

    Parameters
    ----------
    key : str
        The run's key: the same for the same work.
    script : pathlib.Path
        The user's script.
    datasets : mapping of str to pathlib.Path
        Option name without dashes (``trainds``, ``valds``, ``testds``) -> dataset folder.
    folder : pathlib.Path
        The run's folder: the executor may keep files of its own there.
    output : pathlib.Path
        Empty folder for what the script writes (``--outputpath``).
    log : pathlib.Path
        File that receives the script's standard output and error.
    options : mapping of str to str, optional
        Hyper-parameters and other options, without dashes, in order.
    environment : mapping of str to str, optional
        Added to the environment that the executor passes through.
    interpreter : str, optional
        Python interpreter; empty means the one that runs IQF.
    timeout_s : float or None, optional
        Seconds after which the job is stopped and counts as failed.
    code : tuple of str, optional
        Files that the script is made of, relative to its folder: what an executor elsewhere has to take
        along. Empty where nobody has said it: then `iqf_core.script.code_files` does.
    """

    key: str
    script: Path
    datasets: Mapping[str, Path]
    folder: Path
    output: Path
    log: Path
    options: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    interpreter: str = ""
    timeout_s: float | None = None
    code: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Options of the script, as iquaflow passed them.

        Returns
        -------
        list of str
            ``--trainds PATH --outputpath PATH``, the other options, then ``--valds`` and ``--testds``.
        """
        named: dict[str, str] = {}
        if "trainds" in self.datasets:
            named["trainds"] = str(self.datasets["trainds"])
        named["outputpath"] = str(self.output)
        named.update(self.options)
        named.update({name: str(path) for name, path in self.datasets.items() if name != "trainds"})
        return [word for name, value in named.items() for word in (f"--{name}", value)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended, as its executor saw it.

    Parameters
    ----------
    status : Status
        FINISHED for an exit code of 0, FAILED for anything that went wrong, KILLED when cancelled.
    reason : str
        Empty when FINISHED; otherwise one sentence: ``"exit code 3"``, ``"timeout after 60 s"``.
    exit_code : int or None
        The script's exit code, negative for a signal, None when there is none.
    started, ended : float
        Seconds since the epoch.
    """

    status: Status
    reason: str
    exit_code: int | None
    started: float
    ended: float


class TaskExecutor(Parametrised, abc.ABC):
    """Where and how jobs run: subclass it, with options as validated fields.

    ``submit`` must be safe to call after a crash between the submission and the persisting of its
    handle: `find` is asked first whether a job of that key is already there.
    """

    poll_interval_s: ClassVar[float] = 0.01
    """Seconds between polls of one job; remote executors set seconds."""

    def require_ready(self, jobs: int) -> None:
        """Refuse a study that cannot be done here, before anything of it is made; by default, nothing is.

        Parameters
        ----------
        jobs : int
            How many will run at once.

        Raises
        ------
        ExecutorError
            Naming what is missing (credentials, a bucket, a quota) and what to do.
        """

    def price_of(self, seconds: float) -> float | None:
        """What a job of this length costs, in the user's currency; None where no price is known."""
        return None

    def most_seconds(self, timeout_s: float | None) -> float | None:
        """Longest that a job can run, None for as long as it likes."""
        return timeout_s

    @abc.abstractmethod
    def submit(self, job: Job) -> Handle:
        """Start the job without waiting for it, and return what identifies it.

        Raises
        ------
        ExecutorError
            When it cannot be started; the message says why and what to do.
        """

    def find(self, job: Job) -> Handle | None:
        """Handle of an earlier submission of this job whose handle was lost, or None."""
        return None

    @abc.abstractmethod
    def poll(self, handle: Handle) -> State:
        """State of the job now, without waiting."""

    @abc.abstractmethod
    def collect(self, handle: Handle, job: Job) -> Outcome:
        """Bring output and log into the job's folder, and say how it ended.

        Called once `poll` has answered DONE; may be called again after a crash.
        """

    @abc.abstractmethod
    def cancel(self, handle: Handle) -> None:
        """Stop the job and everything that it started; no error if it has ended."""
