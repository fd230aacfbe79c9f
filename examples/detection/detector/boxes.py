"""Axis-parallel boxes (x, y, width, height): around poses, how they overlap, which of several is kept."""

from __future__ import annotations

import numpy as np


def boxes_around(poses: np.ndarray) -> np.ndarray:
    """Boxes (n, 4) around rectangles (n, 5): x, y, heading, length, width."""
    x, y, heading, length, width = poses.T
    cosine, sine = np.abs(np.cos(heading)), np.abs(np.sin(heading))
    across, down = length * cosine + width * sine, length * sine + width * cosine
    return np.stack([x - across / 2, y - down / 2, across, down], axis=1)


def overlaps(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each of n boxes with each of m: (n, m)."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum((some[:, :2] + some[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    return shared / (np.prod(some[:, 2:], axis=1)[:, None] + np.prod(others[:, 2:], axis=1)[None] - shared)


def suppressed(boxes: np.ndarray, scores: np.ndarray, *, overlap: float) -> np.ndarray:
    """Indices of the boxes that no better one overlaps by more than `overlap`, best first."""
    order = np.argsort(-scores, kind="stable")
    shared = overlaps(boxes[order], boxes[order])
    kept = np.ones(len(order), bool)
    for index in range(len(order)):
        if kept[index]:
            kept[index + 1 :] &= shared[index, index + 1 :] <= overlap
    return order[kept]
