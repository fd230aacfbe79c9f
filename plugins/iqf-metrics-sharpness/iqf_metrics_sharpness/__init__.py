"""Sharpness of images from their own edges: RER, FWHM, MTF; NIIRS by GIQE-5."""

from __future__ import annotations

from iqf_metrics_sharpness.giqe import giqe5
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.result import (
    BandSharpness,
    Curve,
    DirectionSharpness,
    EdgeResponse,
    Estimate,
    SharpnessResult,
)
from iqf_metrics_sharpness.sharpness import sharpness
from iqf_metrics_sharpness.table import EdgeTable

__all__ = [
    "BandSharpness",
    "Curve",
    "DirectionSharpness",
    "EdgeOptions",
    "EdgeResponse",
    "EdgeTable",
    "Estimate",
    "SharpnessResult",
    "giqe5",
    "sharpness",
]
