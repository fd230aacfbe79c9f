"""A metric that stands in for those of other plugins: quick, crude, and there when this plugin is alone.

Copied into a folder on the path by the fixture ``plain_metric``, as an installer would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from iqf_core import Component, Image, ImageMetric, Missing, Output, hookimpl

IQF_API = 1
UNIT = "1"


class Plain(ImageMetric):
    """Slope of the image over its spread, and its level over its finest differences."""

    name: ClassVar[str] = "plain"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output(
            "rer", UNIT, "higher", 0, math.inf, "Root mean square of the slope over the standard deviation."
        ),
        Output("fwhm", UNIT, "lower", 0, math.inf, "Its inverse."),
        Output(
            "snr", UNIT, "higher", 0, math.inf, "Median over the standard deviation of second differences."
        ),
    )

    def measure(self, image: Image) -> Mapping[str, float]:
        """Of the first band, whose nodata is left out."""
        band = image.pixels[..., 0].astype(np.float64)
        holes = image.nodata_mask()
        if holes is not None:
            band[holes[..., 0]] = np.nan
        steps = [np.diff(band, axis=axis).ravel() for axis in (0, 1)]
        slopes = np.concatenate(steps)
        slopes = slopes[np.isfinite(slopes)]
        if slopes.size < 9 or not slopes.any():
            return self.missing("there is nothing to see")
        rer = math.sqrt(np.mean(slopes**2)) / float(np.nanstd(band))
        fine = np.diff(np.diff(band, axis=0), axis=1)
        noise = float(np.nanstd(fine)) / 2  # of four independent samples
        snr = float(np.nanmedian(band)) / noise if noise else Missing("there is no noise")
        return {"rer": rer, "fwhm": 1 / rer, "snr": snr}


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer it."""
    return [Component("plain", f"{__name__}:Plain", "Stands in for metrics of other plugins")]
