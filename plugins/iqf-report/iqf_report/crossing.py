"""``iqf matrix``: what a variant loses for good, and what a model loses that has never seen the like."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import click

from iqf_core.cli.completing import study_names
from iqf_core.cli.talk import note, say

if TYPE_CHECKING:
    import pandas as pd

    from iqf_core import Results
    from iqf_report.evidence import Evidence

REFERENCE = "reference"
ALPHA = 0.05
"""Of the test whether training on a variant wins anything back."""


def crossing(
    results: Results, metric: str | None = None, *, better: Literal["higher", "lower"] | None = None
) -> pd.DataFrame:
    """Separate information lost from domain shift, for each variant of a study with ``matrix: true``.

    Parameters
    ----------
    results : Results
        Of the study.
    metric : str or None, optional
        Column of the results, or its end; that of the study's criterion unless given.
    better : {"higher", "lower"}, optional
        Where the metric does not say it itself; higher unless given.

    Returns
    -------
    pandas.DataFrame
        A row per variant: the means ``clean`` (reference on reference), ``unprepared`` (trained on the
        reference, tested on the variant), ``prepared`` (trained and tested on the variant); and, positive
        for a loss, ``information_lost`` (clean against prepared), ``domain_shift`` (prepared against
        unprepared: what training on the variant wins back), each with the standard error of its mean over
        repetitions (``…_se``; NaN for one repetition); ``p_value`` of a paired one-sided t test that nothing
        is won back. ``attrs["metric"]`` is the column, ``attrs["notes"]`` what a reader should know.

    Raises
    ------
    ParameterError
        When the study is no matrix, or has no reference or no value of the metric.
    """
    import pandas as pd

    from iqf_core import ParameterError

    evidence = _judged_by(results, metric, better)
    column, sign = evidence.column, evidence.sign
    cells = by_repetition(results, column)
    if (REFERENCE, REFERENCE) not in cells:
        raise ParameterError(f"{results.name}: the reference is not in it (`reference: true`)")
    tested = dict.fromkeys(name for _, name in _pairs(cells) if name != REFERENCE)
    complete = [name for name in tested if {(REFERENCE, name), (name, name)} <= set(cells)]
    table = pd.DataFrame([_row(cells, name, sign) for name in complete])
    table.attrs |= {"metric": column, "notes": evidence.caveats + evidence.notes}
    return table


def by_repetition(results: Results, column: str) -> pd.DataFrame:
    """A metric of every cell: a row per repetition, columns (trained on, tested on) in the study's order.

    Raises
    ------
    ParameterError
        When the study is no matrix.
    """
    import numpy as np

    from iqf_core import ParameterError

    table = results.dataframe()
    if "train_variant" not in table:
        raise ParameterError(
            f"{results.name}: not a matrix; `matrix: true` judges each model on every variant"
        )
    table = table[(table["status"] == "FINISHED") & np.isfinite(table[column].to_numpy(float))]
    if table.empty:
        raise ParameterError(f"{results.name}: {column} has no value in any run that ended well")
    cells: pd.DataFrame = table.pivot_table(
        index="repetition", columns=["train_variant", "variant"], values=column, sort=False
    )
    return cells.sort_index()


def means(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean of each cell: a row per variant that was trained on, a column per variant that was tested on."""
    table = cells.mean().unstack(level="variant", sort=False)
    order = list(dict.fromkeys(name for pair in _pairs(cells) for name in pair))
    return table.reindex(
        index=[n for n in order if n in table.index], columns=[n for n in order if n in table]
    )


def _pairs(cells: pd.DataFrame) -> list[tuple[str, str]]:
    """What was trained on, and what was tested on, of every cell."""
    return [(str(pair[0]), str(pair[1])) for pair in cells.columns.tolist()]


def _judged_by(results: Results, metric: str | None, better: Literal["higher", "lower"] | None) -> Evidence:
    """Column of the metric, and its direction."""
    from iqf_core import ParameterError
    from iqf_core.criterion import Criterion
    from iqf_report.evidence import Evidence as Made

    known = results.criterion() or {}
    asked = metric or known.get("metric")
    if asked is None:
        raise ParameterError(f"{results.name}: which metric? It has no `criterion:`, so give --metric")
    criterion = {"metric": asked, "margin": 0.0, "better": better or known.get("better")}
    return Made(results, Criterion.of(criterion))


def _row(cells: pd.DataFrame, name: str, sign: int) -> dict[str, Any]:
    from scipy import stats

    clean, unprepared = cells[REFERENCE, REFERENCE], cells[REFERENCE, name]
    prepared = cells[name, name]
    lost, shift = sign * (clean - prepared), sign * (prepared - unprepared)
    known = shift.dropna()
    tested = len(known) > 1 and known.std() > 0
    p_value = stats.ttest_1samp(known, 0, alternative="greater").pvalue if tested else float("nan")
    return {
        "variant": name,
        "clean": clean.mean(),
        "unprepared": unprepared.mean(),
        "prepared": prepared.mean(),
        "information_lost": lost.mean(),
        "information_lost_se": lost.sem(),
        "domain_shift": shift.mean(),
        "domain_shift_se": shift.sem(),
        "p_value": float(p_value),
    }


def said(row: dict[str, Any], metric: str) -> str:
    """One sentence of a row."""
    lost, shift, error = row["information_lost"], row["domain_shift"], row["domain_shift_se"]
    unseen = lost + shift
    change = f"{abs(unseen):.3g} {'worse' if unseen >= 0 else 'better'}"
    text = f"{row['variant']}: {metric} is {change} where the model has never seen the like"
    won = f"{shift:.3g}{_give_or_take(error)}"
    if row["p_value"] < ALPHA:
        gone = f"{lost:.3g}{_give_or_take(row['information_lost_se'])}"
        rest = f"{gone} is lost for good" if lost > 0 else f"nothing is lost for good ({gone})"
        return f"{text}; training on it wins back {won} (standard error), and {rest}."
    return f"{text}; training on it wins nothing back that could be told from chance ({won})."


def _give_or_take(error: float) -> str:
    """A standard error behind a number; empty where one repetition shows none."""
    return "" if math.isnan(error) else f" ± {error:.2g}"


@click.command()
@click.argument("study", shell_complete=study_names)
@click.option(
    "--metric", "-m", help="Column of the results, or its end, as ap_0.5. [default: the criterion's]"
)
@click.option("--better", type=click.Choice(["higher", "lower"]), help="Where the metric does not say it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(study: str, metric: str | None, better: Any, as_json: bool) -> None:
    """Tell, for each variant of a STUDY with `matrix: true`, information lost from domain shift.

    Shows what each model comes to on each variant, then a sentence for each variant.

    \b
    Examples:
      iqf matrix detection-matrix
      iqf matrix detection-matrix --metric ap_0.5 --json
    """
    from iqf_core.cli.tables import show_table
    from iqf_report.opening import study_of

    results = study_of(study)
    table = crossing(results, metric, better=better)
    for sentence in table.attrs["notes"]:
        note(f"Note: {sentence}.")
    if as_json:
        say(table.to_json(orient="records", indent=1, double_precision=15))
        return
    show_table(
        means(by_repetition(results, table.attrs["metric"])).reset_index(names="trained on \\ tested on")
    )
    for row in table.to_dict("records"):
        known = {str(name): value for name, value in row.items()}
        say(said(known, metric or str((results.criterion() or {})["metric"])))
