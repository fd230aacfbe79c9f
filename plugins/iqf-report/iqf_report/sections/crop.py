"""A place of an image, at a setting, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from affine import Affine

from iqf_core import Image
from iqf_core.dataset import Dataset
from iqf_core.errors import DatasetError
from iqf_core.variant import Variant, open_with_manifest

SHOWN = 224
"""Pixels of a picture on the page, each side."""
GAMMA = 0.8
INK = {"lost": (235, 64, 64), "gained": (70, 150, 255)}
VISIBLE = ("red", "green", "blue")
Box = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class Place:
    """A square of an untouched image.

    Parameters
    ----------
    image : str
        Its name.
    left, top, side : int
        In pixels.
    """

    image: str
    left: int
    top: int
    side: int

    def holds(self, x: Any, y: Any) -> Any:
        """Whether points lie in it."""
        right, bottom = self.left + self.side, self.top + self.side
        return (x >= self.left) & (x < right) & (y >= self.top) & (y < bottom)


@dataclass(frozen=True)
class Setting:
    """Where the images of a setting lie.

    Parameters
    ----------
    folder : pathlib.Path
        Of the dataset or variant.
    white : float or None
        Full scale that the study gave.
    """

    folder: Path
    white: float | None


@dataclass(frozen=True)
class Crop:
    """What a place looks like.

    Parameters
    ----------
    place : Place
        Of the untouched image.
    pixels : ndarray of float32, shape (rows, columns, 3)
        Red, green, blue, or three times the same; shares of full scale.
    low, high : ndarray, shape (3,)
        What is shown as black and as white.
    """

    place: Place
    pixels: npt.NDArray[np.float32]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]

    @classmethod
    def of(cls, setting: Setting, place: Place) -> Crop:
        """The untouched place: its own range of values is what all are shown in."""
        pixels = _pixels(setting, place)
        low, high = (np.nanpercentile(pixels, share, axis=(0, 1)).astype(np.float32) for share in (0.5, 99.5))
        return cls(place, pixels, low, np.maximum(high, low + 1e-6))

    def png(self, boxes: Sequence[Box]) -> bytes:
        """A PNG file of the place, with outlines of what changed."""
        shares = np.nan_to_num(np.clip((self.pixels - self.low) / (self.high - self.low), 0, 1)) ** GAMMA
        picture = cv2.resize((255 * shares).astype(np.uint8), (SHOWN, SHOWN), interpolation=cv2.INTER_NEAREST)
        picture = np.ascontiguousarray(picture)
        scale = SHOWN / self.place.side
        for change, x, y, width, height in boxes:
            left, top = round((x - self.place.left) * scale), round((y - self.place.top) * scale)
            right, bottom = left + round(width * scale), top + round(height * scale)
            cv2.rectangle(picture, (left, top), (right, bottom), INK[change], 2)
        written, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
        if not written:
            raise DatasetError(f"{self.place.image}: cannot be shown")
        return bytes(data)


def cropped(setting: Setting, place: Place, *, like: Crop) -> Crop:
    """The same place at another setting, shown in the range of the untouched one."""
    return Crop(place, _pixels(setting, place), like.low, like.high)


def bare(image: object) -> str:
    """Name of an image whatever its container: a variant may have another."""
    return str(Path(str(image)).with_suffix(""))


def _pixels(setting: Setting, place: Place) -> npt.NDArray[np.float32]:
    if not setting.folder.is_dir():
        raise DatasetError(f"{setting.folder.name}: no longer there; `iqf run` makes it again")
    dataset = open_with_manifest(setting.folder)
    name, affine = _found(dataset, place.image)
    image = dataset.read(name)
    left, top = affine @ (place.left, place.top)
    right, bottom = affine @ (place.left + place.side, place.top + place.side)
    rows = slice(max(0, round(top)), max(1, min(image.height, round(bottom))))
    columns = slice(max(0, round(left)), max(1, min(image.width, round(right))))
    part = image.pixels[rows, columns]
    if part.size == 0:
        raise DatasetError(f"{name}: smaller than the place that is shown")
    return _padded(_shares(image, part, dataset.white_of(name) or setting.white), place, affine)


def _found(dataset: Dataset, image: str) -> tuple[str, Affine]:
    """Name of an image in a dataset or variant, and the map from the untouched pixels to its own."""
    wanted = bare(image)
    if isinstance(dataset, Variant) and dataset.manifest is not None:
        for row in dataset.manifest.images:
            if wanted in (bare(row.source), bare(row.image)):
                return row.image, Affine.identity() if row.affine is None else Affine(*row.affine)
    for record in dataset.records:
        if bare(record.image) == wanted:
            return record.image, Affine.identity()
    raise DatasetError(f"{dataset.root.name}: no image {image}")


def _shares(image: Image, part: npt.NDArray[Any], white: float | None) -> npt.NDArray[np.float32]:
    """Samples of the visible bands as shares of full scale."""
    roles = image.geo.colorinterp if image.geo else ()
    if set(VISIBLE) <= set(roles):
        bands = [roles.index(role) for role in VISIBLE]
    else:
        bands = [0, 1, 2] if part.shape[2] >= 3 else [0, 0, 0]
    full = white or image.white or (np.iinfo(part.dtype).max if part.dtype.kind in "ui" else 1.0)
    return (part[..., bands].astype(np.float32) / np.float32(full)).astype(np.float32)


def _padded(pixels: npt.NDArray[np.float32], place: Place, affine: Affine) -> npt.NDArray[np.float32]:
    """Filled up with nothing where the place goes beyond the image, so that all are of one scale."""
    rows = max(pixels.shape[0], round(place.side * abs(affine.e)))
    columns = max(pixels.shape[1], round(place.side * abs(affine.a)))
    whole = np.full((rows, columns, pixels.shape[2]), np.nan, np.float32)
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels
    return whole
