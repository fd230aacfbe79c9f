"""A run as a row: what its folder says, as parameters and metrics by name."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any

from iqf_core.runfolder import RunFolder, read_json

Series = list[tuple[int, float]]
COLUMNS = (
    "family",
    "variant",
    "train_variant",
    "knob",
    "repetition",
    "seed",
    "status",
    "reason",
    "duration_s",
    "key",
)
"""Of the table of runs, whatever the study."""


def column_of(hyperparameter: str) -> str:
    """Column of a hyper-parameter: its name, with dashes where the table has a column of that name."""
    return f"--{hyperparameter}" if hyperparameter in COLUMNS else hyperparameter


def cell_of(value: Any) -> Any:
    """Value of a hyper-parameter as a cell: a list as text, so that rows can be grouped by it."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def apart(name: str, taken: Container[str]) -> str:
    """Name of something that a script wrote: ``results.name`` where the name is taken."""
    return f"results.{name}" if name in taken else name


def parameters_of(job: Mapping[str, Any], outcome: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a run, ``ds_name`` first.

    Parameters
    ----------
    job, outcome : mapping
        Of `RunFolder`.
    """
    datasets = job.get("datasets", {})
    first: dict[str, Any] = next(iter(datasets.values()), {})
    named = {key: value for key, value in first.get("params", {}).items() if not isinstance(value, float)}
    rest = {
        f"{key}_{part}": value["params"]["ds_name"] for part, value in datasets.items() for key in ["ds_name"]
    }
    own = {
        "variant": job.get("label"),
        "family": job.get("family"),
        "train_variant": job.get("train_variant"),
        "repetition": job.get("repetition"),
        "seed": job.get("seed"),
    }
    asked = {**named, **rest, **own, **job.get("hyperparameters", {})}
    known = {key: str(value) for key, value in asked.items() if value is not None}
    written: dict[str, str] = outcome.get("parameters", {})
    return known | {apart(key, known): value for key, value in written.items() if known.get(key) != value}


def metrics_of(folder: RunFolder, job: Mapping[str, Any], outcome: Mapping[str, Any]) -> dict[str, Series]:
    """Metrics of a run as series: the script's, the rates of its images, and what metrics measured.

    Parameters
    ----------
    folder : RunFolder
        Of the run.
    job, outcome : mapping
        Of that folder.
    """
    single = {**job.get("rates", {}), **measured_of(folder)}
    series: dict[str, Series] = {name: [(0, value)] for name, value in single.items()}
    written = {
        apart(name, single): [(int(step), float(value)) for step, value in found]
        for name, found in outcome["metrics"].items()
    }
    return series | written


def measured_of(folder: RunFolder) -> dict[str, float]:
    """What metrics came to: of the images of the run's variant, and of what the script predicted."""
    values: dict[str, float] = {}
    for place in (folder.measurements, folder.tables):
        for file in sorted(place.glob("*.json")):
            values.update((read_json(file) or {}).get("values", {}))
    return values
