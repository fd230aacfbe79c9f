"""Scores of detectors for IQF: COCO detection metrics, oriented boxes, the DOTA format, chips.

Every public name is here, imported on first use, so that looking for plugins costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_detection.coco import CocoDetection as CocoDetection
    from iqf_detection.compare import compared as compared
    from iqf_detection.conversion import convert as convert
    from iqf_detection.details import per_class as per_class
    from iqf_detection.details import precision_recall as precision_recall
    from iqf_detection.dota import DotaFormat as DotaFormat
    from iqf_detection.oriented import OrientedDetection as OrientedDetection
    from iqf_detection.tiles import Chips as Chips

_MODULE_OF = {
    "Chips": "tiles",
    "CocoDetection": "coco",
    "DotaFormat": "dota",
    "OrientedDetection": "oriented",
    "compared": "compare",
    "convert": "conversion",
    "per_class": "details",
    "precision_recall": "details",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
