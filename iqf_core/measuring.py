"""Measuring a dataset: a row per image, and what they come to."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iqf_core import parallel
from iqf_core.dataset import Dataset
from iqf_core.errors import ParameterError
from iqf_core.formats import finder
from iqf_core.full_scale import LARGEST, doubt_images, largest_sample
from iqf_core.image import Image
from iqf_core.metrics import ImageMetric, Metric, MetricSpec, Missing, Output, PairMetric
from iqf_core.metrics import metric as make_metric
from iqf_core.progress import track
from iqf_core.single import Reader, columns_of, measure_pair
from iqf_core.variant import Variant, open_with_manifest

if TYPE_CHECKING:
    import pandas as pd


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
    largest: dict[str, float] = {}
    pairs = [(functools.partial(_noted, opened, name, largest), partners.get(name)) for name in opened.images]
    found = parallel.unordered(
        lambda item: (item[0], measure_pair(made, *item[1])), enumerate(pairs), workers=workers
    )
    doing = f"{opened.name}: {', '.join(str(one) for one in made)}"
    values = dict(track(found, total=len(pairs), doing=doing, show=progress))
    doubt_images(str(opened.root), largest.values())
    keys = [(record.image, record.group) for record in opened.records]
    return tabulate(keys, [values[index] for index in range(len(pairs))], made)


def _noted(dataset: Dataset, name: str, largest: dict[str, float]) -> Image:
    """Read an image, and note its largest sample where nobody stated its full scale."""
    image = dataset.read(name)
    if dataset.white_of(name) is None:
        largest[name] = largest_sample(image).get(LARGEST, 0)
    return image


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


def _opened(dataset: Dataset | str | Path) -> Dataset:
    """Dataset of a path; a variant with its manifest, which knows the source of each image."""
    return dataset if isinstance(dataset, Dataset) else open_with_manifest(dataset)


def _refuse_unfit(metrics: Sequence[Metric], reference: Dataset | None) -> None:
    labels: dict[str, Metric] = {}
    for one in metrics:
        if labels.setdefault(one.label, one) != one:
            raise ParameterError(f"two metrics have the name {one.label}: measure them one after the other")
        if isinstance(one, PairMetric) and reference is None:
            raise ParameterError(f"{one.name} compares with a reference: give reference= (--reference)")
        if not isinstance(one, ImageMetric | PairMetric):
            raise ParameterError(f"{one.name} measures predictions, not images: use it in a study")


def _partners(dataset: Dataset, reference: Dataset) -> dict[str, Reader]:
    """Image -> reads the image of the reference that it is compared with.

    A reference of which nobody says the full scale has that of the dataset before any modifier.
    """
    sources = dataset.source_of if isinstance(dataset, Variant) else {}
    stated = reference if reference.white is not None else replace(reference, white=dataset.white)
    find = finder(reference.images)
    found = {name: find(sources.get(name, name)) for name in dataset.images}
    return {
        name: functools.partial(stated.read, partner)
        for name, partner in found.items()
        if partner is not None
    }
