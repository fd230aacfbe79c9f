"""Noise: white, signal-dependent, and of the columns of a detector."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pydantic

from iqf_core import Image, Knob, UnsupportedImage
from iqf_modifiers_sensor.aim import Aim
from iqf_modifiers_sensor.aimed import Aimed
from iqf_modifiers_sensor.knobs import knob_of
from iqf_modifiers_sensor.samples import Pixels, Values, found_holes, in_place, is_empty, without_holes

KNOBS = {
    "sigma_dn": Knob("sigma_dn", mild=0, harsh=10_000),
    "snr": Knob("snr", mild=10_000, harsh=1),
    "b": Knob("b", mild=0, harsh=100),
    "a": Knob("a", mild=0, harsh=1e6),
    "column_sigma_dn": Knob("column_sigma_dn", mild=0, harsh=1000),
    "column_gain_sigma": Knob("column_gain_sigma", mild=0, harsh=0.5),
}
"""In the order of precedence: the first that is given is the knob."""
LIMIT = 1e6  # DN
ROUNDING = 1 / 12  # DN^2
AT_ONCE = 1 << 18  # samples: what fits into the cache


class Noise(Aimed):
    r"""Noise added to an image: white, growing with the signal, striped by columns.

    y = round(L (1 + g) + o + s(L) n), where L is a sample, n is drawn from the standard normal
    distribution for each sample, and gain g and offset o for each column of each band. The variance s^2 is
    one of ``sigma_dn``\ ^2, (level / ``snr``)^2, and a + b L.

    Parameters
    ----------
    sigma_dn : float, in DN
        Standard deviation.
    snr : float
        Signal-to-noise ratio of the noise added, at ``level``.
    level : float, in DN
        Of ``snr`` and ``measured_snr``; by default the median of the valid samples of each band.
    a, b : float, in DN^2 and DN
        Variance at level 0, and its growth: read-out noise, and photon noise (b is the inverse of the
        electrons per DN), as a normal distribution.
    column_sigma_dn : float, in DN
        Standard deviation of the offsets of the columns.
    column_gain_sigma : float
        Standard deviation of their gains: 0.01 is 1 % of the signal.
    target_snr : float
        Instead of ``sigma_dn``: the SNR that the image shall have in the end.
    measured_snr : float
        What the images have, where they are not to be measured.
    metric : str
        What measures, before and after each trial.
    per_image : bool
        One sigma for each image instead of one for the dataset.
    sample : int
        Images, evenly spread, whose mean has the value asked for.

    Notes
    -----
    Whole numbers are rounded, which adds a variance of 1/12 DN^2 once sigma is above about 0.5 DN; below,
    rounding swallows the noise. Integers are clipped at the ends of their type and at ``white``, which
    takes a part of the noise beside them. All bands are drawn independently. Settings of the same image
    and seed have the same draws. What is found for an image is in its measurements: ``snr_before``,
    ``snr_already_worse``, and with ``per_image`` also ``snr_after`` and ``sigma_dn``.

    References
    ----------
    .. [1] A. Foi, M. Trimeche, V. Katkovnik, K. Egiazarian (2008), Practical Poissonian-Gaussian noise
       modeling and fitting for single-image raw-data, IEEE Transactions on Image Processing 17(10),
       doi:10.1109/TIP.2008.2001399

    Examples
    --------
    >>> grey = Image.from_array(np.full((400, 400), 1000, np.uint16))
    >>> noisy = Noise(a=16.0, b=0.084).modify(grey).decoded().pixels
    >>> round(float(noisy.std()))  # of 16 + 84, and 1/12 of rounding
    10
    """

    name: ClassVar[str] = "noise"
    beside_target: ClassVar[tuple[str, ...]] = ("level",)
    stochastic: ClassVar[bool] = True
    knob: ClassVar[Knob | None] = knob_of(KNOBS["sigma_dn"], lambda setting: KNOBS[setting._leading])

    sigma_dn: float | None = pydantic.Field(None, ge=0, le=LIMIT, description="white, in DN")
    snr: float | None = pydantic.Field(None, gt=0, description="of the noise added, at level")
    level: float | None = pydantic.Field(None, gt=0, description="in DN; by default each band's median")
    a: float | None = pydantic.Field(None, ge=0, le=LIMIT**2, description="variance at level 0, in DN^2")
    b: float | None = pydantic.Field(None, ge=0, le=LIMIT, description="growth of the variance, in DN")
    column_sigma_dn: float | None = pydantic.Field(None, ge=0, le=LIMIT, description="offsets, in DN")
    column_gain_sigma: float | None = pydantic.Field(None, ge=0, le=10, description="gains; 0.01 is 1 %")
    target_snr: float | None = pydantic.Field(None, gt=0, description="instead of sigma_dn: in the end")
    measured_snr: float | None = pydantic.Field(None, gt=0, description="of the images, where known")
    metric: str = pydantic.Field("snr", description="measures snr for a target")

    @pydantic.model_validator(mode="after")
    def _possible(self) -> Noise:
        white = [way for way in ("sigma_dn", "snr", "target_snr") if getattr(self, way) is not None]
        if len(white) + (self.a is not None or self.b is not None) > 1:
            raise ValueError("give one of sigma_dn, snr, target_snr, and a with b")
        if not white and all(getattr(self, key) is None for key in KNOBS):
            raise ValueError(f"give one of {', '.join(KNOBS)}, target_snr")
        if self.level is not None and self.snr is None and self.measured_snr is None:
            raise ValueError("level is that of snr or measured_snr")
        return self

    @property
    def _leading(self) -> str:
        """Parameter along which harm grows."""
        if self.target_snr is not None:
            return "sigma_dn"
        return next(key for key in KNOBS if getattr(self, key) is not None)

    @property
    def family(self) -> str:
        """Name and, but for ``sigma_dn``, the parameter that orders its settings."""
        return self.name if self._leading == "sigma_dn" else f"{self.name}-{self._leading}"

    @property
    def aim(self) -> Aim | None:
        """What the image shall have."""
        if self.target_snr is None:
            return None
        return Aim("snr", self.target_snr, True, self.measured_snr, self.metric)

    def neutral(self) -> Noise:
        """No noise."""
        return Noise(sigma_dn=0.0)

    def versions(self) -> dict[str, str]:
        """NumPy, whose draws may differ from version to version, and the plugin that measures."""
        return {**super().versions(), "numpy": np.__version__}

    def expected(self, aim: Aim, own: float, image: Image, value: float) -> float:
        """SNR, variances added up; NaN of an image without a valid sample."""
        if is_empty(image):
            return math.nan
        level = float(np.mean(self._levels(image)))
        if level <= 0 and aim.given is not None:
            raise UnsupportedImage(f"its median is {level:g} DN: give the level= of measured_snr")
        rounding = 0.0 if image.dtype.kind == "f" else ROUNDING
        return max(level, 0.0) / math.sqrt((level / own) ** 2 + value**2 + rounding)

    def pixels_of(self, image: Image, rng: np.random.Generator) -> Pixels:
        """Draw and add, some rows at a time."""
        if not any(getattr(self, key) for key in KNOBS):
            return image.pixels.copy()
        holes = found_holes(image)
        signal = image.pixels if holes is None else without_holes(image, holes)
        values = self._striped(signal, rng)
        if any(getattr(self, key) for key in ("sigma_dn", "snr", "a", "b")):
            self._add_white(values, signal, self._sigmas(image), rng)
        return in_place(values, image)

    def _striped(self, signal: Pixels, rng: np.random.Generator) -> Values:
        """Signal with the gains and offsets of its columns."""
        values = signal.astype(np.float32)
        of_columns = (1, *signal.shape[1:])
        if self.column_gain_sigma:
            values *= 1 + np.float32(self.column_gain_sigma) * rng.standard_normal(of_columns, np.float32)
        if self.column_sigma_dn:
            values += np.float32(self.column_sigma_dn) * rng.standard_normal(of_columns, np.float32)
        return values

    def _add_white(self, values: Values, signal: Pixels, sigmas: Values, rng: np.random.Generator) -> None:
        rows = max(1, AT_ONCE // (values.shape[1] * values.shape[2]))
        for first in range(0, values.shape[0], rows):
            part = slice(first, first + rows)
            drawn = rng.standard_normal(values[part].shape, np.float32)
            if self.b:
                light = np.maximum(signal[part].astype(np.float32), 0)
                drawn *= np.sqrt(np.float32(self.a or 0) + np.float32(self.b) * light)
            else:
                drawn *= sigmas
            values[part] += drawn

    def _sigmas(self, image: Image) -> Values:
        """Standard deviation of each band, where it does not depend on the sample."""
        if self.snr is not None:
            levels = self._levels(image)
            if levels.min() < 0:
                raise UnsupportedImage(f"a band's median is {levels.min():g} DN: give the level= of the snr")
            return np.asarray(np.minimum(levels / self.snr, 100 * LIMIT), np.float32)  # of a tiny SNR
        sigma = self.sigma_dn if self.sigma_dn is not None else math.sqrt(self.a or 0)
        return np.full(image.bands, sigma, np.float32)

    def _levels(self, image: Image) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Reference level of each band."""
        if self.level is not None:
            return np.full(image.bands, self.level)
        holes = found_holes(image)
        medians = []
        for number in range(image.bands):
            band = image.pixels[..., number]
            valid = band if holes is None else band[~holes[..., number]]
            medians.append(float(np.median(valid)) if valid.size else 0.0)
        return np.array(medians)
