"""Measuring a dataset: a row per image, and what they come to."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core import parallel
from iqf_core.dataset import Dataset
from iqf_core.errors import ParameterError
from iqf_core.formats import finder
from iqf_core.image import Image, read_image
from iqf_core.metrics import ImageMetric, Metric, Missing, Output, PairMetric
from iqf_core.metrics import metric as make_metric
from iqf_core.progress import track
from iqf_core.variant import Variant, open_with_manifest

if TYPE_CHECKING:
    import pandas as pd

MetricSpec = str | Mapping[str, Any] | Metric


@dataclass(frozen=True)
class Measurements:
    """What was measured of a dataset.

    Parameters
    ----------
    rows : pandas.DataFrame
        A row per image: ``image``, ``group``, and a column ``metric.output`` for each output.
    reasons : pandas.DataFrame
        A row per value that is missing: ``image``, ``output``, ``reason``.
    outputs : mapping of str to Output
        Column -> declaration.
    """

    rows: pd.DataFrame
    reasons: pd.DataFrame
    outputs: Mapping[str, Output]

    def aggregate(self) -> pd.DataFrame:
        """A row per output: mean, median, std (of the sample), count of images, and how many failed."""
        values = self.rows[list(self.outputs)].astype(float)
        with np.errstate(invalid="ignore"):  # an infinite value, such as the PSNR of equal images, has no std
            table = values.agg(["mean", "median", "std", "count"]).T
        table["count"] = table["count"].astype(int)
        table["failed"] = len(values) - table["count"]
        table["unit"] = [output.unit for output in self.outputs.values()]
        table.index.name = "output"
        return table

    def to_csv(self, path: str | Path) -> None:
        """Write the rows."""
        self.rows.to_csv(path, index=False)


def measure(
    dataset: Dataset | str | Path,
    metrics: MetricSpec | Sequence[MetricSpec],
    *,
    reference: Dataset | str | Path | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> Measurements:
    """Measure every image of a dataset.

    Parameters
    ----------
    dataset : Dataset, str or pathlib.Path
        What to measure.
    metrics : metric, spec, or sequence of them
        Image metrics, and pair metrics where there is a reference.
    reference : Dataset, str or pathlib.Path, optional
        What pair metrics compare with: matched through the variant's manifest, else by name with or
        without suffix.
    workers : int, optional
        How many images at once; one per processor unless given.
    progress : bool, optional
        Show a bar; by default on a terminal.

    Returns
    -------
    Measurements
        A value that could not be measured is NaN, with its reason: never an exception.

    Raises
    ------
    ParameterError
        When a pair metric has no reference, or a metric is of predictions.
    """
    opened = _opened(dataset)
    against = None if reference is None else _opened(reference)
    given = [metrics] if isinstance(metrics, str | Mapping | Metric) else list(metrics)
    made = [make_metric(spec) for spec in given]
    _refuse_unfit(made, against)
    partners = {} if against is None else _partners(opened, against)
    pairs = [(opened.path(name), partners.get(name)) for name in opened.images]
    reference_white = None if against is None else against.white
    work = functools.partial(measure_pair, made, opened.white, reference_white=reference_white)
    found = parallel.unordered(lambda item: (item[0], work(item[1])), enumerate(pairs), workers=workers)
    doing = f"{opened.name}: {', '.join(str(one) for one in made)}"
    values = dict(track(found, total=len(pairs), doing=doing, show=progress))
    keys = [(record.image, record.group) for record in opened.records]
    return tabulate(keys, [values[index] for index in range(len(pairs))], made)


def measure_pair(
    metrics: Sequence[Metric],
    white: float | None,
    pair: tuple[Path, Path | None],
    *,
    reference_white: float | None = None,
) -> dict[str, float]:
    """All metrics of one image, and of it against its reference: column -> value."""
    path, partner = pair
    try:
        image = read_image(path, white=white)
        needs = partner is not None and any(isinstance(one, PairMetric) for one in metrics)
        reference = read_image(str(partner), white=reference_white or white) if needs else None
    except Exception as error:  # noqa: BLE001 - one unreadable image is a NaN with its reason, not the end
        return _columns({one: one.missing(_said(error)) for one in metrics})
    return _columns({one: _value(one, image, reference) for one in metrics})


def tabulate(
    keys: Sequence[tuple[str, str | None]], values: Sequence[Mapping[str, float]], metrics: Sequence[Metric]
) -> Measurements:
    """Measurements from the values of each image."""
    import pandas as pd

    outputs = columns_of(metrics)
    rows = [
        {"image": image, "group": group, **{column: float(found[column]) for column in outputs}}
        for (image, group), found in zip(keys, values, strict=True)
    ]
    reasons = [
        {"image": image, "output": column, "reason": value.reason}
        for (image, _), found in zip(keys, values, strict=True)
        for column, value in found.items()
        if isinstance(value, Missing)
    ]
    return Measurements(
        pd.DataFrame(rows, columns=["image", "group", *outputs]),
        pd.DataFrame(reasons, columns=["image", "output", "reason"]),
        outputs,
    )


def columns_of(metrics: Iterable[Metric]) -> dict[str, Output]:
    """Column of the table -> the output that it holds."""
    return {f"{one.label}.{output.name}": output for one in metrics for output in one.outputs}


def _opened(dataset: Dataset | str | Path) -> Dataset:
    """Dataset of a path; a variant with its manifest, which knows the source of each image."""
    return dataset if isinstance(dataset, Dataset) else open_with_manifest(dataset)


def _value(one: Metric, image: Image, reference: Image | None) -> Mapping[str, float]:
    try:
        if isinstance(one, ImageMetric):
            found = one.measure(image)
        elif isinstance(one, PairMetric) and reference is not None:
            found = one.compare_any(reference, image)
        else:
            return one.missing("the reference has no image of this name")
        given = {name: _reasoned(value) for name, value in found.items()}
        return {**one.missing("the metric gave no value"), **given}
    except Exception as error:  # noqa: BLE001 - a metric may fail in any way; the reason goes into the table
        return one.missing(_said(error))


def _reasoned(value: float) -> float:
    """Value as a float; a bare NaN says at least that it is one."""
    if isinstance(value, Missing):
        return value
    number = float(value)
    return Missing("the metric gave NaN") if math.isnan(number) else number


def _columns(found: Mapping[Metric, Mapping[str, float]]) -> dict[str, float]:
    return {
        f"{one.label}.{output.name}": values[output.name]
        for one, values in found.items()
        for output in one.outputs
    }


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _refuse_unfit(metrics: Sequence[Metric], reference: Dataset | None) -> None:
    labels: dict[str, Metric] = {}
    for one in metrics:
        if labels.setdefault(one.label, one) != one:
            raise ParameterError(f"two metrics have the name {one.label}: measure them one after the other")
        if isinstance(one, PairMetric) and reference is None:
            raise ParameterError(f"{one.name} compares with a reference: give reference=")
        if not isinstance(one, ImageMetric | PairMetric):
            raise ParameterError(f"{one.name} measures predictions, not images: use it in a study")


def _partners(dataset: Dataset, reference: Dataset) -> dict[str, Path]:
    """Image -> file of the reference that it is compared with."""
    sources = dataset.source_of if isinstance(dataset, Variant) else {}
    find = finder(reference.images)
    found = {name: find(sources.get(name, name)) for name in dataset.images}
    return {name: reference.path(partner) for name, partner in found.items() if partner is not None}
