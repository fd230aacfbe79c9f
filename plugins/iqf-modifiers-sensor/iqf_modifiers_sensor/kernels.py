"""The point spreads: Gaussian, disc, motion, and what a file holds."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from iqf_core.errors import ParameterError
from iqf_modifiers_sensor.filtering import Kernel, Vector

REACH = 4.0  # sigmas: what is cut off a Gaussian is 6e-5 of it
LARGEST_GAIN = 1000  # of a kernel's parts over its sum
NOTHING = 1e-12  # a size below which a kernel is a single pixel


def gaussian(sigma_px: float) -> Kernel:
    """Gaussian, sampled at the pixels' centres: k(n) ~ exp(-n^2 / (2 sigma^2)), cut at 4 sigma, sum 1.

    Sampled, not integrated over pixels: an image has its pixel's box already. Below a sigma of 0.5 px
    the samples spread less than the Gaussian of which they are taken.
    """
    if sigma_px < NOTHING:
        return identity()
    radius = max(1, math.ceil(REACH * sigma_px))
    samples = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    samples /= samples.sum()
    return Kernel(samples, samples)


def disc(radius_px: float) -> Kernel:
    """Disc of defocus: each pixel's share of its area, in closed form."""
    if radius_px < NOTHING:
        return identity()
    reach = max(1, math.ceil(radius_px - 0.5))
    edges = np.arange(-reach, reach + 2) - 0.5
    x, y = np.meshgrid(edges, edges)
    area = _area_below_left(x, y, radius_px)
    plane = np.clip(np.diff(np.diff(area, axis=0), axis=1), 0, None)
    return Kernel.of_plane(plane / plane.sum())


def motion(length_px: float, angle_deg: float) -> Kernel:
    """Straight uniform motion: the length of the path that lies in each pixel."""
    if length_px < NOTHING:
        return identity()
    across, up = (length_px / 2 * math.cos(math.radians(angle_deg))), math.sin(math.radians(angle_deg))
    down = -length_px / 2 * up  # rows are counted downwards
    reach_x, reach_y = (math.ceil(max(abs(half) - 0.5, 0) - 1e-9) for half in (across, down))
    columns, rows = np.meshgrid(np.arange(-reach_x, reach_x + 1), np.arange(-reach_y, reach_y + 1))
    entry_x, exit_x = _inside(columns, across)
    entry_y, exit_y = _inside(rows, down)
    first, last = np.maximum(entry_x, entry_y), np.minimum(exit_x, exit_y)
    plane = np.clip(np.minimum(last, 1) - np.maximum(first, -1), 0, None)
    return Kernel.of_plane(plane / plane.sum())


def from_bytes(content: bytes, name: str) -> Kernel:
    """Kernel of a file's content: ``.npy``, or numbers in rows (``.csv`` with commas, ``.txt`` with spaces).

    Raises
    ------
    ParameterError
        When it is not two-dimensional with odd sides, or has no positive sum.
    """
    values = np.atleast_2d(_numbers(content, name))
    if values.ndim != 2 or not all(side % 2 for side in values.shape):
        raise ParameterError(
            f"{name}: a kernel of shape {values.shape}; it has two sides, both odd, so that there is a "
            "middle: add a row or column of zeros, and mind where the middle comes to lie"
        )
    largest = np.abs(values).max()
    shares = values / largest if 0 < largest < np.inf else np.zeros_like(values)  # so that no sum overflows
    if not 0 < np.abs(shares).sum() <= LARGEST_GAIN * shares.sum():
        raise ParameterError(
            f"{name}: a kernel is finite numbers with a positive sum, to which its negative parts leave at "
            f"least 1/{LARGEST_GAIN} of all: give another one"
        )
    return Kernel.of_plane(shares / shares.sum())


def identity() -> Kernel:
    """Kernel that changes nothing."""
    return Kernel(np.ones(1), np.ones(1))


def _numbers(content: bytes, name: str) -> Vector:
    kind = Path(name).suffix.lower()
    if kind not in READERS:
        raise ParameterError(f"{name}: a kernel is read from {', '.join(READERS)}: write it as one of these")
    try:
        return READERS[kind](content)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise ParameterError(f"{name}: no kernel can be read from it ({error})") from error


def _of_array(content: bytes) -> Vector:
    """Array of a ``.npy`` file: no archive and no pickle, which `numpy.load` would take as well."""
    values = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    if values.dtype.kind not in "buif":
        raise ValueError(f"its values are {values.dtype}, not real numbers")
    return np.asarray(values, np.float64)


def _of_text(content: bytes, separator: str | None) -> Vector:
    lines = content.decode("utf-8-sig").splitlines()
    if not any(line.partition("#")[0].strip() for line in lines):
        raise ValueError("there are no numbers in it")
    return np.loadtxt(lines, delimiter=separator, ndmin=2)


READERS: dict[str, Callable[[bytes], Vector]] = {
    ".npy": _of_array,
    ".csv": lambda content: _of_text(content, ","),
    ".txt": lambda content: _of_text(content, None),
}


def _area_below_left(x: Vector, y: Vector, radius: float) -> Vector:
    """Area of the part of a disc that lies left of ``x`` and below ``y``."""
    x, y = np.clip(x, -radius, radius), np.clip(y, -radius, radius)
    corner_inside = x * y + _half_strip(x, radius) + _half_strip(y, radius) + math.pi * radius**2 / 4
    right, top = _cap(x, radius), _cap(y, radius)
    whole = math.pi * radius**2
    corner_outside = np.select(
        [(x > 0) & (y > 0), (x <= 0) & (y > 0), (x > 0) & (y <= 0)],
        [whole - right - top, whole - right, whole - top],
        0.0,
    )
    return np.where(x**2 + y**2 <= radius**2, corner_inside, corner_outside)


def _half_strip(t: Vector, radius: float) -> Vector:
    """Half the area of a half disc between its middle and ``t``."""
    result: Vector = (t * np.sqrt(radius**2 - t**2) + radius**2 * np.arcsin(t / radius)) / 2
    return result


def _cap(t: Vector, radius: float) -> Vector:
    """Area of the part of a disc beyond ``t``."""
    result: Vector = radius**2 * np.arccos(t / radius) - t * np.sqrt(radius**2 - t**2)
    return result


def _inside(pixel: npt.NDArray[np.int64], half: float) -> tuple[Vector, Vector]:
    """From where to where on a path, -1 to 1, its coordinate ``half * t`` lies within each pixel."""
    if abs(half) < 1e-9:
        is_on = pixel == 0
        return np.where(is_on, -np.inf, np.inf), np.where(is_on, np.inf, -np.inf)
    ends = (pixel - 0.5) / half, (pixel + 0.5) / half
    return np.minimum(*ends), np.maximum(*ends)
