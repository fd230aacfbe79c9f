"""How right the metrics are, on scenes whose truth is known: bias, spread, failures, coverage.

Alone: ``python benchmarks/run.py --only accuracy [--quick]``. The numbers are left in build/accuracy.json;
docs/accuracy.md is made from them by `benchmarks/tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pairs import Figure
from tables import recorded


def figures(quick: bool) -> Iterator[Figure]:
    from trials import sharpness, snr

    yield from recorded("accuracy", [snr.trial, sharpness.trial], quick=quick)
