"""Proposals: linear templates for every direction, correlated with the channels of the whole image."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy import fft, linalg

from detector.pictures import Picture
from detector.windows import GRADIENTS, channels, cut_windows

EXAMPLES = 200  # objects that a template is the mean of
BACKGROUND = 1500  # windows that say what is usual
FAINT = 0.01  # strength of a gradient that is hardly more than noise
SHRINKAGE = 5.0  # what is added to the variances, as shares of them


@dataclass(frozen=True)
class Templates:
    """Templates of one kind and size of object.

    Parameters
    ----------
    metres : float
        Metres a pixel.
    angles : ndarray, shape (k,)
        Headings in radians, within half a turn.
    weights : ndarray, shape (k, channels, side, side)
        Linear discriminants.
    bias : ndarray, shape (k,)
        What is added to their sums.
    """

    metres: float
    angles: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    _patterns: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_patterns": {}}  # made again when needed

    def propose(self, picture: Picture, count: int) -> np.ndarray:
        """The `count` best local maxima: (n, 3) of x, y in metres and heading."""
        level = picture.level(self.metres)
        scores = self._correlate(evened(channels(level[None]))[:, 0])
        best = scores.max(axis=0)
        peaks = best == cv2.dilate(best, np.ones((3, 3)))
        rows, columns = np.nonzero(peaks)
        order = np.argsort(-best[rows, columns], kind="stable")[:count]
        rows, columns = rows[order], columns[order]
        scale = picture.to_level(level)
        which = scores[:, rows, columns].argmax(axis=0)
        return np.stack([(columns + 0.5) / scale[0], (rows + 0.5) / scale[1], self.angles[which]], axis=1)

    def _correlate(self, maps: np.ndarray) -> np.ndarray:
        """Scores (k, height, width) of windows around each pixel."""
        side = self.weights.shape[-1]
        half = side // 2
        padded = np.pad(maps, ((0, 0), (half, half), (half, half)), mode="reflect")
        shape = tuple(fft.next_fast_len(length, real=True) for length in padded.shape[1:])
        spectrum = fft.rfft2(padded, shape)
        products = np.stack([(spectrum * pattern).sum(axis=0) for pattern in self._spectra(shape)])
        scores = fft.irfft2(products, shape)
        height, width = maps.shape[1:]
        return scores[:, :height, :width] + self.bias[:, None, None]

    def _spectra(self, shape: tuple[int, ...]) -> np.ndarray:
        """Spectra of the templates, kept for the next picture of the same size."""
        if shape not in self._patterns:
            self._patterns[shape] = fft.rfft2(self.weights, shape).conj()
        return self._patterns[shape]


def fit_templates(
    pictures: list[Picture],
    poses: list[np.ndarray],
    *,
    metres: float,
    side: int,
    directions: int,
    rng: np.random.Generator,
) -> Templates:
    """Learn templates: how the mean of objects turned to a direction differs from what is usual.

    Parameters
    ----------
    pictures, poses : list
        Images, and the objects of each (n, 3 or more).
    metres : float
        Metres a pixel.
    side : int
        Of a template in pixels, odd.
    directions : int
        How many, within half a turn.
    rng : numpy.random.Generator
        Draws examples and background.

    Notes
    -----
    Linear discriminants that share a covariance, that of the background (Hariharan et al., 2012,
    doi:10.1007/978-3-642-33765-9_33): no template needs negative examples of its own.
    """
    angles = np.arange(directions) * np.pi / directions
    usual = _background(pictures, metres, side, rng)
    mean = usual.mean(axis=0)
    covariance = np.cov(usual, rowvar=False, dtype=np.float32)
    covariance[np.diag_indices_from(covariance)] *= 1 + SHRINKAGE
    examples = np.stack([_turned(pictures, poses, angle, metres, side, rng) for angle in angles])
    solved = linalg.solve(covariance, (examples - mean).T, assume_a="pos").T
    bias = -0.5 * ((examples + mean) * solved).sum(axis=1)
    weights = solved.reshape(directions, -1, side, side)
    return Templates(metres, angles, weights.astype(np.float32), bias.astype(np.float32))


def evened(maps: np.ndarray) -> np.ndarray:
    """Channels whose gradients are divided by their mean nearby, so that faint edges count as strong ones."""
    around = np.stack([cv2.blur(one, (3, 3)) for one in maps[GRADIENTS.start]])
    maps[GRADIENTS] /= around + FAINT
    return maps


def _background(pictures: list[Picture], metres: float, side: int, rng: np.random.Generator) -> np.ndarray:
    rows = []
    for picture in pictures:
        height, width = picture.pixels.shape[:2] * np.array(picture.gsd_m)[::-1]
        places = rng.uniform(0, 1, (BACKGROUND // len(pictures) + 1, 3)) * (width, height, 0)
        rows.append(evened(channels(cut_windows(picture, places, metres, (side, side)))))
    found = np.moveaxis(np.concatenate(rows, axis=1), 1, 0)
    return found.reshape(len(found), -1)


def _turned(
    pictures: list[Picture],
    poses: list[np.ndarray],
    angle: float,
    metres: float,
    side: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Mean of the channels of some objects, turned so that they look along an angle or against it."""
    share = min(1.0, EXAMPLES / max(1, sum(map(len, poses))))
    total, count = 0.0, 0
    for picture, objects in zip(pictures, poses, strict=True):
        some = objects[rng.random(len(objects)) < share]
        if len(some):
            turned = some[:, :3] - (0, 0, angle) + np.pi * rng.integers(0, 2, len(some))[:, None] * (0, 0, 1)
            total = total + evened(channels(cut_windows(picture, turned, metres, (side, side)))).sum(axis=1)
            count += len(some)
    return np.ravel(total / max(1, count)).astype(np.float32)
