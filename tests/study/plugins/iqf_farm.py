"""Executors of a stranger's plugin."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import sys

from iqf_core import Component, Outcome, TaskExecutor, hookimpl
from iqf_core.executor import State, Status

IQF_API = 1

RUN = """
import json, subprocess, sys, time
spec = json.load(open(sys.argv[1]))
started = time.time()
with open(spec["log"], "ab") as log:
    code = subprocess.call(spec["command"], stdout=log, stderr=log)
open(spec["end"] + ".new", "w").write(json.dumps({"code": code, "started": started, "ended": time.time()}))
__import__("os").replace(spec["end"] + ".new", spec["end"])
"""


class Farm(TaskExecutor):
    """Plain detached processes, noted in a book."""

    name = "farm"
    poll_interval_s = 0.02
    book: str = "farm.txt"

    def submit(self, job):
        spec, end = job.folder / "farm.json", job.folder / "farm.end"
        command = [sys.executable, str(job.script), *job.arguments()]
        spec.write_text(json.dumps({"command": command, "log": str(job.log), "end": str(end)}))
        words = [sys.executable, "-c", RUN, str(spec)]
        pid = os.posix_spawn(sys.executable, words, os.environ, setsid=True)
        with pathlib.Path(self.book).open("a") as book:
            book.write(job.key + "\n")
        return {"pid": pid, "end": str(end)}

    def poll(self, handle):
        return State.DONE if pathlib.Path(handle["end"]).exists() else State.RUNNING

    def collect(self, handle, job):
        end = json.loads(pathlib.Path(handle["end"]).read_text())
        status = Status.FAILED if end["code"] else Status.FINISHED
        reason = f"exit code {end['code']}" if end["code"] else ""
        return Outcome(status, reason, end["code"], end["started"], end["ended"])

    def cancel(self, handle):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(handle["pid"], signal.SIGKILL)


class Faulty(Farm):
    """Raises where it is told to."""

    name = "faulty"
    at: str = ""

    def submit(self, job):
        if self.at == "submit":
            raise RuntimeError("no farm today")
        return super().submit(job)

    def poll(self, handle):
        if self.at == "poll":
            raise RuntimeError("the farm does not answer")
        return super().poll(handle)

    def collect(self, handle, job):
        if self.at == "collect":
            raise KeyError("harvest")
        if self.at == "exit":
            sys.exit("a plugin that wants to end everything")
        return super().collect(handle, job)


class Leaky(Farm):
    """Loses the first submissions of every job."""

    name = "leaky"
    times: int = 1

    def _count(self, key):
        return (
            pathlib.Path(self.book).read_text().split().count(key) if pathlib.Path(self.book).exists() else 0
        )

    def submit(self, job):
        if self._count(job.key) >= self.times:
            return super().submit(job)
        with pathlib.Path(self.book).open("a") as book:
            book.write(job.key + "\n")
        return {"end": None}

    def poll(self, handle):
        return State.LOST if handle["end"] is None else super().poll(handle)

    def cancel(self, handle):
        raise RuntimeError("nothing of it is here")


@hookimpl
def iqf_task_executors():
    return [Component(one, f"iqf_farm:{one.title()}", "Of a test") for one in ("farm", "faulty", "leaky")]
