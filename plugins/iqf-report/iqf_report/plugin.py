"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_commands() -> list[Component]:
    """Offer the decision, the report, and pictures."""
    return [
        Component("recommend", "iqf_report.recommend:command", "Which setting still does the job, how sure"),
        Component("report", "iqf_report.report:command", "The page for the person who must sign"),
        Component("refine", "iqf_report.refine:command", "Narrow the setting that still does, confirm it"),
        Component("matrix", "iqf_report.crossing:command", "Information lost against domain shift"),
        Component("plot", "iqf_report.plot:command", "A metric against the rate, by family"),
    ]
