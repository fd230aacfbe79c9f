"""What a metric is: a measurement with named outputs.

Three kinds: `ImageMetric` looks at one image, `PairMetric` at an image and its reference,
`PredictionMetric` at what a task predicted. Each declares its outputs. A value that cannot be measured is
`Missing`: NaN with a reason.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from iqf_core.image import Image
from iqf_core.parameters import Parametrised, create, parse_spec

if TYPE_CHECKING:
    import pandas as pd

    from iqf_core.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a metric.

    Parameters
    ----------
    name : str
        As it stands in the table.
    unit : str
        ``"DN"``, ``"px"``, ``"dB"``, ``"bit"``, or ``"1"``.
    better : {"higher", "lower", "none"}
        Direction of better.
    low, high : float
        Range of its values; infinite where it has no bound.
    description : str
        One plain sentence.
    """

    name: str
    unit: str
    better: Literal["higher", "lower", "none"]
    low: float
    high: float
    description: str


class Missing(float):
    """NaN that says why.

    Parameters
    ----------
    reason : str
        Why nothing could be measured.

    Examples
    --------
    >>> value = Missing("every pixel is nodata")
    >>> value != value, value.reason
    (True, 'every pixel is nodata')
    """

    reason: str

    def __new__(cls, reason: str) -> Missing:
        """Make a NaN."""
        value = super().__new__(cls, math.nan)
        value.reason = reason
        return value

    def __reduce__(self) -> tuple[type[Missing], tuple[str]]:
        return Missing, (self.reason,)


class Metric(Parametrised, abc.ABC):
    """Base of the three kinds.

    Attributes
    ----------
    name : str
        How users call it.
    outputs : tuple of Output
        What it gives.
    """

    outputs: ClassVar[tuple[Output, ...]]

    def missing(self, reason: str) -> dict[str, float]:
        """Every output as NaN, for the same reason."""
        return {output.name: Missing(reason) for output in self.outputs}


@dataclass(frozen=True, slots=True)
class Trace:
    """What was measured on an image, and where.

    Parameters
    ----------
    values : mapping of str to float
        What `ImageMetric.measure` gives for this image.
    features : mapping
        A GeoJSON FeatureCollection, without NaN.
    draw : callable
        Given a `pathlib.Path`, writes a PNG there that shows what was measured.
    """

    values: Mapping[str, float]
    features: Mapping[str, Any]
    draw: Callable[[Path], None]


class ImageMetric(Metric):
    """A metric of single images: implement `measure`, and `trace` where there is something to show."""

    @abc.abstractmethod
    def measure(self, image: Image) -> Mapping[str, float]:
        """Measure one image.

        Returns
        -------
        mapping of str to float
            A value for each output; `Missing` where it cannot be said.
        """

    def trace(self, image: Image) -> Trace | None:
        """Measure one image, and tell where on it: for ``iqf measure --edges``.

        Returns
        -------
        Trace or None
            None where the metric has no places; a metric that does not override this has none at all.
        """
        return None


class PairMetric(Metric):
    """A metric of an image against its reference: implement `compare`.

    Parameters
    ----------
    resample : bool, optional
        Resample the image to the reference's size where they differ (area where it shrinks, cubic where
        it grows; nodata has no part in it); without it such a pair is NaN.
    """

    resample: bool = False

    @abc.abstractmethod
    def compare(self, reference: Image, image: Image) -> Mapping[str, float]:
        """Compare two images of one size; values as for `ImageMetric.measure`."""

    def compare_any(self, reference: Image, image: Image) -> Mapping[str, float]:
        """Compare, after resampling where sizes differ and that was asked for."""
        if reference.bands != image.bands:
            return self.missing(f"{image.bands} band(s) against {reference.bands} in the reference")
        if (reference.height, reference.width) == (image.height, image.width):
            return self.compare(reference, image)
        if not self.resample:
            sizes = f"{image.width}x{image.height} against {reference.width}x{reference.height}"
            return self.missing(f"size {sizes} in the reference, and resample is not set")
        return self.compare(reference, _resampled(image, reference.height, reference.width))


class PredictionMetric(Metric):
    """A metric of predictions, in two steps, so that it can be bootstrapped.

    A mean average precision is no mean over images; so `match` does once what is costly, and `aggregate`
    can be called again with other weights of the images.
    """

    @abc.abstractmethod
    def match(self, predictions: Path, dataset: Dataset) -> pd.DataFrame:
        """Match predictions with the ground truth.

        Parameters
        ----------
        predictions : pathlib.Path
            ``output.json`` of a task.
        dataset : Dataset
            What was predicted, with its ground truth.

        Returns
        -------
        pandas.DataFrame
            Rows keyed by columns ``image`` and ``group``.

        Raises
        ------
        OutputError
            When the predictions cannot be read; names the index of the first offender.
        """

    @abc.abstractmethod
    def aggregate(
        self, table: pd.DataFrame, weights: Mapping[str, float] | None = None
    ) -> Mapping[str, float]:
        """Outputs from a table of matches; weights by image, 1 where not given."""

    def aggregate_many(
        self,
        table: pd.DataFrame,
        weights: npt.NDArray[np.float64],
        images: Sequence[str],
        outputs: Sequence[str],
    ) -> Mapping[str, npt.NDArray[np.float64]]:
        """Aggregate with many samples of weights, as a bootstrap over images does.

        Override it where that can be done at once; this calls `aggregate` for each.

        Parameters
        ----------
        table : pandas.DataFrame
            Of `match`.
        weights : ndarray of float, shape (samples, images)
            How often each image counts in each sample.
        images : sequence of str
            Whose weights these are.
        outputs : sequence of str
            Which outputs are asked for.

        Returns
        -------
        mapping of str to ndarray, shape (samples,)
            NaN where an output cannot be said.
        """
        rows = [self.aggregate(table, dict(zip(images, row, strict=True))) for row in weights.tolist()]
        return {name: np.array([float(row[name]) for row in rows]) for name in outputs}

    def calibrate(self, table: pd.DataFrame) -> Self:
        """Return the metric with what is chosen on validation images, such as a threshold; itself by default.

        Parameters
        ----------
        table : pandas.DataFrame
            Matches of the predictions for the validation part, which a task writes as ``validation.json``.
        """
        return self

    def compare(self, a: pd.DataFrame, b: pd.DataFrame, *, other: Self | None = None) -> pd.DataFrame:
        """List what one table gets right and another does not; nothing by default.

        Parameters
        ----------
        a, b : pandas.DataFrame
            Of `match` on the same images: untouched and as a variant, say.
        other : PredictionMetric or None, optional
            The metric as it was calibrated for ``b``, where that differs.

        Returns
        -------
        pandas.DataFrame
            A row per change: ``change`` (``lost``: right in ``a`` alone; ``gained``: right in ``b`` alone; or
            words of the metric's own), ``image``, and where they are known ``class``, ``size_px`` and the
            place in pixels of ``a``: ``x``, ``y``, ``width``, ``height``.
        """
        import pandas as pd

        return pd.DataFrame({"change": pd.Series(dtype=str), "image": pd.Series(dtype=str)})

    def details(self, table: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Further tables to be kept with a run, such as curves or each class by itself: name -> table."""
        return {}


MetricSpec = str | Mapping[str, Any] | Metric
"""What `metric` makes a metric of."""


def metric(spec: MetricSpec, **parameters: Any) -> Metric:
    """Make a metric of the active plugins.

    Parameters
    ----------
    spec : str, mapping or Metric
        A name, a call (``"snr(method='hb')"``) or ``{"snr": {"method": "hb"}}``.
    **parameters
        Parameters, when ``spec`` is a name.

    Raises
    ------
    UnknownComponent, AmbiguousComponent, BrokenComponent
        When the name cannot be resolved to one metric.
    ParameterError
        When a parameter is unknown or out of its range.

    Examples
    --------
    >>> [output.name for output in metric("basic").outputs][:2]
    ['min', 'max']
    """
    if isinstance(spec, Metric):
        return spec.replaced(**parameters) if parameters else spec
    name, written = parse_spec(spec)
    return create("metrics", name, {**written, **parameters}, base=Metric)


def _resampled(image: Image, height: int, width: int) -> Image:
    """Image of another size; nodata neither spreads nor has a part in what is valid.

    Near nodata each sample is the mean of the valid ones by their weights; it is nodata where these have
    less than half of the weight.
    """
    holes = image.nodata_mask()
    if holes is None or not holes.any():
        return replace(image, pixels=_resized(image.pixels, height, width), geo=None)
    weights = _resized((~holes).astype(np.float32), height, width)
    filled = np.where(holes, np.float32(0), image.pixels.astype(np.float32))
    values = _resized(filled, height, width) / np.where(weights < 0.5, np.float32(1), weights)
    if image.dtype.kind != "f":
        limits = np.iinfo(image.dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    pixels = values.astype(image.dtype)
    pixels[weights < 0.5] = image.nodata
    return replace(image, pixels=pixels, geo=None)


def _resized(pixels: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    import cv2

    shrinks = height < pixels.shape[0] and width < pixels.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    bands = [
        cv2.resize(pixels[..., band], (width, height), interpolation=way) for band in range(pixels.shape[2])
    ]
    return np.stack(bands, axis=-1)


class Basic(ImageMetric):
    """Range, mean, spread, entropy, saturated and nodata fraction of all samples of an image.

    Nodata samples count in ``nodata_fraction`` alone. The entropy is Shannon's, of the histogram of
    values, averaged over the bands (Shannon 1948, doi 10.1002/j.1538-7305.1948.tb01338.x).
    """

    name: ClassVar[str] = "basic"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("min", "DN", "none", -math.inf, math.inf, "Smallest sample."),
        Output("max", "DN", "none", -math.inf, math.inf, "Largest sample."),
        Output("mean", "DN", "none", -math.inf, math.inf, "Mean of the samples."),
        Output("std", "DN", "none", 0, math.inf, "Standard deviation of the samples."),
        Output("entropy", "bit", "none", 0, 16, "Entropy of the histogram of values, mean over the bands."),
        Output("saturated_fraction", "1", "lower", 0, 1, "Share of valid samples at or above full scale."),
        Output("nodata_fraction", "1", "lower", 0, 1, "Share of samples that are nodata."),
    )

    def measure(self, image: Image) -> Mapping[str, float]:
        """Measure one image."""
        holes = image.nodata_mask()
        valid = image.pixels.reshape(-1) if holes is None else image.pixels[~holes]
        nodata = 0.0 if holes is None else float(holes.mean())
        if valid.size == 0:
            return {**self.missing("every sample is nodata"), "nodata_fraction": nodata}
        return {
            "min": float(valid.min()),
            "max": float(valid.max()),
            "mean": float(valid.mean(dtype=np.float64)),
            "std": float(valid.std(dtype=np.float64)),
            "entropy": self._entropy(image, holes),
            "saturated_fraction": self._saturated(image, valid),
            "nodata_fraction": nodata,
        }

    @staticmethod
    def _entropy(image: Image, holes: np.ndarray[Any, Any] | None) -> float:
        if image.dtype.kind == "f":
            return Missing("the entropy of floating-point samples depends on the bins chosen")
        total = []
        for band in range(image.bands):
            values = image.pixels[..., band] if holes is None else image.pixels[..., band][~holes[..., band]]
            if values.size == 0:
                continue
            counts = np.bincount(values.reshape(-1).astype(np.int64) - int(values.min()))
            share = counts[counts > 0] / values.size
            total.append(float(-(share * np.log2(share)).sum()))
        return max(0.0, float(np.mean(total)))

    @staticmethod
    def _saturated(image: Image, valid: np.ndarray[Any, Any]) -> float:
        if image.white is None:
            return Missing("full scale is not known: give white=")
        return float((valid >= image.white).mean())
