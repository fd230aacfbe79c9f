"""Scenes whose noise is known: synthetic ones, and photographs to which known noise is added.

The noise of every synthetic scene has the variance ``a + b level`` before it is rounded; rounding to whole
numbers adds 1/12. True SNR = median level / sqrt(a + b median + 1/12).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]

PLAIN = ("flat", "ramp", "two-level", "polygon")
TEXTURE_STD = 10.0
PHOTOGRAPHS = (
    "astronaut", "coffee", "chelsea", "camera", "brick", "grass", "gravel", "coins", "moon", "page",
)  # fmt: skip
"""scikit-image's ten lossless 8-bit pictures: chosen before anything was measured on them."""
JPEGS = ("china.jpg", "flower.jpg")
"""scikit-learn's two: they have been through JPEG, so they are reported and not barred."""


@dataclass(frozen=True)
class Scene:
    """An image and the truth about its noise.

    Parameters
    ----------
    pixels : ndarray, shape (size, size)
        uint8 or uint16, rounded and clipped.
    a, b : float
        Noise variance is ``a + b level`` in DN^2, before rounding.
    """

    pixels: Plane
    a: float
    b: float

    def sigma(self, level: float) -> float:
        """True standard deviation at a level, rounding included."""
        return math.sqrt(self.a + self.b * level + 1 / 12)

    @property
    def snr(self) -> float:
        """True SNR at the median."""
        level = float(np.median(self.pixels))
        return level / self.sigma(level)


def scene(
    kind: str,
    *,
    seed: int,
    sigma: float,
    bits: int = 8,
    gain: float = 0.0,
    size: int = 512,
    power: float = 2.0,
) -> Scene:
    """Make a scene.

    Parameters
    ----------
    kind : {"flat", "ramp", "two-level", "polygon", "texture"}
        What lies under the noise; ``"texture"`` has a power spectrum of 1/f^power and a standard deviation
        of 10 DN.
    seed : int
        Of the scene and its noise.
    sigma : float
        Standard deviation of Gaussian noise, in DN.
    bits : {8, 16}
        Depth. 16-bit scenes reach over the whole range.
    gain : float
        DN per electron: 0 is no photon noise.
    power : float
        Of the texture.
    """
    rng = np.random.default_rng([seed, bits, size, sum(kind.encode())])
    low, high = (40.0, 210.0) if bits == 8 else (4000.0, 60000.0)
    clean = {
        "flat": lambda: np.full((size, size), (low + high) / 2 + rng.uniform()),
        "ramp": lambda: _ramp(size, low, high),
        "two-level": lambda: _two_level(size, low, high),
        "polygon": lambda: _polygons(size, low, high, rng),
        "texture": lambda: (low + high) / 2 + TEXTURE_STD * texture(size, rng, power=power),
    }[kind]()
    return Scene(observed(clean, rng, sigma=sigma, bits=bits, gain=gain), sigma**2, gain)


def observed(
    clean: Plane, rng: np.random.Generator, *, sigma: float, bits: int = 8, gain: float = 0.0
) -> Plane:
    """Add photon noise, then Gaussian noise; round and clip to the depth."""
    seen = gain * rng.poisson(clean / gain) if gain else clean
    noisy = seen + sigma * rng.standard_normal(clean.shape)
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.clip(np.rint(noisy), 0, np.iinfo(dtype).max).astype(dtype)


def texture(size: int, rng: np.random.Generator, *, power: float = 2.0) -> Plane:
    """Gaussian field of power spectrum 1/f^power, mean 0 and standard deviation 1, periodic."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(
        np.fft.rfft2(rng.standard_normal((size, size))) * frequency ** (-power / 2), (size, size)
    )
    return np.asarray(field / field.std())


def _ramp(size: int, low: float, high: float) -> Plane:
    along = np.linspace(low, high, size)
    return 0.75 * along[None] + 0.25 * along[:, None]


def _two_level(size: int, low: float, high: float) -> Plane:
    step = np.linspace(0, 1, size) < 0.4
    return np.broadcast_to(np.where(step, 0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high), (size, size))


def _polygons(size: int, low: float, high: float, rng: np.random.Generator) -> Plane:
    """Draw forty triangles to pentagons of any level over each other, their edges area-sampled."""
    canvas = np.full((4 * size, 4 * size), (low + high) / 2)
    for _ in range(40):
        centre, radius = rng.uniform(0, 4 * size, 2), rng.uniform(0.1, 0.3) * 4 * size
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 6)))
        corners = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], rng.uniform(low, high))
    return canvas.reshape(size, 4, size, 4).mean(axis=(1, 3))


def photograph(name: str) -> Plane:
    """Grey values of a photograph carried by an installed wheel, float64 in 0 to 255; colours: the green."""
    if name.endswith(".jpg"):
        from sklearn.datasets import load_sample_image

        picture = load_sample_image(name)
    else:
        import skimage.data

        picture = getattr(skimage.data, name)()
    return np.asarray(picture if picture.ndim == 2 else picture[..., 1], np.float64)


def noisy_photograph(name: str, *, sigma: float, seed: int) -> Plane:
    """Photograph with Gaussian noise added, rounded and clipped to uint8."""
    return observed(photograph(name), np.random.default_rng([seed, *name.encode()]), sigma=sigma)


def tiled(side: int, dtype: str) -> Plane:
    """One fixed photograph with noise of 3 DN, mirrored and repeated to a square of ``side``."""
    picture = noisy_photograph("camera", sigma=3, seed=0)
    pair = np.vstack([np.hstack([picture, picture[:, ::-1]]), np.hstack([picture, picture[:, ::-1]])[::-1]])
    repeats = -(-side // pair.shape[0])
    whole = np.tile(pair, (repeats, repeats))[:side, :side]
    return np.ascontiguousarray(whole if dtype == "uint8" else whole.astype(np.uint16) * 16)


def coco_pictures(folder: Path) -> list[Plane]:
    """The ten COCO pictures, in the order of their names, or none where the folder is not there."""
    return [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in sorted(folder.glob("*.jpg"))]
