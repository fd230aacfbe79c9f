"""What ``iqf task`` does: one job on this machine, without a study."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqf_core.cli.running import interrupted_by_sigterm
from iqf_core.cli.tables import cell_text, json_value
from iqf_core.cli.talk import complain, note, say
from iqf_core.errors import ExecutorError, OutputError
from iqf_core.executor import Job, Outcome, State, Status
from iqf_core.plugins.records import one_line
from iqf_core.runfolder import RunFolder
from iqf_core.task import TaskOutputs, log_tail, read_outputs


def run_task(
    script: Path,
    datasets: Mapping[str, Path],
    options: Mapping[str, str],
    timeout_s: float | None,
    folder: Path | None,
    *,
    as_json: bool = False,
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
    status, reason = outcome.status, outcome.reason
    outputs = None
    if status is Status.FINISHED:
        try:
            outputs = read_outputs(run.output)
        except OutputError as error:
            status, reason = Status.FAILED, str(error)
    if as_json:
        _print_json(run, outcome, status, reason, outputs)
    if outputs is None:
        complain(one_line(f"{status}: {reason}"))
        complain(log_tail(run.log))
        complain(f"Log: {run.log}")
        return 1
    if not as_json:
        _show_outputs(outputs)
        say(f"Output: {run.output}")
    return 0


def _print_json(
    run: RunFolder, outcome: Outcome, status: Status, reason: str, outputs: TaskOutputs | None
) -> None:
    metrics = {} if outputs is None else outputs.metrics
    content: dict[str, Any] = {
        "status": str(status),
        "reason": reason,
        "exit_code": outcome.exit_code,
        "duration_s": outcome.ended - outcome.started,
        "metrics": {name: json_value(series[-1][1]) for name, series in metrics.items()},
        "parameters": {} if outputs is None else dict(outputs.parameters),
        "ignored": [] if outputs is None else list(outputs.ignored),
        "output": str(run.output),
        "log": str(run.log),
    }
    say(json.dumps(content, indent=1))


def _show_outputs(outputs: TaskOutputs) -> None:
    for name, series in outputs.metrics.items():
        say(one_line(f"{name}: {cell_text(series[-1][1])}"))
    for name, value in outputs.parameters.items():
        say(one_line(f"{name}: {value}"))
    for reason in outputs.ignored:
        note(f"ignored: {reason}")


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
