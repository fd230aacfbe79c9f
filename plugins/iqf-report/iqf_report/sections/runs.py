"""The table of runs, and what became of those that failed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from iqf_report.page.blocks import Block, Table, Text
from iqf_report.page.material import Material

SHOWN_RATES = ("bits_per_pixel", "compression_ratio")
FAILED = re.compile(r"\d+ of \d+ runs failed")
"""How the results begin to say that runs failed."""
MOST_SHOWN = 20
"""Failures with the end of their log; of more, the reasons stand in the table."""


def runs(material: Material) -> Iterator[Block]:
    """Yield all runs, to be sorted and filtered."""
    table = material.table
    if table.empty:
        yield Text("No run has ended yet.", "warning")
        return
    rates = [name for name in SHOWN_RATES if name in table and table[name].notna().any()]
    hyper = material.results.hyperparameters()
    deciding = [] if material.answer is None else [material.answer.column]
    rest = (name for name in material.metrics if name not in (*deciding, *hyper))
    metrics = [name for name in (*deciding, *rest) if name in table]
    trained = [name for name in ("train_variant",) if name in table]
    kept = [
        "variant",
        *trained,
        *hyper,
        "repetition",
        "status",
        "reason",
        *rates,
        *metrics,
        "duration_s",
        "seed",
    ]
    shown = table[[name for name in kept if name in table]].dropna(axis="columns", how="all")
    shown = shown.assign(repetition=shown["repetition"] + 1)
    if not (shown["reason"] != "").any():
        shown = shown.drop(columns="reason")
    names = {name: material.short(name) for name in metrics}
    yield Table(shown.rename(columns=names), f"{len(shown)} runs", sorts=True)


def notes(material: Material) -> Iterator[Block]:
    """Yield what a reader of the runs should know, failures aside: repetitions that are none, for example."""
    for said in material.results.warnings():
        if not FAILED.match(said):
            yield Text(f"{said[:1].upper()}{said[1:]}.", "warning")


def failures(material: Material) -> Iterator[Block]:
    """Yield the runs that failed, with the ends of their logs."""
    for said in material.results.warnings():
        if FAILED.match(said):
            yield Text(f"{said[:1].upper()}{said[1:]}.", "warning")
    failed = [
        (folder, outcome)
        for folder in material.results.runs()
        if (outcome := folder.outcome() or {}).get("status") != "FINISHED"
    ]
    for folder, outcome in failed[:MOST_SHOWN]:
        title = f"{folder.job().get('title', folder.key)}: {outcome.get('reason', '')}"
        yield Text(outcome.get("log_tail") or "It left no log.", "code", title=title)
    if len(failed) > MOST_SHOWN:
        yield Text(f"{len(failed) - MOST_SHOWN} more failed; their reasons stand in the table below.", "note")
