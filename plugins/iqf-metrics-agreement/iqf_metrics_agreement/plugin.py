"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer the metrics."""
    return [
        Component(
            "classification",
            "iqf_metrics_agreement.classification:Classification",
            "Predicted labels of images against the true ones",
        ),
        Component(
            "segmentation",
            "iqf_metrics_agreement.segmentation:Segmentation",
            "Predicted masks against the true ones",
        ),
    ]
