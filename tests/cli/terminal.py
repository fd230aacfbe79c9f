"""The command on a real terminal: a pty of a given size, and what its screen shows at the end."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pexpect
import pyte

from tests.study.lab import IQF, PATIENCE_S, Lab

CONTROL = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


class Terminal:
    """`iqf` in a terminal of its own.

    Parameters
    ----------
    lab : Lab
        Where.
    *arguments : str or pathlib.Path
        Of the command.
    columns, rows : int, optional
        Size of the terminal.
    **environment : str
        Added to the lab's.
    """

    def __init__(
        self, lab: Lab, *arguments: str | Path, columns: int = 100, rows: int = 60, **environment: str
    ) -> None:
        self.columns, self.rows = columns, rows
        known: dict[str, Any] = {**lab.environment, "TERM": "xterm-256color", **environment}
        for name in ("COLUMNS", "LINES", *(() if "NO_COLOR" in environment else ("NO_COLOR",))):
            known.pop(name, None)
        self.process = pexpect.spawn(
            sys.executable,
            ["-c", IQF, *map(str, arguments)],
            cwd=str(lab.folder),
            env=known,
            dimensions=(rows, columns),
            encoding="utf-8",
            codec_errors="replace",  # the echo of ^C may come amid a character
            timeout=PATIENCE_S,
        )
        self.raw = ""

    def until(self, text: str, seconds: float = PATIENCE_S) -> None:
        """Wait until a text is printed."""
        self.process.expect_exact(text, timeout=seconds)
        self.raw += self.process.before + self.process.after

    def wait(self, seconds: float = PATIENCE_S) -> Terminal:
        self.process.expect(pexpect.EOF, timeout=seconds)
        self.raw += self.process.before
        self.process.close()
        return self

    @property
    def code(self) -> int | None:
        return self.process.exitstatus

    @property
    def text(self) -> str:
        """What was printed, without control sequences."""
        return CONTROL.sub("", self.raw).replace("\r\n", "\n")

    def shown(self) -> list[str]:
        """Lines of the screen as a person sees them."""
        screen = pyte.HistoryScreen(self.columns, self.rows, history=10_000)
        pyte.Stream(screen).feed(self.raw)
        above = ["".join(row[column].data for column in range(self.columns)) for row in screen.history.top]
        return [line.rstrip() for line in [*above, *screen.display]]
