"""A study of one job, killed with -9 at once: ``study_that_dies.py after|before FOLDER SCRIPT UNTIL``.

``after``: the handle has been persisted; ``before``: the supervisor was started, and its handle is lost.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from iqf_core import local
from iqf_core.executor import Job

when, folder, script, until = sys.argv[1:]
start = local._start_supervisor


def start_and_die(*args):
    start(*args)
    os.kill(os.getpid(), signal.SIGKILL)


if when == "before":
    local._start_supervisor = start_and_die
run = Path(folder)
job = Job("k", Path(script), {}, run, run / "output", run / "log.txt", options={"until": until})
(run / "handle.json").write_text(json.dumps(local.LocalExecutor().submit(job)))
os.kill(os.getpid(), signal.SIGKILL)
