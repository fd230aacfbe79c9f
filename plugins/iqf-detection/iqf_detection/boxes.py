"""Overlap of axis-parallel boxes."""

from __future__ import annotations

import numpy as np

from iqf_detection.instances import Array


def box_overlaps(found: Array, objects: Array, crowd: Array) -> Array:
    """Intersection over union of pairs of boxes; for crowds, the share of the detection that lies inside.

    Parameters
    ----------
    found, objects : ndarray of float64, shape (n, 4)
        ``x, y, width, height``.
    crowd : ndarray of bool, shape (n,)
        Whether the object is a crowd.

    Returns
    -------
    ndarray, shape (n,)
        From 0 to 1; 0 where both boxes are empty.

    Examples
    --------
    >>> box_overlaps(np.array([[0., 0, 2, 2]]), np.array([[1., 0, 2, 2]]), np.array([False]))
    array([0.33333333])
    """
    near, far = np.maximum(found[:, :2], objects[:, :2]), np.minimum(_far(found), _far(objects))
    width, height = np.maximum(far - near, 0).T
    inside = width * height
    area = found[:, 2] * found[:, 3]
    union = np.where(crowd, area, area + objects[:, 2] * objects[:, 3] - inside)
    return np.asarray(np.divide(inside, union, out=np.zeros_like(inside), where=inside > 0))


def _far(boxes: Array) -> Array:
    return boxes[:, :2] + boxes[:, 2:]
