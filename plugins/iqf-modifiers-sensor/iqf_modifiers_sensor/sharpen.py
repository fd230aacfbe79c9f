"""Sharpening, as delivered products are."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import pydantic

from iqf_core import Image, ImageModifier, Knob, Modified
from iqf_modifiers_sensor import kernels
from iqf_modifiers_sensor.filtering import convolved
from iqf_modifiers_sensor.samples import in_place


class Sharpen(ImageModifier):
    """Unsharp mask: y = x + amount (x - G x), with the Gaussian G of `Blur`.

    Its transfer is 1 + amount (1 - G(f)): up to 1 + amount at high frequencies, noise included.

    Parameters
    ----------
    sigma_px : float, in px
        Of the Gaussian, sampled at the pixels' centres.
    amount : float
        Gain of what the Gaussian takes away; 0 is the identity.

    Notes
    -----
    Borders and nodata as in `Blur`. Integers are computed in single precision, rounded to the nearest
    (halves to even) and clipped at the ends of their type and at ``white``: overshoot beside full scale is
    lost, as in products.

    References
    ----------
    .. [1] F. Malin (1977), Unsharp masking, AAS Photo-Bulletin 16

    Examples
    --------
    >>> step = np.repeat(np.array([[100, 140]], np.uint8), 4, axis=1)
    >>> Sharpen(sigma_px=0.8, amount=0.5).modify(Image.from_array(step)).decoded().pixels[0, :, 0]
    array([100, 100, 100,  95, 145, 140, 140, 140], dtype=uint8)
    """

    name: ClassVar[str] = "sharpen"
    knob: ClassVar[Knob | None] = Knob("amount", mild=0, harsh=10)

    sigma_px: float = pydantic.Field(1.0, gt=0, le=200, description="of the Gaussian, in px")
    amount: float = pydantic.Field(0.5, ge=0, le=100, description="gain of the difference")

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Sharpen."""
        if not self.amount:
            return Modified(image.with_pixels(image.pixels.copy()))
        values = convolved(image, kernels.gaussian(self.sigma_px))
        flat = image.height, -1  # one channel: more than four are none of cv2's
        single = image.pixels.astype(np.float32, copy=False).reshape(flat)
        mixed = cv2.addWeighted(single, 1 + self.amount, values.reshape(flat), -self.amount, 0)
        sharp = np.asarray(mixed, np.float32).reshape(values.shape)
        return Modified(image.with_pixels(in_place(sharp, image)))

    def neutral(self) -> Sharpen:
        """Gain of 0."""
        return self.replaced(amount=0.0)
