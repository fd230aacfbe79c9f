"""The metric `classification`: one label for each image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pydantic

from iqf_core import Dataset, DatasetError, Missing, Output, OutputError, PredictionMetric
from iqf_metrics_agreement.calibration import Calibration
from iqf_metrics_agreement.coding import NO_PREDICTION
from iqf_metrics_agreement.confusion import Array, Confusion, confusion_of, reasoned
from iqf_metrics_agreement.predictions import Entry, Unpredicted, predictions_of
from iqf_metrics_agreement.samples import Block, of_samples
from iqf_metrics_agreement.tables import class_tables, row_weights

if TYPE_CHECKING:
    import pandas as pd

SLACK = 0.05
"""By which probabilities may add up to more than 1: thirty that were rounded to two digits do, by 0.04."""


class Classification(PredictionMetric):
    """Agreement of predicted with true labels of images.

    Macro averages run over the classes that the truth has (in the images that have any weight): ``classes``
    counts them, ``classes_absent`` those that were predicted all the same. Per class: `per_class`.

    Parameters
    ----------
    bins : int
        Of the confidence, for the calibration error.
    unpredicted : {"refuse", "wrong"}
        What an image without a prediction is: an error, or a wrong one.

    References
    ----------
    .. [1] J. Cohen (1960), A coefficient of agreement for nominal scales, doi:10.1177/001316446002000104
    .. [2] K. H. Brodersen, C. S. Ong, K. E. Stephan, J. M. Buhmann (2010), The balanced accuracy and its
       posterior distribution, doi:10.1109/ICPR.2010.764
    .. [3] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger (2017), On calibration of modern neural networks,
       Proceedings of Machine Learning Research 70, 1321-1330

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": list("abc"), "label": list("xxy"), "predicted": list("xyy")})
    >>> values = Classification().aggregate(table.assign(probability=math.nan))
    >>> round(values["accuracy"], 3), values["balanced_accuracy"], values["classes"]
    (0.667, 0.75, 2.0)
    """

    name: ClassVar[str] = "classification"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("accuracy", "1", "higher", 0, 1, "Share of images whose label is right."),
        Output("balanced_accuracy", "1", "higher", 0, 1, "Recall, mean over the classes of the truth."),
        Output("macro_f1", "1", "higher", 0, 1, "F1, mean over the classes of the truth."),
        Output("cohen_kappa", "1", "higher", -1, 1, "How far the agreement is above that of chance."),
        Output("calibration_error", "1", "lower", 0, 1, "Expected difference of confidence and accuracy."),
        Output("n", "1", "none", 0, math.inf, "Images, each with its weight."),
        Output("classes", "1", "none", 0, math.inf, "Classes of the truth: the averages run over these."),
        Output("classes_absent", "1", "lower", 0, math.inf, "Classes predicted that the truth has not."),
    )

    bins: int = pydantic.Field(15, ge=1, le=1000, description="of the confidence, for calibration_error")
    unpredicted: Unpredicted = pydantic.Field(
        "refuse", description="an image without a prediction: refuse, or wrong"
    )

    def match(self, predictions: Path, dataset: Dataset) -> pd.DataFrame:
        """Match labels with the ground truth: a row per image.

        Returns
        -------
        pandas.DataFrame
            ``image``, ``group``, ``label``, ``predicted``, and ``probability``, that of the predicted label,
            NaN where none was given.

        Raises
        ------
        DatasetError
            When an image has no label in the ground truth.
        OutputError
            When predictions cannot be read or are not of the dataset's images.
        """
        import pandas as pd

        found = predictions_of(predictions, dataset, unpredicted=self.unpredicted)
        rows = []
        for record in dataset.records:
            if record.label is None:
                raise DatasetError(
                    f"{dataset.root}: no label for {record.image!r} in the ground truth; give it one, as in a"
                    " CSV with image_filename and label, or leave the image out"
                )
            entry = found.get(record.image)
            said = (NO_PREDICTION, math.nan) if entry is None else _read(predictions, entry)
            rows.append((record.image, record.group, str(record.label), *said))
        return pd.DataFrame(rows, columns=["image", "group", "label", "predicted", "probability"])

    def aggregate(
        self, table: pd.DataFrame, weights: Mapping[str, float] | None = None
    ) -> Mapping[str, float]:
        """Outputs from the table of `match`; a weight counts an image so many times."""
        weight = row_weights(table, weights)
        found = confusion_of(table, weight)
        if found is None:
            return self.missing("no image has any weight")
        calibration = Calibration.of(table, self.bins)
        error = float(calibration.error(weight[np.newaxis])[0])
        if math.isnan(error):
            error = Missing(calibration.reason(weight))
        return {**reasoned(_scores(found)), "calibration_error": error}

    def aggregate_many(
        self, table: pd.DataFrame, weights: Array, images: Sequence[str], outputs: Sequence[str]
    ) -> Mapping[str, Array]:
        """Outputs for many samples of weights, NaN where one cannot be said."""
        calibration = Calibration.of(table, self.bins)

        def values(block: Block) -> Mapping[str, Array]:
            return {**_scores(block.confusion), "calibration_error": calibration.error(block.rows)}

        return of_samples(values, table, weights, images, outputs)

    def compare(self, a: pd.DataFrame, b: pd.DataFrame, *, other: Self | None = None) -> pd.DataFrame:
        """List images that are labelled rightly in one of two tables of the same images alone."""
        rows = a.merge(b[["image", "predicted"]], on="image", suffixes=("", "_b"), validate="one_to_one")
        right, right_b = rows["predicted"] == rows["label"], rows["predicted_b"] == rows["label"]
        changed = rows[right != right_b]
        return changed.assign(
            change=right[changed.index].map({True: "lost", False: "gained"}), **{"class": changed["label"]}
        )[["change", "image", "group", "class"]]

    def details(self, table: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Each class by itself, and the confusion matrix."""
        return class_tables(table)


def _scores(found: Confusion) -> dict[str, Array]:
    return {
        "accuracy": found.accuracy,
        "balanced_accuracy": found.macro(found.recall),
        "macro_f1": found.macro(found.f1),
        "cohen_kappa": found.kappa,
        "n": found.total,
        "classes": found.present.sum(axis=-1),
        "classes_absent": found.absent.sum(axis=-1),
    }


def _read(path: Path, entry: Entry) -> tuple[str, float]:
    """Label and its probability, of a label alone or of a record."""
    if not isinstance(entry.value, dict):
        return _label(path, entry, entry.value), math.nan
    given = entry.value.get("probabilities")
    if given is None:
        return _label(path, entry, entry.value.get("label")), math.nan
    shares = _probabilities(path, entry, given)
    label = max(shares, key=shares.__getitem__)
    if entry.value.get("label") is not None:
        label = _label(path, entry, entry.value["label"])
    if label not in shares:
        raise OutputError(f"{path}: {entry.where}: label {label!r} has no probability among {sorted(shares)}")
    return label, shares[label]


def _label(path: Path, entry: Entry, value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or value in ("", NO_PREDICTION):
        raise OutputError(
            f"{path}: {entry.where}: {value!r} is no label; write a text or a whole number, alone or as"
            ' {"label": …}'
        )
    return str(value)


def _probabilities(path: Path, entry: Entry, given: Any) -> dict[str, float]:
    numbers = list(given.values()) if isinstance(given, dict) else []
    sound = all(isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n <= 1 for n in numbers)
    if not numbers or not sound or math.fsum(numbers) > 1 + SLACK:
        raise OutputError(
            f"{path}: {entry.where}: probabilities must be an object from class to a number from 0 to 1 that"
            " add up to 1 at most"
        )
    return {str(name): float(number) for name, number in given.items()}
