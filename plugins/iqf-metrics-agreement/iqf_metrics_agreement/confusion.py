"""The confusion matrix of weighted matches, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from iqf_core import Missing, ParameterError
from iqf_metrics_agreement.coding import NO_PREDICTION, coded

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Confusion:
    """Weights of the truth's classes (rows) against the predicted ones (columns).

    Parameters
    ----------
    classes : tuple of str
        Those of the truth and those predicted, sorted; `NO_PREDICTION` may be among them.
    matrix : ndarray, shape (..., classes, classes)
        Sums of weights; of many samples of weights, a matrix for each. What is said below of a matrix is then
        said of each of them.
    """

    classes: tuple[str, ...]
    matrix: Array

    @property
    def total(self) -> Array:
        """All weight."""
        return np.asarray(self.matrix.sum(axis=(-2, -1)))

    @property
    def support(self) -> Array:
        """Weight of each class in the truth."""
        return np.asarray(self.matrix.sum(axis=-1))

    @property
    def predicted(self) -> Array:
        """Weight of each class in the predictions."""
        return np.asarray(self.matrix.sum(axis=-2))

    @property
    def right(self) -> Array:
        """Weight of each class where it is both."""
        return np.asarray(np.diagonal(self.matrix, axis1=-2, axis2=-1))

    @property
    def present(self) -> Array:
        """Which classes the truth has: those that macro averages run over."""
        return self.support > 0

    @property
    def absent(self) -> Array:
        """Which classes are predicted and not in the truth."""
        classes = np.array([name != NO_PREDICTION for name in self.classes])
        return np.asarray((self.predicted > 0) & ~self.present & classes)

    @property
    def accuracy(self) -> Array:
        """Share that is right; NaN without weight."""
        return ratio(self.right.sum(axis=-1), self.total)

    @property
    def recall(self) -> Array:
        """Share of each class of the truth that is found; NaN where there is none."""
        return ratio(self.right, self.support)

    @property
    def precision(self) -> Array:
        """Share of each predicted class that is right; NaN where there is none."""
        return ratio(self.right, self.predicted)

    @property
    def f1(self) -> Array:
        """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
        return ratio(2 * self.right, self.support + self.predicted)

    @property
    def iou(self) -> Array:
        """Intersection over union: TP / (TP + FP + FN)."""
        return ratio(self.right, self.support + self.predicted - self.right)

    @property
    def kappa(self) -> Array:
        """Cohen's kappa: 1 - what is wrong over what would be by chance, with the same shares of classes.

        Both are summed off the diagonal, as scikit-learn does: where nearly all is of one class, the
        differences of accuracies from 1 would have lost half of their digits. NaN where all is of one class.
        """
        wrong = 1 - np.eye(len(self.classes))
        shares = ratio(self.predicted, self.total[..., np.newaxis])
        chance = self.support[..., :, np.newaxis] * shares[..., np.newaxis, :] * wrong
        return np.asarray(1 - ratio((self.matrix * wrong).sum(axis=(-2, -1)), chance.sum(axis=(-2, -1))))

    def macro(self, values: Array) -> Array:
        """Mean over the classes of the truth; NaN without any."""
        there = self.present
        return ratio(np.where(there, values, 0).sum(axis=-1), there.sum(axis=-1))


def reasoned(values: Mapping[str, Array]) -> dict[str, float]:
    """Values of one matrix with any weight as numbers; only a kappa may be missing."""
    return {
        name: Missing("truth and predictions have one class, the same, so that chance is right too")
        if np.isnan(value)
        else float(value)
        for name, value in values.items()
    }


def confusion_of(table: pd.DataFrame, weight: Array) -> Confusion | None:
    """Confusion of rows with columns ``label`` and ``predicted``; None when no row has any weight.

    Rows of weight 0 are as if they were not there.
    """
    from sklearn.metrics import confusion_matrix

    if not weight.any():
        return None
    rows = coded(table)
    labels = np.arange(len(rows.classes) + 1)  # one more than there are: of a single one scikit-learn warns
    counted = confusion_matrix(rows.truth, rows.predicted, labels=labels, sample_weight=weight)
    matrix = np.asarray(counted[:-1, :-1], np.float64)
    seen = np.flatnonzero(matrix.any(axis=0) | matrix.any(axis=1))
    return Confusion(tuple(rows.classes[number] for number in seen), matrix[np.ix_(seen, seen)])


def weights_of(table: pd.DataFrame, weights: Mapping[str, float] | None) -> tuple[Array, Array]:
    """Weight of each image, in the order of their first rows, and the number of the image of each row.

    Raises
    ------
    iqf_core.ParameterError
        When a weight is negative or not finite.
    """
    import pandas as pd

    rows, names = pd.factorize(table["image"])
    images, given = names.tolist(), weights or {}
    found = np.array([given.get(image, 1.0) for image in images], np.float64)
    bad = ~np.isfinite(found) | (found < 0)
    if bad.any():
        image = images[int(np.argmax(bad))]
        raise ParameterError(f"weight {given[image]} of {image!r}: give finite numbers, at least 0")
    return found, rows


def ratio(part: Array, whole: Array) -> Array:
    """Ratio, NaN where there is nothing to divide by."""
    empty = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    return np.asarray(np.divide(part, whole, out=empty, where=whole > 0))
