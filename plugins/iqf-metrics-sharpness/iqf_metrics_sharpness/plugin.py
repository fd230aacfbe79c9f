"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer the metrics."""
    return [
        Component(
            "sharpness", "iqf_metrics_sharpness.metric:Sharpness", "RER, FWHM and MTF from natural edges"
        ),
        Component("niirs", "iqf_metrics_sharpness.niirs:Niirs", "NIIRS by GIQE-5 from measured edges"),
    ]
