"""A run as a row: what its folder says, as parameters and metrics by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iqf_core.runfolder import RunFolder, read_json

Series = list[tuple[int, float]]


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
        "repetition": job.get("repetition"),
        "seed": job.get("seed"),
    }
    return {
        key: str(value)
        for key, value in {
            **named,
            **rest,
            **own,
            **job.get("hyperparameters", {}),
            **outcome.get("parameters", {}),
        }.items()
        if value is not None
    }


def metrics_of(folder: RunFolder, job: Mapping[str, Any], outcome: Mapping[str, Any]) -> dict[str, Series]:
    """Metrics of a run as series: the script's, the rates of its images, and what metrics measured.

    Parameters
    ----------
    folder : RunFolder
        Of the run.
    job, outcome : mapping
        Of that folder.
    """
    single = {**job.get("rates", {}), **measured_of(folder, job)}
    series: dict[str, Series] = {name: [(0, value)] for name, value in single.items()}
    series.update(
        {name: [(int(s), float(v)) for s, v in found] for name, found in outcome["metrics"].items()}
    )
    return series


def measured_of(folder: RunFolder, job: Mapping[str, Any]) -> dict[str, float]:
    """What metrics came to: of the images of the run's variant, and of what the script predicted."""
    values: dict[str, float] = {}
    shared = folder.path.parents[1] / "measurements" / str(job.get("measured", {}).get("identity", ""))
    for place in (shared, folder.tables):
        for file in sorted(place.glob("*.json")):
            values.update((read_json(file) or {}).get("values", {}))
    return values
