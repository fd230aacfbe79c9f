"""Kill what the jobs of a server have left, when the server ends, however it ends: ``python guard.py MARK``.

Not a module to import. Its standard input is a pipe that the server holds open, and nobody else.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time

import psutil

MARK = "IQF_SAGEMAKER_SERVER"


def marked(mark: str) -> set[psutil.Process]:
    """Processes that carry the mark of the server, and those that they have started."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                found.update([process, *process.children(recursive=True)])
    return found


def main(mark: str) -> None:
    """Wait for the end of the server, then kill until nothing is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, and the server ends in its own time
    sys.stdin.buffer.read()
    for _ in range(100):
        left = marked(mark)
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1])
