"""What is written down of a study and of a run before they start, and the job that an executor is given."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqf_core.dataset import Dataset
from iqf_core.executor import Handle, Job, Outcome, Status, TaskExecutor
from iqf_core.parameters import create, parse_spec
from iqf_core.parts import Part
from iqf_core.plan import OPTION, Plan
from iqf_core.planned import PlannedRun, Setting
from iqf_core.runfolder import LAYOUT, RunFolder, read_json, write_json
from iqf_core.variant import Variant
from iqf_core.versions import software


def what_changed(plan: Plan) -> str:
    """One sentence on the files beside the script that have every run done anew, if there are any."""
    before: dict[str, str] = (read_json(plan.folder / "study.json") or {}).get("code", {})
    names = sorted({*before, *plan.code}) if before else []
    changed = [name for name in names if before.get(name) != plan.code.get(name)]
    if not changed:
        return ""
    shown = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
    where = "" if plan.script.name in changed else " beside the script"
    hint = "" if plan.study.task.code else " (task.code names the files that count)"
    return f"changed{where} since the last time: {shown}; so every run is done anew{hint}"


def write_study(plan: Plan, tracking_uri: str) -> None:
    """Leave on disk what this study is: its file, its code, and the keys of its runs in order.

    With its criterion stands how many runs had ended when it was first seen: what is fixed before any outcome
    keeps its error rate.
    """
    study = plan.study
    content = {
        "layout": LAYOUT,
        "name": study.name,
        "study": study.as_json(),
        "file": None if study.file is None else str(study.file),
        "base": str(study.base),
        "runs": [run.key for run in plan.runs],
        "code": dict(plan.code),
        "tracking_uri": tracking_uri,
        "criterion": _criterion(plan),
        "software": software(),
    }
    write_json(plan.folder / "study.json", content)


def _criterion(plan: Plan) -> dict[str, Any] | None:
    if plan.study.criterion is None:
        return None
    criterion = plan.study.criterion.model_dump(mode="json")
    before: dict[str, Any] = (read_json(plan.folder / "study.json") or {}).get("criterion") or {}
    if before.get("criterion") == criterion:
        return before
    ended = sum(1 for _ in (plan.folder / "runs").glob("*/outcome.json"))
    return {"criterion": criterion, "runs_before": ended}


def asked_of(plan: Plan, run: PlannedRun) -> dict[str, Any]:
    """What was asked of a run: known also when its datasets cannot be made."""
    modifier = run.setting.modifier
    return {
        "layout": LAYOUT,
        "study": plan.study.name,
        "title": run.title,
        "label": run.setting.label,
        "family": run.setting.family,
        "modifier": None if modifier is None else modifier.spec(),
        "knob": None if modifier is None else modifier.knob_value,
        **({} if run.model is None and not plan.study.matrix else {"train_variant": run.train_label}),
        "hyperparameters": dict(run.hyperparameters),
        "repetition": run.repetition,
        "seed": run.seed if plan.study.seed_argument else None,
        "executor": plan.executor.spec(),
    }


def content_of(
    plan: Plan,
    run: PlannedRun,
    datasets: Mapping[Part, Dataset],
    rates: Mapping[str, float],
    options: Mapping[str, str],
) -> dict[str, Any]:
    """Content of ``job.json``: what was asked, on what, and with which options.

    Parameters
    ----------
    plan : Plan
        Of the study.
    run : PlannedRun
        One of its runs.
    datasets : mapping of Part to Dataset
        Variants, or untouched datasets.
    rates : mapping of str to float
        Of the images that it is judged on.
    options : mapping of str to str
        Beyond hyper-parameters and seed: those of MLflow's monitoring.
    """
    measured = datasets[run.setting.measured]
    source = run.setting.datasets[run.setting.measured].fingerprint
    arguments = {name: str(value) for name, value in run.hyperparameters.items()}
    argument = plan.study.seed_argument
    seed = {argument.lstrip("-"): str(run.seed)} if argument else {}
    given = {**arguments, **seed, **options} if run.model is None else {"model": str(run.model)}
    return {
        **asked_of(plan, run),
        "knob": _knob_of(measured, run.setting),
        "options": given,
        "infers": run.model is not None,
        "datasets": {
            part: {
                "path": str(dataset.root.resolve()),
                "params": dataset.params,
                "moved": _is_moved(dataset),
            }
            for part, dataset in datasets.items()
        },
        "measured": {
            "part": run.setting.measured,
            "identity": _identity_of(measured),
            "source": source,
        },
        "rates": dict(rates),
    }


def job_of(plan: Plan, folder: RunFolder, content: Mapping[str, Any]) -> Job:
    """Job of what is written in a run's folder: the same for the process that re-attaches to it."""
    task = plan.study.task
    script = (plan.infer if content.get("infers") and plan.infer else plan.script).resolve()
    beside = script.parent == plan.script.parent.resolve()  # elsewhere, its files are others
    return Job(
        key=folder.key,
        script=script,
        datasets={OPTION[part]: Path(entry["path"]) for part, entry in content.get("datasets", {}).items()},
        folder=folder.path.resolve(),
        output=folder.output.resolve(),
        log=folder.log.resolve(),
        options=content.get("options", {}),
        environment=task.environment,
        interpreter=task.interpreter,
        timeout_s=task.timeout_s,
        code=tuple(sorted({*plan.code, script.name})) if beside else (),
    )


def executor_of(plan: Plan, content: Mapping[str, Any]) -> TaskExecutor:
    """Executor that a job was given to: the plan's, or the one that the study had at the time."""
    spec = content.get("executor", plan.executor.spec())
    if spec == plan.executor.spec():
        return plan.executor
    name, options = parse_spec(spec)
    return create("executors", name, options, base=TaskExecutor)


def submitted(plan: Plan, folder: RunFolder) -> tuple[TaskExecutor, Job, Handle] | None:
    """Job of a run whose end nobody has seen, and who has it; None when there is none."""
    if not folder.is_pending():
        return None
    content = folder.job()
    executor, job = executor_of(plan, content), job_of(plan, folder, content)
    handle = folder.handle() or executor.find(job)
    return None if handle is None else (executor, job, handle)


def stop(plan: Plan, folder: RunFolder) -> None:
    """Stop the job of a run, if it may still run."""
    found = submitted(plan, folder)
    if found is not None:
        executor, _, handle = found
        executor.cancel(handle)


def refused_options(plan: Plan, run: PlannedRun, log: str) -> str:
    """One sentence on the options that a script says it does not know, and where each comes from."""
    said = "".join(re.findall(r"(?:unrecognized arguments|[Nn]o such option):?(.*)", log))
    sources = dict.fromkeys(run.hyperparameters, "hyperparameters")
    sources |= {option: f"the part {part} of datasets" for part, option in OPTION.items()}
    if plan.study.seed_argument:
        sources[plan.study.seed_argument.lstrip("-")] = "seed_argument"
    refused = [name for name in dict.fromkeys(re.findall(r"--([\w.-]+)", said)) if name in sources]
    if not refused:
        return ""
    named = ", ".join(f"--{name} (from {sources[name]})" for name in refused)
    return f"the script does not know {named}: have it take it, or correct the study"


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Content of ``outcome.json``, still without what the script wrote."""
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


def failure(reason: str) -> dict[str, Any]:
    """Content of ``outcome.json`` of a run that came to no job, or whose job came to no end."""
    now = time.time()
    return outcome_json(Outcome(Status.FAILED, reason, None, now, now))


def _identity_of(dataset: Dataset) -> str:
    if isinstance(dataset, Variant) and dataset.manifest is not None:
        return dataset.manifest.identity
    return dataset.fingerprint


def _is_moved(dataset: Dataset) -> bool:
    """Whether its pixels lie elsewhere than those of its source, so that its own ground truth counts."""
    manifest = dataset.manifest if isinstance(dataset, Variant) else None
    return manifest is not None and any(row.affine is not None for row in manifest.images)


def _knob_of(dataset: Dataset, setting: Setting) -> float | None:
    """Value of the knob that was used: after a search, of the variant rather than of what was asked."""
    if isinstance(dataset, Variant) and dataset.manifest is not None:
        return dataset.manifest.knob
    return None if setting.modifier is None else setting.modifier.knob_value
