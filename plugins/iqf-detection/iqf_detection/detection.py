"""What both metrics of detections share: parameters, outputs, and the two steps."""

from __future__ import annotations

import abc
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pydantic

from iqf_core import Dataset, Missing, Output, ParameterError, PredictionMetric
from iqf_core.records import Thing
from iqf_detection.averages import TWELVE, averages
from iqf_detection.compare import compared
from iqf_detection.curves import Evaluated
from iqf_detection.ground import metres_a_pixel
from iqf_detection.instances import Array
from iqf_detection.matching import matched
from iqf_detection.operating import best_threshold, counted_at
from iqf_detection.predictions import detections_of
from iqf_detection.table import RANGES, table_of
from iqf_detection.truth import truth_of

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("iqf")

THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
AT_ONCE = 20_000_000
"""Samples times detections that are worked on at once."""


class Detection(PredictionMetric):
    """Base of the metrics of detections: a subclass says what a place is, and how two overlap."""

    outputs: ClassVar[tuple[Output, ...]] = (
        Output("ap", "1", "higher", 0, 1, "Average precision, mean over thresholds of overlap and classes."),
        Output("ap_0.5", "1", "higher", 0, 1, "Average precision at an overlap of 0.5, mean over classes."),
        Output("ap_0.75", "1", "higher", 0, 1, "Average precision at an overlap of 0.75, mean over classes."),
        Output("ap_small", "1", "higher", 0, 1, "Average precision of small objects."),
        Output("ap_medium", "1", "higher", 0, 1, "Average precision of medium objects."),
        Output("ap_large", "1", "higher", 0, 1, "Average precision of large objects."),
        Output("ar_1", "1", "higher", 0, 1, "Recall with one detection an image and class."),
        Output("ar_10", "1", "higher", 0, 1, "Recall with ten detections an image and class."),
        Output("ar_100", "1", "higher", 0, 1, "Recall with a hundred detections an image and class."),
        Output("ar_small", "1", "higher", 0, 1, "Recall of small objects with all detections that count."),
        Output("ar_medium", "1", "higher", 0, 1, "Recall of medium objects with all detections that count."),
        Output("ar_large", "1", "higher", 0, 1, "Recall of large objects with all detections that count."),
        Output("precision", "1", "higher", 0, 1, "Share of right ones among detections from the score on."),
        Output("recall", "1", "higher", 0, 1, "Share of objects found by detections from the score on."),
        Output("f1", "1", "higher", 0, 1, "Harmonic mean of precision and recall."),
        Output("score_threshold", "1", "none", 0, 1, "The score from which precision and recall count."),
        Output("objects", "1", "none", 0, math.inf, "Objects to be found, each with its image's weight."),
        Output("detections", "1", "none", 0, math.inf, "Detections that count, with their image's weight."),
        Output(
            "capped",
            "1",
            "lower",
            0,
            math.inf,
            "Images and classes that reached max_detections, weighted.",
        ),
    )

    max_detections: int = pydantic.Field(
        100, ge=1, le=100_000, description="detections of an image and class that count, best first"
    )
    iou_thresholds: tuple[float, ...] = pydantic.Field(
        THRESHOLDS, min_length=1, description="overlaps from which a detection is right"
    )
    area_sides: tuple[float, float] = pydantic.Field(
        (32.0, 96.0),
        description="sides of squares: smaller than the first is small, larger than the second large",
    )
    area_unit: Literal["px", "m"] = pydantic.Field("px", description="of area_sides")
    gsd_m: float | None = pydantic.Field(
        None, gt=0, description="metres a pixel, where area_unit is m and the georeference does not say"
    )
    classes: tuple[str, ...] = pydantic.Field(
        (), description="names of the classes that count; all unless given"
    )
    score_threshold: float | None = pydantic.Field(
        None, ge=0, le=1, description="of precision, recall and f1; chosen on validation.json unless given"
    )

    @pydantic.model_validator(mode="after")
    def _sound(self) -> Self:
        if not all(0 < threshold <= 1 for threshold in self.iou_thresholds):
            raise ValueError("iou_thresholds lie above 0 and at 1 at most")
        if list(self.iou_thresholds) != sorted(set(self.iou_thresholds)):
            raise ValueError("iou_thresholds rise, and no two are the same")
        if not 0 < self.area_sides[0] <= self.area_sides[1]:
            raise ValueError("area_sides are two lengths above 0, the smaller first")
        return self

    @abc.abstractmethod
    def shape(self, thing: Thing, image: Path) -> Sequence[Any]:
        """What stands for an object of an image: a box, or corners, in pixels."""

    @abc.abstractmethod
    def read(self, entry: dict[str, Any]) -> Sequence[Any]:
        """The same of a prediction; raises ValueError, with what to write instead."""

    @abc.abstractmethod
    def overlaps(self, found: Array, objects: Array, crowd: Array) -> Array:
        """Overlap of pairs, 0 to 1."""

    def match(self, predictions: Path, dataset: Dataset) -> pd.DataFrame:
        """Match detections with objects.

        Parameters
        ----------
        predictions : pathlib.Path
            As `iqf_detection.predictions.detections_of` reads it.
        dataset : Dataset
            With boxes or polygons.

        Returns
        -------
        pandas.DataFrame
            See `iqf_detection.table`.

        Raises
        ------
        OutputError
            Naming the index of the first unsound detection.
        DatasetError
            When the ground truth has no objects, or none in pixels.
        """
        truth = truth_of(dataset, self.shape, self.classes)
        found = detections_of(predictions, truth, self.read)
        pixel_m = self._pixel_m(dataset, truth.images)
        matches = matched(
            truth.objects,
            found,
            self.overlaps,
            thresholds=self.iou_thresholds,
            ranges=self._ranges(),
            scale=pixel_m if self.area_unit == "m" else np.ones(len(truth.images)),
            limit=self.max_detections,
        )
        table = table_of(matches, truth, self.judged_at, pixel_m)
        capped = table[(table["kind"] == "detection") & (table["rank"] == self.max_detections - 1)]
        if len(capped):
            images = capped["image"].nunique()
            log.warning(
                "%s: %d images reached max_detections=%d in a class, first %s: more may have been found",
                self.label, images, self.max_detections, capped["image"].iloc[0],
            )  # fmt: skip
        return table

    def aggregate(
        self, table: pd.DataFrame, weights: Mapping[str, float] | None = None
    ) -> Mapping[str, float]:
        """Outputs from the table of `match`; a weight counts an image so many times."""
        if not len(table):
            return self.missing("the table has no row")
        laid = Evaluated.of(table, len(self.iou_thresholds))
        weight = laid.weights(weights)
        values = self.twelve(laid, weight)
        found = {name: self._said(name, float(value[0])) for name, value in values.items()}
        return {**found, **counted_at(self, laid, weight[0])}

    def aggregate_many(
        self, table: pd.DataFrame, weights: Array, images: Sequence[str], outputs: Sequence[str]
    ) -> Mapping[str, Array]:
        """Outputs for many samples of weights at once: for a bootstrap over images.

        Parameters
        ----------
        table : pandas.DataFrame
            Of `match`.
        weights : ndarray of float, shape (samples, images)
            How often each image counts in each sample.
        images : sequence of str
            Whose weights these are; other images count once.
        outputs : sequence of str
            Which outputs.

        Returns
        -------
        mapping of str to ndarray, shape (samples,)
            NaN where nothing is demanded.
        """
        curves = [name for name in TWELVE if name in outputs]
        if set(outputs) - set(curves):
            return super().aggregate_many(table, weights, images, outputs)
        laid = Evaluated.of(table, len(self.iou_thresholds))
        place = {image: index for index, image in enumerate(images)}
        column = np.array([place.get(image, -1) for image in laid.images])
        padded = np.hstack([weights, np.ones((len(weights), 1))])[:, column]
        at_once = max(1, AT_ONCE // max(1, max((one.image.size for one in laid.classes), default=1)))
        parts = [
            self.twelve(laid, padded[first : first + at_once], curves)
            for first in range(0, len(padded), at_once)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in curves}

    def calibrate(self, table: pd.DataFrame) -> Self:
        """The same metric with the score threshold of the best F1 on another table (of validation images)."""
        if self.score_threshold is not None:
            return self
        laid = Evaluated.of(table, len(self.iou_thresholds))
        chosen = best_threshold(laid, self.judged_at)
        if chosen is None:
            log.warning("%s: no object or no detection to choose the score threshold by", self.label)
            return self
        return self.replaced(score_threshold=chosen)

    def compare(
        self,
        a: pd.DataFrame,
        b: pd.DataFrame,
        *,
        other: Self | None = None,
        scores: tuple[float, float] | None = None,
    ) -> pd.DataFrame:
        """List objects lost and gained, and false alarms that are new or gone, from ``a`` to ``b``.

        Parameters
        ----------
        a, b : pandas.DataFrame
            Of `match`, on the same images: untouched and as a variant, say.
        other : Detection or None, optional
            The metric as it was calibrated for ``b``, where that differs.
        scores : (float, float), optional
            From which detections of each count; each metric's ``score_threshold`` unless given.

        Returns
        -------
        pandas.DataFrame
            See `iqf_detection.compare.compared`.
        """
        first, second = scores or (self.score_threshold, (other or self).score_threshold)
        if first is None or second is None:
            raise ParameterError(
                "compare: give scores=(…, …), from which detections count, or score_threshold (a script that "
                "writes validation.json has it chosen)"
            )
        return compared(a, b, scores=(first, second), at=self.judged_at)

    def details(self, table: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Each class by itself, and the precision-recall curves."""
        from iqf_detection.details import per_class, precision_recall

        return {"classes": per_class(self, table), "curves": precision_recall(self, table)}

    @property
    def judged_at(self) -> int:
        """Index of the overlap at which precision, recall and lost objects count: 0.5, or the nearest."""
        return int(np.abs(np.array(self.iou_thresholds) - 0.5).argmin())

    def _ranges(self) -> list[tuple[float, float]]:
        small, large = (side**2 for side in self.area_sides)
        return [(0.0, 1e10), (0.0, small), (small, large), (large, 1e10)]

    def _pixel_m(self, dataset: Dataset, images: Sequence[str]) -> Array:
        """Metres a pixel of each image; NaN where nobody needs or says it."""
        if self.area_unit == "px":
            return np.full(len(images), math.nan if self.gsd_m is None else self.gsd_m)
        return np.array([metres_a_pixel(dataset.path(image), self.gsd_m) for image in images])

    def twelve(self, laid: Evaluated, weights: Array, names: Sequence[str] = TWELVE) -> dict[str, Array]:
        """Some of the twelve numbers, (samples,) each."""
        return averages(laid, weights, self.iou_thresholds, self.max_detections, names)

    def _said(self, name: str, value: float) -> float:
        """Value, or the reason why it is none."""
        if not math.isnan(value):
            return value
        for overlap in ("0.5", "0.75"):
            if name == f"ap_{overlap}" and not np.isclose(self.iou_thresholds, float(overlap)).any():
                return Missing(f"{overlap} is not among iou_thresholds")
        size = name.rpartition("_")[2]
        return Missing(f"no {size + ' ' if size in RANGES else ''}object of any weight is to be found")
