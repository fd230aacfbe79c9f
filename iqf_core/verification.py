"""Asked against achieved: a sample of images measured before and after a modifier."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic

from iqf_core import parallel
from iqf_core.errors import ParameterError
from iqf_core.metrics import ImageMetric, Missing
from iqf_core.metrics import metric as make_metric
from iqf_core.single import columns_of, measure_pair

if TYPE_CHECKING:
    from iqf_core.dataset import Dataset

VERIFY = "verify."
"""Before the names of columns: ``verify.sharpness.rer.before``, ``.after`` and ``.asked``."""


class Verify(pydantic.BaseModel):
    """What of a variant is measured before and after the modifier, and on how many images.

    Parameters
    ----------
    metrics : list of metric or spec
        Of images, such as ``["snr", "sharpness"]``.
    sample : int, optional
        How many images, evenly spread over the dataset.
    tolerance : float, optional
        How far, as a share of what a modifier was asked for (``target_rer`` and the like), the mean may lie
        from it before that is a warning.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    metrics: list[Any] = pydantic.Field(min_length=1)
    sample: int = pydantic.Field(8, ge=1, strict=True)
    tolerance: float = pydantic.Field(0.05, gt=0, allow_inf_nan=False)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _metrics_alone(cls, value: Any) -> Any:
        if isinstance(value, str | ImageMetric):
            return {"metrics": [value]}
        return {"metrics": list(value)} if isinstance(value, Sequence) else value

    @classmethod
    def of(cls, given: Verify | str | Sequence[Any] | Mapping[str, Any]) -> Verify:
        """Make one of what a user wrote.

        Raises
        ------
        ParameterError
            When it is not of the form above.
        """
        try:
            return cls.model_validate(given)
        except pydantic.ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(("verify", *map(str, fault["loc"])))
            raise ParameterError(f"{place}: {fault['msg'].removeprefix('Value error, ')}") from error

    def made(self) -> list[ImageMetric]:
        """The metrics.

        Raises
        ------
        ParameterError
            When one is not a metric of images.
        """
        metrics = [make_metric(spec) for spec in self.metrics]
        for one in metrics:
            if not isinstance(one, ImageMetric):
                raise ParameterError(
                    f"verify: {one.name} does not measure single images, so it has no value before the "
                    "modifier; put it under metrics"
                )
        return [one for one in metrics if isinstance(one, ImageMetric)]


class Change(pydantic.BaseModel):
    """What became of one output of a metric, as means over the images that have it before and after.

    Attributes
    ----------
    before, after : float or None
        None where no image has both.
    asked : float or None
        What the modifier was asked for, None where it was not.
    images, failed : int
        How many images count, and how many lack one of the two values.
    reason : str
        Why the first of these lacks it.
    """

    before: float | None
    after: float | None
    asked: float | None = None
    images: int
    failed: int = 0
    reason: str = ""

    def values(self) -> dict[str, float]:
        """``before``, ``after``, ``images`` and, where that was asked for, ``asked``; NaN: not known."""
        found = {"before": self.before, "after": self.after, "images": float(self.images)}
        known = {name: math.nan if value is None else value for name, value in found.items()}
        return known if self.asked is None else {**known, "asked": self.asked}


class Verified(pydantic.BaseModel):
    """What one metric says of a variant and of its source.

    Attributes
    ----------
    sample : int
        How many images were asked for.
    images : list of str
        Images of the variant that were measured.
    outputs : dict of str to Change
        Column (``snr.snr``) -> what became of it.
    """

    sample: int
    images: list[str]
    outputs: dict[str, Change]

    def values(self) -> dict[str, float]:
        """Columns of a table, such as ``verify.snr.snr.after``."""
        return {
            f"{VERIFY}{column}.{name}": value
            for column, change in self.outputs.items()
            for name, value in change.values().items()
        }


def verified(
    metric: ImageMetric,
    source: Dataset,
    variant: Dataset,
    pairs: Sequence[tuple[str, str]],
    asked: Mapping[str, float],
    *,
    sample: int,
    workers: int | None = None,
) -> Verified:
    """Measure a sample of images before and after.

    Parameters
    ----------
    metric : ImageMetric
        What is measured.
    source, variant : Dataset
        Before and after.
    pairs : sequence of (str, str)
        Image of the source, and what it became.
    asked : mapping of str to float
        Output of a metric -> what the modifier was asked for.
    sample : int
        How many of the pairs, evenly spread.
    workers : int or None, optional
        How many images at once.
    """
    chosen = [pairs[index] for index in np.unique(np.linspace(0, len(pairs) - 1, sample).round().astype(int))]
    reads = [
        (functools.partial(source.read, before), functools.partial(variant.read, after))
        for before, after in chosen
    ]

    def work(numbered: tuple[int, Any]) -> tuple[int, list[dict[str, float]]]:
        index, two = numbered
        return index, [measure_pair([metric], read, None) for read in two]

    found = dict(parallel.unordered(work, enumerate(reads), workers=workers))
    rows = [found[index] for index in range(len(chosen))]
    outputs = {
        column: _change([(before[column], after[column]) for before, after in rows], asked.get(output.name))
        for column, output in columns_of([metric]).items()
    }
    return Verified(sample=sample, images=[after for _, after in chosen], outputs=outputs)


def _change(pairs: Iterable[tuple[float, float]], asked: float | None) -> Change:
    both, reasons = [], []
    for pair in pairs:
        missing = [value for value in pair if math.isnan(value)]
        if missing:
            reasons.append(missing[0].reason if isinstance(missing[0], Missing) else "the metric gave NaN")
        elif all(map(math.isfinite, pair)):
            both.append(pair)
        else:
            reasons.append("an infinite value has no mean")
    means = np.mean(both, axis=0).tolist() if both else [None, None]
    return Change(
        before=means[0],
        after=means[1],
        asked=asked,
        images=len(both),
        failed=len(reasons),
        reason=reasons[0] if reasons else "",
    )


def drifts(values: Mapping[str, float], tolerance: float) -> list[str]:
    """One phrase for each output that lies farther than tolerated from what was asked for.

    Parameters
    ----------
    values : mapping of str to float
        Of `Verified.values`, and whatever else a row of a table holds.
    tolerance : float
        Of `Verify`.
    """
    said = []
    for name, asked in values.items():
        column = name.removeprefix(VERIFY).removesuffix(".asked")
        if name != f"{VERIFY}{column}.asked" or math.isnan(asked):
            continue
        after = values.get(f"{VERIFY}{column}.after", math.nan)
        if math.isnan(after):
            said.append(f"{column} {asked:.4g} was asked for, and could not be measured")
        elif abs(after - asked) > tolerance * abs(asked):
            share = f" ({100 * (after / asked - 1):+.1f} %)" if asked else ""
            said.append(f"{column} {asked:.4g} was asked for, and is {after:.4g}{share}")
    return said
