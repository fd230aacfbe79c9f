"""The pixels that are pooled: of all edges one after the other, each pixel of the edge nearest to it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from iqf_metrics_sharpness.detect import Band
from iqf_metrics_sharpness.plateaus import gathered
from iqf_metrics_sharpness.table import EdgeTable
from iqf_metrics_sharpness.windows import Bools, Floats, Ints

PER_PIXEL = ("edge", "column", "along", "value")
"""Fields of `Samples` with an entry per pixel; the others have one per edge."""


@dataclass(frozen=True)
class Samples:
    """Pixels of edges, and what is known of the edges.

    Parameters
    ----------
    edge : ndarray of int64, shape (N,)
        To which edge each pixel belongs; does not fall.
    column, along : ndarray of float64, shape (N,)
        Column in the frame of the edge, and rows from its middle row.
    value : ndarray of float64, shape (N,)
        In DN.
    position, slope, low, contrast, noise : ndarray of float64, shape (E,)
        As in `steps.Steps`.
    weight : ndarray of float64, shape (E,)
        How much each edge counts; NaN to find it out from its noise.
    """

    edge: Ints
    column: Floats
    along: Floats
    value: Floats
    position: Floats
    slope: Floats
    low: Floats
    contrast: Floats
    noise: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.position)

    @property
    def distance(self) -> Floats:
        """Distance of each pixel from its edge along the normal, in pixels."""
        cosine = 1 / np.hypot(1.0, self.slope)
        crossing = self.position[self.edge] + self.slope[self.edge] * self.along
        return (self.column - crossing) * cosine[self.edge]

    def total(self, of_pixels: Floats) -> Floats:
        """Sum over the pixels of each edge, shape (E,)."""
        return np.bincount(self.edge, of_pixels, len(self)).astype(np.float64)

    def within(self, used: Bools) -> Samples:
        """Some of the pixels, of all edges."""
        return self._chosen(used, slice(None), 0)

    def part(self, start: int, stop: int) -> Samples:
        """Some of the edges."""
        first, last = np.searchsorted(self.edge, [start, stop])
        return self._chosen(slice(first, last), slice(start, stop), start)

    def _chosen(self, pixels: Bools | slice, edges: slice, start: int) -> Samples:
        kept = {
            one.name: getattr(self, one.name)[pixels if one.name in PER_PIXEL else edges]
            for one in fields(self)
        }
        kept["edge"] = kept["edge"] - start
        return Samples(**kept)


def collected(band: Band, table: EdgeTable, edges: Ints) -> tuple[Samples, Floats]:
    """Pixels of some edges of a band.

    Parameters
    ----------
    band : Band
        The band.
    table : EdgeTable
        All its edges.
    edges : ndarray of int64, shape (E,)
        Which of them.

    Returns
    -------
    samples : Samples
        In the order of ``edges``.
    reaches : ndarray of float64, shape (E, 2)
        How far the plateaus before and behind each go, in pixels.
    """
    parts, reaches = [], np.empty((len(edges), 2))
    for flat in (False, True):
        places = np.flatnonzero(table.flat[edges] == flat)
        frame = band.turned() if flat else band
        known = table.reaches[edges[places]]
        found = gathered(
            frame.pixels, table.steps[edges[places]], band.options, invalid=frame.invalid, white=band.white,
            reaches=known if np.isfinite(known).all() else None,
        )  # fmt: skip
        reaches[places] = found.reaches
        row, column = (found.column, found.row) if flat else (found.row, found.column)
        pixel = row * band.shape[1] + column
        parts.append((places[found.edge], found.column, found.along, found.value, found.distance, pixel))
    edge, column, along, value, distance, pixel = (np.concatenate(one) for one in zip(*parts, strict=True))
    kept = _nearest(distance, pixel)
    kept = kept[np.argsort(edge[kept], kind="stable")]
    steps = table.steps[edges]
    samples = Samples(
        edge[kept], column[kept].astype(np.float64), along[kept], value[kept],
        steps.position, steps.slope, steps.low, steps.contrast, steps.noise, table.weight[edges],
    )  # fmt: skip
    return samples, reaches


def _nearest(distance: Floats, pixel: Ints) -> Ints:
    """Uses of pixels that stand when each belongs to the edge nearest to it, in their order."""
    order = np.argsort(pixel, kind="stable")
    ordered = pixel[order]
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1)) if len(ordered) else order
    nearest = np.minimum.reduceat(np.abs(distance[order]), first) if len(first) else np.empty(0)
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(order))))
    stands = np.flatnonzero(np.abs(distance[order]) == nearest[group])
    alone = np.ones(len(stands), dtype=bool)
    alone[1:] = np.diff(group[stands]) > 0
    return np.sort(order[stands[alone]])
