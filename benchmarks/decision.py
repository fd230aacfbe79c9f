"""How sure a recommendation is: error rates and power, on simulated studies whose truth is known.

Alone: ``python benchmarks/run.py --only decision [--quick]``. The numbers are left in build/decision.json;
docs/decision.md is made from them by `benchmarks/tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pairs import Figure
from tables import recorded


def figures(quick: bool) -> Iterator[Figure]:
    from trials import decision

    yield from recorded("decision", [decision.trial], quick=quick)
