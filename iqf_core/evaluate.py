"""Applying metrics to a study: to the images of a variant once, to what a script predicted run by run."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqf_core import parallel
from iqf_core.dataset import Dataset
from iqf_core.errors import IqfError, OutputError
from iqf_core.fingerprint import digest_of
from iqf_core.formats import finder
from iqf_core.image import read_image
from iqf_core.measuring import Measurements, measure, tabulate
from iqf_core.metrics import Metric, Missing, PredictionMetric
from iqf_core.parts import Part
from iqf_core.runfolder import RunFolder, read_json, write_json
from iqf_core.single import measure_pair
from iqf_core.tables import kinds_of
from iqf_core.task import PREDICTIONS, VALIDATION, kind_of_predictions
from iqf_core.variant import Variant
from iqf_core.verification import VERIFY, Verify

LONGEST = 120  # characters of a file's name: file systems allow 255 bytes
GENERATED = "output."
"""Before the names of what was measured of generated images."""


@dataclass(frozen=True)
class RunDatasets:
    """What a run was given, as it was and as the run saw it.

    Parameters
    ----------
    originals : mapping of Part to Dataset
        Part -> dataset before it was modified, with its ground truth.
    modified : callable
        Part -> dataset as the run saw it; called only where that is needed, since it may have to be made.
    measured : Part
        The part that the run is judged on.
    """

    originals: Mapping[Part, Dataset]
    modified: Callable[[Part], Dataset]
    measured: Part

    def truth(self, part: Part, run: RunFolder) -> Dataset:
        """Dataset whose ground truth predictions are held against: what followed the pixels if they moved."""
        moved = run.job()["datasets"][part].get("moved", False)
        return self.modified(part) if moved else self.originals[part]


def measure_run(
    metrics: Sequence[Metric],
    run: RunFolder,
    datasets: RunDatasets,
    *,
    verify: Verify | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> list[str]:
    """Apply metrics to a run that finished, unless that is done.

    Parameters
    ----------
    metrics : sequence of Metric
        Image and pair metrics see the images that the run was judged on, and those that it generated;
        prediction metrics what it predicted.
    run : RunFolder
        With its output.
    datasets : RunDatasets
        What it was given.
    verify : Verify or None, optional
        What was measured of the variant before and after, to be shown with the run.
    workers, progress
        As for `measure`.

    Returns
    -------
    list of str
        One sentence for each metric that could not be applied.
    """
    problems = []
    predictions, original = run.output / PREDICTIONS, datasets.originals[datasets.measured]
    for one in metrics:
        try:
            if isinstance(one, PredictionMetric):
                if not _is_done(run.tables, one):
                    _predicted(one, run, datasets)
                continue
            if not _is_done(run.measurements, one):
                variant = datasets.modified(datasets.measured)
                found = measure(variant, one, reference=original, workers=workers, progress=progress)
                save(found, one, run.measurements)
            if predictions.is_file() and not _is_done(run.tables, one, GENERATED):
                _measure_generated(one, run, original, workers)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's metric; the run has ended well
            problems.append(f"{one}: {said(error)}")
    if verify is not None:
        try:
            _save_verified(verify, run.measurements, datasets)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - likewise
            problems.append(f"verify: {said(error)}")
    return problems


def _save_verified(verify: Verify, folder: Path, datasets: RunDatasets) -> None:
    """Write what the manifest of a variant says, beside the measurements, where that is not done."""
    for one in verify.made():
        file = folder / f"{file_stem(one, VERIFY)}.json"
        if (read_json(file) or {}).get("sample") == verify.sample:
            continue
        variant = datasets.modified(datasets.measured)
        if not isinstance(variant, Variant) or variant.manifest is None:
            return
        found = variant.manifest.verified[str(one)]
        changes = found.outputs.items()
        content = {
            "metric": one.spec(),
            "sample": found.sample,
            "values": found.values(),
            "failed": {f"{VERIFY}{name}": change.failed for name, change in changes if change.failed},
            "reasons": {f"{VERIFY}{name}": change.reason for name, change in changes if change.failed},
        }
        write_json(file, content)


def said(error: BaseException) -> str:
    """What an error says; of one that is not ours, its kind too."""
    return str(error) if isinstance(error, IqfError) else f"{type(error).__name__}: {error}".rstrip(": ")


def file_stem(one: Metric, prefix: str = "") -> str:
    """Name of a metric's files: its label, fit for a file system."""
    plain = re.sub(r"[^\w.+=@-]+", "_", one.label)
    if plain == one.label and len(plain) <= LONGEST:
        return prefix + plain
    return f"{prefix}{plain[:LONGEST]}-{digest_of(one.label)[:8]}"


def _is_done(folder: Path, one: Metric, prefix: str = "") -> bool:
    found = read_json(folder / f"{file_stem(one, prefix)}.json")
    return found is not None and not found.get("again", False)


def save(found: Measurements, one: Metric, folder: Path, *, prefix: str = "") -> None:
    """Write a table of images, and its mean, beside each other; the mean last."""
    folder.mkdir(parents=True, exist_ok=True)
    found.to_csv(folder / f"{file_stem(one, prefix)}.csv")
    table = found.aggregate()
    reasons = {str(row.output): str(row.reason) for row in found.reasons.itertuples()}
    content = {
        "metric": one.spec(),
        "values": {f"{prefix}{name}": float(value) for name, value in table["mean"].items()},
        "failed": {f"{prefix}{name}": int(value) for name, value in table["failed"].items() if value},
        "reasons": {f"{prefix}{name}": reason for name, reason in reasons.items()},
    }
    write_json(folder / f"{file_stem(one, prefix)}.json", content)


def _predicted(one: PredictionMetric, run: RunFolder, datasets: RunDatasets) -> None:
    """Match, aggregate and write; a metric that fails leaves NaN with the reason, and is tried again."""
    folder, stem = run.tables, file_stem(one)
    folder.mkdir(parents=True, exist_ok=True)
    values: dict[str, float] = one.missing("the metric gave no value")
    failure: BaseException | None = None
    judge, kinds = one, {}
    try:
        if not (run.output / PREDICTIONS).is_file():
            raise OutputError(f"the script wrote no {PREDICTIONS}, which {one.name} judges")
        judge = _calibrated(one, run, datasets)
        table = judge.match(run.output / PREDICTIONS, datasets.truth(datasets.measured, run))
        table.to_csv(folder / f"{stem}.csv", index=False)
        kinds = kinds_of(table)
        for name, more in judge.details(table).items():
            more.to_csv(folder / f"{stem}.{name}.csv", index=False)
        given = judge.aggregate(table)
        values |= {n: v if isinstance(v := given[n], Missing) else float(v) for n in values if n in given}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a metric may fail in any way; the run has not
        failure = error
        values = one.missing(said(error))
    content: dict[str, Any] = {
        "metric": judge.spec(),
        "columns": kinds,
        "values": {f"{one.label}.{name}": float(value) for name, value in values.items()},
        "failed": {f"{one.label}.{name}": 1 for name, value in values.items() if math.isnan(value)},
        "reasons": {f"{one.label}.{n}": v.reason for n, v in values.items() if isinstance(v, Missing)},
        "again": failure is not None,
    }
    write_json(folder / f"{stem}.json", content)
    if failure is not None:
        raise failure


def _calibrated(one: PredictionMetric, run: RunFolder, datasets: RunDatasets) -> PredictionMetric:
    """The metric, with what it chooses on the predictions for the validation part where there are any."""
    predictions = run.output / VALIDATION
    if not predictions.is_file() or type(one).calibrate is PredictionMetric.calibrate:
        return one
    if "val" not in datasets.originals or datasets.measured == "val":
        raise OutputError(f"{predictions}: the study has no validation part beside the one that is judged")
    return one.calibrate(one.match(predictions, datasets.truth("val", run)))


def _generated(predictions: Path) -> list[str]:
    """Paths of generated images, none when the task predicted something else."""
    with predictions.open("rb") as file:
        if not re.match(rb'(\xef\xbb\xbf)?\s*\[\s*"', file.read(256)):
            return []  # a look at its beginning spares parsing a gigabyte of boxes
    try:
        value = json.loads(predictions.read_bytes())
    except ValueError as error:
        raise OutputError(f"{predictions}: not valid JSON ({error})") from error
    return [str(path) for path in value] if kind_of_predictions(value) == "images" else []


def _measure_generated(one: Metric, run: RunFolder, dataset: Dataset, workers: int | None) -> None:
    """Measure generated images against the untouched images of the same name, with or without suffix."""
    images = _generated(run.output / PREDICTIONS)
    if not images:
        return
    find = finder(dataset.images)
    partners = [find(Path(image).name) for image in images]
    pairs = [
        (
            functools.partial(read_image, run.output / image, white=dataset.white),
            None if partner is None else functools.partial(dataset.read, partner),
        )
        for image, partner in zip(images, partners, strict=True)
    ]
    found = dict(
        parallel.unordered(
            lambda item: (item[0], measure_pair([one], *item[1])), enumerate(pairs), workers=workers
        )
    )
    groups = {record.image: record.group for record in dataset.records}
    keys = [(image, groups.get(partner or "")) for image, partner in zip(images, partners, strict=True)]
    table = tabulate(keys, [found[index] for index in range(len(images))], [one])
    save(table, one, run.tables, prefix=GENERATED)
