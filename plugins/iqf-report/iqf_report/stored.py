"""Where the runs of a study keep a metric's values image by image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from iqf_core import PredictionMetric
from iqf_core import metric as make_metric
from iqf_core.errors import IqfError
from iqf_core.metrics import Metric, Output
from iqf_core.tables import read_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Stored:
    """A metric of a run, with its table.

    Parameters
    ----------
    rows : pathlib.Path
        The table: of matches, or a row per image.
    metric : Metric
        As it judged this run.
    output : str
        Output of the metric.
    kinds : mapping of str to str
        Types of the columns.
    """

    rows: Path
    metric: Metric
    output: str
    kinds: Mapping[str, str]

    @property
    def better(self) -> Literal["higher", "lower", "none"]:
        """What the metric declares."""
        return self.declared.better

    @property
    def declared(self) -> Output:
        """The output, with its range."""
        return next(one for one in self.metric.outputs if one.name == self.output)

    def table(self) -> pd.DataFrame:
        """The table, whose groups are those of the dataset, or each image by itself."""
        table = read_table(self.rows, self.kinds)
        alone = table["image"].astype(str)
        return table.assign(image=alone, group=table["group"].fillna(alone).astype(str))

    def values(self, table: pd.DataFrame) -> pd.Series[Any] | None:
        """Value of each image where the metric is one of single images, None for matches."""
        if isinstance(self.metric, PredictionMetric):
            return None
        column = f"{self.metric.label}.{self.output}"
        return table.set_index("image")[column].astype(float)

    def sampled(self, table: pd.DataFrame, weights: np.ndarray[Any, Any], images: Sequence[str]) -> Any:
        """Output for many samples of weights of the images: (samples,)."""
        if not isinstance(self.metric, PredictionMetric):
            raise TypeError(f"{self.metric} is no metric of predictions")
        return np.asarray(self.metric.aggregate_many(table, weights, images, [self.output])[self.output])


def stored_in(folders: Iterable[Path], column: str) -> Stored | None:
    """What the first of some folders that holds the column keeps of it; None where none does.

    Parameters
    ----------
    folders : iterable of pathlib.Path
        Of tables or measurements.
    column : str
        Of the results.
    """
    for folder in folders:
        for file in sorted(folder.glob("*.json")):
            content = json.loads(file.read_bytes())
            if column not in content.get("values", {}):
                continue
            try:
                metric = make_metric(content["metric"])
            except (IqfError, KeyError):  # its plugin is gone: the column is a number like any other
                return None
            names = sorted((one.name for one in metric.outputs), key=len, reverse=True)
            output = next((name for name in names if column.endswith(f".{name}")), None)
            if output is None:
                return None
            kinds = content.get("columns", {"image": "str", "group": "str"})
            return Stored(file.with_suffix(".csv"), metric, output, kinds)
    return None
