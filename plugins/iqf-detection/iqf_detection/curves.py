"""Precision and recall of weighted images, as the COCO evaluation defines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iqf_core import ParameterError
from iqf_detection.instances import Array
from iqf_detection.matching import IGNORED, TRUE
from iqf_detection.table import RANGES, states_of

if TYPE_CHECKING:
    import pandas as pd

RECALLS = np.linspace(0, 1, 101)
EPSILON = np.spacing(1)


@dataclass(frozen=True, slots=True)
class ClassRows:
    """One class of a table: its objects, and its detections by falling score.

    Parameters
    ----------
    name : str
        Of the class.
    image : ndarray of int, shape (n,)
        Index of the image of each detection.
    rank : ndarray of int, shape (n,)
        Among the detections of its image.
    score : ndarray, shape (n,)
        Falling.
    state : ndarray of uint8, shape (ranges, thresholds, n)
        Of detections.
    object_image : ndarray of int, shape (m,)
        Index of the image of each object.
    object_state : ndarray of uint8, shape (ranges, thresholds, m)
        Of objects.
    """

    name: str
    image: Array
    rank: Array
    score: Array
    state: Array
    object_image: Array
    object_state: Array

    def demanded(self, weights: Array, size: int) -> Array:
        """Weight of the objects that count in a range of size, of each row of ``weights``."""
        counted = self.object_state[size, 0] != IGNORED
        return np.asarray(weights[:, self.object_image[counted]].sum(axis=1))

    def precisions(self, weights: Array, size: int, thresholds: Sequence[int]) -> Array:
        """Precision at 101 recalls.

        Parameters
        ----------
        weights : ndarray of float, shape (samples, images)
            How often each image counts.
        size : int
            Index of the range of size.
        thresholds : sequence of int
            Indices of the thresholds of overlap.

        Returns
        -------
        ndarray, shape (samples, thresholds, 101)
            The largest precision at this recall or above it; 0 where that is not reached.
        """
        demanded = self.demanded(weights, size)[:, None]
        found = np.zeros((len(weights), len(thresholds), RECALLS.size))
        running: dict[bytes, Array] = {}
        for place, threshold in enumerate(thresholds):
            state = self.state[size, threshold]
            right = np.flatnonzero(state == TRUE)
            if not right.size:
                continue
            counted = state != IGNORED
            key = counted.tobytes()  # thresholds that ignore the same share what has gone before
            if key not in running:
                running[key] = np.cumsum(weights[:, self.image] * counted, axis=1)
            before, true = running[key][:, right], np.cumsum(weights[:, self.image[right]], axis=1)
            precision = true / ((before - true) + true + EPSILON)
            best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            with np.errstate(invalid="ignore"):  # nothing demanded: of no meaning, and left out by the caller
                recall = true / demanded
            found[:, place] = _at_recalls(best, recall)
        return found

    def recalls(self, weights: Array, size: int, limit: int) -> Array:
        """Share of objects that is found with so many detections an image: (samples, thresholds)."""
        right = (self.state[size] == TRUE) & (self.rank < limit)
        with np.errstate(invalid="ignore"):  # likewise
            return np.asarray(weights[:, self.image] @ right.T / self.demanded(weights, size)[:, None])


def _at_recalls(best: Array, recall: Array) -> Array:
    """Values of rising recalls, (samples, n), at the first that reaches each of `RECALLS`; 0 beyond."""
    samples, count = recall.shape
    reached = np.searchsorted(RECALLS, recall, side="right")  # how many of RECALLS lie at or below
    rows = np.arange(samples)[:, None]
    bins = RECALLS.size + 1
    histogram = np.bincount((rows * bins + reached).ravel(), minlength=samples * bins).reshape(samples, bins)
    first = np.cumsum(histogram, axis=1)[:, :-1]  # how many recalls reach fewer: index of the first that does
    return np.where(first < count, best[rows, np.minimum(first, count - 1)], 0.0)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A table of matches, laid out for `ClassRows`.

    Parameters
    ----------
    images : tuple of str
        Whose weights are given, in this order.
    classes : tuple of ClassRows
        Those of the ground truth and of the detections.
    """

    images: tuple[str, ...]
    classes: tuple[ClassRows, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, thresholds: int) -> Evaluated:
        """Lay out a table, the order of whose rows does not matter."""
        missing = {"kind", "image", "class", "class_order", "order", "rank", "score", *RANGES} - set(table)
        if missing:
            raise ParameterError(f"not a table of detections: no column {min(missing)!r}")
        images, index = np.unique(table["image"].astype(str).to_numpy(), return_inverse=True)
        kind = table["kind"].to_numpy()
        places = table["class_order"].to_numpy(float)
        names = table["class"].astype(str).to_numpy()
        order = np.lexsort((table["rank"], table["order"], -table["score"].fillna(0)))
        state = _states(table, thresholds)
        classes = []
        for place in np.unique(places[kind != "image"]):
            mine = order[places[order] == place]
            rows, objects = mine[kind[mine] == "detection"], mine[kind[mine] == "object"]
            classes.append(
                ClassRows(
                    name=names[mine[0]],
                    image=index[rows],
                    rank=table["rank"].to_numpy()[rows],
                    score=table["score"].to_numpy(float)[rows],
                    state=state[:, :, rows],
                    object_image=index[objects],
                    object_state=state[:, :, objects],
                )
            )
        return cls(tuple(images.tolist()), tuple(classes))

    def weights(self, given: Mapping[str, float] | None) -> Array:
        """Weights of the images as one sample, 1 where not given."""
        return np.array([[float((given or {}).get(image, 1.0)) for image in self.images]])


def _states(table: pd.DataFrame, thresholds: int) -> Array:
    found = np.full((len(RANGES), thresholds, len(table)), IGNORED, np.uint8)
    rows = (table["kind"] != "image").to_numpy()
    for index, name in enumerate(RANGES):
        texts = table[name][rows].astype(str)
        wrong = texts.str.len().to_numpy() != thresholds
        if wrong.any():
            raise ParameterError(
                f"the table was matched at {len(str(texts[wrong].iloc[0]))} thresholds of overlap, and "
                f"{thresholds} are asked for: match again"
            )
        found[index][:, rows] = states_of(texts, thresholds)
    return found
