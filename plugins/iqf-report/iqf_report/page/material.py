"""What the sections of a report are made from, each read once."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iqf_core import ImageMetric, PairMetric, Results
from iqf_core import metric as make_metric
from iqf_core.errors import IqfError
from iqf_core.evaluate import GENERATED
from iqf_core.metrics import Metric, Output
from iqf_core.rates import RATES
from iqf_core.verification import VERIFY
from iqf_report.studied import on_own

if TYPE_CHECKING:
    import pandas as pd

    from iqf_report.deciding import Recommendation


@dataclass(frozen=True)
class Declared:
    """What a metric says of one of its outputs.

    Parameters
    ----------
    metric : Metric
        As the study has it.
    output : Output
        One of its outputs.
    """

    metric: Metric
    output: Output

    @property
    def of_images(self) -> bool:
        """Whether it measures the images themselves."""
        return isinstance(self.metric, ImageMetric | PairMetric)


@dataclass(frozen=True)
class Material:
    """A study, and what is decided of it.

    Parameters
    ----------
    results : Results
        Of its runs.
    answer : Recommendation or None
        None where nothing can be decided.
    undecided : str
        Then, why.
    command : str
        With which the report was made.
    remedy : str, optional
        What to do where nothing says by what the study is decided.
    """

    results: Results
    answer: Recommendation | None
    undecided: str = ""
    command: str = ""
    remedy: str = ""

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """A row per run that ended."""
        return self.results.dataframe()

    @functools.cached_property
    def finished(self) -> pd.DataFrame:
        """Runs that ended well; of a matrix, those of models on what they were trained on."""
        return on_own(self.table if self.table.empty else self.table[self.table["status"] == "FINISHED"])

    @property
    def failed(self) -> int:
        """How many of all runs that ended have failed."""
        return 0 if self.table.empty else int((self.table["status"] != "FINISHED").sum())

    @property
    def planned(self) -> int:
        """How many runs the study asks for."""
        return len(self.origin["runs"])

    @functools.cached_property
    def origin(self) -> dict[str, Any]:
        """What the study is made of."""
        return self.results.origin()

    @functools.cached_property
    def jobs(self) -> list[dict[str, Any]]:
        """What was asked of each setting, once each."""
        found: dict[str, dict[str, Any]] = {}
        for folder in self.results.runs():
            job = folder.job()
            found.setdefault(str(job.get("label")), job)
        return list(found.values())

    @functools.cached_property
    def declared(self) -> dict[str, Declared]:
        """Column of the results -> what its metric says of it."""
        specs = list(self.origin["study"].get("metrics") or [])
        specs += (self.origin["study"].get("verify") or {}).get("metrics", [])
        found: dict[str, Declared] = {}
        for spec in specs:
            try:
                metric = make_metric(spec)
            except IqfError:  # its plugin is not here: its columns are numbers like any other
                continue
            for output in metric.outputs:
                known = Declared(metric, output)
                name = f"{metric.label}.{output.name}"
                found |= {name: known, f"{GENERATED}{name}": known}
                found |= {f"{VERIFY}{name}.{when}": known for when in ("before", "after", "asked")}
        return found

    @functools.cached_property
    def metrics(self) -> list[str]:
        """Columns of metrics."""
        if self.table.empty:
            return []
        return [name for name in self.results.metrics() if self.table[name].notna().any()]

    @functools.cached_property
    def rate(self) -> str:
        """Column of what is to be small: the criterion's, or the first rate that there is; empty without."""
        wanted = [] if self.answer is None else [self.answer.criterion.cost]
        known = [name for name in (*wanted, *RATES) if name in self.finished]
        return next((name for name in known if self.finished[name].notna().any()), "")

    def short(self, column: str) -> str:
        """Name of a column for people: the shortest end that no other metric shares."""
        return shortest(column, tuple(map(str, self.table.columns)))


@functools.lru_cache(maxsize=4096)
def shortest(column: str, among: tuple[str, ...]) -> str:
    """The shortest end of a name, from one of its dots on, that is no other's.

    Examples
    --------
    >>> shortest("coco_detection-max3.ap_0.5", ("coco_detection-max3.ap_0.5", "snr.snr"))
    'ap_0.5'
    >>> shortest("snr.snr", ("snr.snr", "verify.snr.snr"))
    'snr.snr'
    """
    for place, character in reversed(list(enumerate(column))):
        if character != ".":
            continue
        end = column[place + 1 :]
        begins_with_digit = end[:1].isdigit()  # within a number, as in ap_0.5
        others = (one for one in among if one != column)
        if not begins_with_digit and not any(one == end or one.endswith(f".{end}") for one in others):
            return end
    return column
