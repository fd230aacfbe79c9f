"""Running a plan: variants made as they are needed, jobs submitted, re-attached and collected.

One loop, one thread for MLflow. A run that fails is a row of the table; the study goes on. Whatever kills
this process, the next one finds in the run folders what was done and what still runs.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import filelock

from iqf_core.dataset import Dataset
from iqf_core.errors import ImageError, IqfError, OutputError, ResultsError, StudyError
from iqf_core.evaluate import RunDatasets, measure_run, said
from iqf_core.executor import Handle, Job, State, Status, TaskExecutor
from iqf_core.jobs import (
    asked_of,
    content_of,
    failure,
    job_of,
    outcome_json,
    refused_options,
    stop,
    submitted,
    what_changed,
    write_study,
)
from iqf_core.parts import Part
from iqf_core.plan import Plan
from iqf_core.planned import PlannedRun, Setting
from iqf_core.runfolder import RunFolder
from iqf_core.studyfolder import StudyFolder
from iqf_core.task import log_tail, read_outputs
from iqf_core.tracking import Tracker, default_uri
from iqf_core.variant import make_variant
from iqf_core.writer import Writer

MOST_SUBMISSIONS = 3  # of a job whose machine is lost, before it counts as failed
PARTING_S = 3.0  # for MLflow, when the study is interrupted


class Listener:
    """Is told what happens; does nothing by itself."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def started(self, run: PlannedRun) -> None:
        """A run was submitted, or found at work."""

    def ended(self, run: PlannedRun, outcome: dict[str, Any], done: int, total: int) -> None:
        """A run ended, well or badly."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How the runs of a plan stand.

    Parameters
    ----------
    finished, failed, earlier, left : int
        Ended well now; ended badly now; found done; not started because of ``fail_fast``.
    unjudged : int
        Runs that ended well, of which a metric could not be applied.
    """

    finished: int
    failed: int
    earlier: int
    left: int
    unjudged: int = 0


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
        When another process runs this study, or its folder cannot be written.
    ExecutorError
        When the executor lacks what every job needs; nothing was started.
    KeyboardInterrupt
        After every job was cancelled.
    """
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(plan.folder / ".lock", blocking=False):
            at_once, told = parallel or plan.study.parallel, listener or Listener()
            if count := len(plan.runs if fresh else plan.to_do()):
                plan.executor.require_ready(min(at_once, count))
            return _Session(plan, at_once, fail_fast, progress, told).run(fresh)
    except filelock.Timeout:
        raise StudyError(f"{plan.folder}: another `iqf run` is at work on this study") from None
    except OSError as error:
        if isinstance(error, IqfError):
            raise
        raise StudyError(
            f"{plan.folder}: cannot be written: {error}; what is done is kept, and the same command goes on"
        ) from error


@dataclass
class _Active:
    run: PlannedRun
    executor: TaskExecutor
    job: Job
    handle: Handle
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
    made: dict[int, dict[Part, Dataset]] = field(default_factory=dict)
    rates: dict[int, dict[str, float]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    failed: int = 0
    unjudged: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        study = self.plan.study
        uri = study.tracking_uri or default_uri(self.plan.folder.parent)
        self.tracker = Tracker(uri, study.name, StudyFolder(self.plan.folder), study.registry_uri)
        self.writer = Writer()

    def run(self, fresh: bool) -> Tally:
        changed = what_changed(self.plan)
        if changed:
            self.listener.note(changed)
        write_study(self.plan, self.tracker.uri)
        self._stop_abandoned()
        self.tracker.look(run.folder for run in self.plan.runs)
        try:
            if fresh:
                self._clear()
            done = [run for run in self.plan.runs if run.folder.is_finished()]
            keys = {run.key for run in done}
            self.queue.extend(run for run in self.plan.runs if run.key not in keys)
            if self.queue:
                self.writer.submit(self.tracker.begin)
                self.writer.submit(self.tracker.close_dead, [run.key for run in self.plan.runs])
            for run in done:
                self._complete(run)
            self._loop()
        except BaseException:
            self._cancel()
            raise
        self.writer.submit(self.tracker.end, str(Status.FAILED if self.failed else Status.FINISHED))
        self.writer.close()
        return Tally(self.finished, self.failed, len(done), len(self.queue), len(self.unjudged))

    def _loop(self) -> None:
        while self.queue or self.active:
            stop = self.fail_fast and self.failed
            while not stop and len(self.active) < self.parallel and (run := self._next()) is not None:
                self._start(run)
                stop = self.fail_fast and self.failed
            if stop and not self.active:
                return
            for entry in list(self.active):
                self._look_after(entry)
            if self.active:
                time.sleep(max(0.0, min(entry.next_poll for entry in self.active) - time.monotonic()))

    def _next(self) -> PlannedRun | None:
        """Take the first run from the queue that can be started: one whose model is there."""
        for run in self.queue:
            if run.trained is None or run.trained.folder.outcome() is not None:
                self.queue.remove(run)
                return run
        return None

    def _start(self, run: PlannedRun) -> None:
        """Re-attach to the run's job if there is one, else submit it."""
        if run.trained is not None and not run.trained.folder.is_finished():
            reason = (run.trained.folder.outcome() or {}).get("reason", "")
            self._end(run, failure(f"there is no model: training on {run.trained.title} failed: {reason}"))
            return
        try:
            entry = self._reattached(run) or self._submitted(run)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's modifier may raise anything
            self._stop(run.folder)
            self._end(run, failure(said(error)))
        else:
            self.active.append(entry)
            self.listener.started(run)

    def _reattached(self, run: PlannedRun) -> _Active | None:
        found = submitted(self.plan, run.folder)
        if found is None:
            return None
        executor, job, handle = found
        if executor.poll(handle) is State.LOST:
            return None
        self.listener.note(f"{run.title}: still there from an earlier study, re-attached")
        return _Active(run, executor, job, handle)

    def _submitted(self, run: PlannedRun) -> _Active:
        """Make the run's variants, write down what is asked, and have it done."""
        run.folder.start_anew()
        datasets = self._modified(run.setting)
        monitored = self.plan.study.mlflow_monitoring and run.model is None
        options = self._monitoring(run) if monitored else {}
        content = content_of(self.plan, run, datasets, self._rates(run.setting), options)
        run.folder.write("job.json", content)
        job = job_of(self.plan, run.folder, content)
        handle = self.plan.executor.submit(job)
        run.folder.write("handle.json", handle)
        return _Active(run, self.plan.executor, job, handle)

    def _modified(self, setting: Setting) -> dict[Part, Dataset]:
        """The setting's datasets after its modifier; a variant that cannot be made fails all its runs."""
        if id(setting) in self.broken:
            raise StudyError(self.broken[id(setting)])
        if id(setting) not in self.made:
            try:
                self.made[id(setting)] = {part: self._variant(setting, part) for part in setting.datasets}
            except (Exception, SystemExit) as error:
                self.broken[id(setting)] = said(error)
                raise
        return self.made[id(setting)]

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
            verify=study.verify if part == setting.measured else None,
            workers=study.workers,
            progress=self.progress,
        )

    def _rates(self, setting: Setting) -> dict[str, float]:
        """Rates of the images that a setting is judged on; none where they cannot be read."""
        if id(setting) not in self.rates:
            try:
                self.rates[id(setting)] = self._modified(setting)[setting.measured].rates()
            except ImageError as error:  # of an untouched dataset: what to do with it is the script's affair
                self.listener.note(f"{setting.label}: no rates: {error}")
                self.rates[id(setting)] = {}
        return self.rates[id(setting)]

    def _look_after(self, entry: _Active) -> None:
        if time.monotonic() < entry.next_poll:
            return
        entry.next_poll = time.monotonic() + entry.executor.poll_interval_s
        try:
            state = entry.executor.poll(entry.handle)
            if state is State.RUNNING:
                return
            outcome = None if state is State.LOST else self._collected(entry)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - so may a stranger's executor
            self._stop(entry.run.folder)
            outcome = failure(said(error))
        self.active.remove(entry)
        if outcome is None:
            self._lost(entry.run)
        else:
            self._end(entry.run, outcome)

    def _lost(self, run: PlannedRun) -> None:
        """Have a run done again whose job left no trace, unless that happens too often."""
        self.lost[run.key] += 1
        if self.lost[run.key] < MOST_SUBMISSIONS:
            self.listener.note(f"{run.title}: lost without a trace, submitted again")
            self.queue.appendleft(run)
        else:
            self._end(run, failure(f"lost without a trace, {MOST_SUBMISSIONS} times"))

    def _collected(self, entry: _Active) -> dict[str, Any]:
        content = outcome_json(entry.executor.collect(entry.handle, entry.job))
        monitored = "mlfrunid" in entry.job.options
        try:
            if monitored:
                content["metrics"] = self._read_back(entry.run)
            if content["status"] != Status.FINISHED:
                return content
            outputs = read_outputs(entry.job.output, require_output=not monitored)
        except (OutputError, StudyError) as error:
            failed = {"status": str(Status.FAILED), "reason": str(error)}
            return {**content, **failed} if content["status"] == Status.FINISHED else content
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
            outcome["log_tail"] = log_tail(run.folder.log)
            refused = refused_options(self.plan, run, outcome["log_tail"])
            outcome["reason"] = "; ".join(filter(None, [outcome["reason"], refused]))
        run.folder.write("outcome.json", outcome)
        self._complete(run)
        total = len(self.plan.runs)
        self.listener.ended(run, outcome, total - len(self.queue) - len(self.active), total)

    def _complete(self, run: PlannedRun) -> None:
        """Measure what is not measured yet of a run that ended, and deliver it."""
        part = run.setting.measured
        is_modified = run.setting.modifier_of(part) is not None
        verify = self.plan.study.verify if is_modified else None
        if (self.plan.metrics or verify) and run.folder.is_finished():
            problems = measure_run(
                self.plan.metrics,
                run.folder,
                RunDatasets(run.setting.datasets, lambda name: self._modified(run.setting)[name], part),
                verify=verify,
                workers=self.plan.study.workers,
                progress=self.progress,
            )
            for problem in problems:
                self.listener.note(f"{run.title}: {problem}")
                self.unjudged.add(run.key)
        self.writer.submit(self.tracker.deliver, run.folder)

    def _monitoring(self, run: PlannedRun) -> dict[str, str]:
        try:
            return self.writer.submit(self.tracker.open_run, run.key, run.title).result()
        except Exception as error:
            raise StudyError(f"mlflow_monitoring: no MLflow run could be opened ({error})") from error

    def _read_back(self, run: PlannedRun) -> dict[str, list[tuple[int, float]]]:
        try:
            return self.writer.submit(self.tracker.read_back, run.key).result()
        except Exception as error:
            raise StudyError(f"what the script wrote to MLflow cannot be read ({error})") from error

    def _stop_abandoned(self) -> None:
        """Stop jobs of an earlier study that this one does not ask for any more."""
        asked = {run.key for run in self.plan.runs}
        for path in sorted((self.plan.folder / "runs").glob("*")):
            if path.name not in asked and self._is_pending(RunFolder(path)):
                self.listener.note(f"{path.name}: not asked for any more, stopped")
                self._withdraw(RunFolder(path))

    def _clear(self) -> None:
        """Forget what is done, and stop what an earlier study left running."""
        for run in self.plan.runs:
            if run.folder.path.is_dir():
                self._withdraw(run.folder)

    def _cancel(self) -> None:
        """Leave nothing running; what was not done is done by the next `iqf run`."""
        self.writer.drop()
        with _undisturbed():
            left = [run.folder for run in self.plan.runs if self._is_pending(run.folder)]
            with concurrent.futures.ThreadPoolExecutor(max(1, len(left))) as pool:
                list(pool.map(self._withdraw, left))
            if self.plan.study.mlflow_monitoring:
                for folder in left:
                    self.writer.submit(self.tracker.close, folder.key)
            self.writer.submit(self.tracker.interrupt)
            self.writer.close(within_s=PARTING_S)

    def _is_pending(self, folder: RunFolder) -> bool:
        try:
            return folder.is_pending()
        except ResultsError as error:
            self.listener.note(str(error))
            return False

    def _withdraw(self, folder: RunFolder) -> None:
        """Stop a run's job, and leave its folder as if it had never been asked for."""
        if self._stop(folder):
            with contextlib.suppress(OSError):  # on a full or dead disk: the next `iqf run` finds it lost
                folder.start_anew()

    def _stop(self, folder: RunFolder) -> bool:
        try:
            stop(self.plan, folder)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's executor, or a damaged file
            self.listener.note(f"{folder.path}: its job may still run: {said(error)}")
            return False
        return True


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Take no notice of a second Ctrl-C: it comes easily, and would leave jobs running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
