"""Tables that are kept with a run: CSV, read again as they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.errors import ResultsError

if TYPE_CHECKING:
    import pandas as pd

TEXT = ("object", "str", "string", "category")


def kinds_of(table: pd.DataFrame) -> dict[str, str]:
    """Column -> type of its values, to be kept beside the CSV, which does not tell 01 from 1."""
    return {str(name): str(kind) for name, kind in table.dtypes.items()}


def read_table(path: Path, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Read a CSV as it was written.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    kinds : mapping of str to str
        Of `kinds_of`. Text stays text, whatever it looks like, None where it is empty; of other columns,
        what is not known is guessed.

    Raises
    ------
    ResultsError
        When the file is damaged or not there.
    """
    import pandas as pd

    texts = [name for name, kind in kinds.items() if kind in TEXT]
    try:
        header = pd.read_csv(path, nrows=0).columns
        numbers = [name for name in header if name not in texts]
        table = pd.read_csv(
            path,
            dtype=dict.fromkeys(texts, str),
            keep_default_na=False,
            na_values={name: ["", "nan", "NaN"] for name in numbers},
            float_precision="round_trip",
        )
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: the table of a run cannot be read ({error})") from error
    for name in texts:
        table[name] = table[name].astype(object).where(table[name] != "", None)
    return table
