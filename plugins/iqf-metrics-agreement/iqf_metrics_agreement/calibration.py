"""Expected calibration error: how far confidence and accuracy lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from iqf_metrics_agreement.coding import NO_PREDICTION
from iqf_metrics_agreement.confusion import Array, ratio

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the calibration error is made of.

    Parameters
    ----------
    judged : ndarray of bool, shape (rows,)
        Which rows have a prediction.
    unsaid : ndarray of bool, shape (rows,)
        Which of these have no probability.
    gaps : ndarray, shape (rows,)
        1 where the prediction is right, else 0, less its probability; 0 where it has none.
    bins : ndarray of int, shape (rows,)
        Bin of the probability.
    """

    judged: Array
    unsaid: Array
    gaps: Array
    bins: Array

    @classmethod
    def of(cls, table: pd.DataFrame, bins: int) -> Self:
        """From a table of matches; a bin holds its upper edge."""
        predicted = table["predicted"].astype(str).to_numpy()
        confidence = table["probability"].to_numpy(np.float64)
        judged = predicted != NO_PREDICTION
        right = predicted == table["label"].astype(str).to_numpy()
        gaps = np.where(judged & ~np.isnan(confidence), right - confidence, 0.0)
        edges = np.arange(1, bins) / bins
        return cls(judged, judged & np.isnan(confidence), gaps, np.searchsorted(edges, confidence))

    def error(self, weight: Array) -> Array:
        """Sum over the bins of their share times the difference of accuracy and mean confidence.

        Parameters
        ----------
        weight : ndarray, shape (samples, rows)
            Of one or many samples.

        Returns
        -------
        ndarray, shape (samples,)
            NaN where a prediction that counts has no probability, or nothing counts.
        """
        order = np.argsort(self.bins, kind="stable")
        _, starts = np.unique(self.bins[order], return_index=True)
        apart = np.add.reduceat((weight * self.gaps)[:, order], starts, axis=1)
        error = ratio(np.abs(apart).sum(axis=1), (weight * self.judged).sum(axis=1))
        return np.where((weight[:, self.unsaid] > 0).any(axis=1), np.nan, error)

    def reason(self, weight: Array) -> str:
        """Why there is none, for one sample of weights."""
        counted = weight > 0
        unsaid, judged = (int(np.count_nonzero(counted & rows)) for rows in (self.unsaid, self.judged))
        return f"{unsaid} of {judged} predictions have no probabilities"
