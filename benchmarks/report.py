"""The report of 2,000 runs: how long it takes to make, and how large it is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pairs import Figure

from iqf_report.report import report
from iqf_report.testing import MadeRun, write_study

SETTINGS, REPETITIONS, METRICS = 100, 20, 20


def figures(quick: bool) -> Iterator[Figure]:
    rng = np.random.default_rng(0)
    specs = [None, *(f"jpeg(quality={quality})" for quality in range(99, 100 - SETTINGS, -1))]
    runs = [
        MadeRun(
            spec,
            repetition,
            {"score": 0.9 - 0.002 * place + rng.normal(0, 0.003)}
            | {f"other{number}": float(rng.random()) for number in range(METRICS - 1)},
            rates={"bits_per_pixel": 16.0 / (1 + place)},
        )
        for place, spec in enumerate(specs)
        for repetition in range(REPETITIONS)
    ]
    rule = {"metric": "score", "margin": 0.03}
    with tempfile.TemporaryDirectory(prefix="iqf-bench-") as folder:
        results = write_study(Path(folder) / "study", runs, criterion=rule)
        file = Path(folder) / "report.html"
        started = time.perf_counter()
        report(results).write(file, "html")
        took = time.perf_counter() - started
        note = f"{len(runs)} runs, {METRICS} metrics"
        yield Figure("report of 2,000 runs, made", [took], at_most=30, unit=" s", note=note)
        yield Figure("report of 2,000 runs, size", [file.stat().st_size / 1e6], at_most=10, unit=" MB")
