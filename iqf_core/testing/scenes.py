"""Small scenes of any type and number of bands, from a seed: edges, texture, nodata, a place on Earth."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_core.image import Geo, Image

Plane = npt.NDArray[Any]

DTYPES = ("uint8", "uint16", "int16", "float32")
BANDS = (1, 3, 6)
WHITE = {"uint8": 255.0, "uint16": 4095.0, "int16": 10_000.0, "float32": 1.0}
NODATA = {
    "uint8": (0.0, 255.0),
    "uint16": (0.0, 65535.0),
    "int16": (-32768.0, 0.0),
    "float32": (np.nan, -1.0),
}
"""Two values that no valid sample of a scene has."""

_FINE = 4  # sub-pixels a side, so that edges meet the pixels in every phase
_DARK, _BRIGHT = 0.05, 0.95


def scene(
    dtype: str = "uint8",
    bands: int = 3,
    *,
    size: tuple[int, int] = (64, 64),
    nodata: float | None = None,
    seed: int = 0,
) -> Image:
    """Slanted bright roofs on a textured ground, with 0.5 % noise; no two of its directions are alike.

    Parameters
    ----------
    dtype : {"uint8", "uint16", "int16", "float32"}
        Type of the samples. ``white`` is 255, 4095, 10000 or 1; all valid samples lie inside.
    bands : int
        Each a little darker than the one before, with a texture of its own.
    size : (int, int)
        Height and width in px.
    nodata : float, optional
        Its value: a corner of the scene, a strip and single samples are then nodata. One of
        ``NODATA[dtype]``, so that no valid sample has it.
    seed : int
        Of the texture and the noise.

    Returns
    -------
    Image
        Georeferenced, 0.5 m a pixel. Its pixels are the caller's own.

    Examples
    --------
    >>> picture = scene("uint16", 6, nodata=0)
    >>> picture.pixels.shape, picture.white, bool((picture.pixels == 0).any())
    ((64, 64, 6), 4095.0, True)
    """
    share = _shares(*size, bands, seed)
    pixels = share * WHITE[dtype]
    pixels = (pixels if dtype == "float32" else np.rint(pixels)).astype(dtype)
    if nodata is not None:
        pixels[holes_of(pixels.shape)] = nodata
    return Image(pixels, white=WHITE[dtype], nodata=nodata, geo=_place())


def holes_of(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Where a scene has no data: a corner and a strip in all bands, single samples in the first."""
    height, width, _ = shape
    holes = np.zeros(shape, bool)
    holes[: height // 3, width - width // 3 :] = True
    holes[height - height // 8 :, : width // 2] = True
    holes[height // 2 :: 7, 3::11, 0] = True
    return holes


def blank(image: Image) -> Image:
    """The same image without a single valid sample."""
    nodata = NODATA[str(image.dtype)][0]
    return replace(image, pixels=np.full_like(image.pixels, nodata), nodata=nodata)


def flat(image: Image) -> Image:
    """The same image without contrast: every sample 0.4 of white."""
    return replace(image, pixels=np.full_like(image.pixels, 0.4 * image.require_white()))


def blurred(image: Image, sigma_px: float) -> Image:
    """Image without nodata after a Gaussian blur, rounded to its type."""
    import cv2

    soft = cv2.GaussianBlur(
        image.pixels.astype(np.float64), (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101
    )
    return _of_values(image, soft.reshape(image.pixels.shape))


def noisy(image: Image, sigma: float, *, seed: int = 7) -> Image:
    """Image without nodata with Gaussian noise of ``sigma`` times white, clipped to 0 to white."""
    white = image.require_white()
    noise = np.random.default_rng(seed).normal(0, sigma * white, image.pixels.shape)
    return _of_values(image, np.clip(image.pixels + noise, 0, white))


def _of_values(image: Image, values: Plane) -> Image:
    exact = values if image.dtype.kind == "f" else np.rint(values)
    return replace(image, pixels=exact.astype(image.dtype))


def _place() -> Geo:
    from affine import Affine
    from rasterio.crs import CRS

    return Geo(crs=CRS.from_epsg(32631), transform=Affine(0.5, 0, 430_000, 0, -0.5, 4_600_000))


@functools.lru_cache(maxsize=64)
def _shares(height: int, width: int, bands: int, seed: int) -> Plane:
    """Samples as shares of white, (height, width, bands), float64; the caller copies."""
    rng = np.random.default_rng([seed, height, width])
    ground = _ground(height, width)
    planes = [
        (ground + _texture(rng, height, width)) * (1 - 0.07 * band) + rng.normal(0, 0.005, (height, width))
        for band in range(bands)
    ]
    shares = np.clip(np.stack(planes, axis=-1), _DARK, _BRIGHT)
    shares.flags.writeable = False
    return shares


def _ground(height: int, width: int) -> Plane:
    """Two slanted roofs on a ramp, seen through a lens of sigma 0.6 px and square pixels."""
    import cv2

    y, x = np.mgrid[: height * _FINE, : width * _FINE] / _FINE + 0.5 / _FINE
    along, across = x / width, y / height
    plane = 0.3 + 0.08 * along + 0.04 * across
    for centre, half, degrees, level in (((0.36, 0.46), 0.24, 6, 0.75), ((0.79, 0.74), 0.12, 18, 0.14)):
        turn = np.deg2rad(degrees)
        right = (along - centre[0]) * np.cos(turn) + (across - centre[1]) * np.sin(turn)
        down = (across - centre[1]) * np.cos(turn) - (along - centre[0]) * np.sin(turn)
        plane = np.where((abs(right) < half) & (abs(down) < 1.2 * half), level, plane)
    seen = plane.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))
    return np.asarray(cv2.GaussianBlur(seen, (0, 0), 0.6)).reshape(height, width)


def _texture(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Coarse grain in the lower right quarter; the rest is calm, so that edges have their plateaus."""
    import cv2

    grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 1.2).reshape(height, width)
    grain[: height // 2] = 0
    grain[:, : width // 2] = 0
    return np.asarray(0.08 * grain)
