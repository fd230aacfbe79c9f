"""Tables that are kept with a run: CSV, read again as they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

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
        Of `kinds_of`. Text stays text, whatever it looks like, missing where it is empty; of other columns,
        what is not known is guessed.

    Raises
    ------
    ResultsError
        When the file is damaged or not there.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        for name in table:
            table[name] = _values(table[name].to_numpy(object), kinds.get(str(name), ""))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: the table of a run cannot be read ({error})") from error
    return table


def _values(texts: npt.NDArray[np.object_], kind: str) -> npt.NDArray[Any]:
    """Values of a column, exactly: pandas' own parser may miss the last bit of a number."""
    if kind in TEXT:
        return np.array([text or None for text in texts], object)
    if kind == "bool":
        return np.asarray(texts == "True")
    filled = np.array([text or "nan" for text in texts], str)
    if kind.startswith(("int", "uint")):
        return filled.astype(np.int64)
    try:
        return filled.astype(np.float64)
    except ValueError:
        if kind:
            raise
        return texts
