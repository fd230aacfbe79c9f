"""``iqf refine``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.completing import study_names
from iqf_core.cli.talk import complain, near, note, say

if TYPE_CHECKING:
    from iqf_core import Study
    from iqf_core.plan import Plan

LACKING = 1
"""Exit code where runs are missing or have failed, or too few were allowed."""


@click.command()
@click.argument("study", shell_complete=study_names)
@click.option(
    "--resolution",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="On the knob.",
)
@click.option("--max-runs", type=click.IntRange(1), default=100, show_default=True, help="Of all families.")
@click.option(
    "--confirm-repetitions", type=click.IntRange(3), help="Of the confirmation. [default: twice the study's]"
)
@click.option("--metric", help="As for `iqf recommend`; the study's criterion unless given.")
@click.option("--margin", type=click.FloatRange(0), help="Likewise.")
@click.option("--family", "families", multiple=True, help="Narrow this modifier alone; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    study: str,
    resolution: float,
    max_runs: int,
    families: tuple[str, ...],
    confirm_repetitions: int | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Narrow, in each family of STUDY, the setting that still does, and confirm it.

    Runs between the last setting that passes and the first that fails; what is found is tested once on
    fresh seeds, and that is the answer. The runs lie beside the study and are not repeated. Exit code 1 when
    runs are missing or failed, or --max-runs allows too few.

    \b
    Examples:
      iqf refine textures --resolution 2
      iqf refine study.yaml --family jpeg --max-runs 40 --json
    """
    from iqf_core import Results
    from iqf_core.criterion import Criterion
    from iqf_report.asking import require
    from iqf_report.refining import NotDone, beside, refine

    made = _study_of(study)
    known = {} if made.criterion is None else made.criterion.model_dump()
    given = {key: value for key, value in options.items() if value is not None}
    require({**known, **given}, Results(made.folder) if made.folder.is_dir() else None)
    criterion = Criterion.of({**known, **given})
    try:
        found = refine(
            made,
            criterion,
            resolution=resolution,
            max_runs=max_runs,
            families=families,
            confirm_repetitions=confirm_repetitions,
            run=_run,
        )
    except NotDone as error:
        complain(f"Error: {error}")
        return LACKING
    code = LACKING if any(one.lacking for one in found) else 0
    if not as_json:
        say("\n".join(one.said for one in found))
        if folders := beside(made):
            where = " and ".join(str(near(folder)) for folder in folders)
            say(f"These runs lie in {where}; `iqf report {made.name}` shows the study itself, without them.")
        return code
    rows = [
        {
            "family": one.family,
            "tried": [] if one.narrowed is None else list(one.narrowed.tried),
            "chosen": None if one.confirmed is None else one.confirmed.setting.variant,
            "verdict": None if one.confirmed is None else one.confirmed.verdict,
            "metric": None if one.confirmed is None else one.confirmed.value,
            "bound": None if one.confirmed is None else one.confirmed.bound,
            "cost": None if one.confirmed is None else one.confirmed.cost,
            "text": one.said,
        }
        for one in found
    ]
    say(json.dumps(rows, indent=1))
    return code


def _study_of(given: str) -> Study:
    """The study of a file, or that whose results are given by name or folder, from the file it was run with.

    Raises
    ------
    ParameterError
        When that file is not known, no longer there, or has another study by now.
    """
    from iqf_core import ParameterError, Study
    from iqf_report.opening import study_of

    if Path(given).is_file() or Path(given).suffix.lower() in (".yaml", ".yml"):
        return Study.from_file(given)
    results = study_of(given)
    file, remedy = results.origin().get("file"), "give the study's file instead: iqf refine study.yaml"
    if file is None:
        raise ParameterError(f"{given}: its results do not say from which file it was run; {remedy}")
    if not Path(file).is_file():
        raise ParameterError(f"{given}: it was run from {file}, which is no longer there; {remedy}")
    written = Study.from_file(file)
    asked = None if written.criterion is None else written.criterion.model_dump(mode="json")
    if (written.name, asked) != (results.name, results.criterion()):
        raise ParameterError(
            f"{given}: {file}, from which it was run, has another name or criterion now; `iqf run` it, or "
            f"{remedy}"
        )
    # Found where they are, not below the current folder, where the file alone would look for them.
    made = Study(**{**written.as_json(), "runs_root": str(results.folder.resolve().parent)})
    made._file, made._base = written.file, written.base
    return made


def _run(plan: Plan) -> None:
    """Run a plan with a line per run, on stderr."""
    from iqf_core.cli.running import Progress
    from iqf_core.runner import run_plan

    todo = len(plan.to_do())
    names = ", ".join(setting.label for setting in plan.settings() if setting.modifier is not None)
    note(f"{plan.study.name}: {names}, {todo} runs to do")
    with Progress(todo) as listener:
        run_plan(plan, listener=listener)
