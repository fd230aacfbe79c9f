"""``iqf refine``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from iqf_core.plan import Plan


@click.command()
@click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))
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
    study: Path,
    resolution: float,
    max_runs: int,
    families: tuple[str, ...],
    confirm_repetitions: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Narrow, in each family of the study file STUDY, the setting that still does, and confirm it.

    Runs between the last setting that passes and the first that fails; what is found is tested once on
    fresh seeds, and that is the answer. The runs lie beside the study and are not repeated.

    \b
    Examples:
      iqf refine study.yaml --resolution 2
      iqf refine study.yaml --family jpeg --max-runs 40 --json
    """
    from iqf_core import ParameterError, Study
    from iqf_core.criterion import Criterion
    from iqf_report.refining import refine

    made = Study.from_file(study)
    known = {} if made.criterion is None else made.criterion.model_dump()
    given = {key: value for key, value in options.items() if value is not None}
    if not {"metric", "margin"} <= {*known, *given}:
        raise ParameterError("what decides? The study has no `criterion:`, so give --metric and --margin")
    criterion = Criterion.of({**known, **given})
    found = refine(
        made,
        criterion,
        resolution=resolution,
        max_runs=max_runs,
        families=families,
        confirm_repetitions=confirm_repetitions,
        run=_run,
    )
    if not as_json:
        click.echo("\n".join(one.said for one in found))
        return
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
    click.echo(json.dumps(rows, indent=1))


def _run(plan: Plan) -> None:
    """Run a plan with a line per run, on stderr."""
    from iqf_core.cli.running import Progress
    from iqf_core.runner import run_plan

    todo = len(plan.to_do())
    names = ", ".join(setting.label for setting in plan.settings() if setting.modifier is not None)
    click.echo(f"{plan.study.name}: {names}, {todo} runs to do", err=True)
    with Progress(todo) as listener:
        run_plan(plan, listener=listener)
