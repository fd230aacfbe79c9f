"""Sharpness held to its bars: each part of the trial has a module of its own beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from pairs import Figure
from tables import Table
from trials import sharpness_bias as bias
from trials import sharpness_blur as blur
from trials import sharpness_intervals as intervals
from trials import sharpness_speed
from trials import sharpness_spreads as spreads
from trials import sharpness_yield as found


def trial(quick: bool) -> Iterator[Figure | Table]:
    """Bias, spread, failures, yield, coverage and added blur."""
    for part in (
        bias.gaussians,
        bias.spread,
        spreads.spreads,
        found.repeats,
        found.yields,
        intervals.intervals,
        blur.blurs,
        found.hard,
    ):
        yield from part(quick)


def speed(quick: bool) -> Iterator[Figure | Table]:
    """Time and memory as ratios to named floors."""
    yield from sharpness_speed.speed(quick)
