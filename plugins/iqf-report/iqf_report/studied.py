"""The runs of a study, by one metric: their rows and columns, what they are of, and what ails them."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core import ParameterError, Results
from iqf_core.criterion import COST, Criterion, metric_column
from iqf_core.errors import did_you_mean
from iqf_core.metrics import Output
from iqf_core.runfolder import RunFolder
from iqf_report.families import Setting
from iqf_report.stored import Stored, stored_in
from iqf_report.wanted import wanted

if TYPE_CHECKING:
    import pandas as pd

HIGHER = "{} does not say which way is better: higher is taken to be (`better: lower` says otherwise)"


@dataclass
class Studied:
    """Runs of a study, looked at by one metric.

    Parameters
    ----------
    results : Results
        Of the study.
    criterion : Criterion
        By which it is decided.
    """

    results: Results
    criterion: Criterion
    notes: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    """What a reader should know before the answer."""

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """A row per run that ended."""
        table = self.results.dataframe()
        missing, planned = self._missing(len(table))
        if missing:
            self.caveats.append(f"{missing} of {planned} runs are not done yet")
        table = on_own(table)
        failed = len(table) and int((table["status"] != "FINISHED").sum())
        if failed == len(table):
            what = f"all {failed} that ended have failed ({self._why})" if failed else "`iqf run` first"
            raise ParameterError(f"{self.results.name}: no run has ended well yet; {what}")
        if failed:
            self.notes.append(f"{failed} of {len(table)} runs failed and do not count ({self._why})")
        return table

    def _missing(self, ended: int) -> tuple[int, int]:
        planned = len(self.results.origin()["runs"])
        return planned - ended, planned

    @property
    def _why(self) -> str:
        return f"`iqf results {self.results.name} --failed` says why"

    @functools.cached_property
    def good(self) -> pd.DataFrame:
        """Runs that ended well."""
        return self.table[self.table["status"] == "FINISHED"]

    @functools.cached_property
    def finished(self) -> pd.DataFrame:
        """Runs that ended well, with a value of the metric."""
        known = np.isfinite(self.good[self.column].to_numpy(float))
        if not known.all():
            count = int((~known).sum())
            self.notes.append(
                f"{self.criterion.metric} is NaN, infinite or was not written in {count} of {known.size} "
                "runs, which do not count"
            )
        rows: pd.DataFrame = self.good.loc[known]
        return rows

    @functools.cached_property
    def column(self) -> str:
        """Column of the metric."""
        known = {*self.results.hyperparameters(), "knob", "repetition", "seed", "duration_s"}
        column = metric_column([name for name in self._numbers if name not in known], self.criterion.metric)
        self.criterion.refuse_cost(column, self.criterion.cost)
        return column

    @functools.cached_property
    def cost_column(self) -> str | None:
        """Column of the cost; None where a study has none of the usual one, as one that only blurs."""
        known = [name for name in self._numbers if name not in ("repetition", "seed")]
        asked = self.criterion.cost
        found = [name for name in known if name == asked or name.endswith(f".{asked}")]
        if found and np.isfinite(self.good[found[0]].to_numpy(float)).any():
            column = metric_column(known, asked)
            self.criterion.refuse_cost(self.column, column)
            return column
        if asked == COST:
            return None
        raise ParameterError(
            f"cost: the results have no values of {asked!r}. "
            f"{did_you_mean(asked, [name for name in known if name not in found])}"
        )

    @property
    def _numbers(self) -> list[str]:
        return [str(name) for name in self.table.select_dtypes("number").columns]

    @functools.cached_property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        if self._declared is not None:
            self.criterion.refuse_margin(self._declared)
        declared = None if self._declared is None else self._declared.better
        better = self.criterion.direction(self.column, declared)
        if better is None:
            self.caveats.append(HIGHER.format(self.column))
        return -1 if better == "lower" else 1

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest value that the metric can have; infinite where nothing declares it."""
        declared = self._declared
        return (-math.inf, math.inf) if declared is None else (declared.low, declared.high)

    @functools.cached_property
    def _declared(self) -> Output | None:
        """What a metric of IQF says of the column; None for what the script writes."""
        folders = [self._folder(key) for key in self.good["key"].iloc[:1]]
        places = [*(folder.tables for folder in folders), *(folder.measurements for folder in folders)]
        stored = stored_in(places, self.column)
        return None if stored is None else stored.declared

    def settings(self) -> list[Setting]:
        """Settings that the study asks for, in its order: those too of which nothing has run."""
        asked = {(one.variant, one.hyperparameters): one for one in wanted(self.results)}
        found = {(one.variant, one.hyperparameters): one for one in self._ran()}
        kept = [found.get(key, one) for key, one in asked.items()]
        return kept + [one for key, one in found.items() if key not in asked]

    def _ran(self) -> list[Setting]:
        hyper = self.results.hyperparameters()
        found = []
        for row in self.table.drop_duplicates(["variant", *hyper]).to_dict("records"):
            knob = row["knob"]
            found.append(
                Setting(
                    variant=str(row["variant"]),
                    spec=self._folder(row["key"]).job().get("modifier"),
                    knob=None if knob is None or knob != knob else float(knob),
                    hyperparameters=tuple((name, row[name]) for name in hyper),
                )
            )
        return found

    def mean(self, setting: Setting) -> float:
        """Mean of the metric over the repetitions; NaN where there is none."""
        return float(self._runs(setting)[self.column].mean())

    def cost(self, setting: Setting) -> float:
        """Mean of the cost; NaN where the results do not have it."""
        column = self.cost_column
        return float("nan") if column is None else float(self._runs(setting)[column].mean())

    def ended(self, setting: Setting) -> int:
        """Runs of a setting that ended, well or not."""
        return len(self._every.get(_named(setting), []))

    def faults(self, setting: Setting) -> list[str]:
        """What ails the runs of a setting, each in half a sentence."""
        if not setting.ran:
            return [f"the runs of {setting.variant} are not done (`iqf run`)"]
        rows = self.table.loc[self._every.get(_named(setting), [])]
        failed = int((rows["status"] != "FINISHED").sum())
        count = f"{{}} of {len(rows)} runs of {setting.variant}"
        said = [f"{count.format(failed)} failed ({self._why})"] if failed else []
        values = rows.loc[rows["status"] == "FINISHED", self.column].to_numpy(float)
        for known, what in ((np.isnan(values), "NaN (or was not written)"), (np.isinf(values), "infinite")):
            if known.any():
                said.append(f"{self.criterion.metric} is {what} in {count.format(int(known.sum()))}")
        return said

    def never_differs(self) -> bool:
        """Whether every setting's repetitions, where there are some, come to one and the same value."""
        hyper = self.results.hyperparameters()
        values = self.finished.groupby(["variant", *hyper], dropna=False)[self.column].agg(
            ["count", "nunique"]
        )
        return bool((values["count"] > 1).any() and (values["nunique"] == 1).all())

    @functools.cached_property
    def _stored(self) -> Stored | None:
        return stored_in((self._folder(key).tables for key in self.finished["key"].iloc[:1]), self.column)

    def _folder(self, key: str) -> RunFolder:
        return RunFolder(self.results.folder / "runs" / str(key))

    def _by_repetition(self, setting: Setting) -> dict[int, float]:
        runs = self._runs(setting)
        return dict(zip(runs["repetition"].astype(int), runs[self.column].astype(float), strict=True))

    def _runs(self, setting: Setting) -> pd.DataFrame:
        return self.finished.loc[self._index.get(_named(setting), [])]

    @functools.cached_property
    def _index(self) -> dict[tuple[str, ...], list[Any]]:
        """Setting, as text -> rows of its runs that count."""
        return self._indexed(self.finished)

    @functools.cached_property
    def _every(self) -> dict[tuple[str, ...], list[Any]]:
        """The same of all its runs."""
        return self._indexed(self.table)

    def _indexed(self, rows: pd.DataFrame) -> dict[tuple[str, ...], list[Any]]:
        found: dict[tuple[str, ...], list[Any]] = {}
        keys = rows[["variant", *self.results.hyperparameters()]].astype(str)
        for row, named in zip(keys.index, keys.itertuples(index=False), strict=True):
            found.setdefault(tuple(named), []).append(row)
        return found


def on_own(table: pd.DataFrame) -> pd.DataFrame:
    """Runs of a matrix whose model was judged on what it was trained on; of any other study, all."""
    return table[table["train_variant"] == table["variant"]] if "train_variant" in table else table


def runs_of(table: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Rows of a setting."""
    mine = table["variant"] == setting.variant
    for name, value in setting.hyperparameters:
        mine &= table[name].astype(str) == str(value)
    return table[mine]


def _named(setting: Setting) -> tuple[str, ...]:
    return (setting.variant, *(str(value) for _, value in setting.hyperparameters))
