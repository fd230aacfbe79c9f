"""IQF metrics of predictions against labels: classification and segmentation.

Every public name is here, imported on first use, so that looking for plugins costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_metrics_agreement.classification import Classification as Classification
    from iqf_metrics_agreement.segmentation import Segmentation as Segmentation
    from iqf_metrics_agreement.tables import confusion_matrix as confusion_matrix
    from iqf_metrics_agreement.tables import per_class as per_class
    from iqf_metrics_agreement.tables import read_matches as read_matches

_MODULE_OF = {
    "Classification": "classification",
    "Segmentation": "segmentation",
    "confusion_matrix": "tables",
    "per_class": "tables",
    "read_matches": "tables",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
