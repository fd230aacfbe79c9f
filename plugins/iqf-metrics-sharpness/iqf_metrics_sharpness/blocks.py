"""Whether a band went through JPEG: its 8x8 blocks leave steps at their borders."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 8
"""Of a block in pixels (ISO/IEC 10918-1)."""

EXCESS = 0.05
"""Share by which differences across the borders must exceed the others for blocks to be said to show."""

STRIP = 1024
"""Rows looked at at once."""


def blockiness(picture: npt.NDArray[np.generic]) -> float:
    """How much larger the differences of neighbours are across the borders of 8x8 blocks than elsewhere.

    After Wang, Bovik and Evans 2000 (doi 10.1109/ICIP.2000.899622), in the plane of pixels: mean absolute
    difference of columns across the borders, over that of the other columns, minus 1; the smaller of that
    and the same for rows. Medians over the columns, so that a few edges on the grid are no blocks. About 0
    without blocks.

    Parameters
    ----------
    picture : ndarray, shape (H, W)
        One band.
    """
    height, width = picture.shape
    if min(height, width) < 4 * SIDE:
        return 0.0
    down, across = np.zeros(height - 1), np.zeros(width - 1)
    for top in range(0, height, STRIP):
        strip = picture[top : top + STRIP + 1]
        if strip.dtype not in (np.uint8, np.uint16):
            strip = strip.astype(np.float32)
        if len(strip) > 1:
            down[top : top + len(strip) - 1] = cv2.absdiff(strip[1:], strip[:-1]).mean(axis=1)
        own = strip[:STRIP]
        across += cv2.absdiff(own[:, 1:], own[:, :-1]).sum(axis=0, dtype=np.float64)
    return min(_excess(across / height), _excess(down))


def _excess(profile: npt.NDArray[np.float64]) -> float:
    """Excess at the borders; 0 where another phase of the grid shows more."""
    whole = np.median(profile[: len(profile) // SIDE * SIDE].reshape(-1, SIDE), axis=0)
    rest = float(np.median(np.delete(whole, SIDE - 1)))
    if rest <= 0 or whole.argmax() != SIDE - 1:
        return 0.0
    return float(whole[SIDE - 1] / rest - 1)
