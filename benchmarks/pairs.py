"""Fair comparison on a noisy machine: what is measured and its floor take turns, and each turn is a ratio.

A benchmark is a module of this folder with a function ``figures(quick)`` that yields `Figure`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Figure:
    """What was measured, and the bar that it has to clear.

    Parameters
    ----------
    name : str
        What it is.
    values : sequence of float
        One of each round; the median is held to the bar.
    at_least, at_most : float or None
        The bar: one of the two.
    unit : str
        Empty for ratios.
    note : str
        What stands behind it, such as the rate of the floor.
    """

    name: str
    values: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""
    note: str = ""

    @property
    def value(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.values)

    @property
    def passed(self) -> bool:
        """Whether the bar is cleared."""
        low = -float("inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= self.value <= high


def in_turns(
    ours: Work, floor: Work, *, rounds: int, warm_up: int = 1, between: Work = lambda: None
) -> list[tuple[float, float]]:
    """Time two pieces of work in turns.

    Parameters
    ----------
    ours, floor : callable
        What is measured, and what it is compared with.
    rounds : int
        Pairs that count.
    warm_up : int, optional
        Pairs before them that do not.
    between : callable, optional
        Called before each piece of work, not timed.

    Returns
    -------
    list of (float, float)
        Seconds of both, pair by pair. The one that goes first changes, so that neither profits from it.
    """
    pairs = []
    for number in range(warm_up + rounds):
        order = (ours, floor) if number % 2 else (floor, ours)
        seconds = {}
        for work in order:
            between()
            started = time.perf_counter()
            work()
            seconds[work] = time.perf_counter() - started
        pairs.append((seconds[ours], seconds[floor]))
    return pairs[warm_up:]
