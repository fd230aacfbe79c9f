"""Quadrilaterals: how a place becomes four corners, and how much two of them overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from iqf_detection.instances import Array

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]


def quad_overlaps(found: Array, objects: Array, crowd: Array) -> Array:
    """Intersection over union of pairs of quadrilaterals; for crowds, the share of the detection inside.

    Exact up to rounding, by polygon clipping; pairs whose axis-parallel bounds do not meet are not clipped.

    Parameters
    ----------
    found, objects : ndarray of float64, shape (n, 4, 2)
        Corners in their order, either way round. One may be a dent; where sides cross, the corners must
        have been put in order (`uncrossed`). What has no area overlaps nothing.
    crowd : ndarray of bool, shape (n,)
        Whether the object is a crowd.

    Returns
    -------
    ndarray, shape (n,)
        From 0 to 1.

    Examples
    --------
    >>> square = np.array([[[0., 0], [2, 0], [2, 2], [0, 2]]])
    >>> quad_overlaps(square, square + 1, np.array([False]))
    array([0.14285714])
    """
    overlap = np.zeros(len(crowd))
    if not overlap.size:
        return overlap
    near = np.maximum(found.min(axis=1), objects.min(axis=1))
    far = np.minimum(found.max(axis=1), objects.max(axis=1))
    meet = (near < far).all(axis=1)
    overlap[meet] = _clipped_overlaps(found[meet], objects[meet], crowd[meet])
    return overlap


def _clipped_overlaps(found: Array, objects: Array, crowd: Array) -> Array:
    import shapely

    one, other = regions(found), regions(objects)
    inside = shapely.area(shapely.intersection(one, other))
    area = shapely.area(one)
    union = np.where(crowd, area, area + shapely.area(other) - inside)
    share = np.divide(inside, union, out=np.zeros_like(inside), where=inside > 0)
    return np.asarray(np.minimum(share, 1))


def regions(quads: Array) -> Array:
    """Shapely polygons of quadrilaterals; of those that touch themselves, what has an area."""
    import shapely

    polygons: Array = shapely.polygons(quads)
    unsound = ~shapely.is_valid(polygons)
    polygons[unsound] = shapely.make_valid(polygons[unsound], method="structure", keep_collapsed=False)
    return polygons


def corners_of_box(box: Sequence[float]) -> Quad:
    """Corners of a box ``x, y, width, height``, clockwise as seen from the upper left."""
    x, y, width, height = box
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def corners_of_rotated(box: Sequence[float]) -> Quad:
    """Corners of a rotated box.

    Parameters
    ----------
    box : sequence of float
        ``centre x, centre y, width, height, angle``: x to the right, y down, the angle in degrees from the
        x axis to the side called width, clockwise as seen. So has it OpenCV, and mmrotate (``le90``) in
        radians; Detectron2 turns the other way.

    Examples
    --------
    >>> [(round(x), round(y)) for x, y in corners_of_rotated([10, 10, 8, 2, 90])]
    [(11, 6), (11, 14), (9, 14), (9, 6)]
    """
    x, y, width, height, angle = box
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along = width / 2 * cos, width / 2 * sin
    across = -height / 2 * sin, height / 2 * cos
    signs = (-1, -1), (1, -1), (1, 1), (-1, 1)
    a, b, c, d = ((x + i * along[0] + j * across[0], y + i * along[1] + j * across[1]) for i, j in signs)
    return a, b, c, d


def quad_around(points: Sequence[Point]) -> Quad:
    """The corners if they are four, else those of the smallest rotated rectangle around them.

    A last corner that repeats the first is none.
    """
    corners = opened(points)
    if len(corners) == 4:
        a, b, c, d = corners
        return uncrossed((a, b, c, d))
    return _smallest_rectangle(corners)


def opened(ring: Sequence[Point]) -> Sequence[Point]:
    """Corners of a ring, without a last one that repeats the first."""
    return ring[:-1] if len(ring) > 1 and tuple(ring[0]) == tuple(ring[-1]) else ring


def _smallest_rectangle(points: Sequence[Point]) -> Quad:
    import shapely

    envelope = shapely.oriented_envelope(shapely.multipoints(np.asarray(points, float)))
    found: list[Any] = shapely.get_coordinates(envelope).tolist()
    if len(found) < 4:  # a point, or the two ends of a line
        found = [found[0], found[-1], found[-1], found[0]]
    (a, b), (c, d), (e, f), (g, h) = found[:4]
    return (a, b), (c, d), (e, f), (g, h)


def uncrossed(quad: Quad) -> Quad:
    """Quadrilateral of the same corners whose sides do not cross.

    If two sides cross, the corners are not in their order round about: they are those of a convex
    quadrilateral, whose diagonals these sides are.

    Examples
    --------
    >>> uncrossed(((0, 0), (2, 2), (2, 0), (0, 2)))
    ((0, 0), (2, 0), (2, 2), (0, 2))
    """
    a, b, c, d = quad
    if _cross(a, b, c, d):
        return a, c, b, d
    if _cross(b, c, d, a):
        return a, b, d, c
    return quad


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments ab and cd cross inside both."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> float:
    return math.copysign(1, turn) if (turn := _turn(a, b, c)) else 0.0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def started_as(quad: Quad, like: Quad) -> Quad:
    """The same corners, begun and turned so that each lies nearest to its like."""
    turns = [(*one[start:], *one[:start]) for one in (quad, quad[::-1]) for start in range(4)]
    a, b, c, d = min(turns, key=lambda turn: float(np.square(np.subtract(turn, like)).sum()))
    return a, b, c, d
