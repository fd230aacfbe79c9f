"""What is seen while runs go on: a line per run, a bar on a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from iqf_core.cli.tables import cell_text, console
from iqf_core.executor import Job, State, Status
from iqf_core.plan import PlannedRun
from iqf_core.plugins.records import one_line, printable
from iqf_core.runner import Listener

SHOWN_METRICS = 3


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
                self._print(f"    | {line}")
            if run.folder.log.is_file():
                self._print(f"    log: {run.folder.log}")
        self._bar.advance(self._task)

    def _print(self, line: str) -> None:
        from rich.text import Text

        self._bar.console.print(Text(line), soft_wrap=True)


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
    from iqf_core.local import LocalExecutor
    from iqf_core.runfolder import RunFolder
    from iqf_core.study import RUNS_ROOT
    from iqf_core.task import log_tail, read_outputs

    run = RunFolder((folder or Path(RUNS_ROOT) / "tasks" / script.stem).resolve())
    run.start_anew()
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
    executor = LocalExecutor()
    handle = executor.submit(job)
    try:
        while executor.poll(handle) is State.RUNNING:
            time.sleep(executor.poll_interval_s)
    except KeyboardInterrupt:
        executor.cancel(handle)
        raise
    outcome = executor.collect(handle, job)
    if outcome.status is not Status.FINISHED:
        click.echo(f"{outcome.status}: {outcome.reason}", err=True)
        click.echo(log_tail(run.log), err=True)
        click.echo(f"Log: {run.log}", err=True)
        return 1
    outputs = read_outputs(run.output)
    for name, series in outputs.metrics.items():
        click.echo(one_line(f"{name}: {cell_text(series[-1][1])}"))
    for name, value in outputs.parameters.items():
        click.echo(one_line(f"{name}: {value}"))
    for reason in outputs.ignored:
        click.echo(one_line(f"ignored: {reason}"))
    click.echo(f"Output: {run.output}")
    return 0
