"""The rule of decision, apart from what it is applied to.

Each level passes when the lower confidence bound of its distance to the worst that still does is not below 0.
Levels are tested in an order that no outcome has a part in, until one fails: so a family keeps the error rate
of one test. Families, and declared looks at a growing study, share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

from iqf_report.bounds import Estimate

Judged = Literal["accepted", "inferior", "undecided"]
Setting = TypeVar("Setting")
Level = TypeVar("Level")


def error_rate(confidence: float, *, families: int, looks: int = 1) -> float:
    """One-sided error rate of each family at each look, that the whole answer be as sure as asked."""
    return (1 - confidence) / (families * looks)


def judged(estimate: Estimate, alpha: float) -> Judged:
    """What follows from an estimate of the distance to the worst that still does."""
    if estimate.lower(alpha) >= 0:
        return "accepted"
    return "inferior" if estimate.upper(alpha) < 0 else "undecided"


def in_sequence(
    settings: Iterable[Setting], test: Callable[[Setting], Level], passed: Callable[[Level], bool]
) -> Iterator[Level]:
    """Levels from mild to harsh, the last of them the first that does not pass."""
    for setting in settings:
        level = test(setting)
        yield level
        if not passed(level):
            return
