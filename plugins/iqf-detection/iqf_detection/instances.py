"""Objects and detections as arrays: what matching works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Instances:
    """Objects of the ground truth, or detections, of all images.

    Parameters
    ----------
    image, label : ndarray of int, shape (n,)
        Index of the image and of the class.
    shape : ndarray of float, shape (n, 4) or (n, 4, 2)
        Boxes ``x, y, width, height``, or corners of quadrilaterals, in pixels.
    area : ndarray of float, shape (n,)
        In square pixels: of the segment where the ground truth states it.
    score : ndarray of float, shape (n,)
        Of detections; NaN for objects.
    crowd : ndarray of bool, shape (n,)
        Of objects: a region of many, neither demanded nor wrong to find (COCO ``iscrowd``).
    """

    image: Array
    label: Array
    shape: Array
    area: Array
    score: Array
    crowd: Array

    def __len__(self) -> int:
        return self.image.size

    def take(self, index: Array) -> Instances:
        """Those at an index, or of a mask."""
        fields = (self.image, self.label, self.shape, self.area, self.score, self.crowd)
        return Instances(*(field[index] for field in fields))

    def groups(self) -> Array:
        """Number of the image and class of each: what is matched with what."""
        return np.asarray(self.image * np.int64(1 << 31) + self.label)

    def ranks(self) -> Array:
        """Place of each among those of its image and class, when these lie one after the other."""
        starts = run_starts(self.groups())
        sizes = np.diff(np.append(starts, len(self)))
        return np.asarray(np.arange(len(self)) - np.repeat(starts, sizes))


def run_starts(keys: Array) -> Array:
    """Where runs of equal keys begin."""
    if not keys.size:
        return np.empty(0, np.int64)
    return np.concatenate(([0], np.flatnonzero(np.diff(keys)) + 1))
