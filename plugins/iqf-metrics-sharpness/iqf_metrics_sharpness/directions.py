"""The edges of a band, measured direction by direction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from iqf_metrics_sharpness.blocks import EXCESS, blockiness
from iqf_metrics_sharpness.detect import Band
from iqf_metrics_sharpness.measures import FREQUENCIES, MEASURES, measures, mtf, scaled
from iqf_metrics_sharpness.pooling import Pooled, pool
from iqf_metrics_sharpness.response import FINE
from iqf_metrics_sharpness.result import BandSharpness, Curve, DirectionSharpness, EdgeResponse, Estimate
from iqf_metrics_sharpness.samples import Samples, collected
from iqf_metrics_sharpness.table import DIRECTIONS, EdgeTable
from iqf_metrics_sharpness.windows import Floats, Ints

PIXEL_VARIANCE = 1 / 12
"""Of the pixel's box, along any direction, in pixels squared."""


@dataclass(frozen=True)
class Shape:
    """A mean edge response with its measures and their standard errors; of one direction or of all."""

    distance: Floats
    edge: Floats
    reach: float
    values: dict[str, float]
    errors: dict[str, float]


def measured(band: Band, table: EdgeTable, index: int, reason: str) -> BandSharpness:
    """Measure the edges of a band.

    Parameters
    ----------
    band : Band
        The band.
    table : EdgeTable
        Its edges.
    index : int
        Number of the band.
    reason : str
        What to say where there are no edges.
    """
    chosen = {name: _thinned(table, name) for name in DIRECTIONS}
    edges = np.concatenate([chosen[name] for name in DIRECTIONS])
    samples, found = collected(band, table, edges)
    reaches = table.reaches.copy()
    reaches[edges] = found
    table, shapes = replace(table, reaches=reaches), {}
    starts = np.cumsum([0, *(len(chosen[name]) for name in DIRECTIONS)])
    for name, start, stop in zip(DIRECTIONS, starts[:-1], starts[1:], strict=True):
        if stop > start:
            pooled = _pooled(band, table[edges[start:stop]], samples.part(start, stop))
            table = _with_values(table, name, edges[start:stop], pooled)
            shapes[name] = Shape(
                pooled.response.distance, pooled.response.edge, pooled.reach, pooled.values, pooled.errors
            )
    parts = {name: _said(table, name, shapes.get(name), reason) for name in DIRECTIONS}
    together = _said(table, None, _together({one: (shapes[one], parts[one].count) for one in shapes}), reason)
    flags = _flags(band, table, len(edges))
    return BandSharpness(index, **parts, combined=together, edges=table, flags=flags)


def _with_values(table: EdgeTable, direction: str, edges: Ints, pooled: Pooled) -> EdgeTable:
    """Table with the values of single edges of one direction: those pooled, and those thinned out.

    Of the latter only the width of the fitted step is known, in proportion to that of the pooled ones.
    """
    rer, fwhm = table.rer.copy(), table.fwhm.copy()
    every = np.flatnonzero(table.measured & (table.direction == direction))
    like = scaled(pooled.response, table.steps.sigma[every] / np.median(table.steps.sigma[edges]))
    rer[every], fwhm[every] = like["rer"], like["fwhm"]
    rer[edges], fwhm[edges] = pooled.rer, pooled.fwhm
    overshoot, weight = table.overshoot.copy(), table.weight.copy()
    overshoot[edges], weight[edges] = pooled.overshoot, pooled.weight
    return replace(table, rer=rer, fwhm=fwhm, overshoot=overshoot, weight=weight)


def _thinned(table: EdgeTable, direction: str) -> Ints:
    """Edges of a direction that are pooled: all, or evenly chosen where there are more than enough."""
    there = np.flatnonzero(table.measured & (table.direction == direction))
    most = table.options.max_edges
    return there if len(there) <= most else there[np.arange(most) * len(there) // most]


def _pooled(band: Band, table: EdgeTable, samples: Samples) -> Pooled:
    folded = np.abs((table.angle + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    width = max(float(np.median(table.steps.sigma)) ** 2 - PIXEL_VARIANCE, 0.03)
    return pool(
        samples,
        sigma=float(np.sqrt(width)),
        angle=float(np.sqrt(np.mean(folded**2))),
        half=band.options.half,
        step=band.step,
    )


def _together(shapes: dict[str, tuple[Shape, int]]) -> Shape | None:
    """Mean response of the directions, each by the number of its edges."""
    if not shapes:
        return None
    if len(shapes) == 1:
        return next(iter(shapes.values()))[0]
    total = sum(count for _, count in shapes.values())
    share = {name: count / total for name, (_, count) in shapes.items()}
    size = min(len(shape.distance) for shape, _ in shapes.values())
    edge = np.zeros(size)
    for name, (shape, _) in shapes.items():
        cut = (len(shape.distance) - size) // 2
        edge += share[name] * shape.edge[cut : cut + size]
    reach = min(shape.reach for shape, _ in shapes.values())
    distance = (np.arange(size) - size // 2) / FINE
    values = {name: float(one[0]) for name, one in measures(distance, edge[None]).items()}
    errors = {
        name: float(
            np.sqrt(sum((share[one] * shape.errors[name]) ** 2 for one, (shape, _) in shapes.items()))
        )
        for name in MEASURES
    }
    return Shape(distance, edge, reach, values, errors)


def _said(table: EdgeTable, direction: str | None, shape: Shape | None, reason: str) -> DirectionSharpness:
    chosen = table.measured if direction is None else table.measured & (table.direction == direction)
    count = int(chosen.sum())
    if shape is None:
        missing = "no edge has this direction" if table.measured.any() else reason + _spoilt(table)
        return DirectionSharpness(reason=missing)
    alone = chosen & np.isfinite(table.rer)
    each = {"rer": table.rer[alone], "fwhm": table.fwhm[alone]}
    estimates: dict[str, Any] = {
        name: Estimate.of(name, shape.values[name], shape.errors[name], each.get(name)) for name in MEASURES
    }
    clear = table.edge_snr[chosen]
    scatter = float(np.std(clear, ddof=1) / np.sqrt(count)) if count > 1 else np.nan
    line = np.gradient(shape.edge, 1 / FINE)
    return DirectionSharpness(
        count=count,
        edge_snr=Estimate.of("edge_snr", float(np.median(clear)), scatter, clear),
        plateau=shape.reach,
        curve=Curve(FREQUENCIES, mtf(shape.distance, line[None], FREQUENCIES)[0]),
        response=EdgeResponse(shape.distance, shape.edge, line),
        **estimates,
    )


def _spoilt(table: EdgeTable) -> str:
    """What to add to the reason where all edges are spoilt."""
    said = ["clipped"] * bool(table.clipped.any()) + ["at nodata"] * bool(table.nodata.any())
    return f"; edges that are {' or '.join(said)} were left out" if said else ""


def _flags(band: Band, table: EdgeTable, pooled: int) -> dict[str, int]:
    count = int(table.measured.sum())
    return {
        "clipped": int(table.clipped.sum()),
        "nodata": int(table.nodata.sum()),
        "overshoot": int(table.overshoot.sum()),
        "dark_at_zero": int((table.dark_at_zero & table.measured).sum()),
        "jpeg_blocks": count if count and blockiness(band.pixels) > EXCESS else 0,
        "thinned": count - pooled,
    }
