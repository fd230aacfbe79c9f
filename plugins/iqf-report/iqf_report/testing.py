"""Studies as `iqf run` leaves them, written without running anything.

For tests, for simulations, and for plugins that read results.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core import PredictionMetric, Results
from iqf_core import metric as make_metric
from iqf_core import modifier as make_modifier
from iqf_core.evaluate import file_stem
from iqf_core.metrics import Metric
from iqf_core.runfolder import RunFolder
from iqf_core.tables import kinds_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MadeTable:
    """What a metric made of a run.

    Parameters
    ----------
    metric : str or dict
        Spec of a metric.
    rows : pandas.DataFrame
        Of a `PredictionMetric` its matches; of another a row per image: ``image``, ``group`` and a column
        for each output, ``label.output``.
    """

    metric: Any
    rows: pd.DataFrame

    def save(self, folder: Path) -> None:
        """Write it as a run does."""
        made = make_metric(self.metric)
        folder.mkdir(parents=True, exist_ok=True)
        stem = file_stem(made)
        self.rows.to_csv(folder / f"{stem}.csv", index=False)
        content = {"metric": made.spec(), "columns": kinds_of(self.rows), "values": self._values(made)}
        _write(folder / f"{stem}.json", content)

    def _values(self, made: Metric) -> dict[str, float]:
        if isinstance(made, PredictionMetric):
            return {f"{made.label}.{name}": float(value) for name, value in made.aggregate(self.rows).items()}
        columns = [column for column in self.rows if str(column).startswith(f"{made.label}.")]
        return {str(column): float(self.rows[column].mean()) for column in columns}


@dataclass(frozen=True)
class MadeRun:
    """A run, and how it ended.

    Parameters
    ----------
    modifier : str, dict, list or None
        Spec; None for the reference.
    repetition : int
        From 0.
    written : mapping of str to float, optional
        What the script wrote.
    tables : sequence of MadeTable, optional
        What metrics made of it.
    rates : mapping of str to float, optional
        Such as ``bits_per_pixel``.
    seed : int or None, optional
        The repetition unless given.
    hyperparameters : mapping, optional
        Options of the script.
    reason : str, optional
        Of a failure.
    """

    modifier: Any
    repetition: int
    written: Mapping[str, float] = field(default_factory=dict)
    tables: tuple[MadeTable, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = -1
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    def save(self, folder: RunFolder) -> None:
        """Write it as a run does."""
        job = {
            **_described(json.dumps(self.modifier)),
            "repetition": self.repetition,
            "seed": self.repetition if self.seed == -1 else self.seed,
            "hyperparameters": dict(self.hyperparameters),
            "rates": dict(self.rates),
        }
        outcome = {
            "layout": 1,
            "status": "FAILED" if self.reason else "FINISHED",
            "reason": self.reason,
            "started": 0.0,
            "ended": 1.0,
            "metrics": {name: [[0, value]] for name, value in self.written.items()},
        }
        folder.path.mkdir(parents=True)
        for table in self.tables:
            table.save(folder.tables)
        _write(folder.path / "job.json", job)
        _write(folder.path / "outcome.json", outcome)


def write_study(
    folder: Path,
    runs: Iterable[MadeRun],
    *,
    criterion: Mapping[str, Any] | None = None,
    runs_before: int = 0,
    **study: Any,
) -> Results:
    """Write the folder of a study.

    Parameters
    ----------
    folder : pathlib.Path
        To be made; its name is the study's.
    runs : iterable of MadeRun
        In their order.
    criterion : mapping, optional
        As it stands in the study file.
    runs_before : int, optional
        How many runs had ended when it was first seen.
    **study
        Other keys of the study file.
    """
    keys = []
    for number, run in enumerate(runs):
        keys.append(f"{number:08d}")
        run.save(RunFolder(folder / "runs" / keys[-1]))
    content = {
        "layout": 1,
        "name": folder.name,
        "runs": keys,
        "study": {"hyperparameters": {}, "seed_argument": "seed", "criterion": criterion, **study},
        "criterion": criterion and {"criterion": criterion, "runs_before": runs_before},
    }
    _write(folder / "study.json", content)
    return Results(folder)


@functools.lru_cache(maxsize=1024)
def _described(spec: str) -> dict[str, Any]:
    """What a job says of a modifier, whose spec is JSON."""
    if spec == "null":
        return {"label": "reference", "family": "reference", "modifier": None, "knob": None}
    made = make_modifier(json.loads(spec))
    return {"label": made.label, "family": made.family, "modifier": made.spec(), "knob": made.knob_value}


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, allow_nan=True))
