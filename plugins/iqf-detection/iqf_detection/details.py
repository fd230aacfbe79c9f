"""What outputs cannot say, from the same table: each class by itself, and the curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_detection.curves import RECALLS, ClassRows, Evaluated
from iqf_detection.instances import Array
from iqf_detection.operating import counted_at
from iqf_detection.table import RANGES

if TYPE_CHECKING:
    import pandas as pd

    from iqf_detection.detection import Detection


def per_class(
    metric: Detection, table: pd.DataFrame, weights: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """All outputs of each class.

    Parameters
    ----------
    metric : Detection
        That made the table.
    table : pandas.DataFrame
        Of its ``match``.
    weights : mapping of str to float, optional
        Of the images; 1 where not given.

    Returns
    -------
    pandas.DataFrame
        A row for each class of the ground truth or the detections, a column for each output; NaN where a
        class has no object.
    """
    import pandas as pd

    laid = Evaluated.of(table, len(metric.iou_thresholds))
    rows = []
    for one in laid.classes:
        alone = Evaluated(laid.images, (one,))
        weight = laid.weights(weights)
        values = metric.twelve(alone, weight)
        numbers = {name: float(value[0]) for name, value in values.items()}
        rows.append({"class": one.name, **numbers, **counted_at(metric, alone, weight[0])})
    names = [output.name for output in metric.outputs]
    return pd.DataFrame(rows, columns=["class", *names]).astype(dict.fromkeys(names, float))


def precision_recall(
    metric: Detection, table: pd.DataFrame, weights: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Precision at 101 recalls, of each class, size and overlap.

    Returns
    -------
    pandas.DataFrame
        Columns ``class``, ``size``, ``iou``, ``recall``, ``precision``; sizes without an object are left out.
    """
    import pandas as pd

    laid = Evaluated.of(table, len(metric.iou_thresholds))
    weight, every = laid.weights(weights), range(len(metric.iou_thresholds))
    parts = [
        _curve(metric, one, name, one.precisions(weight, size, every)[0])
        for one in laid.classes
        for size, name in enumerate(RANGES)
        if one.demanded(weight, size)[0] > 0
    ]
    columns = ["class", "size", "iou", "recall", "precision"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _curve(metric: Detection, one: ClassRows, size: str, precision: Array) -> pd.DataFrame:
    import pandas as pd

    count = len(metric.iou_thresholds)
    columns: dict[str, Any] = {
        "class": one.name,
        "size": size,
        "iou": np.repeat(np.round(metric.iou_thresholds, 10), RECALLS.size),
        "recall": np.tile(np.round(RECALLS, 10), count),
        "precision": precision.ravel(),
    }
    return pd.DataFrame(columns)
