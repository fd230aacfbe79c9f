"""How fast the metrics are, as ratios to named floors, and how much memory they take.

Alone: ``python benchmarks/run.py --only speed [--quick]``. The numbers are left in build/speed.json;
docs/speed.md is made from them by `benchmarks/tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pairs import Figure
from tables import recorded


def figures(quick: bool) -> Iterator[Figure]:
    from trials import large, sharpness, snr

    yield from recorded("speed", [snr.speed, sharpness.speed, large.speed], quick=quick)
