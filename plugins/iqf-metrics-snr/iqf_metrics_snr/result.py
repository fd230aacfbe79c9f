"""What a measurement gives: the SNR of each band, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from iqf_metrics_snr.noise_model import NOWHERE, NoiseModel, SnrAt

FLOOR = 1.05 / math.sqrt(12)
"""Noise, in quantisation steps, up to which it is that of rounding alone."""


@dataclass(frozen=True, slots=True)
class BandSnr:
    """SNR of one band.

    Parameters
    ----------
    snr : float
        Reference level over ``sigma``; NaN where it cannot be said.
    sigma : float
        Standard deviation of the noise at the reference level, in DN, quantisation noise included.
    reference_level : float
        In DN: the median of the valid samples unless given.
    blocks : int
        Blocks used.
    interval : (float, float)
        Of the SNR, at the confidence asked for.
    model : NoiseModel or None
        None where there is none: no result, or a published mode.
    reason : str
        Why the SNR is NaN; empty where it is not.
    """

    snr: float
    sigma: float
    reference_level: float
    blocks: int
    interval: tuple[float, float] = NOWHERE
    model: NoiseModel | None = None
    reason: str = ""

    @property
    def snr_db(self) -> float:
        """``20 log10(snr)``, in dB."""
        return 20 * math.log10(self.snr) if self.snr > 0 else math.nan

    @property
    def rounding_limited(self) -> bool:
        """Whether the noise is that of rounding alone: it may be less, or a codec may have taken it out."""
        if self.model is None or not self.model.step or math.isnan(self.sigma):
            return False
        return self.sigma <= FLOOR * self.model.step

    def snr_at(self, level: float, *, confidence: float = 0.95) -> SnrAt:
        """SNR at any level: see `NoiseModel.snr_at`; NaN without a model."""
        if self.model is None:
            return SnrAt(level, math.nan, NOWHERE, extrapolated=True)
        return self.model.snr_at(level, confidence=confidence)


@dataclass(frozen=True, slots=True)
class SnrResult:
    """SNR of an image: of each band, and combined.

    The combined ``snr``, ``reference_level`` and bounds of ``interval`` are means over the bands that have
    a result, ``sigma`` is their root mean square, ``blocks`` their sum. Bands share their scene, so
    averaging bounds, not variances, is the cautious thing.

    Parameters
    ----------
    bands : tuple of BandSnr
        In the order of the image.
    method : str
        How it was measured.
    published : bool
        Whether as the ancestor published it, biases included.
    """

    bands: tuple[BandSnr, ...]
    method: str
    published: bool = False

    @property
    def snr(self) -> float:
        """Mean SNR of the measured bands; NaN without any."""
        return _mean([band.snr for band in self._measured])

    @property
    def snr_db(self) -> float:
        """``20 log10(snr)``, in dB."""
        return 20 * math.log10(self.snr) if self.snr > 0 else math.nan

    @property
    def sigma(self) -> float:
        """Root mean square of the bands' noise, DN."""
        return math.sqrt(_mean([band.sigma**2 for band in self._measured]))

    @property
    def reference_level(self) -> float:
        """Mean reference level, DN."""
        return _mean([band.reference_level for band in self._measured])

    @property
    def blocks(self) -> int:
        """Blocks used, over all bands."""
        return sum(band.blocks for band in self._measured)

    @property
    def interval(self) -> tuple[float, float]:
        """Mean of the bands' bounds."""
        low, high = (
            zip(*(band.interval for band in self._measured), strict=True) if self._measured else ((), ())
        )
        return _mean(low), _mean(high)

    @property
    def reason(self) -> str:
        """Why there is no SNR; where some bands have one, it is empty."""
        if self._measured:
            return ""
        reasons = dict.fromkeys(band.reason for band in self.bands)
        return "; ".join(reasons) or "the image has no bands"

    def snr_at(self, level: float, *, confidence: float = 0.95) -> SnrAt:
        """Mean over the bands of their SNR at a level."""
        found = [band.snr_at(level, confidence=confidence) for band in self._measured]
        known = [one for one in found if not math.isnan(one.snr)]
        interval = _mean([one.interval[0] for one in known]), _mean([one.interval[1] for one in known])
        beyond = any(one.extrapolated for one in known) or not known
        return SnrAt(level, _mean([one.snr for one in known]), interval, beyond)

    @property
    def _measured(self) -> list[BandSnr]:
        return [band for band in self.bands if not math.isnan(band.snr)]


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan
