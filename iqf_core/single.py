"""Measuring one image: every output of every metric has a value, or a reason why it has none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from iqf_core.image import Image
from iqf_core.metrics import ImageMetric, Metric, Missing, Output, PairMetric

Reader = Callable[[], Image]
"""Reads an image when it is called."""


def measure_pair(metrics: Sequence[Metric], read: Reader, read_reference: Reader | None) -> dict[str, float]:
    """All metrics of one image, and of it against its reference: column -> value."""
    try:
        image = read()
        needs = any(isinstance(one, PairMetric) for one in metrics)
        reference = read_reference() if needs and read_reference is not None else None
    except Exception as error:  # noqa: BLE001 - one unreadable image is a NaN with its reason, not the end
        return _columns({one: one.missing(_said(error)) for one in metrics})
    return _columns({one: _value(one, image, reference) for one in metrics})


def columns_of(metrics: Iterable[Metric]) -> dict[str, Output]:
    """Column of the table -> the output that it holds."""
    return {f"{one.label}.{output.name}": output for one in metrics for output in one.outputs}


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
