"""The confusion matrix of weighted matches, and what it comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from iqf_core import Missing, ParameterError

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

NO_PREDICTION = "(no prediction)"
"""Stands for the prediction of an image that has none: no class, and always wrong."""


@dataclass(frozen=True)
class Confusion:
    """Weights of the truth's classes (rows) against the predicted ones (columns).

    Parameters
    ----------
    classes : tuple of str
        Those of the truth and those predicted, sorted; `NO_PREDICTION` may be among them.
    matrix : ndarray, shape (classes, classes)
        Sums of weights.
    """

    classes: tuple[str, ...]
    matrix: Array

    @property
    def support(self) -> Array:
        """Weight of each class in the truth."""
        return np.asarray(self.matrix.sum(axis=1))

    @property
    def predicted(self) -> Array:
        """Weight of each class in the predictions."""
        return np.asarray(self.matrix.sum(axis=0))

    @property
    def present(self) -> Array:
        """Which classes the truth has: those that macro averages run over."""
        return self.support > 0

    @property
    def absent(self) -> list[str]:
        """Classes that are predicted and not in the truth."""
        there = (self.predicted > 0) & ~self.present
        return [name for name, one in zip(self.classes, there, strict=True) if one and name != NO_PREDICTION]

    @property
    def accuracy(self) -> float:
        """Share that is right."""
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def recall(self) -> Array:
        """Share of each class of the truth that is found; NaN where there is none."""
        return _ratio(np.diag(self.matrix), self.support)

    @property
    def precision(self) -> Array:
        """Share of each predicted class that is right; NaN where there is none."""
        return _ratio(np.diag(self.matrix), self.predicted)

    @property
    def f1(self) -> Array:
        """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * np.diag(self.matrix), self.support + self.predicted)

    @property
    def iou(self) -> Array:
        """Intersection over union: TP / (TP + FP + FN)."""
        right = np.diag(self.matrix)
        return _ratio(right, self.support + self.predicted - right)

    @property
    def kappa(self) -> float:
        """Cohen's kappa: how far the accuracy is above that of chance, 1 at most."""
        total = self.matrix.sum()
        chance = float((self.support / total) @ (self.predicted / total))
        if math.isclose(chance, 1):
            return Missing(
                "kappa: truth and predictions have one class, the same, so that chance is right too"
            )
        return (self.accuracy - chance) / (1 - chance)

    def macro(self, values: Array) -> float:
        """Mean over the classes of the truth."""
        return float(values[self.present].mean())


def confusion_of(table: pd.DataFrame, weight: Array) -> Confusion | None:
    """Confusion of rows with columns ``label`` and ``predicted``; None when no row has any weight.

    Rows of weight 0 are as if they were not there.
    """
    import pandas as pd
    from sklearn.metrics import confusion_matrix

    counted = weight > 0
    if not counted.any():
        return None
    truth, predicted = (table[name].astype(str)[counted] for name in ("label", "predicted"))
    codes, found = pd.factorize(pd.concat([truth, predicted], ignore_index=True))
    classes = sorted(found, key=_natural)
    place = {name: number for number, name in enumerate(classes)}
    first, second = np.split(np.array([place[name] for name in found])[codes], 2)
    labels = np.arange(len(classes) + 1)  # one more than there are: of a single one scikit-learn warns
    matrix = confusion_matrix(first, second, labels=labels, sample_weight=weight[counted])
    return Confusion(tuple(classes), np.asarray(matrix[:-1, :-1], np.float64))


def weights_of(table: pd.DataFrame, weights: Mapping[str, float] | None) -> tuple[Array, Array]:
    """Weight of each image, in the order of their first rows, and the number of the image of each row.

    Raises
    ------
    iqf_core.ParameterError
        When a weight is negative or not finite.
    """
    import pandas as pd

    rows, images = pd.factorize(table["image"])
    given = weights or {}
    found = np.array([given.get(image, 1.0) for image in images], np.float64)
    bad = ~np.isfinite(found) | (found < 0)
    if bad.any():
        image = images[int(np.argmax(bad))]
        raise ParameterError(f"weight {given[image]} of {image!r}: give finite numbers, at least 0")
    return found, rows


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def _natural(name: str) -> tuple[int, int, str]:
    """Numbers in their order, then names in theirs."""
    number = name.removeprefix("-")
    return (0, int(name), name) if number.isascii() and number.isdigit() else (1, 0, name)
