"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer the metric."""
    return [
        Component("snr", "iqf_metrics_snr.metric:Snr", "Signal-to-noise ratio, noise model and interval"),
    ]
