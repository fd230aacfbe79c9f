"""Windows aligned with a pose, and the channels in which they are described."""

from __future__ import annotations

import math

import cv2
import numpy as np

from detector.pictures import Picture

DIRECTIONS = [number * math.pi / 4 for number in range(4)]
GRADIENTS = slice(-1 - len(DIRECTIONS), None)
"""Those of the channels that are gradients, their strength first."""


def cut_windows(picture: Picture, poses: np.ndarray, metres: float, size: tuple[int, int]) -> np.ndarray:
    """Cut a window around each pose, turned so that the pose looks along the rows.

    Parameters
    ----------
    picture : Picture
        What is cut from.
    poses : ndarray, shape (n, 3 or more)
        x, y in metres, heading in radians.
    metres : float
        Metres a pixel of the windows.
    size : (int, int)
        Their height and width.

    Returns
    -------
    ndarray of float32, shape (n, height, width, bands)
    """
    source = picture.level(metres)
    height, width = size
    across, along = np.mgrid[:height, :width].astype(np.float32)
    along, across = (along - (width - 1) / 2) * metres, (across - (height - 1) / 2) * metres
    x, y, heading = (poses[:, column, None, None] for column in range(3))
    scale = picture.to_level(source)
    columns = (x + np.cos(heading) * along - np.sin(heading) * across) * scale[0] - 0.5
    rows = (y + np.sin(heading) * along + np.cos(heading) * across) * scale[1] - 0.5
    windows = np.empty((len(poses), height, width, source.shape[2]), np.float32)
    step = 30_000 // height  # OpenCV takes 32,767 rows at most
    for first in range(0, len(poses), step):
        part = slice(first, first + step)
        maps = (values[part].reshape(-1, width).astype(np.float32) for values in (columns, rows))
        found = cv2.remap(source, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        windows[part] = found.reshape(windows[part].shape)
    return windows


def channels(windows: np.ndarray) -> np.ndarray:
    """Describe windows (n, height, width, bands) in channels: (channels, n, height, width), float32.

    Brightness, each band's difference from it, strength of the gradient, and its share in four directions
    (Dollár et al., 2009, doi:10.5244/C.23.91), all of the square root of the samples: photon noise is alike
    everywhere.
    """
    stable = np.sqrt(np.maximum(np.moveaxis(windows, -1, 0), 0))
    bands = len(stable) if len(stable) > 1 else 0
    maps = np.empty((1 + bands + 1 + len(DIRECTIONS), *stable.shape[1:]), np.float32)
    bright = np.mean(stable, axis=0, out=maps[0])
    if bands:
        np.subtract(stable, bright, out=maps[1 : 1 + bands])
    down, right = np.gradient(bright, axis=(1, 2))
    strength = np.hypot(down, right, out=maps[1 + bands])
    below = np.maximum(strength, 1e-9)
    cosine, sine = (right**2 - down**2) / below, 2 * right * down / below  # of twice the direction
    for share, way in zip(maps[2 + bands :], DIRECTIONS, strict=True):
        np.maximum(math.cos(2 * way) * cosine + math.sin(2 * way) * sine, 0, out=share)
    return maps


def pooled(maps: np.ndarray) -> np.ndarray:
    """Means of squares of 2 x 2 pixels of (channels, n, height, width), as a row for each of n."""
    halves = maps[..., ::2, :] + maps[..., 1::2, :]
    squares = (halves[..., ::2] + halves[..., 1::2]) / 4
    return np.moveaxis(squares, 1, 0).reshape(maps.shape[1], -1)
