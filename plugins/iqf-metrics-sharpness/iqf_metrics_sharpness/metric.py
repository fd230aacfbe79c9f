"""The metric `sharpness` of datasets and studies, and what it shares with `niirs`."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, Literal

import pydantic

from iqf_core import Image, ImageMetric, Missing, Output, ParameterError, Trace
from iqf_metrics_sharpness.geojson import as_features, sharpness_of
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.picture import overlay
from iqf_metrics_sharpness.result import DirectionSharpness, Estimate, SharpnessResult

Better = Literal["higher", "lower", "none"]

MEASURES: tuple[tuple[str, str, Better, str], ...] = (
    ("rer", "1", "higher", "Relative edge response, per px"),
    ("fwhm", "px", "lower", "Full width at half maximum of the line spread"),
    ("mtf_nyquist", "1", "higher", "MTF at 0.5 cycles/px"),
    ("mtf_half_nyquist", "1", "higher", "MTF at 0.25 cycles/px"),
    ("mtf50", "cycles/px", "higher", "Frequency where the MTF is a half"),
    ("edge_snr", "1", "higher", "Contrast of the edges over their noise, median"),
    ("overshoot", "1", "lower", "How far the edge response leaves its plateaus, share of the contrast"),
)
WHERE = {"": "all edges", "_x": "normal along the rows", "_y": "along the columns", "_other": "oblique"}
FLAGS = {
    "clipped": ("clipped", "left out because a side is at full scale"),
    "nodata": ("nodata", "left out because they touch nodata"),
    "overshoot": ("overshoot", "that overshoot, as after sharpening"),
    "dark_at_zero": ("dark_at_zero", "with a dark side of value 0"),
    "jpeg_block": ("jpeg_blocks", "in bands that show JPEG blocks"),
}
NO_GSD = "the image has no georeference: give gsd_m="


def up(name: str, unit: str, better: Better, said: str) -> Output:
    """Output from 0 up."""
    return Output(name, unit, better, 0, math.inf, said)


def _outputs() -> Iterator[Output]:
    for name, unit, better, said in MEASURES:
        for to, where in WHERE.items():
            yield up(name + to, unit, better, f"{said}; {where}.")
    for to, where in WHERE.items():
        yield up("edges" + to, "1", "none", f"Edges measured, over the bands; {where}.")
    for name, unit, better, _ in MEASURES[:2]:
        yield up(f"{name}_low", unit, better, f"Lower end of the 95 % interval of {name}.")
        yield up(f"{name}_high", unit, better, f"Upper end of the 95 % interval of {name}.")
    yield up("rer_spread", "1", "none", "Standard deviation of the RER of single edges.")
    yield up("fwhm_spread", "px", "none", "Standard deviation of the FWHM of single edges.")
    yield up("fwhm_m", "m", "lower", "FWHM on the ground.")
    for name, (_, said) in FLAGS.items():
        yield up(f"{name}_edges", "1", "none", f"Edges {said}.")


class EdgeMetric(ImageMetric, EdgeOptions):
    """What both metrics share: the edges that are measured, and where they are.

    Parameters
    ----------
    bands : tuple of int, optional
        Numbers of bands, from 0; by default all but transparency.
    gsd_m : float, optional
        Ground sampling distance in metres; by default from the georeference.
    """

    bands: tuple[pydantic.NonNegativeInt, ...] | None = None
    gsd_m: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.model_validator(mode="after")
    def _possible(self) -> EdgeMetric:
        if self.bands == ():
            raise ValueError("bands=(): name at least one")
        try:
            EdgeOptions.checked(**self._edge_options())
        except ParameterError as error:
            raise ValueError(str(error).removeprefix("sharpness: ")) from None
        return self

    def measure(self, image: Image) -> Mapping[str, float]:
        """Measure one image."""
        return self._values(self._result(image))

    def trace(self, image: Image) -> Trace:
        """Measure one image, and tell its edges."""
        result = self._result(image)
        features = as_features(result, geo=image.geo)
        return Trace(self._values(result), features, partial(overlay, image, result))

    def _result(self, image: Image) -> SharpnessResult:
        return sharpness_of(image, gsd_m=self.gsd_m, bands=self.bands, **self._edge_options())

    def _edge_options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in EdgeOptions.model_fields}

    @abc.abstractmethod
    def _values(self, result: SharpnessResult) -> dict[str, float]:
        """Each output, from what was measured."""


class Sharpness(EdgeMetric):
    """Sharpness of an image from its own straight edges: see `iqf_metrics_sharpness.sharpness`.

    Means over the bands; counts are sums. Intervals are of 95 %, the measured bias of the method included.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.ndimage import gaussian_filter
    >>> picture = np.full((96, 96), 50.0)
    >>> picture[:, 48:] = 150.0
    >>> image = Image.from_array(gaussian_filter(picture, 1.0).round().astype(np.uint8))
    >>> found = Sharpness().measure(image)
    >>> round(found["fwhm"], 1), found["edges_x"] > 0, found["edges_y"]
    (2.4, True, 0.0)
    """

    name: ClassVar[str] = "sharpness"
    outputs: ClassVar[tuple[Output, ...]] = tuple(_outputs())

    def _values(self, result: SharpnessResult) -> dict[str, float]:
        found: dict[str, float] = {}
        for to in WHERE:
            part: DirectionSharpness = getattr(result, to.removeprefix("_") or "combined")
            for name, *_ in MEASURES:
                found[name + to] = or_reason(getattr(part, name).value, part, f"the edges give no {name}")
            found["edges" + to] = float(part.count)
        part = result.combined
        for name in ("rer", "fwhm"):
            estimate: Estimate = getattr(part, name)
            for end in ("low", "high"):
                found[f"{name}_{end}"] = or_reason(
                    getattr(estimate, end), part, f"the error of {name} is not known"
                )
            found[f"{name}_spread"] = or_reason(estimate.spread, part, "a single edge has no spread")
        found["fwhm_m"] = or_reason(result.fwhm_m, part, NO_GSD)
        flags = result.flags
        return found | {f"{name}_edges": float(flags[key]) for name, (key, _) in FLAGS.items()}


def or_reason(value: float, part: DirectionSharpness, otherwise: str) -> float:
    """Value, or why there is none."""
    return float(value) if math.isfinite(value) else Missing(part.reason or otherwise)
