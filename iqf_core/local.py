"""The executor on this machine: each job is a process under a supervisor that outlives the study.

In the job's folder, ``local/`` holds ``spec.json`` (what to run), ``lock`` (held by the supervisor for as
long as it lives) and ``exit.json`` (how it ended, written last). State is read from these alone, so any
process can poll, collect or cancel, and nothing depends on process numbers, which are used again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import psutil
from pydantic import Field

from iqf_core.errors import ExecutorError
from iqf_core.executor import Handle, Job, Outcome, State, Status, TaskExecutor

SUPERVISOR = Path(__file__).with_name("supervisor.py")
MARK = "IQF_JOB"
"""Environment variable, with the job's ``local`` folder, of everything that a job started."""
EXIT_BYTES = 8192
"""Room reserved for ``exit.json``, so that the end of a job can be told on a full disk too."""

_children: dict[str, subprocess.Popen[bytes]] = {}  # by folder: kept to be reaped, or they stay as zombies


class LocalExecutor(TaskExecutor):
    """Run each job as a process on this machine, in the current directory, without a shell.

    Parameters
    ----------
    log_limit_mb : float, optional
        A script that prints more, in megabytes, is stopped and fails; the two ends of its log are kept.
    grace_s : float, optional
        Seconds between asking a script to end (SIGTERM) and killing it.

    Examples
    --------
    >>> LocalExecutor(log_limit_mb=16).grace_s
    5.0
    """

    name: ClassVar[str] = "local"
    log_limit_mb: float = Field(64.0, gt=0, allow_inf_nan=False)
    grace_s: float = Field(5.0, ge=0, allow_inf_nan=False)

    def submit(self, job: Job) -> Handle:
        """Start the job anew, whatever an earlier submission of it came to, and do not wait.

        Parameters
        ----------
        job : Job
            Its environment is added to ours; its ``timeout_s`` counts from the start of the script.

        Returns
        -------
        Handle
            ``folder``, ``pid`` and ``created`` (of the supervisor, seconds since the epoch).

        Raises
        ------
        ExecutorError
            When the job is still running, or its folder cannot be written.
        """
        folder = job.folder.absolute() / "local"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            again = (folder / "spec.json").exists()
            with _locked(folder) as lock:
                if again:
                    _kill_remains(folder)
                self._write_spec(folder, job)
                child = _start_supervisor(folder, job, lock)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the environment
            raise ExecutorError(f"{job.folder}: the job cannot be started there: {error}") from error
        _children[str(folder)] = child
        return _handle(folder, child.pid)

    def _write_spec(self, folder: Path, job: Job) -> None:
        spec = {
            "command": [job.interpreter or sys.executable, str(job.script), *job.arguments()],
            "log": str(job.log.absolute()),
            "log_limit_mb": self.log_limit_mb,
            "grace_s": self.grace_s,
            "timeout_s": job.timeout_s,
        }
        (folder / "exit.json").unlink(missing_ok=True)
        (folder / "exit.json.partial").write_bytes(b" " * EXIT_BYTES)
        (folder / "spec.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")

    def find(self, job: Job) -> Handle | None:
        """Handle of the submission whose traces are in the job's folder, running or ended; else None.

        Parameters
        ----------
        job : Job
            Only its folder matters.

        Returns
        -------
        Handle or None
            None also for a job that was lost: it may be submitted again.
        """
        folder = job.folder.absolute() / "local"
        if _is_running(folder):
            supervisor = next(_supervisors(folder), None)
            return _handle(folder, supervisor.pid if supervisor else None)
        return _handle(folder, None) if (folder / "exit.json").exists() else None

    def poll(self, handle: Handle) -> State:
        """State of the job now; whatever a lost supervisor left running is killed.

        Parameters
        ----------
        handle : Handle
            What `submit` or `find` returned, in this process or another.

        Returns
        -------
        State
            LOST when the supervisor ended without a word: killed, or the machine was restarted.
        """
        folder = Path(handle["folder"])
        running = _is_running(folder)  # asked first: exit.json is written before the supervisor ends
        if (folder / "exit.json").exists():
            _reap(folder)
            return State.DONE
        if running:
            return State.RUNNING
        _reap(folder)
        _kill_remains(folder)  # or it would go on writing into the folder of a job that was given up
        return State.LOST

    def collect(self, handle: Handle, job: Job) -> Outcome:
        """Say how the job ended; output and log are in place already.

        Parameters
        ----------
        handle : Handle
            Of a job that `poll` called DONE.
        job : Job
            Not used: all is in the folder of the handle.

        Returns
        -------
        Outcome
            FAILED with a reason for everything but an exit code of 0 and a cancellation.

        Raises
        ------
        ExecutorError
            When ``exit.json`` cannot be read.
        """
        path = Path(handle["folder"]) / "exit.json"
        if sys.platform != "linux":  # only there does a supervisor see the daemons that a script started
            _kill_remains(path.parent)
        try:
            ended = json.loads(path.read_bytes())
            code, reason = ended["exit_code"], ended["reason"] or _reason(ended["exit_code"])
            started, stopped = ended["started"], ended["ended"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = (
                f"{path}: how the job ended cannot be read ({error}); delete {path.parent} to run it again"
            )
            raise ExecutorError(message) from error
        status = Status.KILLED if reason == "cancelled" else Status.FAILED if reason else Status.FINISHED
        return Outcome(status, reason, code, started, stopped)

    def cancel(self, handle: Handle) -> None:
        """Stop the job and everything that it started; returns when nothing of it is left.

        Parameters
        ----------
        handle : Handle
            What `submit` or `find` returned.

        Raises
        ------
        ExecutorError
            When it still runs: on another machine, or waiting for a device that does not answer.
        """
        folder = Path(handle["folder"])
        _terminate(folder)
        self._wait_for_end(handle, self.grace_s + 2)
        _kill_remains(folder)  # of a supervisor that does not answer, or cannot see daemons
        if not self._wait_for_end(handle, 2):
            raise ExecutorError(f"{folder}: the job still runs, perhaps on another machine: stop it there")

    def _wait_for_end(self, handle: Handle, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while (running := self.poll(handle) is State.RUNNING) and time.monotonic() < deadline:
            time.sleep(self.poll_interval_s)
        return not running


def _handle(folder: Path, pid: int | None) -> Handle:
    try:
        created = None if pid is None else psutil.Process(pid).create_time()
    except psutil.Error:
        created = None
    return {"folder": str(folder), "pid": pid, "created": created}


def _reason(code: int) -> str:
    """Sentence for an exit code; empty for 0."""
    if code >= 0:
        return f"exit code {code}" if code else ""
    known = {number.value: number.name for number in signal.Signals}
    return f"killed by signal {-code} ({known.get(-code, 'unknown')})"


def _start_supervisor(folder: Path, job: Job, lock: int) -> subprocess.Popen[bytes]:
    """Start the supervisor; its standard input is the lock, its output the log, as the script's will be."""
    command = [sys.executable, "-I", "-S", "-X", f"utf8={sys.flags.utf8_mode}", str(SUPERVISOR)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **job.environment, MARK: str(folder)}
    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
    try:
        return subprocess.Popen(
            [*command, str(folder / "spec.json")],
            stdin=lock,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(log)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Descriptor of the folder's lock, held: whoever inherits it goes on holding it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        for _ in range(10):  # a poll from elsewhere holds it for a moment
            if _lock(descriptor, fcntl.LOCK_EX, folder):
                break
            time.sleep(0.01)
        else:
            raise ExecutorError(f"{folder.parent}: this job is running already; poll it, or cancel it first")
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, folder: Path) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network file system without locks: only this machine can be searched
        return next(_supervisors(folder), None) is None
    return True


def _is_running(folder: Path) -> bool:
    """Whether the supervisor lives: our own child, or whoever holds the lock."""
    child = _children.get(str(folder))
    if child is not None and child.poll() is None:
        return True
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor, fcntl.LOCK_SH, folder)
    finally:
        os.close(descriptor)


def _terminate(folder: Path) -> None:
    """Ask the supervisor to end: our own child, which a search may not see yet, or the one that is found."""
    child = _children.get(str(folder))
    if child is not None:
        child.terminate()
        return
    for supervisor in _supervisors(folder):
        _signal(supervisor, signal.SIGTERM)


def _reap(folder: Path) -> None:
    child = _children.pop(str(folder), None)
    if child is not None:
        child.wait()  # it has ended, or is about to: nothing follows the writing of exit.json


def _processes(test: Callable[[psutil.Process], bool]) -> Iterator[psutil.Process]:
    """Processes of which ``test`` is true; those that end meanwhile, or are not ours, are passed over."""
    for process in psutil.process_iter():
        try:
            if test(process):
                yield process
        except (psutil.Error, OSError):
            continue


def _supervisors(folder: Path) -> Iterator[psutil.Process]:
    """Find the folder's supervisor by its command line: a process number alone may be another's by now."""
    spec = str(folder / "spec.json")
    return _processes(lambda process: process.cmdline()[-2:] == [str(SUPERVISOR), spec])


def _kill_remains(folder: Path) -> None:
    """Kill all that carries the job's mark, until nothing does."""
    for _ in range(50):
        remains = list(_processes(lambda process: process.environ().get(MARK) == str(folder)))
        if not remains:
            return
        for process in remains:
            _signal(process, signal.SIGKILL)
        time.sleep(0.02)


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
