"""The metric `segmentation`: one label for each pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pydantic

from iqf_core import Dataset, DatasetError, Output, OutputError, PredictionMetric, Record
from iqf_metrics_agreement.coding import NO_PREDICTION
from iqf_metrics_agreement.confusion import Confusion, confusion_of, reasoned, weights_of
from iqf_metrics_agreement.masks import Array, counted_pairs, read_labels, truth_of
from iqf_metrics_agreement.predictions import Entry, Unpredicted, predictions_of
from iqf_metrics_agreement.samples import Block, of_samples
from iqf_metrics_agreement.tables import class_tables

if TYPE_CHECKING:
    import pandas as pd


class Segmentation(PredictionMetric):
    """Agreement of predicted with true masks, over the pixels of all images.

    Macro averages run over the classes that the truth has (in the images that have any weight): ``classes``
    counts them, ``classes_absent`` those that were predicted all the same. Per class: `per_class`.

    Parameters
    ----------
    ignore : int, optional
        Pixels whose true label is this do not count; nor do those that a true mask declares as nodata.
    unpredicted : {"refuse", "wrong"}
        What an image without a prediction is: an error, or wrong in every pixel.

    References
    ----------
    .. [1] M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman (2010), The PASCAL visual
       object classes challenge, doi:10.1007/s11263-009-0275-4
    .. [2] J. Cohen (1960), A coefficient of agreement for nominal scales, doi:10.1177/001316446002000104

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": ["a"] * 3, "label": [0, 0, 1], "predicted": [0, 1, 1]})
    >>> values = Segmentation().aggregate(table.assign(pixels=[6, 2, 2]))
    >>> values["overall_accuracy"], values["mean_iou"], values["classes"]
    (0.8, 0.625, 2.0)
    """

    name: ClassVar[str] = "segmentation"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("overall_accuracy", "1", "higher", 0, 1, "Share of pixels whose label is right."),
        Output("mean_iou", "1", "higher", 0, 1, "Intersection over union, mean over the truth's classes."),
        Output("macro_f1", "1", "higher", 0, 1, "F1, mean over the classes of the truth."),
        Output("kappa", "1", "higher", -1, 1, "How far the agreement is above that of chance."),
        Output("pixels", "px", "none", 0, math.inf, "Pixels that count, each with its image's weight."),
        Output("n", "1", "none", 0, math.inf, "Images with such pixels, each with its weight."),
        Output("classes", "1", "none", 0, math.inf, "Classes of the truth: the averages run over these."),
        Output("classes_absent", "1", "lower", 0, math.inf, "Classes predicted that the truth has not."),
    )

    ignore: int | None = pydantic.Field(None, description="true label of pixels that do not count")
    unpredicted: Unpredicted = pydantic.Field(
        "refuse", description="an image without a prediction: refuse, or wrong"
    )

    def match(self, predictions: Path, dataset: Dataset) -> pd.DataFrame:
        """Match masks with the ground truth: a row per image and pair of labels that occurs in it.

        Returns
        -------
        pandas.DataFrame
            ``image``, ``group``, ``label``, ``predicted``, ``pixels``; no row for an image of which no pixel
            counts.

        Raises
        ------
        DatasetError
            When an image has no mask in the ground truth, or none of labels.
        OutputError
            When predictions cannot be read or are not of the dataset's images, or a mask is missing, broken
            or of another size.
        """
        import pandas as pd

        found = predictions_of(predictions, dataset, unpredicted=self.unpredicted)
        rows = [
            (record.image, record.group, str(label), str(predicted), pixels)
            for record in dataset.records
            for label, predicted, pixels in self._pairs(predictions, dataset, record, found.get(record.image))
        ]
        return pd.DataFrame(rows, columns=["image", "group", "label", "predicted", "pixels"])

    def aggregate(
        self, table: pd.DataFrame, weights: Mapping[str, float] | None = None
    ) -> Mapping[str, float]:
        """Outputs from the table of `match`; a weight counts all pixels of an image so many times."""
        images, rows = weights_of(table, weights)
        found = confusion_of(table, images[rows] * table["pixels"].to_numpy(np.float64))
        if found is None:
            return self.missing("no image has any weight, or no pixel counts")
        return {**reasoned(_scores(found)), "n": float(images.sum())}

    def aggregate_many(
        self, table: pd.DataFrame, weights: Array, images: Sequence[str], outputs: Sequence[str]
    ) -> Mapping[str, Array]:
        """Outputs for many samples of weights, NaN where one cannot be said."""

        def values(block: Block) -> Mapping[str, Array]:
            return {**_scores(block.confusion), "n": block.images}

        return of_samples(values, table, weights, images, outputs)

    def details(self, table: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Each class by itself, and the confusion matrix."""
        return class_tables(table)

    def _pairs(
        self, predictions: Path, dataset: Dataset, record: Record, entry: Entry | None
    ) -> Iterator[tuple[int, int | str, int]]:
        path = truth_of(dataset, record)
        truth = read_labels(path, DatasetError, where=f"{dataset.root}: mask of {record.image!r}")
        counts = np.ones(truth.values.shape, bool) if truth.there is None else truth.there
        if self.ignore is not None:
            counts = counts & (truth.values != self.ignore)
        if entry is None:
            for label, pixels in zip(*np.unique(truth.values[counts], return_counts=True), strict=True):
                yield int(label), NO_PREDICTION, int(pixels)
            return
        predicted = _predicted(predictions, entry, truth.values.shape)
        yield from counted_pairs(truth.values[counts], predicted[counts])


def _scores(found: Confusion) -> dict[str, Array]:
    return {
        "overall_accuracy": found.accuracy,
        "mean_iou": found.macro(found.iou),
        "macro_f1": found.macro(found.f1),
        "kappa": found.kappa,
        "pixels": found.total,
        "classes": found.present.sum(axis=-1),
        "classes_absent": found.absent.sum(axis=-1),
    }


def _predicted(predictions: Path, entry: Entry, shape: tuple[int, ...]) -> Array:
    """Predicted labels of an image."""
    where = f"{predictions}: {entry.where}"
    written = entry.value.get("mask") if isinstance(entry.value, dict) else entry.value
    if not isinstance(written, str) or not written:
        raise OutputError(f'{where}: no path of a mask; write image -> path, or {{"image": …, "mask": path}}')
    path = predictions.parent / written
    if not path.is_file():
        raise OutputError(
            f"{where}: no file {path}; write the mask beside output.json, and its path from there"
        )
    labels = read_labels(path, OutputError, where=where).values
    if labels.shape != shape:
        size, wanted = (f"{width}x{height}" for height, width in (labels.shape, shape))
        raise OutputError(
            f"{where}: a mask of {size} pixels, where the ground truth has {wanted}; resample it"
        )
    return labels
