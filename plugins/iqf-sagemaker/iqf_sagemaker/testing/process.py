"""One process of a job, watched over by the core's supervisor: it ends with all that it started."""

from __future__ import annotations

import collections
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from iqf_core.local import EXIT_BYTES, SUPERVISOR
from iqf_sagemaker.testing.logs import LogStream

MARK = "IQF_SAGEMAKER_SERVER"
"""Environment variable, with the folder of the server, of everything that a job started."""
LAST_LINES = 15
"""Of the standard error, kept for the reason of a failure."""


class JobProcess:
    """A command that runs, as a context: on its end nothing of it is left.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    folder : pathlib.Path
        Of the job, for the supervisor's files.
    cwd : pathlib.Path
        Where it runs.
    environment : mapping of str to str
        All of it.
    log : LogStream
        Receives its standard output and error.
    grace_s : float
        Seconds between asking it to end and killing it.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        cwd: Path,
        environment: Mapping[str, str],
        log: LogStream,
        grace_s: float,
    ) -> None:
        self._folder = folder
        self._log = log
        self.last_errors: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        spec = {
            "command": list(command),
            "log": "",
            "log_limit_mb": 1e9,
            "grace_s": grace_s,
            "timeout_s": None,
        }
        (folder / "exit.json").unlink(missing_ok=True)
        (folder / "exit.json.partial").write_bytes(b" " * EXIT_BYTES)
        (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), str(folder / "spec.json")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_output(self) -> None:
        assert self._supervisor.stdout is not None  # it was asked for
        self._log.read(self._supervisor.stdout)

    def _read_errors(self) -> None:
        assert self._supervisor.stderr is not None  # likewise
        with self._supervisor.stderr as pipe:
            for line in pipe:
                self._log.write(line.rstrip(b"\r\n"))
                self.last_errors.append(line.decode("utf-8", "replace").rstrip())

    def wait(self, tick: Callable[[], None], *, every_s: float) -> int:
        """Wait for the end, calling ``tick`` meanwhile, and return the exit code; negative for a signal."""
        while self._supervisor.poll() is None:
            tick()
            time.sleep(every_s)
        return self._exit_code()

    def _exit_code(self) -> int:
        try:
            ended = json.loads((self._folder / "exit.json").read_bytes())
        except (OSError, ValueError):  # the supervisor itself was killed
            return -9
        if ended["exit_code"] is None:
            self.last_errors.append(ended["reason"])
            return 127
        return int(ended["exit_code"])

    def __enter__(self) -> JobProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._supervisor.poll() is None:
            self._supervisor.terminate()  # it asks the script to end, then kills it and all that it started
        self._supervisor.wait()
        for reader in self._readers:
            reader.join(5)  # it has ended with the last that could write, unless not even SIGKILL ends that
        self._log.flush()
