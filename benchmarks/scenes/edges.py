"""Images of long straight edges whose every pixel is exact, and of no edges at all.

**Plateaus.** Truth is that of a lone edge between endless plateaus. In the image an edge ends where its
neighbours begin. For compact point spreads that changes nothing. An Airy pattern has 3.1 % of its step
beyond +-6.5 px, 2.0 % beyond +-10 px and 1.0 % beyond +-20 px. Between stripes of 20 px the image never
gets further than 97 % of the contrast, so whoever normalises at the levels that are seen reads 3 % too
sharp; with 20 px on either side of each edge (stripes of 40 px) 1.5 %. The lone edge is held against both.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scenes.psfs import Airy, Disc, Gaussian, Motion, PointSpread, Sharpened, Truth, TwoGaussians

__all__ = [
    "Airy", "Disc", "Gaussian", "Motion", "PointSpread", "Sharpened", "Truth", "TwoGaussians",
    "edge_image", "noise_image", "rounded", "texture_image",
]  # fmt: skip

Depth = Literal["uint8", "uint16", "float32", "float64"]
Pattern = Literal["stripes", "stairs", "single"]


def edge_image(
    psf: PointSpread,
    theta: float,
    contrast: float,
    *,
    middle: float = 128.0,
    size: int | tuple[int, int] = 256,
    plateau: float = 24.0,
    pattern: Pattern = "stripes",
    depth: Depth = "uint8",
    snr: float = np.inf,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Parallel straight edges, exact before noise and rounding.

    Parameters
    ----------
    psf : PointSpread
        What blurs them; the pixel is added.
    theta : float
        Direction of the normal in radians, 0 along +x, pi/2 down the rows.
    contrast : float
        High minus low in DN, of one edge. Negative: the edge nearest the centre falls along the normal.
    middle : float, optional
        Level half-way up that edge.
    size : int or (int, int), optional
        Height and width in px.
    plateau : float, optional
        Distance of neighbouring edges along the normal in px.
    pattern : {"stripes", "stairs", "single"}, optional
        Low and high in turn, every edge in the same sense, or one edge alone.
    depth : str, optional
        Integers are rounded, then clipped to their range.
    snr : float, optional
        Edge SNR, abs(contrast) / sigma of the white Gaussian noise added.
    rng : numpy.random.Generator, optional
        For noise, and for the position of the edges; without it the nearest one is 0.3 px off the centre.

    Returns
    -------
    numpy.ndarray
        (height, width) of ``depth``.
    """
    height, width = (size, size) if isinstance(size, int) else size
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    d = (x * np.cos(theta) + y[:, None] * np.sin(theta)).ravel()
    phase = 0.3 if rng is None else rng.uniform(-0.5, 0.5) * (1.0 if pattern == "single" else plateau)
    level = np.zeros(d.size)
    for number, sign in _steps(float(d.max()) + 2 * plateau, plateau, pattern):
        before = 0.0 if number >= 0 else 1.0  # so that the edge number 0 goes from 0 to 1
        level += sign * (psf.edge_response(d - phase - number * plateau, theta) - before)
    image = middle + contrast * (level.reshape(height, width) - 0.5)
    if np.isfinite(snr):
        if rng is None:
            raise ValueError("noise needs rng=")
        image += rng.normal(0, abs(contrast) / snr, image.shape)
    return rounded(image, depth)


def _steps(reach: float, plateau: float, pattern: Pattern) -> list[tuple[int, int]]:
    """Number and sense of each edge within reach of the image."""
    if pattern == "single":
        return [(0, 1)]
    count = int(np.ceil(reach / plateau)) + 1
    return [(n, 1 if pattern == "stairs" or n % 2 == 0 else -1) for n in range(-count, count + 1)]


def rounded(image: np.ndarray, depth: Depth) -> np.ndarray:
    """Round and clip to the range of an integer type; a float type is only cast."""
    if depth.startswith("float"):
        return image.astype(depth)
    return np.clip(np.rint(image), 0, np.iinfo(depth).max).astype(depth)


def noise_image(
    rng: np.random.Generator,
    *,
    size: int = 512,
    level: float = 128.0,
    sigma: float = 10.0,
    depth: Depth = "uint8",
) -> np.ndarray:
    """White Gaussian noise about one level: no edge in it."""
    return rounded(rng.normal(level, sigma, (size, size)), depth)


def texture_image(
    rng: np.random.Generator,
    *,
    size: int = 512,
    level: float = 128.0,
    std: float = 30.0,
    depth: Depth = "uint8",
) -> np.ndarray:
    """Isotropic Gaussian texture of power 1/f^2: details of every size, and no edge in it."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    frequency[0, 0] = np.inf
    texture = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(size, size))) / frequency, (size, size))
    return rounded(level + std * texture / texture.std(), depth)
