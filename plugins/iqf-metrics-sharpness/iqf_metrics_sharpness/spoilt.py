"""Which windows are spoilt: by nodata, or because one side is clipped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.steps import Steps
from iqf_metrics_sharpness.windows import Bools, Floats, lattice

CLIPPED = 0.02
"""Share of a window's pixels at full scale from which an edge is clipped."""

EVEN = 0.5
"""Share of the bright side at the very maximum of the band from which it is clipped, where less than half
that share of the dark side lies at its minimum: without noise both sides are even."""

CHUNK = 2048
"""Windows looked at at once."""


def spoilt(
    picture: npt.NDArray[np.generic], steps: Steps, options: EdgeOptions, *,
    invalid: Bools | None, white: float | None, top: float | None,
) -> tuple[Bools, Bools]:  # fmt: skip
    """Say which windows touch nodata, and which are clipped.

    Parameters
    ----------
    picture : ndarray, shape (H, W)
        One band; transposed for flat edges.
    steps : Steps
        Edges.
    options : EdgeOptions
        Size of the windows.
    invalid : ndarray of bool or None, shape (H, W)
        Where there is no data.
    white : float or None
        Full scale in DN.
    top : float or None
        Largest value of the band, where full scale was not given: a bright side that mostly has it, while
        the dark one has noise, is clipped at a full scale that nobody named.

    Returns
    -------
    nodata, clipped : ndarray of bool, shape (E,)
    """
    found = [(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))]
    for start in range(0, len(steps), CHUNK):
        chosen = steps[start : start + CHUNK]
        grid = lattice(
            chosen.lines, (picture.shape[0], picture.shape[1]), length=options.edge_length, half=options.half
        )
        distance = grid.distance(chosen.lines)
        inside = grid.inside & (np.abs(distance) <= options.half)
        value = grid.values(picture)
        holes = inside & (grid.values(invalid) > 0) if invalid is not None else np.zeros_like(inside)
        clipped = np.zeros(len(chosen), dtype=bool)
        if white is not None:
            clipped = (inside & (value >= white)).sum(axis=(1, 2)) > CLIPPED * inside.sum(axis=(1, 2))
        if top is not None:
            uphill = distance * np.sign(chosen.contrast)[:, None, None]
            clipped = clipped | _even(value, inside, uphill, options.half / 2, top)
        found.append((np.asarray(holes.any(axis=(1, 2))), np.asarray(clipped)))
    nodata, full = zip(*found, strict=True)
    return np.concatenate(nodata), np.concatenate(full)


def _even(value: Floats, inside: Bools, uphill: Floats, far: float, top: float) -> Bools:
    """Whether the bright side lies at the top of the band, and the dark one not at its own bottom."""
    bright, dark = inside & (uphill > far), inside & (uphill < -far)
    at_top = (bright & (value >= top)).sum(axis=(1, 2))
    lowest = np.where(dark, value, np.inf).min(axis=(1, 2))
    at_bottom = (dark & (value <= lowest[:, None, None])).sum(axis=(1, 2))
    even = at_top >= np.maximum(EVEN * bright.sum(axis=(1, 2)), 1)
    return np.asarray(even & (at_bottom < EVEN / 2 * dark.sum(axis=(1, 2))))
