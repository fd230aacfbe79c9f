"""The ground as a sensor would see it without blur and noise: reflectance, texture and shadow, in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

Points = np.ndarray
"""Corners (n, 2) in metres: x to the right, y downwards."""
Place = tuple[slice, slice]
"""Rows and columns of pixels."""
Colour = Sequence[float]
"""Reflectance in blue, green, red and near infrared."""

SHADOW = np.array([0.55, 0.62, 0.68, 0.75], np.float32)  # what a full shadow takes of each band
MARGIN_PX = 2  # between an object and the border of its image


@dataclass(frozen=True)
class Pose:
    """Where something stands, and which way it looks.

    Parameters
    ----------
    x, y : float
        In metres.
    heading : float
        In radians, from the x axis towards the y axis.
    """

    x: float
    y: float
    heading: float = 0.0

    def at(self, points: Sequence[Sequence[float]] | Points) -> Points:
        """World coordinates of points given as (forward, right)."""
        cosine, sine = np.cos(self.heading), np.sin(self.heading)
        return np.asarray(points, float) @ [[cosine, sine], [-sine, cosine]] + (self.x, self.y)

    def moved(self, forward: float, right: float, turn: float = 0.0) -> Pose:
        """The pose reached by going forward, then to the right, and turning."""
        x, y = self.at([(forward, right)])[0]
        return Pose(float(x), float(y), self.heading + turn)

    def box(self, length: float, width: float) -> Points:
        """Corners of a rectangle around it."""
        ahead, aside = length / 2, width / 2
        return self.at([(ahead, -aside), (ahead, aside), (-ahead, aside), (-ahead, -aside)])


@dataclass(frozen=True)
class Thing:
    """A known object: its class, and the corners of the rectangle around it in metres."""

    label: str
    corners: Points


class Canvas:
    """What is painted on, and what is known of it.

    Parameters
    ----------
    size : int
        Side in pixels.
    tile : int
        Side in pixels of the images that it will be cut into: no object lies across their borders.
    gsd_m : float
        Metres a pixel.
    sun : (float, float)
        Where the shadow of something one metre high ends, in metres.
    """

    def __init__(self, size: int, tile: int, gsd_m: float, sun: tuple[float, float]) -> None:
        self.size, self.tile, self.gsd_m, self.sun = size, tile, gsd_m, np.array(sun)
        self.reflectance = np.zeros((size, size, 4), np.float32)
        self.roughness = np.zeros((size, size), np.float32)
        self.shadow = np.zeros((size, size), np.float32)
        self.taken = np.zeros((size, size), np.uint8)
        self.things: list[Thing] = []

    @property
    def side_m(self) -> float:
        """Side in metres."""
        return self.size * self.gsd_m

    def paint(self, outline: Points, colour: Colour, roughness: float = 0.04) -> None:
        """Cover what is inside an outline; pixels on its border are covered in part."""
        place, share = self._covered(outline)
        self.reflectance[place] += share[..., None] * (
            np.asarray(colour, np.float32) - self.reflectance[place]
        )
        self.roughness[place] += share * (roughness - self.roughness[place])

    def stripe(self, outline: Points, angle: float, period: float, depth: float) -> None:
        """Modulate what is inside an outline: rows of a crop, ribs of a roof. Period in metres."""
        place, share = self._covered(outline)
        y, x = np.mgrid[place] * self.gsd_m
        wave = np.cos(2 * np.pi / period * (np.cos(angle) * x + np.sin(angle) * y))
        self.reflectance[place] *= (1 + depth * share * wave)[..., None].astype(np.float32)

    def cast(self, outline: Points, height: float, *, above: float = 0.0) -> None:
        """Cast the shadow of a prism that reaches from `above` the ground to a height; its top stays lit."""
        ends = [outline + self.sun * above, outline + self.sun * height]
        hull = cv2.convexHull(np.concatenate(ends).astype(np.float32))[:, 0]
        place, share = self._covered(hull)
        np.maximum(self.shadow[place], share * (1 - self._inside(outline, place)), out=self.shadow[place])

    def lift(self, outline: Points) -> None:
        """Take the shadow off something that stands higher than what casts it."""
        place, share = self._covered(outline)
        self.shadow[place] *= 1 - share

    def is_free(self, outline: Points) -> bool:
        """Whether nothing stands there yet."""
        place, share = self._covered(outline)
        return not (self.taken[place][share > 0.1]).any()

    def take(self, outline: Points) -> None:
        """Keep others from standing there."""
        place, share = self._covered(outline)
        self.taken[place][share > 0.1] = 1

    def is_whole(self, outline: Points) -> bool:
        """Whether it lies in one of the images, off its border."""
        first = (outline.min(axis=0) / self.gsd_m - MARGIN_PX) // self.tile
        last = (outline.max(axis=0) / self.gsd_m + MARGIN_PX) // self.tile
        return bool((first == last).all() and (first >= 0).all() and (last < self.size // self.tile).all())

    def finished(self, rng: np.random.Generator) -> np.ndarray:
        """Reflectance (height, width, 4) with texture and shadow."""
        broad, fine, leaf = (rough_field(self.size, power, rng) for power in (1.2, 0.5, 0.5))
        visible = self.roughness * (0.8 * broad + 0.6 * fine)
        infrared = self.roughness * (0.6 * broad + 0.4 * fine + 0.5 * leaf)
        texture = np.stack([visible, visible, 0.9 * visible, infrared], axis=-1)
        return self.reflectance * np.exp(texture) * (1 - self.shadow[..., None] * SHADOW)

    def _covered(self, outline: Points) -> tuple[Place, np.ndarray]:
        """Where an outline lies, and the share of each pixel there that is inside it."""
        points = np.asarray(outline, float) / self.gsd_m
        low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, self.size)
        high = np.clip(np.ceil(points.max(axis=0)).astype(int), low, self.size)
        place = slice(low[1], high[1]), slice(low[0], high[0])
        return place, self._inside(outline, place)

    def _inside(self, outline: Points, place: Place) -> np.ndarray:
        """Share of each pixel of a place that is inside an outline."""
        height, width = (part.stop - part.start for part in place)
        if not width or not height:
            return np.zeros((height, width), np.float32)
        finer = 8 if max(width, height) <= 160 else 2
        points = np.asarray(outline, float) / self.gsd_m - (place[1].start, place[0].start)
        mask = np.zeros((height * finer, width * finer), np.uint8)
        corners = np.rint((points * finer - 0.5) * 16).astype(np.int32)  # in sixteenths, as OpenCV takes them
        cv2.fillPoly(mask, [corners], 255, shift=4)
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def rough_field(size: int, power: float, rng: np.random.Generator) -> np.ndarray:
    """Random field (size, size) of mean 0 and deviation 1 whose amplitude falls as 1 / frequency**power."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) / frequency**power
    field = np.fft.irfft2(spectrum, (size, size))
    return (field / field.std()).astype(np.float32)
