"""Pictures and datasets: real photographs out of scikit-image, in any type and number of bands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from iqf_core import Image, write_image

NAMES = ("plain", "with space", "no#1", "été")


@functools.cache
def _photograph() -> np.ndarray[Any, Any]:
    return np.asarray(data.astronaut())


def make_picture(
    dtype: str = "uint8", bands: int = 3, *, white: float | None = None, size: int = 96, at: int = 40
) -> Image:
    """Square cut of a photograph: its colours over again, each time darker, scaled to white."""
    cut = _photograph()[at : at + size, at : at + size].astype(np.float64) / 255
    stack = np.dstack([cut[:, :, band % 3] * (1 - 0.1 * (band // 3)) for band in range(bands)])
    if dtype == "float32":
        return Image.from_array(stack.astype(np.float32), white=white)
    if dtype == "int16":
        scaled = stack * white if white else stack * 6000 - 3000
        return Image.from_array(scaled.round().astype(np.int16), white=white)
    full = white or np.iinfo(dtype).max
    dithered = stack * full + np.random.default_rng(0).uniform(-0.01, 0.01, stack.shape) * full
    return Image.from_array(np.clip(dithered, 0, full).astype(dtype), white=white)


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image]:
    return make_picture


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset of one or several pictures under awkward names."""

    def made(*images: Image, suffix: str = ".tif", name: str = "scenes") -> Path:
        root = tmp_path / name
        (root / "images").mkdir(parents=True)
        for stem, image in zip(NAMES, images, strict=False):
            path = root / "images" / (stem + suffix)
            if suffix == ".jpg":
                colours = image.pixels[:, :, ::-1] if image.bands == 3 else image.pixels
                path.write_bytes(cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
            else:
                write_image(path, image)
        return root

    return made
