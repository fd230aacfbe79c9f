"""What outputs cannot say, from the same tables: the confusion matrix, and each class by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core import ParameterError
from iqf_metrics_agreement.coding import COLUMNS, NO_PREDICTION
from iqf_metrics_agreement.confusion import Array, Confusion, confusion_of, weights_of

if TYPE_CHECKING:
    import pandas as pd


def read_matches(path: str | Path) -> pd.DataFrame:
    """Read a table of matches that was stored: a study's ``runs/<key>/tables/classification.csv``.

    Labels are text, whatever they look like: to ``pandas.read_csv``, 01 is the number 1, and NA nothing.

    Parameters
    ----------
    path : str or pathlib.Path
        CSV file.

    Returns
    -------
    pandas.DataFrame
        As `Classification.match` or `Segmentation.match` gave it, to the last bit.

    Raises
    ------
    iqf_core.ParameterError
        When the file holds another table.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        for name, number in (("probability", float), ("pixels", int)):
            if name in table:
                table[name] = [number(text or "nan") for text in table[name]]
    except ValueError as error:
        raise ParameterError(f"{path}: no table of matches ({error})") from error
    lacking = [name for name in ("image", "group", *COLUMNS) if name not in table]
    if lacking:
        raise ParameterError(f"{path}: no table of matches, as it has no column {lacking[0]!r}")
    table["group"] = table["group"].where(table["group"] != "", None)
    return table


def confusion_matrix(table: pd.DataFrame, weights: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Confusion matrix of a table of matches.

    Parameters
    ----------
    table : pandas.DataFrame
        What `Classification.match` or `Segmentation.match` gave.
    weights : mapping of str to float, optional
        Of the images; 1 where not given.

    Returns
    -------
    pandas.DataFrame
        A row for each class of the truth, a column for each predicted one (``(no prediction)`` among them
        where images without one count as wrong); sums of weights, of pixels for segmentation.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": list("abc"), "label": list("xxy"), "predicted": list("xyy")})
    >>> confusion_matrix(table).loc["x"].tolist()
    [1.0, 1.0]
    """
    import pandas as pd

    found = _counted(table, weights)
    index = pd.Index(found.classes, name="label")
    matrix = pd.DataFrame(found.matrix, index=index, columns=pd.Index(found.classes, name="predicted"))
    return matrix.loc[found.present, (found.predicted > 0) | found.present]


def per_class(table: pd.DataFrame, weights: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Scores of each class of a table of matches.

    Parameters
    ----------
    table, weights
        As for `confusion_matrix`.

    Returns
    -------
    pandas.DataFrame
        A row for each class of the truth or the predictions: ``support`` and ``predicted`` (sums of weights),
        ``precision``, ``recall``, ``f1``, ``iou``, NaN where there is nothing to divide by; ``averaged`` says
        whether macro averages run over it, which is so when the truth has it.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": list("abc"), "label": list("xxy"), "predicted": list("xyz")})
    >>> per_class(table)["averaged"].tolist()
    [True, True, False]
    """
    import pandas as pd

    found = _counted(table, weights)
    rows = pd.DataFrame(
        {
            "support": found.support,
            "predicted": found.predicted,
            "precision": found.precision,
            "recall": found.recall,
            "f1": found.f1,
            "iou": found.iou,
            "averaged": found.present,
        },
        index=pd.Index(found.classes, name="class"),
    )
    return rows.drop(index=NO_PREDICTION, errors="ignore")


def class_tables(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Both tables without an index, as a study keeps them; none of a table without a row."""
    if table.empty:
        return {}
    matrix = confusion_matrix(table).rename_axis(index=r"label \ predicted", columns=None)
    return {"per_class": per_class(table).reset_index(), "confusion": matrix.reset_index()}


def row_weights(table: pd.DataFrame, weights: Mapping[str, float] | None) -> Array:
    """Weight of each row: its image's, times its pixels where it stands for some."""
    images, rows = weights_of(table, weights)
    return images[rows] * table["pixels"].to_numpy(float) if "pixels" in table else images[rows]


def _counted(table: pd.DataFrame, weights: Mapping[str, float] | None) -> Confusion:
    found = confusion_of(table, row_weights(table, weights))
    if found is None:
        raise ParameterError("no row of the table has any weight")
    return found
