"""Real pictures that installed wheels carry, and blur kernels whose exact transfer is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from scenes.edges import rounded

COLOUR = ("astronaut", "coffee", "chelsea", "rocket")
GREY = ("camera", "coins", "moon", "page", "brick")
TILE = 1024  # px, side of the scenes that are laid side by side
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def real_pictures() -> Iterator[tuple[str, np.ndarray]]:
    """Name and pixels (height, width) uint8: the green band where there are colours."""
    import skimage.data
    from sklearn.datasets import load_sample_image

    for name in COLOUR:
        yield name, np.ascontiguousarray(getattr(skimage.data, name)()[..., 1])
    for name in GREY:
        yield name, getattr(skimage.data, name)()
    for name in ("china", "flower"):
        yield name, np.ascontiguousarray(load_sample_image(f"{name}.jpg")[..., 1])
    photograph = aerial()
    if photograph is not None:
        yield "aerial1", np.ascontiguousarray(photograph[..., 1])


def aerial() -> np.ndarray | None:
    """The aerial photograph (height, width, bands) of ../shared/data, where that folder is there."""
    from iqf_core import read_image

    found = sorted((SHARED / "aerial1" / "images").glob("*.tif"))
    return read_image(found[0]).pixels if found else None


def tiles() -> dict[str, np.ndarray]:
    """Fixed scenes of 1024x1024, 8 bit: of photographs that scikit-image carries, and the aerial one."""
    import skimage.data

    names = ("camera", "moon", "brick", "astronaut")
    quarters = [getattr(skimage.data, name)() for name in names]
    quarters = [quarter if quarter.ndim == 2 else quarter[..., 1] for quarter in quarters]
    made = {"photographs": np.vstack([np.hstack(quarters[:2]), np.hstack(quarters[2:])])}
    photograph = aerial()
    if photograph is not None:
        made["aerial1"] = np.ascontiguousarray(photograph[:TILE, :TILE, 1])
    return made


def gaussian_kernel(sigma: float) -> np.ndarray:
    """Sampled Gaussian, sum 1."""
    reach = int(np.ceil(5 * sigma))
    x = np.arange(-reach, reach + 1)
    line = np.exp(-(x**2) / (2 * sigma**2))
    return np.outer(line, line) / line.sum() ** 2


def disc_kernel(radius: float, finer: int = 51) -> np.ndarray:
    """Disc: the share of each pixel that it covers, sum 1."""
    reach = int(np.ceil(radius))
    fine = (np.arange((2 * reach + 1) * finer) - ((2 * reach + 1) * finer - 1) / 2) / finer
    inside = np.hypot(fine, fine[:, None]) <= radius
    kernel = inside.reshape(2 * reach + 1, finer, 2 * reach + 1, finer).mean(axis=(1, 3))
    return kernel / kernel.sum()


def kernel_transfer(kernel: np.ndarray, theta: np.ndarray | float, frequency: float) -> np.ndarray:
    """Exact modulus of a kernel's discrete transfer along directions ``theta`` (radians)."""
    rows, columns = (np.arange(side) - side // 2 for side in kernel.shape)
    angle = np.asarray(theta)[..., None, None]
    phase = 2 * np.pi * frequency * (columns * np.cos(angle) + rows[:, None] * np.sin(angle))
    return np.abs((kernel * np.exp(-1j * phase)).sum(axis=(-2, -1)))


def blurred_picture(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with a symmetric kernel and round to the picture's own type."""
    smooth = cv2.filter2D(picture.astype(np.float64), -1, kernel, borderType=cv2.BORDER_REFLECT)
    return rounded(smooth, picture.dtype.name)
