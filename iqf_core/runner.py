"""Running a plan: variants made as they are needed, jobs submitted, re-attached and collected.

One loop, one thread for MLflow. A run that fails is a row of the table; the study goes on. Whatever kills
this process, the next one finds in the run folders what was done and what still runs.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import filelock

from iqf_core.dataset import Dataset
from iqf_core.errors import IqfError, OutputError, StudyError
from iqf_core.evaluate import evaluate_run, measure_images
from iqf_core.executor import Handle, Job, Outcome, State, Status
from iqf_core.jobs import asked_of, content_of, job_of
from iqf_core.plan import Plan, PlannedRun, Setting
from iqf_core.runfolder import LAYOUT, write_json
from iqf_core.study import Part
from iqf_core.task import log_tail, read_outputs
from iqf_core.tracking import Tracker, default_uri
from iqf_core.variant import make_variant

MOST_SUBMISSIONS = 3  # of a job whose machine is lost, before it counts as failed


class Listener:
    """Is told what happens; does nothing by itself."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def ended(self, run: PlannedRun, outcome: dict[str, Any], done: int, total: int) -> None:
        """A run ended, well or badly."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How the runs of a plan stand.

    Parameters
    ----------
    finished, failed, earlier, left : int
        Ended well now; ended badly now; found done; not started because of ``fail_fast``.
    """

    finished: int
    failed: int
    earlier: int
    left: int


def run_plan(
    plan: Plan,
    *,
    fresh: bool = False,
    parallel: int | None = None,
    fail_fast: bool = False,
    progress: bool | None = None,
    listener: Listener | None = None,
) -> Tally:
    """Run what is not done.

    Parameters
    ----------
    plan : Plan
        Of a study.
    fresh, parallel, fail_fast, progress
        As for `Study.run`.
    listener : Listener or None, optional
        Is told what happens.

    Raises
    ------
    StudyError
        When another process runs this study.
    KeyboardInterrupt
        After every job was cancelled.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(plan.folder / ".lock", blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise StudyError(f"{plan.folder}: another `iqf run` is at work on this study") from None
    try:
        session = _Session(plan, parallel or plan.study.parallel, fail_fast, progress, listener or Listener())
        return session.run(fresh)
    finally:
        lock.release()


@dataclass
class _Active:
    run: PlannedRun
    job: Job
    handle: Handle
    submissions: int = 1
    next_poll: float = 0.0


@dataclass
class _Session:
    """One execution of a plan."""

    plan: Plan
    parallel: int
    fail_fast: bool
    progress: bool | None
    listener: Listener
    queue: deque[PlannedRun] = field(default_factory=deque)
    active: list[_Active] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    paths: dict[int, dict[Part, Dataset]] = field(default_factory=dict)
    finished: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        study = self.plan.study
        uri = study.tracking_uri or default_uri(self.plan.folder.parent)
        artifacts = self.plan.folder / "mlflow-artifacts"
        self.tracker = Tracker(uri, study.name, artifacts, study.registry_uri)
        self.writer = concurrent.futures.ThreadPoolExecutor(1, "iqf-mlflow")

    def run(self, fresh: bool) -> Tally:
        self._write_study()
        done = [] if fresh else [run for run in self.plan.runs if run.folder.is_finished()]
        keys = {run.key for run in done}
        self.queue.extend(run for run in self.plan.runs if run.key not in keys)
        try:
            if fresh:
                self._cancel_earlier()
            if self.queue:
                self.writer.submit(self.tracker.close_dead, [run.key for run in self.plan.runs])
            for run in done:
                self._complete(run)
            self._loop()
        except BaseException:
            self._cancel()
            raise
        finally:
            self.writer.shutdown(wait=True)
        return Tally(self.finished, self.failed, len(done), len(self.queue))

    def _loop(self) -> None:
        while self.queue or self.active:
            stop = self.fail_fast and self.failed
            while self.queue and not stop and len(self.active) < self.parallel:
                self._start(self.queue.popleft())
                stop = self.fail_fast and self.failed
            if stop and not self.active:
                return
            for entry in list(self.active):
                self._look_after(entry)
            if self.active:
                time.sleep(max(0.0, min(entry.next_poll for entry in self.active) - time.monotonic()))

    def _start(self, run: PlannedRun) -> None:
        """Re-attach to the run's job if there is one, else submit it."""
        try:
            attached = self._reattached(run)
            if attached is not None:
                self.active.append(attached)
                return
            run.folder.start_anew()
            job = self._prepared(run)
            self.active.append(_Active(run, job, self._submitted(job)))
        except Exception as error:  # noqa: BLE001 - a stranger's modifier may raise anything; the study goes on
            self._end(run, _failure(_said(error)))

    def _reattached(self, run: PlannedRun) -> _Active | None:
        content = run.folder.job()
        if not content:
            return None
        job = job_of(self.plan, run, content)
        handle = run.folder.handle() or self.plan.executor.find(job)
        if handle is None or self.plan.executor.poll(handle) is State.LOST:
            return None
        self.listener.note(f"{run.title}: still there from an earlier study, re-attached")
        return _Active(run, job, handle)

    def _prepared(self, run: PlannedRun) -> Job:
        """Make the run's variants, write down what is asked, and give the job."""
        datasets = self._modified(run.setting)
        options = {} if not self.plan.study.mlflow_monitoring else self._monitoring(run)
        content = content_of(self.plan, run, datasets, options)
        run.folder.write("job.json", content)
        return job_of(self.plan, run, content)

    def _submitted(self, job: Job) -> Handle:
        handle = self.plan.executor.submit(job)
        write_json(job.folder / "handle.json", handle)
        return handle

    def _modified(self, setting: Setting) -> dict[Part, Dataset]:
        """The setting's datasets after its modifier; a variant that cannot be made fails all its runs."""
        if id(setting) in self.broken:
            raise StudyError(self.broken[id(setting)])
        if id(setting) not in self.paths:
            try:
                self.paths[id(setting)] = {part: self._variant(setting, part) for part in setting.datasets}
            except Exception as error:
                self.broken[id(setting)] = _said(error)
                raise
        return self.paths[id(setting)]

    def _variant(self, setting: Setting, part: Part) -> Dataset:
        study, modifier, dataset = self.plan.study, setting.modifier_of(part), setting.datasets[part]
        if modifier is None:
            return dataset
        return make_variant(
            dataset,
            modifier,
            variants_root=self.plan.variants_root(),
            storage=study.storage,
            seed=study.seed,
            workers=study.workers,
            progress=self.progress,
        )

    def _look_after(self, entry: _Active) -> None:
        if time.monotonic() < entry.next_poll:
            return
        entry.next_poll = time.monotonic() + self.plan.executor.poll_interval_s
        try:
            state = self.plan.executor.poll(entry.handle)
            if state is State.RUNNING:
                return
            if state is State.LOST and entry.submissions < MOST_SUBMISSIONS:
                self.listener.note(f"{entry.run.title}: lost without a trace, submitted again")
                entry.submissions += 1
                entry.handle = self._submitted(entry.job)
                return
            lost = f"lost without a trace, {entry.submissions} times"
            outcome = _failure(lost) if state is State.LOST else self._collected(entry)
        except Exception as error:  # noqa: BLE001 - so may a stranger's executor
            outcome = _failure(_said(error))
        self.active.remove(entry)
        self._end(entry.run, outcome)

    def _collected(self, entry: _Active) -> dict[str, Any]:
        outcome = self.plan.executor.collect(entry.handle, entry.job)
        content = _as_json(outcome)
        monitored = self.plan.study.mlflow_monitoring
        if monitored:
            content["metrics"] = self.writer.submit(self.tracker.read_back, entry.run.key).result()
        if outcome.status is not Status.FINISHED:
            return content
        try:
            outputs = read_outputs(entry.job.output, require_output=not monitored)
        except OutputError as error:
            return {**content, "status": Status.FAILED, "reason": str(error)}
        content["metrics"].update({name: list(series) for name, series in outputs.metrics.items()})
        return {**content, "parameters": outputs.parameters, "ignored": list(outputs.ignored)}

    def _end(self, run: PlannedRun, outcome: dict[str, Any]) -> None:
        """Write the outcome down, measure, and have it delivered."""
        if not run.folder.path.is_dir():
            run.folder.start_anew()
        if not run.folder.job():
            run.folder.write("job.json", asked_of(self.plan, run))
        if outcome["status"] == Status.FINISHED:
            self.finished += 1
        else:
            self.failed += 1
            outcome["log_tail"] = log_tail(run.folder.log) if run.folder.log.is_file() else ""
        run.folder.write("outcome.json", outcome)
        self._complete(run)
        total = len(self.plan.runs)
        self.listener.ended(run, outcome, total - len(self.queue) - len(self.active), total)

    def _complete(self, run: PlannedRun) -> None:
        """Measure what is not measured yet of a run that ended, and deliver it."""
        if self.plan.metrics and run.folder.is_finished():
            try:
                self._measure(run)
            except Exception as error:  # noqa: BLE001 - the run itself has ended well
                self.listener.note(f"{run.title}: not measured: {_said(error)}")
        self.writer.submit(self.tracker.deliver, run.folder)

    def _measure(self, run: PlannedRun) -> None:
        part, workers = run.setting.measured, self.plan.study.workers
        modified = self._modified(run.setting)[part]
        folder = self.plan.folder / "measurements" / run.folder.job()["measured"]["identity"]
        original = run.setting.datasets[part]
        measure_images(self.plan.metrics, modified, original, folder, workers=workers, progress=self.progress)
        for problem in evaluate_run(self.plan.metrics, run.folder, original, workers=workers):
            self.listener.note(f"{run.title}: {problem}")

    def _monitoring(self, run: PlannedRun) -> dict[str, str]:
        try:
            return self.writer.submit(self.tracker.open_run, run.key, run.title).result()
        except Exception as error:
            raise StudyError(f"mlflow_monitoring: no MLflow run could be opened ({error})") from error

    def _write_study(self) -> None:
        """Leave on disk what this study is: its file, and the keys of its runs in order."""
        study = self.plan.study
        content = {
            "layout": LAYOUT,
            "name": study.name,
            "study": study.as_json(),
            "file": None if study.file is None else str(study.file),
            "runs": [run.key for run in self.plan.runs],
            "tracking_uri": self.tracker.uri,
        }
        write_json(self.plan.folder / "study.json", content)

    def _cancel_earlier(self) -> None:
        """Stop the jobs that an earlier study left running, before they are run anew."""
        for run in self.plan.runs:
            handle = run.folder.handle()
            if handle is not None:
                self.plan.executor.cancel(handle)
                run.folder.start_anew()

    def _cancel(self) -> None:
        """Leave nothing running; what was not done is done by the next `iqf run`."""
        for entry in self.active:
            self.plan.executor.cancel(entry.handle)
            (entry.job.folder / "handle.json").unlink(missing_ok=True)
            entry.run.folder.start_anew()
            if self.plan.study.mlflow_monitoring:
                self.writer.submit(self.tracker.close, entry.run.key)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, IqfError) else f"{type(error).__name__}: {error}"


def _failure(reason: str) -> dict[str, Any]:
    now = time.time()
    return _as_json(Outcome(Status.FAILED, reason, None, now, now))


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "status": str(outcome.status),
        "reason": outcome.reason,
        "exit_code": outcome.exit_code,
        "started": outcome.started,
        "ended": outcome.ended,
        "metrics": {},
        "parameters": {},
        "ignored": [],
    }
