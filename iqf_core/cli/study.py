"""``iqf plan``, ``iqf run`` and ``iqf task``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.plugins import as_json
from iqf_core.cli.talk import detail, is_quiet, near, note, say
from iqf_core.plugins.records import one_line

if TYPE_CHECKING:
    from iqf_core import Results
    from iqf_core.plan import Plan
    from iqf_core.planned import PlannedRun
    from iqf_core.runner import Tally

study_file = click.argument("study", type=click.Path(path_type=Path))
max_runs = click.option("--max-runs", type=click.IntRange(0), help="Refuse if more runs are to be done.")
max_gb = click.option("--max-gb", type=click.FloatRange(0), help="Refuse if variants may need more disk.")
EXIT_FAILED = 1


@click.command()
@study_file
@max_runs
@max_gb
@as_json
def plan(study: Path, max_runs: int | None, max_gb: float | None, as_json: bool) -> None:
    """Show the runs of STUDY, what is already done, the disk that its variants need, and the time.

    \b
    Examples:
      iqf plan study.yaml
      iqf plan study.yaml --json
      iqf plan study.yaml --max-runs 200 --max-gb 50
    """
    import json

    from iqf_core.cli.running import duration

    made = plan_of(study)
    made.require_affordable(max_runs=max_runs, max_gb=max_gb)
    rows = [_planned(run) for run in made.runs]
    missing = [f"{dataset.name}: {modifier.label}" for dataset, modifier in made.missing_variants()]
    disk, expected = made.disk_bytes(), made.expected_s(made.study.parallel)
    cost = made.expected_price()
    if as_json:
        price, hours = cost or (None, None)
        content = {"runs": rows, "missing_variants": missing, "disk_bytes": disk, "expected_s": expected}
        content |= {"price": price, "job_hours": hours}
        say(json.dumps(content, indent=1))
        return
    _show_plan(made, rows, missing, disk)
    if expected:
        say(f"Expected: {duration(expected)}, as long as runs took so far, {made.study.parallel} at once")
    if cost is not None:
        how = "" if expected else "at most "
        say(f"Cost: {how}{_price(cost[0])}, for {cost[1]:,.3g} hours of jobs at the price given")


@click.command()
@study_file
@click.option("--fresh", is_flag=True, help="Run again what is done.")
@click.option("--parallel", type=click.IntRange(1), help="Runs at once, instead of the study's.")
@click.option("--fail-fast", is_flag=True, help="Start nothing more after the first failure.")
@max_runs
@max_gb
@as_json
def run(
    study: Path,
    fresh: bool,
    parallel: int | None,
    fail_fast: bool,
    max_runs: int | None,
    max_gb: float | None,
    as_json: bool,
) -> int:
    """Run what is not done of STUDY; finished runs are not run again.

    Exit code 1 when any run failed, or could not be judged by every metric. With --json, the last word on
    stdout is one object that sums up; everything else goes to stderr.

    \b
    Examples:
      iqf run study.yaml
      iqf run study.yaml --parallel 4 --fail-fast
      iqf run study.yaml --fresh
      iqf run study.yaml --json > summary.json
    """
    made = plan_of(study)
    made.require_affordable(max_runs=max_runs, max_gb=max_gb)
    return run_planned(made, fresh=fresh, parallel=parallel, fail_fast=fail_fast, as_json=as_json)


def _price(amount: float) -> str:
    """Rounded up: to hundredths, or to two digits of what is less than one."""
    digits = 2 if amount >= 1 or amount <= 0 else 1 - math.floor(math.log10(amount))
    return f"{math.ceil(round(amount * 10**digits, 6)) / 10**digits:,.{digits}f}"


def plan_of(file: Path) -> Plan:
    """The plan of a study file; what is wrong with it is said with the file's name.

    Raises
    ------
    StudyError
        When it cannot be laid out.
    """
    from iqf_core import Study
    from iqf_core.errors import IqfError, StudyError

    study = Study.from_file(file)
    try:
        return study.plan()
    except IqfError as error:
        raise StudyError(f"{file}: {error}") from error


def run_planned(
    made: Plan,
    *,
    fresh: bool = False,
    parallel: int | None = None,
    fail_fast: bool = False,
    as_json: bool = False,
) -> int:
    """Run a study with a line per run and a table at the end; give the exit code."""
    import time

    from iqf_core import Results
    from iqf_core.cli.results import show_summary
    from iqf_core.cli.running import Progress, duration, interrupted_by_sigterm
    from iqf_core.runner import run_plan

    done = [run for run in made.runs if run.folder.is_finished()]
    counts = f"{len(made.runs)} runs, {len(done)} done already"
    head = f"{made.study.name}: {counts}; results in {near(made.folder)}"
    if as_json:
        note(head)
    elif not is_quiet():
        say(head)
    for run in () if fresh else done:
        detail(f"run {run.title}: reused, from {near(run.folder.path)}")
    _show_doubts(made)
    began = time.monotonic()
    with interrupted_by_sigterm(), Progress(len(made.runs) - (0 if fresh else len(done))) as listener:
        try:
            tally = run_plan(made, fresh=fresh, parallel=parallel, fail_fast=fail_fast, listener=listener)
        except KeyboardInterrupt:
            ended = len(made.runs) - len(made.to_do())
            counts = f"{ended} of {len(made.runs)} runs are done and kept"
            raise KeyboardInterrupt(f"{counts}; the same command goes on with the rest.") from None
    took = time.monotonic() - began
    detail(f"took {duration(took)}")
    code = EXIT_FAILED if tally.failed or tally.unjudged else 0
    if as_json:
        _print_summary(made, tally, took, code)
    else:
        found = Results(made.folder)
        show_summary(found)
        say(_said(tally))
        if not is_quiet():
            say("\n".join(["", "Next:", *_next_steps(found, failed=tally.failed)]))
    return code


def _next_steps(found: Results, *, failed: int) -> list[str]:
    """Commands that go on from here, of those that are installed."""
    import shlex

    from iqf_core.plugins import registry

    name, decided = shlex.quote(found.name), ""
    offered = {entry.name for entry in registry().components("commands")}
    if not found.criterion():
        decided = f" --metric {shlex.quote(found.quality() or 'METRIC')} --margin 0.03"
    why = "why runs failed; the same `iqf run` tries them again"
    steps = {f"iqf results {name} --failed": why} if failed else {}
    done = any(folder.is_finished() for folder in found.runs())
    steps |= (
        {}
        if not done
        else {
            f"iqf recommend {name}{decided}": "which setting still does the job, and how sure",
            f"iqf report {name}{decided}": "all of it on one page",
            f"iqf results {name} --runs": "every run of the table",
            f"iqf ui {name}": "the runs in MLflow's pages",
        }
    )
    known = {step: words for step, words in steps.items() if step.split()[1] in {*offered, "results", "ui"}}
    wide = max(map(len, known))
    return [f"  {one_line(step):{wide}}  # {words}" for step, words in known.items()]


def _print_summary(made: Plan, tally: Tally, took_s: float, code: int) -> None:
    """Print what a script would want to know of a study that was run."""
    import json
    from dataclasses import asdict

    from iqf_core import Results
    from iqf_core.cli.tables import as_records

    found = Results(made.folder)
    failures = [
        {
            "title": run.title,
            "key": run.key,
            "reason": (run.folder.outcome() or {}).get("reason", ""),
            "log": str(run.folder.log),
        }
        for run in made.to_do()
        if run.folder.outcome() is not None
    ]
    content = {
        "study": made.study.name,
        "folder": str(made.folder),
        "runs": len(made.runs),
        **asdict(tally),
        "duration_s": took_s,
        "exit_code": code,
        "failures": failures,
        "warnings": found.warnings(),
        "summary": as_records(found.summary()),
    }
    say(json.dumps(content, indent=1))


@click.command()
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--trainds", type=click.Path(exists=True, path_type=Path), help="Dataset to train on.")
@click.option("--valds", type=click.Path(exists=True, path_type=Path), help="Dataset to validate on.")
@click.option("--testds", type=click.Path(exists=True, path_type=Path), help="Dataset to test on.")
@click.option(
    "--option", "-o", "options", multiple=True, metavar="NAME=VALUE", help="Of the script; may be repeated."
)
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), help="Seconds after which the script is stopped."
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to run [default: iqf-runs/tasks/SCRIPT]."
)
@as_json
def task(
    script: Path,
    trainds: Path | None,
    valds: Path | None,
    testds: Path | None,
    options: tuple[str, ...],
    timeout: float | None,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Run SCRIPT once, as a study would, and show what it wrote.

    \b
    Examples:
      iqf task train.py --trainds data/train --testds data/test
      iqf task train.py --trainds data/train -o lr=0.01 -o epochs=5 --timeout 600
      iqf task train.py --trainds data/train --json
    """
    from iqf_core.cli.tasks import run_task
    from iqf_core.study_file import RESERVED

    datasets = {"trainds": trainds, "valds": valds, "testds": testds}
    given = {name: path.resolve() for name, path in datasets.items() if path is not None}
    pairs = [option.partition("=") for option in options]
    wrong = [option for option, (_, equals, _) in zip(options, pairs, strict=True) if not equals]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--option")
    taken = [name for name, _, _ in pairs if name in RESERVED]
    if taken:
        raise click.BadParameter(f"{taken[0]!r} is passed by IQF itself", param_hint="--option")
    asked = {name: value for name, _, value in pairs}
    return run_task(script, given, asked, timeout, folder, as_json=as_json)


def _planned(run: PlannedRun) -> dict[str, Any]:
    outcome = run.folder.outcome()
    return {
        "variant": run.setting.label,
        **({} if run.trained is None else {"train_variant": run.train_label}),
        **run.hyperparameters,
        "repetition": run.repetition + 1,
        "state": "to do" if outcome is None else outcome["status"].lower(),
        "key": run.key,
    }


def _show_plan(made: Plan, rows: list[dict[str, Any]], missing: list[str], disk: int) -> None:
    import pandas as pd

    from iqf_core.cli.tables import show_table
    from iqf_core.criterion import LEAST_REPETITIONS
    from iqf_core.jobs import what_changed

    show_table(pd.DataFrame(rows).drop(columns="key"))
    done = sum(row["state"] == "finished" for row in rows)
    say(f"{len(rows)} runs: {done} done, {len(rows) - done} to do")
    if changed := what_changed(made):
        say(changed)
    _show_doubts(made)
    if missing:
        say(f"{len(missing)} variants to make, at most {disk / 1e6:,.1f} MB:")
        for line in missing:
            say(f"  {line}")
    say(f"Results: {near(made.folder)}")
    if made.study.criterion is None and not made.study.frozen and made.study.repetitions < LEAST_REPETITIONS:
        note("Note: no criterion, and too few repetitions for one:")
        note("this gives a table, and no decision. For a decision, add")
        note(f"  repetitions: {LEAST_REPETITIONS}")
        note("  seed_argument: seed  # as the script's option is called")
        note("  criterion: {metric: accuracy, margin: 0.03}")


def _show_doubts(made: Plan) -> None:
    for doubt in made.doubts():
        note(f"Note: {doubt}")


def _said(tally: Tally) -> str:
    parts = [f"{tally.finished} finished", f"{tally.failed} failed", f"{tally.earlier} done earlier"]
    parts += [f"{tally.unjudged} not judged by every metric"] if tally.unjudged else []
    return ", ".join(parts + ([f"{tally.left} not started"] if tally.left else []))
