"""What is said of the sharpness of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from iqf_metrics_sharpness.table import EdgeTable
from iqf_metrics_sharpness.windows import Floats

SYSTEMATIC = {
    "rer": (0.002, 0.0), "fwhm": (0.005, 0.0), "mtf_nyquist": (0.0, 0.001), "mtf_half_nyquist": (0.0, 0.0005),
    "mtf50": (0.002, 0.0), "overshoot": (0.0, 0.002), "edge_snr": (0.02, 0.0),
}  # fmt: skip
"""Standard uncertainty that more edges do not remove: a share of the value, and an absolute part.

From the bias measured on exact synthetic edges with noise (docs/accuracy.md).
"""

SURE = 1.959964
"""Standard errors of an interval of 95 %."""


@dataclass(frozen=True)
class Estimate:
    """A value and how sure it is.

    Parameters
    ----------
    value : float
        Of the shared edge response; NaN where nothing could be measured.
    statistical : float
        Standard error from the noise of pixels and the scatter of edges.
    systematic : float
        Standard uncertainty that more edges do not remove.
    mean, median, spread : float
        Of the edges one by one; NaN where the quantity is not known of a single edge. The spread is their
        standard deviation.
    """

    value: float
    statistical: float = np.nan
    systematic: float = np.nan
    mean: float = np.nan
    median: float = np.nan
    spread: float = np.nan

    @property
    def error(self) -> float:
        """Both uncertainties together."""
        return float(np.hypot(self.statistical, self.systematic))

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval; no lower than 0, which bounds every measure."""
        return float(max(0.0, self.value - SURE * self.error)) if np.isfinite(self.value) else np.nan

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + SURE * self.error

    @classmethod
    def of(cls, name: str, value: float, statistical: float, each: Floats | None = None) -> Estimate:
        """Estimate of a measure, with its systematic part, and the values of single edges."""
        share, absolute = SYSTEMATIC[name]
        made = cls(value, statistical, abs(share * value) + absolute)
        if each is None or not len(each):
            return made
        spread = float(np.std(each, ddof=1)) if len(each) > 1 else np.nan
        return replace(made, mean=float(np.mean(each)), median=float(np.median(each)), spread=spread)


@dataclass(frozen=True)
class Curve:
    """MTF curve: ``mtf`` at ``frequency``, in cycles per pixel, both of shape (F,)."""

    frequency: Floats
    mtf: Floats


@dataclass(frozen=True)
class EdgeResponse:
    """Mean edge response and line spread at ``distance``, in pixels, all of shape (G,)."""

    distance: Floats
    edge: Floats
    line: Floats


def _missing() -> Estimate:
    return Estimate(np.nan)


@dataclass(frozen=True)
class DirectionSharpness:
    """Sharpness along one direction.

    Parameters
    ----------
    count : int
        Edges measured.
    rer : Estimate
        Relative edge response: ER(+0.5) - ER(-0.5), per pixel along the normal.
    fwhm : Estimate
        Full width at half maximum of the line spread, in pixels.
    mtf_nyquist, mtf_half_nyquist : Estimate
        MTF at 0.5 and 0.25 cycles per pixel along the normal.
    mtf50 : Estimate
        Frequency where the MTF is a half, in cycles per pixel.
    edge_snr : Estimate
        Contrast of the edges over the noise of their plateaus.
    overshoot : Estimate
        How far the edge response leaves the span of its plateaus, as a share of the contrast.
    plateau : float
        Distance from the edge up to which the response goes, in pixels: the MTF knows nothing of what a
        point spread has farther out.
    curve : Curve or None
        MTF.
    response : EdgeResponse or None
        Mean edge response.
    reason : str
        Why there is nothing; empty where there is.
    """

    count: int = 0
    rer: Estimate = field(default_factory=_missing)
    fwhm: Estimate = field(default_factory=_missing)
    mtf_nyquist: Estimate = field(default_factory=_missing)
    mtf_half_nyquist: Estimate = field(default_factory=_missing)
    mtf50: Estimate = field(default_factory=_missing)
    edge_snr: Estimate = field(default_factory=_missing)
    overshoot: Estimate = field(default_factory=_missing)
    plateau: float = np.nan
    curve: Curve | None = None
    response: EdgeResponse | None = None
    reason: str = ""


@dataclass(frozen=True)
class BandSharpness:
    """Sharpness of one band.

    Parameters
    ----------
    band : int
        Its index.
    x, y, other : DirectionSharpness
        Along the rows, along the columns, and obliquely: of edges whose normal lies within 22.5 degrees of
        the direction.
    combined : DirectionSharpness
        Of all edges together.
    edges : EdgeTable
        What was found, measured or not.
    flags : mapping of str to int
        Number of edges that were ``clipped`` or touched ``nodata`` and are left out; that ``overshoot`` or
        have a dark side of 0 (``dark_at_zero``) and are measured; that lie in an image that shows
        ``jpeg_blocks``; and how many were ``thinned`` out because there were more than enough.
    """

    band: int
    x: DirectionSharpness
    y: DirectionSharpness
    other: DirectionSharpness
    combined: DirectionSharpness
    edges: EdgeTable
    flags: Mapping[str, int]


@dataclass(frozen=True)
class SharpnessResult:
    """Sharpness of an image.

    Parameters
    ----------
    bands : tuple of BandSharpness
        Each measured band.
    x, y, other, combined : DirectionSharpness
        Means over the bands. Bands show the same edges, so their errors are averaged, not reduced.
    gsd_m : float or None
        Ground sampling distance, in metres.
    """

    bands: tuple[BandSharpness, ...]
    x: DirectionSharpness
    y: DirectionSharpness
    other: DirectionSharpness
    combined: DirectionSharpness
    gsd_m: float | None = None

    @property
    def flags(self) -> dict[str, int]:
        """What was noticed, over all bands."""
        names = self.bands[0].flags if self.bands else {}
        return {name: sum(band.flags[name] for band in self.bands) for name in names}

    @property
    def fwhm_m(self) -> float:
        """FWHM of all edges in metres; NaN without a ground sampling distance."""
        return self.combined.fwhm.value * (np.nan if self.gsd_m is None else self.gsd_m)

    @property
    def rer_per_m(self) -> float:
        """RER of all edges per metre; NaN without a ground sampling distance."""
        return self.combined.rer.value / (np.nan if self.gsd_m is None else self.gsd_m)


MEASURED = ("rer", "fwhm", "mtf_nyquist", "mtf_half_nyquist", "mtf50", "edge_snr", "overshoot")
"""Names of the estimates of a `DirectionSharpness`."""


def over_bands(parts: list[DirectionSharpness]) -> DirectionSharpness:
    """Mean over bands of those that have edges."""
    there = [part for part in parts if part.count]
    if not there:
        return parts[0] if parts else DirectionSharpness(reason="no band was measured")
    if len(there) == 1:
        return there[0]
    estimates: dict[str, Any] = {name: _mean([getattr(part, name) for part in there]) for name in MEASURED}
    return DirectionSharpness(
        count=sum(part.count for part in there),
        plateau=min(part.plateau for part in there),
        curve=_mean_curve(there),
        **estimates,
    )


def _mean(estimates: list[Estimate]) -> Estimate:
    names = ("value", "statistical", "systematic", "mean", "median", "spread")
    return Estimate(*(_mean_of([getattr(one, name) for one in estimates]) for name in names))


def _mean_of(values: list[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else np.nan


def _mean_curve(parts: list[DirectionSharpness]) -> Curve | None:
    curves = [part.curve for part in parts if part.curve is not None]
    return Curve(curves[0].frequency, np.mean([one.mtf for one in curves], axis=0)) if curves else None
