"""One band as the estimators see it: its samples, which of them count, and where they are clipped."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CHUNK = 2**12
"""Blocks that are worked on at once: what fits into the cache of a processor."""
COUNTABLE = 2**24
"""OpenCV counts in float32: up to here exactly."""


class Unmeasurable(Exception):
    """Why nothing can be said of a band."""


@dataclass(frozen=True)
class Samples:
    """One band.

    Parameters
    ----------
    plane : ndarray, shape (height, width)
        uint8, uint16, int16 or float32; a view is enough.
    holes : ndarray of bool or None, shape (height, width)
        Samples that are not there.
    low, high : float
        Rails: a sample at or beyond one is clipped, so its noise is hidden. Infinite where there is none.
    """

    plane: Array
    holes: npt.NDArray[np.bool_] | None
    low: float
    high: float

    @property
    def step(self) -> float:
        """Quantisation step: 1 for whole numbers, 0 for floating point."""
        return 0.0 if self.plane.dtype.kind == "f" else 1.0

    @functools.cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each value occurs among the valid samples, from the lowest of the type on."""
        size = 2 ** (8 * self.plane.itemsize)
        total = np.zeros(size, np.int64)
        rows = max(1, COUNTABLE // max(1, self.plane.shape[1]))
        for top in range(0, self.plane.shape[0], rows):
            total += self._counted(slice(top, top + rows), size)
        return np.roll(total, size // 2) if self.plane.dtype.kind == "i" else total

    def _counted(self, rows: slice, size: int) -> npt.NDArray[np.int64]:
        strip = np.ascontiguousarray(self.plane[rows]).view(f"u{self.plane.itemsize}")
        mask = None if self.holes is None else (~self.holes[rows]).view(np.uint8)
        counted = cv2.calcHist([strip], [0], mask, [size], [0, size])
        return np.asarray(counted.reshape(-1), np.int64)

    @functools.cached_property
    def median(self) -> float:
        """Median of the valid samples, clipped ones included; NaN without any."""
        if self.plane.dtype.kind == "f":
            valid = self.plane.reshape(-1) if self.holes is None else self.plane[~self.holes]
            return float(np.median(valid)) if valid.size else math.nan
        running = np.cumsum(self.counts)
        if not running[-1]:
            return math.nan
        middle = np.searchsorted(running, [(running[-1] + 1) // 2, running[-1] // 2 + 1])
        return float(middle.mean()) + (np.iinfo(self.plane.dtype).min if self.step else 0)

    @functools.cached_property
    def clips(self) -> bool:
        """Whether any sample may be at a rail."""
        if self.plane.dtype.kind == "f":
            return math.isfinite(self.low) or math.isfinite(self.high)
        values = np.flatnonzero(self.counts) + np.iinfo(self.plane.dtype).min
        return bool(values.size) and bool(values[0] <= self.low or values[-1] >= self.high)

    def blocks(self, side: int, limit: int) -> Iterator[Array]:
        """Cut the band into square blocks, and leave out those with a clipped or missing sample.

        Parameters
        ----------
        side : int
            Of a block; they do not overlap.
        limit : int
            At most this many blocks, spread evenly: the same ones whatever the memory at hand.

        Yields
        ------
        ndarray of float32, shape (n, side * side)
            The blocks of some rows.
        """
        rows, columns = (length // side for length in self.plane.shape)
        down = min(max(1, -(-rows * columns // limit)), max(1, rows))
        chosen = np.arange(down // 2, rows, down)
        across = max(1, -(-len(chosen) * columns // limit))
        per_row = -(-columns // across)
        if not (len(chosen) and per_row):
            return
        cut = _windows(self.plane, side)
        holes = None if self.holes is None else _windows(self.holes, side)
        for top in range(0, len(chosen), max(1, CHUNK // per_row)):
            some = chosen[top : top + max(1, CHUNK // per_row)]
            at = (slice(int(some[0]), int(some[-1]) + 1, down), slice(None, None, across))
            raw = cut[at].reshape(-1, side * side)
            good = self._good(raw, None if holes is None else holes[at].reshape(-1, side * side))
            yield np.asarray(raw if good is None else raw[good], np.float32)

    def chosen_blocks(self, side: int, chosen: Array) -> Array:
        """Of all blocks in reading order, those chosen that have neither holes nor clipped samples."""
        raw = _windows(self.plane, side).reshape(-1, side * side)[chosen]
        holes = None if self.holes is None else _windows(self.holes, side).reshape(-1, side * side)[chosen]
        good = self._good(raw, holes)
        return np.asarray(raw if good is None else raw[good], np.float32)

    def _good(self, raw: Array, holes: Array | None) -> Array | None:
        bad = holes
        if self.clips:
            clipped = (raw <= self.low) | (raw >= self.high)
            bad = clipped if bad is None else bad | clipped
        return None if bad is None else np.asarray(~bad.any(axis=1))


def _windows(plane: Array, side: int) -> Array:
    """View of a plane as (rows, columns, side, side) blocks."""
    rows, columns = (length // side for length in plane.shape)
    down, right = plane.strides
    return np.lib.stride_tricks.as_strided(
        plane, (rows, columns, side, side), (side * down, side * right, down, right), writeable=False
    )
