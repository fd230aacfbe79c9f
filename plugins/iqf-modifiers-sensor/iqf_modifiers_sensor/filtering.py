"""Convolution of an image: borders reflected, nodata neither used nor touched."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from iqf_core.image import Image
from iqf_modifiers_sensor.samples import Mask, Pixels, Values, found_holes, without_holes

Vector = npt.NDArray[np.float64]

AT_ONCE = 4  # bands: what OpenCV has been able to filter in every version
LONG = 129  # pixels: a longer row is multiplied as a spectrum sooner than summed up, ten times at 1600
LEAST = 1e-3, 0.5
"""Share of a kernel that must lie on valid pixels: kernels without, and with, negative parts.

What is left of a kernel with negative parts can add up to nearly nothing, and would be blown up.
"""


@dataclass(frozen=True, eq=False)
class Kernel:
    """A point spread, its middle at the centre of the array, its sum 1.

    Parameters
    ----------
    x, y : ndarray of odd length
        Along the rows and along the columns; the sums over the other direction where ``plane`` is given.
    plane : ndarray or None
        Both, where it is not the product of the two.
    """

    x: Vector
    y: Vector
    plane: Vector | None = None

    @classmethod
    def of_plane(cls, plane: Vector) -> Kernel:
        """Kernel of a two-dimensional point spread."""
        return cls(plane.sum(axis=0), plane.sum(axis=1), plane)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        values = np.outer(self.y, self.x) if self.plane is None else self.plane
        return bool(np.count_nonzero(values) == 1 and values[self.y.size // 2, self.x.size // 2] == 1)

    @property
    def has_negative(self) -> bool:
        """Whether a part of it is below 0."""
        parts = (self.x, self.y) if self.plane is None else (self.plane,)
        return any(bool((part < 0).any()) for part in parts)


def convolved(image: Image, kernel: Kernel) -> Values:
    """Image convolved with a kernel.

    Parameters
    ----------
    image : Image
        Beyond its borders it goes on as its mirror image, the outermost pixel repeated.
    kernel : Kernel
        Any size.

    Returns
    -------
    ndarray of float32, shape (height, width, bands)
        Near nodata the weighted mean of the valid pixels under the kernel; a pixel with too few of them,
        and what is nodata, as it was.
    """
    holes = found_holes(image)
    if holes is None:
        return filtered(image.pixels, kernel)
    return _normalised(image, holes, kernel)


def _normalised(image: Image, holes: Mask, kernel: Kernel) -> Values:
    """Normalised convolution (Knutsson, Westin 1993): of the valid pixels, over that of their mask."""
    total = filtered(without_holes(image, holes), kernel)
    weight = filtered((~holes).astype(np.float32), kernel)
    enough = weight > LEAST[kernel.has_negative]
    np.divide(total, weight, out=total, where=enough)
    return np.where(enough & ~holes, total, image.pixels.astype(np.float32, copy=False))


def filtered(pixels: Pixels, kernel: Kernel) -> Values:
    """Convolve an array, some bands at a time.

    Parameters
    ----------
    pixels : ndarray, shape (height, width, bands)
        Of a type that an `Image` has.
    kernel : Kernel
        Any size.

    Returns
    -------
    ndarray of float32, of the same shape
        Computed in single precision; integers are not rounded before or on the way.
    """
    if pixels.shape[2] <= AT_ONCE:
        return _some_bands(np.ascontiguousarray(pixels), kernel)
    result = np.empty(pixels.shape, np.float32)
    for first in range(0, pixels.shape[2], AT_ONCE):
        few = slice(first, first + AT_ONCE)
        result[..., few] = _some_bands(np.ascontiguousarray(pixels[..., few]), kernel)
    return result


def _some_bands(pixels: Pixels, kernel: Kernel) -> Values:
    """OpenCV correlates: the kernel is turned round."""
    if kernel.plane is None and max(kernel.x.size, kernel.y.size) <= LONG:
        if pixels.dtype != np.uint8:  # OpenCV is three times slower from others
            pixels = pixels.astype(np.float32, copy=False)
        x, y = kernel.x[::-1].astype(np.float32), kernel.y[::-1].astype(np.float32)
        result = cv2.sepFilter2D(pixels, cv2.CV_32F, x, y, borderType=cv2.BORDER_REFLECT)
        return np.asarray(result, np.float32).reshape(pixels.shape)
    values = pixels.astype(np.float32, copy=False)
    planes = [kernel.plane] if kernel.plane is not None else [kernel.x[None], kernel.y[:, None]]
    for plane in planes:
        turned = plane[::-1, ::-1].astype(np.float32)
        values = np.asarray(cv2.filter2D(values, cv2.CV_32F, turned, borderType=cv2.BORDER_REFLECT))
    return values.reshape(pixels.shape)
