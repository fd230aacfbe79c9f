"""A coarser ground sampling distance: larger pixels on the same ground."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pydantic
from affine import Affine

from iqf_core import Image, ImageModifier, Knob, Modified, UnsupportedImage
from iqf_modifiers_sensor.area import Interpolation, averaged, interpolated
from iqf_modifiers_sensor.knobs import knob_of
from iqf_modifiers_sensor.samples import (
    Mask,
    Values,
    as_samples,
    found_holes,
    in_place,
    with_nodata,
    without_holes,
)

SCALE, METRES = Knob("scale", mild=1, harsh=16), Knob("gsd_m", mild=0.01, harsh=1000)
LEAST_VALID = 0.5  # share of a cell
FAINT = 0.1  # share of valid cells in an interpolation, below which the nearest cell decides


class Gsd(ImageModifier):
    """Downsampling as a sensor with larger pixels samples: each the mean of the ground that it covers.

    Of n pixels along a side become m = round(n / scale), at least one; a new pixel is n / m old ones wide,
    whole or not, and is the mean of the old ones, each weighted by its share in the area. So the corners
    of the image, the mean of its samples and the ground that it covers stay exactly. Boxes, polygons,
    masks and the georeference follow.

    Parameters
    ----------
    scale : float
        How many times larger the ground sampling distance becomes.
    gsd_m : float, in m
        Or the ground sampling distance to reach; needs a georeference in a projected system, whose metres
        are taken as metres on the ground.
    restore : bool
        Go back to the original grid: size, places and ground truth stay.
    interpolation : {"cubic", "linear", "nearest"}
        How, when restoring; ``"nearest"`` shows the larger pixels as they are.

    Notes
    -----
    Optics are not part of it: a pixel that is twice as wide under the same optics is what is simulated.
    Chain a `blur` before it for others. Nodata has no part, nor have NaN and infinite samples: a new pixel
    is the mean of what is valid in it, and nodata (NaN where no value stands for it) where that is less
    than half of its area. When restoring, nodata is where it was. Integers are rounded to the nearest
    (halves to even). The scales reached are measured: ``scale_x``, ``scale_y``.

    References
    ----------
    .. [1] R. A. Schowengerdt (2007), Remote Sensing: Models and Methods for Image Processing, 3rd edition,
       chapter 3, doi:10.1016/B978-0-12-369407-2.X5000-1

    Examples
    --------
    >>> row = Image.from_array(np.array([[30, 60, 90]], np.uint8))
    >>> after = Gsd(scale=1.5).modify(row)
    >>> after.decoded().pixels.ravel().tolist(), after.affine.a
    ([40, 80], 0.6666666666666666)
    """

    name: ClassVar[str] = "gsd"
    knob: ClassVar[Knob | None] = knob_of(SCALE, lambda setting: METRES if setting.gsd_m else SCALE)

    scale: float | None = pydantic.Field(None, ge=1, description="times larger; 1 is the identity")
    gsd_m: float | None = pydantic.Field(None, gt=0, description="or the distance to reach, in m")
    restore: bool = pydantic.Field(False, description="go back to the original grid")
    interpolation: Interpolation = pydantic.Field("cubic", description="when restoring")

    @pydantic.model_validator(mode="after")
    def _possible(self) -> Gsd:
        if (self.scale is None) == (self.gsd_m is None):
            raise ValueError("give exactly one of scale and gsd_m")
        if self.interpolation != "cubic" and not self.restore:
            raise ValueError("interpolation is for restore=True")
        return self

    @property
    def family(self) -> str:
        """Name, and what orders its settings; restored or not."""
        ordered = self.name if self.gsd_m is None else f"{self.name}-metres"
        return f"{ordered}-restored" if self.restore else ordered

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Downsample, and go back where that is asked for."""
        height, width = self._size(image)
        measured = {"scale_x": image.width / width, "scale_y": image.height / height}
        if (height, width) == (image.height, image.width):
            return Modified(image.with_pixels(image.pixels.copy()), measured=measured)
        if self.restore:
            pixels = in_place(self._restored(image, height, width), image)
            return Modified(image.with_pixels(pixels), measured=measured)
        values, holes = _coarse(image, height, width)
        pixels = with_nodata(as_samples(values, image), holes, image.nodata)
        affine = Affine.scale(width / image.width, height / image.height)
        return Modified(image.with_pixels(pixels), measured=measured, affine=affine)

    def neutral(self) -> Gsd:
        """Scale of 1."""
        return Gsd(scale=1.0)

    def _size(self, image: Image) -> tuple[int, int]:
        """Rows and columns of the coarser grid."""
        if self.scale is not None:
            across = down = self.scale
        else:
            own_x, own_y = pixel_size_m(image)
            across, down = (self.gsd_m or 0) / own_x, (self.gsd_m or 0) / own_y
            if min(across, down) < 1 - 1e-6:
                raise UnsupportedImage(
                    f"its pixels are {own_x:g} m x {own_y:g} m already, and {self.gsd_m:g} m is less: "
                    "give a larger gsd_m="
                )
        return max(1, round(image.height / max(down, 1))), max(1, round(image.width / max(across, 1)))

    def _restored(self, image: Image, height: int, width: int) -> Values:
        """Coarse values on the original grid."""
        size = image.height, image.width
        holes = found_holes(image)
        if holes is None:
            return interpolated(averaged(image.pixels, height, width), *size, self.interpolation)
        total, valid = _sums(image, holes, height, width)
        means = np.divide(total, valid, out=np.zeros_like(total), where=valid > 0)
        seen = (valid > 0).astype(np.float32)
        weight = interpolated(seen, *size, self.interpolation)
        smooth = interpolated(means * seen, *size, self.interpolation)
        nearest = interpolated(means, *size, "nearest")
        return np.divide(smooth, weight, out=nearest, where=weight > FAINT)


def _coarse(image: Image, height: int, width: int) -> tuple[Values, Mask]:
    """Means of the cells, and which of them are nodata."""
    holes = found_holes(image)
    if holes is None:
        return averaged(image.pixels, height, width), np.zeros((height, width, image.bands), np.bool_)
    total, valid = _sums(image, holes, height, width)
    few = valid < LEAST_VALID - 1e-6
    return np.divide(total, valid, out=np.zeros_like(total), where=~few), few


def _sums(image: Image, holes: Mask, height: int, width: int) -> tuple[Values, Values]:
    """Mean of the cells with 0 for nodata, and the share of each that is valid."""
    total = averaged(without_holes(image, holes), height, width)
    return total, averaged((~holes).astype(np.float32), height, width)


def pixel_size_m(image: Image) -> tuple[float, float]:
    """Width and height of a pixel in metres of its projected system."""
    geo = image.geo
    if geo is None or geo.transform is None or geo.crs is None or not geo.crs.is_projected:
        said = "has none" if geo is None or geo.crs is None or geo.transform is None else f"is in {geo.crs}"
        raise UnsupportedImage(
            f"gsd_m needs a georeference in a projected system, and the image {said}: give scale= instead"
        )
    metres = float(geo.crs.linear_units_factor[1])
    transform = geo.transform
    return (
        math.hypot(transform.a, transform.d) * metres,
        math.hypot(transform.b, transform.e) * metres,
    )
