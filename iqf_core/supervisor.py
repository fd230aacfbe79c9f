"""Run one script, watch over it, write down how it ended: ``python -I -S supervisor.py spec.json``.

Not a module to import: `iqf_core.local` starts it in a session of its own, so that it, and the work of a
night, outlives a study that is killed. What it needs to know is in ``spec.json``; the last thing it does
is to put ``exit.json`` beside it. Its standard input is the locked file ``lock``: the lock is released when
this process ends, however it ends, and that is how others know.

It starts in 15 ms because it imports next to nothing: no pathlib, no subprocess, no contextlib.
"""
# pathlib and contextlib would add to the time that every run waits for:
# ruff: noqa: PTH105, PTH123, SIM105

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

CHECK_S = 0.1
"""Between two looks at the size of the log."""
PARTING_S = 1.0
"""For what a script leaves behind to end by itself, as multiprocessing's tracker of shared memory does."""
KEPT_BYTES = 1 << 20
"""Of each end of a log that grew too large."""


class Supervisor:
    """One script, its process group, and what it leaves behind."""

    def __init__(self, spec_path: str) -> None:
        with open(spec_path, encoding="utf-8") as file:
            spec = json.load(file)
        self.command: list[str] = spec["command"]
        self.log: str = spec["log"]
        self.log_limit_mb: float = spec["log_limit_mb"]
        self.timeout_s: float | None = spec["timeout_s"]
        self.grace_s: float = spec["grace_s"]
        self.script = 0
        self.group = 0
        self.exit_code: int | None = None
        self.cancelled = False
        self.wake = self._wake_on_signals()

    def _wake_on_signals(self) -> int:
        """Pipe that becomes readable when a child ends or a cancellation comes: no polling, no latency."""
        wake, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._cancel)
        return wake

    def _cancel(self, *_: object) -> None:
        self.cancelled = True

    def run(self) -> str:
        """Run the script to its end, or to the end of our patience; why it was stopped, or nothing."""
        try:
            self.script = self.group = self._spawn()
        except (OSError, ValueError) as error:  # ValueError: a zero byte in an argument
            return f"could not start {self.command[0]}: {getattr(error, 'strerror', error)}"
        adopt_orphans()
        reason = self._watch()
        if not reason:
            self._wait(PARTING_S)
        self._stop()
        if too_large := self._log_too_large():
            shorten(self.log, min(KEPT_BYTES, int(self.log_limit_mb * 5e5)))
        return reason or too_large

    def _spawn(self) -> int:
        """Start the script in its own group; its output goes where ours goes, which is the log."""
        default = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores them, and the script would inherit that
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        return os.posix_spawnp(
            self.command[0], self.command, os.environ, file_actions=[null], setpgroup=0, setsigdef=default
        )

    def _watch(self) -> str:
        """Wait until the script ends, or until there is a reason to stop it."""
        deadline = time.monotonic() + (float("inf") if self.timeout_s is None else self.timeout_s)
        while self._left() and self.exit_code is None:
            remaining = deadline - time.monotonic()
            if self.cancelled:
                return "cancelled"
            if remaining <= 0:
                return f"timeout after {self.timeout_s:g} s"
            if too_large := self._log_too_large():
                return too_large
            self._pause(min(CHECK_S, remaining))
        return ""

    def _log_too_large(self) -> str:
        """Reason to stop the script, or nothing."""
        too_large = os.fstat(1).st_size > self.log_limit_mb * 1e6
        return f"log larger than {self.log_limit_mb:g} MB" if too_large else ""

    def _pause(self, seconds: float) -> None:
        """Sleep, but not past a signal."""
        if select.select([self.wake], [], [], seconds)[0]:
            os.read(self.wake, 4096)

    def _wait(self, seconds: float) -> None:
        """Wait for the script and all that it started, unless a cancellation comes."""
        deadline = time.monotonic() + seconds
        before = self.cancelled
        while self._left() and time.monotonic() < deadline and self.cancelled == before:
            self._pause(CHECK_S / 2)

    def _stop(self) -> None:
        """End the script and all that it started: asked first, then killed."""
        if not self._left():
            return
        self._signal(signal.SIGTERM)
        self._wait(self.grace_s)
        # Bounded: not even SIGKILL ends a process that waits for a dead disk.
        for _ in range(50):
            if not self._left():
                return
            self._signal(signal.SIGKILL)
            self._pause(CHECK_S)

    def _left(self) -> bool:
        """Whether anything is left of the script; collects what has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return self._group_left()
            if not pid:
                return True
            if pid == self.script:
                self.exit_code = os.waitstatus_to_exitcode(status)

    def _group_left(self) -> bool:
        """Whether the group has members that are not our children, where orphans cannot be adopted."""
        if self.group:
            try:
                os.killpg(self.group, 0)
            except (ProcessLookupError, PermissionError):
                self.group = 0  # an empty group's number may be given to strangers: never signal it again
        return bool(self.group)

    def _signal(self, number: int) -> None:
        if self._group_left():
            try:
                os.killpg(self.group, number)
            except (ProcessLookupError, PermissionError):
                pass
        for pid in adopted():
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                pass


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own below us, daemons too (Linux only: subreaper)."""
    try:
        import ctypes  # here, while the script is starting: it takes 4 ms

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    except (ImportError, AttributeError, OSError):
        pass


def adopted() -> list[int]:
    """Our children; none where there is no /proc."""
    children = []
    try:
        numbers = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
    except FileNotFoundError:
        return []
    for pid in numbers:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                parent = file.read().rpartition(b")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if int(parent) == os.getpid():
            children.append(pid)
    return children


def shorten(path: str, kept: int) -> None:
    """Keep the first and the last ``kept`` bytes of a file, in place: the disk may be full of it."""
    try:
        with open(path, "r+b") as file:
            cut = file.seek(0, os.SEEK_END) - 2 * kept
            file.seek(-kept, os.SEEK_END)
            last = file.read()
            file.truncate(kept)
            file.seek(kept)
            file.write(b"\n[IQF: %.1f MB of this log were cut out here]\n" % (cut / 1e6))
            file.write(last)
    except OSError:
        pass  # the script deleted or replaced its log: how it ended must be told all the same


def main(spec_path: str) -> None:
    """Supervise the job of ``spec.json`` and write ``exit.json``."""
    started = time.time()
    supervisor = Supervisor(spec_path)
    ended = {"reason": supervisor.run(), "exit_code": supervisor.exit_code, "started": started}
    target = spec_path.removesuffix("spec.json") + "exit.json"
    # `submit` has reserved this file's room, so that the end of a job can be told on a full disk too.
    with open(target + ".partial", "r+b") as file:
        file.write(json.dumps(ended | {"ended": time.time()}).encode())
    os.replace(target + ".partial", target)


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)  # the orderly end of an interpreter takes 3 ms more, which `poll` would wait for
