"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer the metric."""
    return []
