"""The sections of a report, in their order; plugins add theirs before the list of runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from iqf_core.errors import PluginError
from iqf_core.plugins import registry
from iqf_report.page.blocks import Block, Section, Text, blocks_of
from iqf_report.page.material import Material
from iqf_report.sections.asked import asked
from iqf_report.sections.background import meaning, provenance
from iqf_report.sections.decision import decision
from iqf_report.sections.matrix import matrix
from iqf_report.sections.places import places
from iqf_report.sections.quality import quality
from iqf_report.sections.runs import failures, notes, runs

log = logging.getLogger("iqf")
Maker = Callable[[Material], Iterator[Block]]

FIRST: dict[str, tuple[str, Maker]] = {
    "decision": ("What follows", decision),
    "matrix": ("Trained on one, tested on another", matrix),
    "places": ("What changed in the predictions", places),
    "quality": ("Quality of the images", quality),
    "asked": ("Asked for, and achieved", asked),
}
LAST: dict[str, tuple[str, Maker]] = {
    "failures": ("Runs that failed", failures),
    "notes": ("Notes on the runs", notes),
    "runs": ("All runs", runs),
    "meaning": ("What the numbers mean", meaning),
    "provenance": ("How it was made", provenance),
}


def sections_of(material: Material) -> Iterator[Section]:
    """All sections that have something to say."""
    yield from _made(FIRST, material)
    for entry in registry().components("sections"):
        try:
            section = registry().load("sections", entry.full_name)
            blocks = tuple(blocks_of(section(material.results) or (), entry.name))
        except (PluginError, Exception) as error:  # noqa: BLE001 - a stranger's section may fail in any way
            log.warning(
                "report: the section %s failed (%s: %s)", entry.full_name, type(error).__name__, error
            )
            what = f"{entry.full_name} failed: {type(error).__name__}: {error}"
            blocks = (Text(what, "warning"),)
        if blocks:
            yield Section(entry.name, entry.component.summary, blocks)
    yield from _made(LAST, material)


def _made(makers: dict[str, tuple[str, Maker]], material: Material) -> Iterator[Section]:
    for key, (title, maker) in makers.items():
        blocks = tuple(maker(material))
        if blocks:
            yield Section(key, title, blocks)
