"""``iqf recommend``, and the same in Python."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.completing import study_names
from iqf_core.cli.talk import say, say_as_it_is

if TYPE_CHECKING:
    from iqf_core import Results
    from iqf_core.criterion import Criterion
    from iqf_report.deciding import Recommendation

BY_IMAGE = {"classification": "accuracy", "coco_detection": "ap_0.5"}
"""Metrics that keep values image by image, for what is judged most often, and what to decide by."""


def recommend(
    results: Results | str | Path, criterion: Criterion | dict[str, Any] | None = None, **changes: Any
) -> Recommendation:
    """Say which setting of each family is the harshest that still does the job.

    Parameters
    ----------
    results : Results, str or pathlib.Path
        Of a study, as `iqf_core.open_results` opens them.
    criterion : Criterion or dict, optional
        The study's own ``criterion:`` unless given.
    **changes
        Keys of it to be set otherwise, such as ``metric="ap_0.5", margin=0.03``.

    Returns
    -------
    Recommendation
        ``exploratory`` says why where its error rate is not guaranteed.

    Raises
    ------
    ParameterError
        When there is no criterion, the results do not have its metric or cost, or the file that was given
        has another criterion than its results.
    """
    from iqf_core.criterion import Criterion as Made
    from iqf_report.asking import require
    from iqf_report.deciding import decide
    from iqf_report.looks import looked_at
    from iqf_report.opening import study_of

    opened = study_of(results)
    known = criterion.model_dump() if isinstance(criterion, Made) else (criterion or opened.criterion() or {})
    given = {"frozen": opened.is_frozen(), **known, **changes} if opened.is_frozen() else {**known, **changes}
    require(given, opened)
    made = Made.of(given)
    answer = decide(opened, made)
    tested = any(level.estimate is not None for one in answer.answers for level in one.levels)
    look = looked_at(opened, made, tested=tested)
    notes = (*answer.notes, *_ways_to_images(opened, answer), *([look.note] if look.note else []))
    return replace(answer, exploratory=look.exploratory, notes=notes)


def _ways_to_images(results: Results, answer: Recommendation) -> list[str]:
    """That values image by image are there, under another name, where repetitions alone were judged."""
    levels = [level for one in answer.answers for level in one.levels]
    alone = any(level.estimate and level.estimate.basis == "repetitions alone" for level in levels)
    if not alone or answer.column.partition(".")[0] in BY_IMAGE:
        return []
    asked = json.dumps(results.origin()["study"].get("metrics") or [])
    have = [f"`{name}.{output}`" for name, output in BY_IMAGE.items() if f'"{name}' in asked]
    if not have:  # the answer's own caveat says how to have them
        return []
    return [f"values image by image are there of {' and '.join(have)}: name it as the criterion's metric"]


@click.command()
@click.argument("study", shell_complete=study_names)
@click.option("--metric", help="Column of the results, or its end, as ap_0.5.")
@click.option("--margin", type=click.FloatRange(0), help="What may be lost.")
@click.option("--relative", is_flag=True, default=None, help="The margin is a share of the reference.")
@click.option(
    "--confidence", type=click.FloatRange(0.5, 1, min_open=True, max_open=True), help="[default: 0.95]"
)
@click.option("--cost", help="Column that is to be small. [default: bits_per_pixel]")
@click.option("--better", type=click.Choice(["higher", "lower"]), help="Where the metric does not say it.")
@click.option("--family", "families", multiple=True, help="Decide on this modifier alone; may be repeated.")
@click.option("--looks", type=click.IntRange(1), help="How often it is asked with more runs. [default: 1]")
@click.option("--frozen", is_flag=True, default=None, help="One trained model is judged.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a row per setting.")
def command(study: str, as_json: bool, as_csv: bool, **options: Any) -> None:
    """Say which setting of STUDY is the harshest that still does the job, and how sure that is.

    The study's `criterion:` counts; what is given here instead makes the answer exploratory. Each look at
    other runs by the study's own criterion is noted in looks.json, in the study's folder: also one at a study
    of which runs are still to be done, as soon as any setting of it can be tested. More of them than the
    criterion declares (`looks:`, 1) make the answer exploratory.

    \b
    Examples:
      iqf recommend textures
      iqf recommend textures --metric accuracy --margin 0.03
      iqf recommend study.yaml --metric ap_0.5 --margin 0.05 --relative --json
    """
    from iqf_report.saying import said

    if as_csv and as_json:
        raise click.UsageError("--json and --csv: give one of them")
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "families" in given:
        given["families"] = list(given["families"])
    answer = recommend(study, **given)
    if as_csv:
        say_as_it_is(answer.dataframe().to_csv(index=False))
    elif as_json:
        say(json.dumps(as_values(answer), indent=1))
    else:
        say(said(answer))


def as_values(answer: Recommendation) -> dict[str, Any]:
    """JSON values of an answer; null for what is not known."""
    from iqf_report.saying import said

    best = answer.best
    levels = [{str(k): _plain(v) for k, v in row.items()} for row in answer.dataframe().to_dict("records")]
    return {
        "study": answer.study,
        "criterion": answer.criterion.model_dump(mode="json"),
        "metric": answer.column,
        "better": answer.better,
        "alpha_per_family": answer.alpha,
        "reference": {"metric": _plain(answer.reference), "cost": _plain(answer.reference_cost)},
        "best": None if best is None or best.recommended is None else best.recommended.setting.variant,
        "recommended": {
            one.family.name: None if one.recommended is None else one.recommended.setting.variant
            for one in answer.answers
        },
        "front": [level.setting.variant for level in answer.front],
        "levels": levels,
        "exploratory": answer.exploratory,
        "notes": list(answer.notes),
        "text": said(answer),
    }


def _plain(value: Any) -> Any:
    """Value for JSON: NumPy's own types are none, and neither is NaN."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
