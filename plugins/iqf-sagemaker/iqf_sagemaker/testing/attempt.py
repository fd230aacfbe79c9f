"""One start of a job on its machine: what it needs is brought, then its script is run to the end."""

from __future__ import annotations

import collections
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqf_sagemaker.testing.container import Container
from iqf_sagemaker.testing.logs import LogStream
from iqf_sagemaker.testing.process import MARK, JobProcess
from iqf_sagemaker.testing.storage import Checkpoints, TransferError, download_prefix, unpack

TICK_S = 0.02
SYNC_S = 0.5
FLUSH_S = 0.1
LONGEST_REASON = 1024


@dataclass(slots=True)
class Machine:
    """What jobs run on, and are told of.

    Parameters
    ----------
    s3, logs : client
        Of boto3, whose requests are the service's own.
    folder : pathlib.Path
        Of all jobs.
    mark : str
        Carried by every process of a job.
    python : str
        Interpreter of entry points.
    grace_s : float
        Between SIGTERM and SIGKILL.
    install_requirements : bool
        Whether ``requirements.txt`` is installed before the script is run.
    capacity_wait_s : float
        Seconds before an instance is there, on each start.
    doomed : deque of str
        Reasons of failure of the next jobs, each of one.
    """

    s3: Any
    logs: Any
    folder: Path
    mark: str
    python: str = sys.executable
    grace_s: float = 2.0
    install_requirements: bool = False
    capacity_wait_s: float = 0.0
    doomed: collections.deque[str] = field(default_factory=collections.deque)

    def next_doom(self) -> str:
        """Reason of failure of a job that starts now; empty when it may go on."""
        try:
            return self.doomed.popleft()
        except IndexError:
            return ""


class Halted(Exception):
    """The job is to end before its time; ``str()`` says why, as a secondary status does."""


class Attempt:
    """One start of a job.

    Parameters
    ----------
    job, arn : str
        Its name, short and long.
    container : Container
        Its folders.
    machine : Machine
        Where it runs.
    check : callable
        Called all the time; raises `Halted` when it is not to go on.
    """

    def __init__(
        self, job: str, arn: str, container: Container, machine: Machine, check: Callable[[], None]
    ) -> None:
        self._job = job
        self._arn = arn
        self._box = container
        self._machine = machine
        self._check = check
        uri = container.request.get("CheckpointConfig", {}).get("S3Uri")
        self._checkpoints = Checkpoints(machine.s3, container.checkpoints, uri) if uri else None

    def prepare(self) -> None:
        """Make the folders, and bring data and checkpoints."""
        self._box.make()
        self._download()
        if self._checkpoints:
            self._checkpoints.down(self._check)

    def run(self, stream: str) -> None:
        """Run the script; its lines go to this stream, and its checkpoints to S3.

        Raises
        ------
        TransferError
            When it fails.
        """
        log = LogStream(self._machine.logs, stream)
        try:
            self._script(log)
        finally:
            if self._checkpoints:
                self._checkpoints.up()

    def _download(self) -> None:
        for channel in self._box.request.get("InputDataConfig", ()):
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            folder = self._box.channels[channel["ChannelName"]]
            if not download_prefix(self._machine.s3, uri, folder, self._check):
                raise TransferError(
                    f"ClientError: Data download failed: No S3 objects found under S3 URL {uri}"
                )

    def _script(self, log: LogStream) -> None:
        """Bring the script, what it requires, and run it.

        Raises
        ------
        TransferError
            When it fails: with the reason as the training toolkit gives it.
        """
        box = self._box
        if not box.archive or not box.program:
            message = "the hyper-parameters sagemaker_program and sagemaker_submit_directory say what to run"
            raise TransferError(f"AlgorithmError: framework error: \n{message}, exit code: 1")
        unpack(self._machine.s3, box.archive, box.code)
        requirements = box.code / "requirements.txt"
        if self._machine.install_requirements and requirements.exists():
            install = [self._machine.python, "-m", "pip", "install", "--quiet", "--target", str(box.packages)]
            box.packages.mkdir(exist_ok=True)
            code, errors = self._execute([*install, "-r", str(requirements)], log)
            if code:
                raise TransferError(
                    reason_of("InstallRequirementsError", code, errors, [*install, "-r", "requirements.txt"])
                )
        command = box.command(self._machine.python)
        code, errors = self._execute(command, log)
        if code:
            raise TransferError(
                self._told(code) or reason_of("ExecuteUserScriptError", code, errors, command)
            )

    def _told(self, code: int) -> str:
        """Reason that the script has left in ``output/failure``; empty without one."""
        try:
            text = (self._box.output / "failure").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return f"AlgorithmError: {text[:LONGEST_REASON]}, exit code: {code}" if text.strip() else ""

    def _execute(self, command: Sequence[str], log: LogStream) -> tuple[int, list[str]]:
        """Run a command to its end, or ours; return its exit code and the last lines of its errors."""
        environment = self._box.environment(self._job, self._arn) | {MARK: self._machine.mark}
        synced = flushed = time.monotonic()

        def tick() -> None:
            nonlocal synced, flushed
            self._check()
            now = time.monotonic()
            if now - flushed >= FLUSH_S:
                log.flush()
                flushed = now
            if self._checkpoints and now - synced >= SYNC_S:
                self._checkpoints.up()
                synced = now

        process = JobProcess(
            command,
            self._box.folder,
            cwd=self._box.code,
            environment=environment,
            log=log,
            grace_s=self._machine.grace_s,
        )
        with process:
            code = process.wait(tick, every_s=TICK_S)
        return code, list(process.last_errors)


def reason_of(error: str, code: int, lines: Sequence[str], command: Sequence[str]) -> str:
    """Reason of a failure as the training toolkit words it, with as much of the errors as there is room."""
    head = f'AlgorithmError: {error}:\nExitCode {code}\nErrorMessage "'
    tail = f'"\nCommand "{" ".join(command)}"'[:400] + f", exit code: {code if code > 0 else 1}"
    said = "\n".join(lines).strip()
    return head + said[-(LONGEST_REASON - len(head) - len(tail)) :] + tail
