"""Cutting objects of the ground truth at the border of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core.records import Polygon, Ring, Thing
from iqf_detection.quads import Quad, opened, quad_around, started_as, uncrossed
from iqf_detection.truth import is_crowd

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


def clipped(thing: Thing, size: tuple[int, int], least: float) -> Thing | None:
    """What of an object lies inside an image.

    Parameters
    ----------
    thing : Thing
        With a box, polygons or run lengths in pixels of the image.
    size : (int, int)
        Width and height of the image.
    least : float
        Share of its area that must lie inside; of a crowd any will do.

    Returns
    -------
    Thing or None
        The same object where nothing sticks out, or where it has no place; None where too little is inside.
    """
    least = 0.0 if is_crowd(thing) else least
    if isinstance(thing.extras.get("segmentation"), Mapping):
        return _runs_clipped(thing, size, least)
    return _region_clipped(thing, size, least)


def _region_clipped(thing: Thing, size: tuple[int, int], least: float) -> Thing | None:
    import shapely

    whole, frame = _region(thing), shapely.box(0, 0, *size)
    if whole is None or frame.covers(whole):
        return thing
    inside = whole.intersection(frame)
    share = inside.area / whole.area if whole.area else 0.0
    if share <= 0 or share < least:
        return None
    extras = dict(thing.extras)
    if isinstance(extras.get("area"), int | float):
        extras["area"] *= share
    left, top, right, bottom = inside.bounds
    box = None if thing.box is None else (left, top, right - left, bottom - top)
    return replace(thing, box=box, polygons=_polygons(thing, inside), extras=extras)


def _within(box: Sequence[float], size: tuple[int, int]) -> bool:
    x, y, width, height = box
    return x >= 0 and y >= 0 and x + width <= size[0] and y + height <= size[1]


def _region(thing: Thing) -> BaseGeometry | None:
    """Polygons of an object as one geometry, else its box; None where it has neither."""
    import shapely

    quad = _must_be_quad(thing)
    areas = [rings for rings in thing.polygons if len(opened(rings[0])) > 2]
    parts = [shapely.Polygon(uncrossed(quad) if quad else rings[0], rings[1:]) for rings in areas]
    if parts:
        return shapely.union_all(shapely.make_valid(parts, method="structure", keep_collapsed=False))
    if thing.box is None:
        return None
    x, y, width, height = thing.box
    return shapely.box(x, y, x + width, y + height)


def _polygons(thing: Thing, inside: BaseGeometry) -> tuple[Polygon, ...]:
    """Polygons of a region as the object had its own: closed rings or open ones, or four corners."""
    import shapely

    if not thing.polygons:
        return ()
    parts = [part for part in shapely.get_parts(inside) if part.area > 0]
    quad = _must_be_quad(thing)
    if quad is not None:
        points = [(float(x), float(y)) for x, y in shapely.get_coordinates(parts)]
        return ((started_as(quad_around(points), quad),),)
    first = thing.polygons[0][0]
    closed = opened(first) is not first
    return tuple(tuple(_ring(ring, closed) for ring in (part.exterior, *part.interiors)) for part in parts)


def _must_be_quad(thing: Thing) -> Quad | None:
    """Corners of an object whose format knows nothing else."""
    if "dota" not in thing.extras:
        return None
    a, b, c, d = thing.polygons[0][0]
    return a, b, c, d


def _ring(ring: Any, closed: bool) -> Ring:
    points = tuple((float(x), float(y)) for x, y in ring.coords)
    return points if closed else points[:-1]


def _runs_clipped(thing: Thing, size: tuple[int, int], least: float) -> Thing | None:
    """Object whose run lengths were cut with the pixels: box and area follow.

    Its area before is what the ground truth states, else that of its box.
    """
    if thing.box is not None and _within(thing.box, size):
        return thing
    runs = thing.extras["segmentation"]
    height, width = runs["size"]
    counts = runs["counts"]
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    filled = flat.reshape(width, height).T.astype(bool)
    area = float(filled.sum())
    before = thing.extras.get("area") or (thing.box[2] * thing.box[3] if thing.box else area)
    if not area or area < least * float(before):
        return None
    rows, columns = (np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0))
    left, top = float(columns[0]), float(rows[0])
    box = left, top, float(columns[-1]) + 1 - left, float(rows[-1]) + 1 - top
    return replace(thing, box=box, extras={**thing.extras, "area": area})
