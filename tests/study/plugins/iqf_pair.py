"""A pair metric of a stranger's plugin."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from iqf_core import Component, Output, PairMetric, hookimpl

IQF_API = 1


class Distance(PairMetric):
    name: ClassVar[str] = "distance"
    outputs: ClassVar = (Output("mean", "DN", "lower", 0, 255, "Mean absolute difference."),)

    def compare(self, reference, image):
        return {"mean": float(np.abs(reference.pixels.astype(float) - image.pixels).mean())}


@hookimpl
def iqf_metrics():
    return [Component("distance", "iqf_pair:Distance", "Of a test")]
