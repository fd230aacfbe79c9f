"""The hooks that a plugin may implement (plugin interface 2: `iqf_report_sections` is new in it).

A plugin is a light module named in the entry-point group ``iqf``. It states the interface that it
was written against, ``IQF_API = 2``, and returns components: names with an import path, so that
listing what there is imports nothing heavy. Adding a hook, an argument or a field raises
`API_VERSION` and keeps old plugins working; a break raises `OLDEST_API` and needs an ADR.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pluggy

PROJECT = "iqf"
API_VERSION = 2
OLDEST_API = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that a plugin offers.

    Parameters
    ----------
    name : str
        How users call it: lower case, digits, ``_`` and ``-``.
    target : str
        ``"package.module:attribute"``, imported on first use.
    summary : str
        One line for listings.
    requires : str, optional
        A requirement (PEP 508) that the component needs beyond its plugin's own dependencies, such as
        ``"glymur>=0.13"``; named in the error when the import fails.

    Examples
    --------
    >>> Component("jpeg", "iqf_modifiers_compression.jpeg:Jpeg", "JPEG round trip").name
    'jpeg'
    """

    name: str
    target: str
    summary: str
    requires: str = ""


@hookspec
def iqf_modifiers() -> Iterable[Component]:
    """Offer modifiers: targets are subclasses of `iqf_core.Modifier`.

    Examples
    --------
    A complete plugin module::

        from iqf_core import Component, hookimpl

        IQF_API = 1

        @hookimpl
        def iqf_modifiers():
            return [Component("invert", "my_plugin.invert:Invert", "Photographic negative")]
    """
    raise NotImplementedError


@hookspec
def iqf_metrics() -> Iterable[Component]:
    """Offer metrics: targets are subclasses of `ImageMetric`, `PairMetric` or `PredictionMetric`.

    Examples
    --------
    A complete plugin module::

        from iqf_core import Component, hookimpl

        IQF_API = 1

        @hookimpl
        def iqf_metrics():
            return [Component("contrast", "my_plugin.contrast:Contrast", "Standard deviation over mean")]
    """
    raise NotImplementedError


@hookspec
def iqf_task_executors() -> Iterable[Component]:
    """Offer executors: targets are subclasses of `iqf_core.TaskExecutor`.

    Examples
    --------
    A complete plugin module::

        from iqf_core import Component, hookimpl

        IQF_API = 1

        @hookimpl
        def iqf_task_executors():
            return [Component("slurm", "my_plugin.slurm:SlurmExecutor", "Jobs on a Slurm cluster")]
    """
    raise NotImplementedError


@hookspec
def iqf_dataset_formats() -> Iterable[Component]:
    """Offer dataset formats: targets are subclasses of `iqf_core.DatasetFormat`.

    Examples
    --------
    A complete plugin module::

        from iqf_core import Component, hookimpl

        IQF_API = 1

        @hookimpl
        def iqf_dataset_formats():
            return [Component("yolo", "my_plugin.yolo:YoloFormat", "One text file of boxes per image")]
    """
    raise NotImplementedError


@hookspec
def iqf_commands() -> Iterable[Component]:
    """Offer sub-commands of ``iqf``: targets are `click.Command` objects, imported when invoked.

    Examples
    --------
    A complete plugin module::

        from iqf_core import Component, hookimpl

        IQF_API = 1

        @hookimpl
        def iqf_commands():
            return [Component("inspect", "my_plugin.cli:inspect", "Look at a dataset in the browser")]
    """
    raise NotImplementedError


@hookspec
def iqf_report_sections() -> Iterable[Component]:
    """Offer sections of a study's report: targets are functions of `iqf_core.Results` that yield blocks.

    A block is a text (a paragraph, whose characters mean themselves), a `pandas.DataFrame` (a table) or a
    Matplotlib figure, whose label is its alternative text. The summary is the heading; a section without
    blocks is left out, and one that fails says so in the report. ``my_plugin/costs.py`` may hold::

        def section(results):
            table = results.summary()[["variant", "bits_per_pixel"]]
            yield "At 0.02 EUR a megabyte."
            yield table.assign(euro_per_image=table["bits_per_pixel"] * 16e6 / 8e6 * 0.02)

    Examples
    --------
    A complete plugin module::

        from iqf_core import Component, hookimpl

        IQF_API = 2

        @hookimpl
        def iqf_report_sections():
            return [Component("costs", "my_plugin.costs:section", "What the downlink costs")]
    """
    raise NotImplementedError


KINDS = {
    "modifiers": "iqf_modifiers",
    "metrics": "iqf_metrics",
    "executors": "iqf_task_executors",
    "formats": "iqf_dataset_formats",
    "commands": "iqf_commands",
    "sections": "iqf_report_sections",
}
"""Kind of component -> the hook that offers it."""
