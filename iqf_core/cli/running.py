"""What is seen while runs go on: a line per run, a bar on a terminal."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from iqf_core.cli.tables import cell_text, console
from iqf_core.errors import ExecutorError, OutputError
from iqf_core.executor import Job, Outcome, State, Status
from iqf_core.planned import PlannedRun
from iqf_core.plugins.records import one_line, printable
from iqf_core.runfolder import RunFolder
from iqf_core.runner import Listener
from iqf_core.task import TaskOutputs, log_tail, read_outputs

SHOWN_METRICS = 3
LOG_COLUMNS = 200  # of a log's line: the log itself has all


class Progress(Listener):
    """Prints a line for each run that ended, above a bar where stderr is a terminal."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        out = console(stderr=True)
        self._bar = Bar(*columns, console=out, transient=True, disable=not out.is_terminal)
        self._task = self._bar.add_task("runs", total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        """Print it."""
        self._print(one_line(text))

    def ended(self, run: PlannedRun, outcome: Mapping[str, Any], done: int, total: int) -> None:
        """Print how it ended; of a failure, the reason and the last lines of its log."""
        seconds = outcome["ended"] - outcome["started"]
        head = f"[{done}/{total}] {outcome['status']:<8} {run.title}  {seconds:.1f} s"
        if outcome["status"] == Status.FINISHED:
            self._print(one_line(f"{head}  {_metrics(outcome)}"))
        else:
            self._print(one_line(f"{head}  {outcome['reason']}"))
            for line in printable(outcome.get("log_tail", "")).splitlines()[-5:]:
                self._print(f"    | {line[:LOG_COLUMNS]}")
            if run.folder.log.is_file():
                self._print(f"    log: {run.folder.log}")
        self._bar.advance(self._task)

    def _print(self, line: str) -> None:
        from rich.text import Text

        self._bar.console.print(Text(line), soft_wrap=True)


def duration(seconds: float) -> str:
    """Time to two units: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def _metrics(outcome: Mapping[str, Any]) -> str:
    last = {name: series[-1][1] for name, series in outcome["metrics"].items() if series}
    shown = [f"{name}={cell_text(float(value))}" for name, value in list(last.items())[:SHOWN_METRICS]]
    return " ".join(shown)


def run_task(
    script: Path,
    datasets: Mapping[str, Path],
    options: Mapping[str, str],
    timeout_s: float | None,
    folder: Path | None,
) -> int:
    """Run a script once on the local executor, and show what it wrote."""
    from iqf_core.study_file import RUNS_ROOT

    run = RunFolder((folder or Path(RUNS_ROOT) / "tasks" / script.stem).resolve())
    job = Job(
        key=script.stem,
        script=script.resolve(),
        datasets=datasets,
        folder=run.path,
        output=run.output,
        log=run.log,
        options=options,
        timeout_s=timeout_s,
    )
    with interrupted_by_sigterm():
        outcome = _carried_out(run, job)
    problem = "" if outcome.status is Status.FINISHED else f"{outcome.status}: {outcome.reason}"
    try:
        outputs = None if problem else read_outputs(run.output)
    except OutputError as error:
        outputs, problem = None, f"{Status.FAILED}: {error}"
    if outputs is None:
        click.echo(one_line(problem), err=True)
        click.echo(log_tail(run.log), err=True)
        click.echo(f"Log: {run.log}", err=True)
        return 1
    _show_outputs(outputs)
    click.echo(f"Output: {run.output}")
    return 0


def _show_outputs(outputs: TaskOutputs) -> None:
    for name, series in outputs.metrics.items():
        click.echo(one_line(f"{name}: {cell_text(series[-1][1])}"))
    for name, value in outputs.parameters.items():
        click.echo(one_line(f"{name}: {value}"))
    for reason in outputs.ignored:
        click.echo(one_line(f"ignored: {reason}"))


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


def _carried_out(run: RunFolder, job: Job) -> Outcome:
    """Have a job done on this machine, in a folder that holds nothing but an earlier task, if anything."""
    from iqf_core.local import LocalExecutor

    executor = LocalExecutor()
    if run.path.exists() and any(run.path.iterdir()) and not run.job():
        raise ExecutorError(f"{run.path}: holds other files; give --folder a folder of its own")
    earlier = executor.find(job)
    if earlier is not None and executor.poll(earlier) is State.RUNNING:
        raise ExecutorError(f"{run.path}: a task is running there; wait, or give another --folder")
    run.start_anew()
    run.write("job.json", {"title": job.key, "script": str(job.script)})
    try:
        handle = executor.submit(job)
        while executor.poll(handle) is State.RUNNING:
            time.sleep(executor.poll_interval_s)
    except KeyboardInterrupt:
        started = executor.find(job)
        if started is not None:
            executor.cancel(started)
        raise
    return executor.collect(handle, job)
