"""Sharpness of images from their own edges: RER, FWHM, MTF; NIIRS by GIQE-5.

Every public name is here, imported on first use, so that looking for plugins costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_metrics_sharpness.geojson import edges as edges
    from iqf_metrics_sharpness.giqe import giqe5 as giqe5
    from iqf_metrics_sharpness.ground import ground_sampling_distance as ground_sampling_distance
    from iqf_metrics_sharpness.measuring import sharpness as sharpness
    from iqf_metrics_sharpness.metric import Sharpness as Sharpness
    from iqf_metrics_sharpness.niirs import Niirs as Niirs
    from iqf_metrics_sharpness.options import EdgeOptions as EdgeOptions
    from iqf_metrics_sharpness.picture import overlay as overlay
    from iqf_metrics_sharpness.result import BandSharpness as BandSharpness
    from iqf_metrics_sharpness.result import Curve as Curve
    from iqf_metrics_sharpness.result import DirectionSharpness as DirectionSharpness
    from iqf_metrics_sharpness.result import EdgeResponse as EdgeResponse
    from iqf_metrics_sharpness.result import Estimate as Estimate
    from iqf_metrics_sharpness.result import SharpnessResult as SharpnessResult
    from iqf_metrics_sharpness.table import EdgeTable as EdgeTable

__all__ = [
    "BandSharpness",
    "Curve",
    "DirectionSharpness",
    "EdgeOptions",
    "EdgeResponse",
    "EdgeTable",
    "Estimate",
    "Niirs",
    "Sharpness",
    "SharpnessResult",
    "edges",
    "giqe5",
    "ground_sampling_distance",
    "overlay",
    "sharpness",
]

_MODULE_OF = {
    "EdgeOptions": "options",
    "EdgeTable": "table",
    "Niirs": "niirs",
    "Sharpness": "metric",
    "edges": "geojson",
    "giqe5": "giqe",
    "ground_sampling_distance": "ground",
    "overlay": "picture",
    "sharpness": "measuring",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF.get(name, 'result')}"), name)
