"""Applying metrics to a study: to the images of a variant once, to what a script predicted run by run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iqf_core import parallel
from iqf_core.dataset import Dataset
from iqf_core.errors import OutputError
from iqf_core.formats import finder
from iqf_core.measuring import Measurements, measure, measure_pair, tabulate
from iqf_core.metrics import ImageMetric, Metric, Missing, PairMetric, PredictionMetric
from iqf_core.runfolder import RunFolder, write_json
from iqf_core.task import PREDICTIONS, kind_of_predictions


def measure_images(
    metrics: Sequence[Metric],
    dataset: Dataset,
    reference: Dataset,
    folder: Path,
    *,
    workers: int | None = None,
    progress: bool | None = None,
) -> None:
    """Measure the images that a task is judged on, unless that is done.

    Parameters
    ----------
    metrics : sequence of Metric
        Those of predictions are left out.
    dataset, reference : Dataset
        A variant, and the dataset that it was made of.
    folder : pathlib.Path
        Receives a table and an aggregate for each metric.
    workers, progress
        As for `measure`.
    """
    for one in metrics:
        if isinstance(one, ImageMetric | PairMetric) and not (folder / f"{one.label}.json").exists():
            found = measure(dataset, one, reference=reference, workers=workers, progress=progress)
            save(found, one, folder)


def evaluate_run(
    metrics: Sequence[Metric], run: RunFolder, dataset: Dataset, *, workers: int | None = None
) -> list[str]:
    """Apply metrics to what one run predicted, unless that is done.

    Parameters
    ----------
    metrics : sequence of Metric
        Prediction metrics; and, where the task generated images, image and pair metrics.
    run : RunFolder
        With its output.
    dataset : Dataset
        What was predicted, with its ground truth.

    Returns
    -------
    list of str
        One sentence for each metric that could not be applied.
    """
    predictions = run.output / PREDICTIONS
    if not predictions.is_file():
        return []
    generated: list[str] | None = None
    problems = []
    for one in metrics:
        if isinstance(one, PredictionMetric):
            if not (run.tables / f"{one.label}.json").exists():
                problems += _predicted(one, predictions, dataset, run.tables)
            continue
        generated = _generated(predictions) if generated is None else generated
        if generated and not (run.tables / f"output.{one.label}.json").exists():
            found = _measure_generated(one, run.output, generated, dataset, workers)
            save(found, one, run.tables, prefix="output.")
    return problems


def save(found: Measurements, one: Metric, folder: Path, *, prefix: str = "") -> None:
    """Write a table of images, and its mean, beside each other; the mean last."""
    folder.mkdir(parents=True, exist_ok=True)
    found.to_csv(folder / f"{prefix}{one.label}.csv")
    table = found.aggregate()
    reasons = {str(row.output): str(row.reason) for row in found.reasons.itertuples()}
    content = {
        "metric": one.spec(),
        "values": {f"{prefix}{name}": float(value) for name, value in table["mean"].items()},
        "failed": {f"{prefix}{name}": int(value) for name, value in table["failed"].items() if value},
        "reasons": {f"{prefix}{name}": reason for name, reason in reasons.items()},
    }
    write_json(folder / f"{prefix}{one.label}.json", content)


def _predicted(one: PredictionMetric, predictions: Path, dataset: Dataset, folder: Path) -> list[str]:
    """Match, aggregate and write; a metric that fails leaves NaN with the reason."""
    folder.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    try:
        table = one.match(predictions, dataset)
        table.to_csv(folder / f"{one.label}.csv", index=False)
        values: Mapping[str, float] = {**one.missing("the metric gave no value"), **one.aggregate(table)}
    except Exception as error:  # noqa: BLE001 - a metric may fail in any way; the run itself has not
        problems = [f"{one}: {type(error).__name__}: {error}"]
        values = one.missing(problems[0])
    content: dict[str, Any] = {
        "metric": one.spec(),
        "values": {f"{one.label}.{name}": float(value) for name, value in values.items()},
        "failed": {f"{one.label}.{name}": 1 for name, value in values.items() if math.isnan(value)},
        "reasons": {f"{one.label}.{n}": v.reason for n, v in values.items() if isinstance(v, Missing)},
    }
    write_json(folder / f"{one.label}.json", content)
    return problems


def _generated(predictions: Path) -> list[str]:
    """Paths of generated images, none when the task predicted something else."""
    try:
        value = json.loads(predictions.read_bytes())
    except ValueError as error:
        raise OutputError(f"{predictions}: not valid JSON ({error})") from error
    return [str(path) for path in value] if kind_of_predictions(value) == "images" else []


def _measure_generated(
    one: Metric, output: Path, images: Sequence[str], dataset: Dataset, workers: int | None
) -> Measurements:
    """Generated images against the untouched images of the same name, with or without suffix."""
    find = finder(dataset.images)
    partners = [find(Path(image).name) for image in images]
    pairs = [
        (output / image, None if partner is None else dataset.path(partner))
        for image, partner in zip(images, partners, strict=True)
    ]
    work = enumerate(pairs)
    found = dict(
        parallel.unordered(
            lambda item: (item[0], measure_pair([one], dataset.white, item[1])), work, workers=workers
        )
    )
    groups = {record.image: record.group for record in dataset.records}
    keys = [(image, groups.get(partner or "")) for image, partner in zip(images, partners, strict=True)]
    return tabulate(keys, [found[index] for index in range(len(images))], [one])
