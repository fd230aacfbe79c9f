"""Misregistration: bands that do not lie on one another."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import pydantic

from iqf_core import Image, ImageModifier, Knob, Modified, UnsupportedImage
from iqf_modifiers_sensor.filtering import Kernel, Vector, convolved
from iqf_modifiers_sensor.knobs import knob_of
from iqf_modifiers_sensor.samples import Pixels, in_place

Shift = float | tuple[float, ...]
FARTHEST = 256  # px
X, Y = Knob("dx_px", mild=0, harsh=16), Knob("dy_px", mild=0, harsh=16)


class BandShift(ImageModifier):
    """Sub-pixel shift of one band, or of each by its own distance, against the grid of the image.

    y(m) = x(m - d), interpolated. The image stays where it is, and so does its ground truth.

    Parameters
    ----------
    dx_px, dy_px : float, or one float for each band, in px
        How far to the right and downwards; a single one is that of ``band``.
    band : int
        Which band is shifted, from 0, where a single distance is given.
    interpolation : {"cubic", "linear"}
        ``"cubic"``: cubic convolution (Keys, a = -1/2), which keeps detail; ``"linear"`` blurs, most at
        half a pixel. Whole pixels are exact with both.

    Notes
    -----
    Beyond its borders a band goes on as its mirror image. Nodata has no part: a pixel is interpolated from
    the valid ones alone, and keeps its value where these have less than half of the weight.

    References
    ----------
    .. [1] R. Keys (1981), Cubic convolution interpolation for digital image processing, IEEE Transactions
       on Acoustics, Speech, and Signal Processing 29(6), doi:10.1109/TASSP.1981.1163711

    Examples
    --------
    >>> row = Image.from_array(np.array([[[0, 0], [8, 8], [0, 0]]], np.uint8))
    >>> BandShift(dx_px=1.0, band=1).modify(row).decoded().pixels.tolist()
    [[[0, 0], [8, 0], [0, 8]]]
    """

    name: ClassVar[str] = "band_shift"
    knob: ClassVar[Knob | None] = knob_of(X, lambda setting: setting._leading)

    dx_px: Shift = pydantic.Field(0.0, description="to the right, in px: of band, or a list of all")
    dy_px: Shift = pydantic.Field(0.0, description="downwards, in px: of band, or a list of all")
    band: int = pydantic.Field(0, ge=0, description="which one, from 0, where it is not a list")
    interpolation: Literal["cubic", "linear"] = pydantic.Field("cubic", description="between pixels")

    @pydantic.model_validator(mode="after")
    def _possible(self) -> BandShift:
        lists = [shift for shift in (self.dx_px, self.dy_px) if isinstance(shift, tuple)]
        if lists and self.band:
            raise ValueError("band is for a single distance, not beside a list of all")
        if len(lists) == 2 and len(lists[0]) != len(lists[1]):
            raise ValueError("dx_px and dy_px are of different length")
        if len(lists) == 1 and 0.0 not in (self.dx_px, self.dy_px):
            raise ValueError("give both dx_px and dy_px as lists, or one of them alone")
        for shift in (self.dx_px, self.dy_px):
            if max(map(abs, shift if isinstance(shift, tuple) else (shift,)), default=0) > FARTHEST:
                raise ValueError(f"a shift is at most {FARTHEST} px")
        return self

    @property
    def _leading(self) -> Knob | None:
        """Knob: the distance that is a single one and not 0."""
        if isinstance(self.dx_px, tuple) or isinstance(self.dy_px, tuple):
            return None
        return Y if self.dy_px and not self.dx_px else X

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Shift."""
        pixels = image.pixels.copy()
        for band, (dx, dy) in self._of_bands(image.bands).items():
            if dx or dy:
                pixels[..., band] = self._shifted(image, band, dx, dy)[..., 0]
        return Modified(image.with_pixels(pixels))

    def neutral(self) -> BandShift:
        """No shift."""
        return self.replaced(dx_px=0.0, dy_px=0.0)

    def _of_bands(self, bands: int) -> dict[int, tuple[float, float]]:
        """Distances of the bands that are shifted."""
        if not isinstance(self.dx_px, tuple) and not isinstance(self.dy_px, tuple):
            if self.band >= bands:
                raise UnsupportedImage(
                    f"band={self.band}, and the image has {bands}: give one from 0 to {bands - 1}"
                )
            return {self.band: (self.dx_px, self.dy_px)}
        both = [shift if isinstance(shift, tuple) else (0.0,) * bands for shift in (self.dx_px, self.dy_px)]
        if any(len(shifts) != bands for shifts in both):
            raise UnsupportedImage(f"{self}: give a distance for each of the image's {bands} bands")
        return dict(enumerate(zip(*both, strict=True)))

    def _shifted(self, image: Image, band: int, dx: float, dy: float) -> Pixels:
        alone = Image(np.ascontiguousarray(image.pixels[..., band : band + 1]), image.white, image.nodata)
        kernel = Kernel(shifting(dx, self.interpolation), shifting(dy, self.interpolation))
        return in_place(convolved(alone, kernel), alone)


def shifting(distance: float, interpolation: Literal["cubic", "linear"]) -> Vector:
    """Kernel that shifts by a distance, in px: the interpolation's own, moved by it and sampled."""
    reach = math.ceil(abs(distance)) + 1
    from_there = np.abs(np.arange(-reach, reach + 1) - distance)
    if interpolation == "linear":
        return np.select([from_there < 1], [1 - from_there], 0.0)
    near = 1.5 * from_there**3 - 2.5 * from_there**2 + 1
    far = -0.5 * from_there**3 + 2.5 * from_there**2 - 4 * from_there + 2
    return np.select([from_there <= 1, from_there < 2], [near, far], 0.0)
