"""Blur: Gaussian, defocus, motion, or any point spread from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pydantic

from iqf_core import Image, Knob, ParameterError
from iqf_core.fingerprint import digest_of
from iqf_core.parameters import labelled
from iqf_modifiers_sensor import kernels, response
from iqf_modifiers_sensor.aim import Aim
from iqf_modifiers_sensor.aimed import Aimed
from iqf_modifiers_sensor.filtering import Kernel, convolved
from iqf_modifiers_sensor.knobs import knob_of
from iqf_modifiers_sensor.samples import Pixels, in_place

SIZES = {"gaussian": "sigma_px", "disc": "radius_px", "motion": "length_px", "file": "kernel"}
KNOBS: dict[str, Knob] = {
    "gaussian": Knob("sigma_px", mild=0, harsh=8),
    "disc": Knob("radius_px", mild=0, harsh=16),
    "motion": Knob("length_px", mild=0, harsh=32),
}


class Blur(Aimed):
    r"""Convolution with a point spread: that of optics, defocus, motion, or one from a file.

    y(m) = sum over n of k(n) x(m - n), with sum k = 1. The image goes on beyond its borders as its mirror
    image. Nodata has no part: near it, y is the weighted mean of the valid pixels under the kernel.

    Parameters
    ----------
    kind : {"gaussian", "disc", "motion", "file"}
        ``"gaussian"``: k(n) ~ exp(-\|n\|^2 / (2 sigma^2)), *sampled* at the pixels' centres and cut at 4
        sigma, so that it adds no pixel box to the one that the image has; below 0.5 px it blurs less than
        its sigma says. ``"disc"`` and ``"motion"`` are *integrated* over each pixel, exactly, or they
        would be ragged: below one pixel they do little or nothing.
    sigma_px, radius_px, length_px : float, in px
        Size of a Gaussian, a disc, a motion: that of the kind alone.
    angle_deg : float
        Direction of the motion, counter-clockwise as seen: 0 along the rows, 90 along the columns.
    kernel : str
        File of a point spread with odd sides: ``.npy``, ``.csv`` or ``.txt``. It is scaled to a sum of 1;
        its middle is its origin. Read when the modifier is made; its content is part of a variant's
        identity.
    target_rer, target_fwhm : float
        Instead of a size: relative edge response (per px) or full width at half maximum (px) that the
        image shall have in the end, its pixel included.
    measured_rer, measured_fwhm : float
        What the images have, where they are not to be measured: their response is then taken as a
        Gaussian's and the kernel's transfer is exact.
    metric : str
        What measures, before and after each trial.
    per_image : bool
        One size for each image instead of one for the dataset.
    sample : int
        Images, evenly spread, whose mean has the value asked for.

    Notes
    -----
    Squares of widths add for Gaussians alone, so a target is searched on the blurred image itself. What is
    found for an image is in its measurements: ``rer_before``, ``rer_already_worse`` (or ``fwhm_…``), and
    with ``per_image`` also ``rer_after`` and ``sigma_px`` (or another size). Integers are computed in
    single precision and rounded to the nearest (halves to even). NaN and infinite samples stay as they are,
    and have no more part than nodata.

    References
    ----------
    .. [1] H. Knutsson, C.-F. Westin (1993), Normalized and differential convolution, CVPR,
       doi:10.1109/CVPR.1993.341081

    Examples
    --------
    >>> point = np.zeros((5, 5), np.uint8)
    >>> point[2, 2] = 90
    >>> Blur(kind="motion", length_px=3.0).modify(Image.from_array(point)).decoded().pixels[2, :, 0]
    array([ 0, 30, 30, 30,  0], dtype=uint8)
    """

    name: ClassVar[str] = "blur"
    knob: ClassVar[Knob | None] = knob_of(KNOBS["gaussian"], lambda setting: KNOBS.get(setting.kind))

    kind: Literal["gaussian", "disc", "motion", "file"] = pydantic.Field("gaussian", description="what blurs")
    sigma_px: float | None = pydantic.Field(None, ge=0, le=200, description="of a Gaussian, in px")
    radius_px: float | None = pydantic.Field(None, ge=0, le=200, description="of a disc, in px")
    length_px: float | None = pydantic.Field(None, ge=0, le=400, description="of a motion, in px")
    angle_deg: float = pydantic.Field(
        0.0, ge=-180, le=180, description="of a motion: 0 along the rows, 90 along the columns"
    )
    kernel: str | None = pydantic.Field(None, description="file: .npy, .csv or .txt")
    target_rer: float | None = pydantic.Field(None, gt=0, description="instead of a size: per px")
    target_fwhm: float | None = pydantic.Field(None, gt=0, description="instead of a size: in px")
    measured_rer: float | None = pydantic.Field(None, gt=0, description="of the images, where known")
    measured_fwhm: float | None = pydantic.Field(None, gt=0, description="of the images, in px, where known")
    metric: str = pydantic.Field("sharpness", description="measures rer and fwhm for a target")

    _content: bytes = pydantic.PrivateAttr(b"")

    @pydantic.model_validator(mode="after")
    def _possible(self) -> Blur:
        own = SIZES[self.kind]
        strange = [size for size in SIZES.values() if size != own and getattr(self, size) is not None]
        if strange:
            raise ValueError(f"{strange[0]} is not for kind={self.kind!r}, whose size is {own}")
        if self.angle_deg and self.kind != "motion":
            raise ValueError("angle_deg is for kind='motion'")
        ways = [own] if self.kind == "file" else [own, "target_rer", "target_fwhm"]
        if sum(getattr(self, way) is not None for way in ways) != 1 or (self.kind == "file" and self.aim):
            raise ValueError(f"give exactly one of {', '.join(ways)}")
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Read the kernel's file: what is applied is what was there when the modifier was made."""
        super().model_post_init(context)
        if self.kernel is not None:
            self._content = _content_of(self.kernel)
            kernels.from_bytes(self._content, self.kernel)

    @property
    def family(self) -> str:
        """Name and kind: sizes of one kind are in order, those of two are not."""
        return self.name if self.kind == "gaussian" else f"{self.name}-{self.kind}"

    @property
    def label(self) -> str:
        """Label; of a file only its name."""
        if self.kernel is None:
            return super().label
        return labelled(self.name, {**self.parameters(), "kernel": Path(self.kernel).name})

    @property
    def aim(self) -> Aim | None:
        """What the image shall have."""
        if self.target_rer is not None:
            return Aim("rer", self.target_rer, True, self.measured_rer, self.metric)
        if self.target_fwhm is not None:
            return Aim("fwhm", self.target_fwhm, False, self.measured_fwhm, self.metric)
        return None

    def neutral(self) -> Blur:
        """Gaussian of no width."""
        return Blur(sigma_px=0.0)

    def versions(self) -> dict[str, str]:
        """Digest of the kernel's file, and the plugin that measures."""
        content = {} if self.kernel is None else {f"kernel {self.kernel}": digest_of(self._content)[:16]}
        return {**super().versions(), **content}

    def point_spread(self) -> Kernel:
        """Point spread of a plain setting."""
        if self.kernel is not None:
            return kernels.from_bytes(self._content, self.kernel)
        if self.kind == "disc":
            return kernels.disc(self.radius_px or 0.0)
        if self.kind == "motion":
            return kernels.motion(self.length_px or 0.0, self.angle_deg)
        return kernels.gaussian(self.sigma_px or 0.0)

    def expected(self, aim: Aim, own: float, image: Image, value: float) -> float:
        """RER or FWHM, if the image's own response is a Gaussian's."""
        kernel = self.plain(value).point_spread()
        return response.expected("rer" if aim.output == "rer" else "fwhm", own, kernel)

    def pixels_of(self, image: Image, rng: np.random.Generator) -> Pixels:
        """Convolve."""
        kernel = self.point_spread()
        return image.pixels.copy() if kernel.is_identity else in_place(convolved(image, kernel), image)


def _content_of(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ParameterError(
            f"kernel {file!r} cannot be read ({error.strerror or error}); paths start at the current folder"
        ) from error
