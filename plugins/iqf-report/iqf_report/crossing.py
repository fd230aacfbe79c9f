"""``iqf matrix``: what a variant loses for good, and what a model loses that has never seen the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    import pandas as pd

    from iqf_core import Results

REFERENCE = "reference"


def crossing(results: Results, metric: str, *, better: Literal["higher", "lower"] = "higher") -> pd.DataFrame:
    """Separate information lost from domain shift, for each variant of a study with ``matrix: true``.

    Parameters
    ----------
    results : Results
        Of the study.
    metric : str
        Column of the results, or its end.
    better : {"higher", "lower"}, optional
        Direction of the metric.

    Returns
    -------
    pandas.DataFrame
        A row per variant: the means ``clean`` (reference on reference), ``unprepared`` (trained on the
        reference, tested on the variant), ``prepared`` (trained and tested on the variant); and, positive
        for a loss, ``information_lost`` (clean against prepared), ``domain_shift`` (prepared against
        unprepared: what training on the variant wins back), each with the standard error of its mean over
        repetitions (``…_se``; NaN for one repetition).

    Raises
    ------
    ParameterError
        When the study is no matrix, or has no reference.
    """
    import pandas as pd

    from iqf_core import ParameterError
    from iqf_core.criterion import metric_column

    table = results.dataframe()
    if "train_variant" not in table:
        raise ParameterError(
            f"{results.name}: not a matrix; `matrix: true` judges each model on every variant"
        )
    table = table[table["status"] == "FINISHED"]
    column = metric_column(results.metrics(), metric)
    cells = table.pivot_table(index="repetition", columns=["train_variant", "variant"], values=column)
    if (REFERENCE, REFERENCE) not in cells:
        raise ParameterError(f"{results.name}: the reference is not in it (`reference: true`)")
    names = [str(name) for name in dict.fromkeys(table["variant"]) if name != REFERENCE]
    complete = [name for name in names if {(REFERENCE, name), (name, name)} <= set(cells)]
    return pd.DataFrame([_row(cells, name, 1 if better == "higher" else -1) for name in complete])


def _row(cells: pd.DataFrame, name: str, sign: int) -> dict[str, Any]:
    clean, unprepared = cells[REFERENCE, REFERENCE], cells[REFERENCE, name]
    prepared = cells[name, name]
    lost, shift = sign * (clean - prepared), sign * (prepared - unprepared)
    return {
        "variant": name,
        "clean": clean.mean(),
        "unprepared": unprepared.mean(),
        "prepared": prepared.mean(),
        "information_lost": lost.mean(),
        "information_lost_se": lost.sem(),
        "domain_shift": shift.mean(),
        "domain_shift_se": shift.sem(),
    }


def said(row: dict[str, Any], metric: str) -> str:
    """One sentence of a row."""
    lost, shift = row["information_lost"], row["domain_shift"]
    text = f"{row['variant']}: {metric} falls by {lost + shift:.3g} where the model has never seen the like"
    error = row["domain_shift_se"]
    if shift > 2 * error:
        return f"{text}; training on it wins back {shift:.3g} ± {error:.2g}, and {lost:.3g} is lost for good."
    chance = f"{shift:.3g} ± {error:.2g}"
    return f"{text}; training on it wins nothing back that could be told from chance ({chance})."


@click.command()
@click.argument("study")
@click.option("--metric", "-m", required=True, help="Column of the results, or its end, as ap_0.5.")
@click.option("--better", type=click.Choice(["higher", "lower"]), default="higher", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(study: str, metric: str, better: str, as_json: bool) -> None:
    """Tell, for each variant of a STUDY with `matrix: true`, information lost from domain shift.

    \b
    Examples:
      iqf matrix detection --metric ap_0.5
      iqf matrix detection --metric ap_0.5 --json
    """
    from iqf_core import ParameterError, Results, open_results

    results = open_results(study)
    if not isinstance(results, Results):
        raise ParameterError(f"{study}: not a study's folder")
    table = crossing(results, metric, better="higher" if better == "higher" else "lower")
    if as_json:
        click.echo(table.to_json(orient="records", indent=1, double_precision=15))
        return
    for row in table.to_dict("records"):
        click.echo(said({str(name): value for name, value in row.items()}, metric))
