"""Scenes of many quadrilaterals of random grey, area-sampled: edges of every direction, with corners."""

from __future__ import annotations

import cv2
import numpy as np
from scenes.edges import Depth, rounded
from scipy.special import ndtr

FINER = 3  # samples per pixel in which a scene is painted
SOFT = 0.2  # px: sides are painted with a Gaussian of this width, so that sampling them loses nothing


def polygon_image(
    sigma: float,
    rng: np.random.Generator,
    *,
    size: int = 512,
    count: int | None = None,
    levels: tuple[float, float] = (40.0, 200.0),
    depth: Depth = "uint8",
    snr: float = np.inf,
) -> np.ndarray:
    """Random quadrilaterals over one another, blurred by a Gaussian and the pixel.

    Sides are painted softly on a finer grid, and what is left of the blur, with the pixel's box, is
    applied there. Along a side the error is below 1e-3 of the contrast for sigma from 0.4 on (measured
    against `scenes.edges` in the tests); corners are a product of two sides, exact where they are square.

    Parameters
    ----------
    sigma : float
        Of the Gaussian, in px.
    rng : numpy.random.Generator
        For the scene and its noise.
    size : int, optional
        Height and width.
    count : int, optional
        Polygons; as many as cover the picture about once where not given.
    levels : (float, float), optional
        Range of their greys; contrasts are low and high.
    depth : str, optional
        Type of the pixels.
    snr : float, optional
        Edge SNR of an edge as high as half the range of the levels: sets one noise for the image.
    """
    scene = np.full((size * FINER, size * FINER), np.mean(levels), np.float32)
    for _ in range(size * size // 4500 if count is None else count):
        paint(scene, quadrilateral(rng, size), rng.uniform(*levels))
    image = blurred(scene, sigma)
    if np.isfinite(snr):
        image = image + rng.normal(0, (levels[1] - levels[0]) / 2 / snr, image.shape)
    return rounded(image, depth)


def quadrilateral(rng: np.random.Generator, size: int) -> np.ndarray:
    """Corners (4, 2) of a rotated rectangle of 40 to 120 px, its corners shifted by up to a tenth."""
    sides = rng.uniform(40, 120, 2)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * (1 + rng.uniform(-0.1, 0.1, (4, 2)))
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (corners * sides) @ turn + rng.uniform(0, size, 2)


def paint(scene: np.ndarray, corners: np.ndarray, grey: float) -> None:
    """Lay a convex polygon (corners x, y in px, clockwise on the screen) over a scene, in place."""
    height, width = scene.shape
    low = np.clip((np.floor(corners.min(axis=0)) - 1) * FINER, 0, (width, height)).astype(int)
    high = np.clip((np.ceil(corners.max(axis=0)) + 2) * FINER, 0, (width, height)).astype(int)
    if np.any(low >= high):
        return
    x, y = _centres(low[0], high[0]), _centres(low[1], high[1])[:, None]
    cover = np.ones((y.size, x.size), np.float32)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = (end - start) / np.hypot(*(end - start))
        cover *= ndtr(((y - start[1]) * along[0] - (x - start[0]) * along[1]) / SOFT)
    part = scene[low[1] : high[1], low[0] : high[0]]
    part += cover * (grey - part)


def _centres(first: int, last: int) -> np.ndarray:
    return ((np.arange(first, last) - (FINER - 1) / 2) / FINER).astype(np.float32)


def blurred(scene: np.ndarray, sigma: float) -> np.ndarray:
    """Add what a painted scene lacks of a Gaussian of ``sigma`` px, and the box of the pixel."""
    rest = np.sqrt(sigma**2 - SOFT**2)
    reach = int(np.ceil((6 * rest + 0.5) * FINER))
    x = np.arange(-reach, reach + 1) / FINER
    kernel = ndtr((x + 0.5) / rest) - ndtr((x - 0.5) / rest)
    kernel /= kernel.sum()
    smooth = cv2.sepFilter2D(scene, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return smooth[FINER // 2 :: FINER, FINER // 2 :: FINER].astype(np.float64)
