"""The edges of one band, as arrays: where they are, and what each says."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.steps import Steps
from iqf_metrics_sharpness.windows import Bools, Floats, Ints, lattice

DIRECTIONS = ("x", "y", "other")
"""Of an edge's normal: within 22.5 degrees of the rows, of the columns, or neither."""


@dataclass(frozen=True)
class EdgeTable:
    """The edges found in one band.

    Parameters
    ----------
    row, column : ndarray of float64, shape (E,)
        Middle of the edge; centres of pixels are integers.
    angle : ndarray of float64, shape (E,)
        Of the normal, in radians, from the direction of the columns' numbers (0) towards that of the rows'.
    direction : ndarray of str, shape (E,)
        ``"x"``, ``"y"`` or ``"other"``.
    low, contrast, noise : ndarray of float64, shape (E,)
        Level before the edge along its normal, how much higher the other is, and what the step leaves, in DN.
    edge_snr, r2 : ndarray of float64, shape (E,)
        Contrast over noise; share of the variance that a step explains.
    rer, fwhm : ndarray of float64, shape (E,)
        Of the edge by itself; FWHM in pixels. NaN where the edge is not measured.
    reaches : ndarray of float64, shape (E, 2)
        How far its plateaus are followed, before it and behind it, in pixels; NaN where it is not pooled.
    weight : ndarray of float64, shape (E,)
        How much it counts in the shared response; NaN where it is not pooled.
    measured : ndarray of bool, shape (E,)
        Whether it counts. What is clipped or touches nodata does not.
    clipped, nodata, overshoot, dark_at_zero : ndarray of bool, shape (E,)
        What was noticed.
    steps : Steps
        As fitted.
    flat : ndarray of bool, shape (E,)
        Whether the edge was found in the transposed band.
    order : ndarray of int64, shape (E,)
        Number of each edge among the fitted steps, steep ones first.
    options : EdgeOptions
        With which they were found.
    shape : tuple of int
        Height and width of the band.
    """

    row: Floats
    column: Floats
    angle: Floats
    direction: npt.NDArray[np.str_]
    low: Floats
    contrast: Floats
    noise: Floats
    edge_snr: Floats
    r2: Floats
    rer: Floats
    fwhm: Floats
    reaches: Floats
    weight: Floats
    measured: Bools
    clipped: Bools
    nodata: Bools
    overshoot: Bools
    dark_at_zero: Bools
    steps: Steps
    flat: Bools
    order: Ints
    options: EdgeOptions
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, chosen: Bools | Ints | slice) -> EdgeTable:
        kept = {
            field.name: getattr(self, field.name)[chosen]
            for field in fields(self)
            if field.name not in ("options", "shape")
        }
        return EdgeTable(**kept, options=self.options, shape=self.shape)

    @classmethod
    def joined(cls, one: EdgeTable, other: EdgeTable) -> EdgeTable:
        """Two tables of one band as one."""
        parts: dict[str, Any] = {
            field.name: np.concatenate([getattr(one, field.name), getattr(other, field.name)])
            for field in fields(cls)
            if field.name not in ("options", "shape", "steps")
        }
        steps = Steps.joined([one.steps, other.steps])
        return cls(**parts, steps=steps, options=one.options, shape=one.shape)

    def pixels(self) -> tuple[Ints, Ints]:
        """Pixels of the windows of the edges that count.

        Returns
        -------
        pixel, edge : ndarray of int64, shape (N,)
            Index in the flattened band, and the edge that it belongs to.
        """
        pixels, owners = [], []
        for flat in (False, True):
            chosen = np.flatnonzero(self.measured & (self.flat == flat))
            lines = self.steps[chosen].lines
            shape = self.shape[::-1] if flat else self.shape
            grid = lattice(lines, shape, length=self.options.edge_length, half=self.options.half)
            used = grid.inside & (np.abs(grid.distance(lines)) <= self.options.half)
            row = np.broadcast_to(grid.row, used.shape)[used]
            column = grid.column[used]
            pixels.append(column * self.shape[1] + row if flat else row * self.shape[1] + column)
            owners.append(np.broadcast_to(chosen[:, None, None], used.shape)[used])
        return np.concatenate(pixels), np.concatenate(owners)

    def with_steps(self, steps: Steps) -> EdgeTable:
        """The same edges as fitted in another image."""
        return replace(
            self,
            steps=steps,
            low=steps.low,
            contrast=steps.contrast,
            noise=steps.noise,
            edge_snr=_edge_snr(steps),
            r2=steps.r2,
        )

    @classmethod
    def of(cls, steep: Steps, flat: Steps, options: EdgeOptions, shape: tuple[int, int]) -> EdgeTable:
        """Table of fitted steps, none of them measured yet, in the order of their places."""
        steps = Steps.joined([steep, flat])
        is_flat = np.arange(len(steps)) >= len(steep)
        order = np.lexsort((steps.position, steps.row, is_flat))
        steps, is_flat = steps[order], is_flat[order]
        row = np.where(is_flat, steps.position, steps.row)
        column = np.where(is_flat, steps.row, steps.position)
        turn = -np.arctan(steps.slope)
        angle = np.where(is_flat, np.pi / 2 - turn, turn)
        nothing, none = np.full(len(steps), np.nan), np.zeros(len(steps), dtype=bool)
        return cls(
            row, column, angle, directions(angle), steps.low, steps.contrast, steps.noise,
            _edge_snr(steps), steps.r2,
            nothing, nothing.copy(), np.full((len(steps), 2), np.nan), nothing.copy(),
            ~none, none, none.copy(), none.copy(), none.copy(),
            steps, is_flat, order, options, shape,
        )  # fmt: skip


def _edge_snr(steps: Steps) -> Floats:
    """Contrast over noise; without noise, a number that is large and finite."""
    contrast = np.abs(steps.contrast)
    return np.asarray(contrast / np.maximum(steps.noise, 1e-9 * np.maximum(contrast, 1e-300)))


def directions(angle: Floats) -> npt.NDArray[np.str_]:
    """Class of each normal."""
    from_x = np.abs((np.asarray(angle) + np.pi / 2) % np.pi - np.pi / 2)
    near = np.deg2rad(22.5)
    return np.where(from_x <= near, "x", np.where(from_x >= np.pi / 2 - near, "y", "other"))
