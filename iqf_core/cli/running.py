"""What is seen while runs go on: a line for each that ended, and below them on a terminal what is at work."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from iqf_core.cli.tables import cell_text, console
from iqf_core.cli.talk import is_quiet, near
from iqf_core.executor import Status
from iqf_core.planned import PlannedRun
from iqf_core.plugins.records import one_line, printable
from iqf_core.progress import can_draw
from iqf_core.runner import Listener

SHOWN_METRICS = 3
LOG_COLUMNS = 200  # of a log's line: the log itself has all
COLOURS = {Status.FINISHED: "green", Status.FAILED: "red", Status.KILLED: "red"}


class Progress(Listener):
    """Prints a line for each run that ended; where stderr is a terminal, how far it is stands below.

    Parameters
    ----------
    total : int
        Runs to be done.
    """

    def __init__(self, total: int) -> None:
        from rich.live import Live

        self._total, self._ended, self._began = total, 0, time.monotonic()
        self._at_work: dict[str, str] = {}
        self._console = console(stderr=True)
        self._live = Live(
            get_renderable=self._standing,
            console=self._console,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
        )

    def __enter__(self) -> Progress:
        if can_draw() and self._total:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        """Print it."""
        if not is_quiet():
            self._print(one_line(text))

    def started(self, run: PlannedRun) -> None:
        """Show it among those at work."""
        self._at_work[run.key] = run.title

    def ended(self, run: PlannedRun, outcome: Mapping[str, Any], done: int, total: int) -> None:
        """Print how it ended; of a failure, the reason and the last lines of its log."""
        self._ended += 1
        self._at_work.pop(run.key, None)
        seconds, status = outcome["ended"] - outcome["started"], outcome["status"]
        place, what = f"[{done}/{total}] ", f"{status:<8}"
        if status == Status.FINISHED:
            if not is_quiet():
                line = one_line(f"{run.title}  {seconds:.1f} s  {_metrics(outcome)}")
                self._print(place, what, f" {line}", colour=COLOURS[Status.FINISHED])
            return
        line = one_line(f"{run.title}  {seconds:.1f} s  {outcome['reason']}")
        self._print(place, what, f" {line}", colour=COLOURS.get(status, ""))
        for line in printable(outcome.get("log_tail", "")).splitlines()[-5:]:
            self._print(f"    | {line[:LOG_COLUMNS]}")
        if run.folder.log.is_file():
            self._print(printable(f"    log: {near(run.folder.log)}"))

    def _print(self, before: str, coloured: str = "", after: str = "", *, colour: str = "") -> None:
        from rich.text import Text

        self._console.print(Text.assemble(before, (coloured, colour), after), soft_wrap=True)

    def _standing(self) -> Any:
        """Bar, counts, rate and time left; and what is at work, in one line that is cut with a sign."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(1, self._total), completed=self._ended, width=30)
        said = pace(self._ended, self._total, time.monotonic() - self._began)
        row.add_row("runs", bar, f"{self._ended}/{self._total}", said)
        at_work = one_line(", ".join(self._at_work.values()) or "-", longest=LOG_COLUMNS)
        return Group(row, Text(f"at work: {at_work}", no_wrap=True, overflow="ellipsis"))


def pace(ended: int, total: int, seconds: float) -> str:
    """How fast runs end, and what that leaves; empty until one has ended.

    Examples
    --------
    >>> pace(2, 5, 60.0)
    '2 runs/min, 90 s left'
    """
    if not ended or seconds <= 0:
        return ""
    return f"{ended / seconds * 60:.2g} runs/min, {duration((total - ended) * seconds / ended)} left"


def duration(seconds: float) -> str:
    """Time to two units: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def _metrics(outcome: Mapping[str, Any]) -> str:
    last = {name: series[-1][1] for name, series in outcome["metrics"].items() if series}
    shown = [f"{name}={cell_text(float(value))}" for name, value in list(last.items())[:SHOWN_METRICS]]
    return " ".join(shown)


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Have a request to end (SIGTERM) do what Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
