"""The metric `niirs` of datasets and studies."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import pydantic

from iqf_core import Missing, Output
from iqf_metrics_sharpness.giqe import giqe5
from iqf_metrics_sharpness.metric import NO_GSD, EdgeMetric, or_reason, up
from iqf_metrics_sharpness.result import SURE, DirectionSharpness, Estimate, SharpnessResult


class Niirs(EdgeMetric):
    """NIIRS by GIQE-5, from the image's own edges: see `iqf_metrics_sharpness.giqe5`.

    The interval is that of the RER alone: GSD and SNR are taken as exact.

    Parameters
    ----------
    elevation_deg : float
        Elevation of the sensor seen from the target, in degrees; 90 is nadir.
    snr : float, optional
        Contrast signal-to-noise ratio: the difference in signal between two targets, over the noise. By
        default that of the edges measured, whose targets are what is there: median contrast of the accepted
        edges over their noise. Scenes of strong contrast so get a larger one than GIQE's targets would.

    Examples
    --------
    >>> Niirs(gsd_m=0.5, snr=50.0).label
    'niirs-gsd_m0.5-snr50'
    """

    name: ClassVar[str] = "niirs"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("niirs", "1", "higher", -math.inf, math.inf, "NIIRS that GIQE-5 predicts."),
        Output("niirs_low", "1", "higher", -math.inf, math.inf, "Lower end of its 95 % interval."),
        Output("niirs_high", "1", "higher", -math.inf, math.inf, "Upper end of its 95 % interval."),
        up("gsd_m", "m", "lower", "Ground sampling distance used."),
        up("rer_x", "1", "higher", "Relative edge response along the rows, per px."),
        up("rer_y", "1", "higher", "Relative edge response along the columns, per px."),
        up("snr", "1", "higher", "Contrast signal-to-noise ratio used."),
    )

    elevation_deg: float = pydantic.Field(default=90.0, gt=0, le=90)
    snr: float | None = pydantic.Field(default=None, gt=0)

    def _values(self, result: SharpnessResult) -> dict[str, float]:
        x, y, both = result.x, result.y, result.combined
        snr = or_reason(both.edge_snr.value, both, "the edges give no SNR") if self.snr is None else self.snr
        gsd_m = Missing(NO_GSD) if result.gsd_m is None else result.gsd_m
        known = {"rer_x": _along("x", x, y), "rer_y": _along("y", y, x), "snr": snr, "gsd_m": gsd_m}
        reasons = dict.fromkeys(value.reason for value in known.values() if isinstance(value, Missing))
        if reasons:
            return self.missing("; ".join(reasons)) | known
        niirs = partial(giqe5, snr=snr, gsd_m=gsd_m, elevation_deg=self.elevation_deg)
        found = known | {"niirs": niirs(rer_x=known["rer_x"], rer_y=known["rer_y"])}
        ends = [niirs(rer_x=end) for end in _interval(x.rer, y.rer)]
        if any(map(math.isnan, ends)):
            unknown = Missing("the error of the RER is not known")
            return found | {"niirs_low": unknown, "niirs_high": unknown}
        ends.append(found["niirs"])  # beyond RER 1 NIIRS may fall again
        return found | {"niirs_low": min(ends), "niirs_high": max(ends)}


def _along(axis: str, part: DirectionSharpness, across: DirectionSharpness) -> float:
    """RER along an axis; where only the other has edges, the reason says so."""
    if part.count or not across.count:
        return or_reason(part.rer.value, part, f"the edges give no RER along {axis}")
    other = "y" if axis == "x" else "x"
    return Missing(f"GIQE-5 needs the RER along x and y, and there are edges along {other} only")


def _interval(x: Estimate, y: Estimate) -> tuple[float, float]:
    """95 % interval of GIQE's mean RER, ``(max min^2)^(1/3)``.

    What the noise does to x and y is independent; what the method does is not.
    """
    large, small = (x, y) if x.value > y.value else (y, x)
    statistical = math.hypot(large.statistical / large.value, 2 * small.statistical / small.value) / 3
    systematic = (large.systematic / large.value + 2 * small.systematic / small.value) / 3
    spread = math.exp(SURE * math.hypot(statistical, systematic))
    middle = (large.value * small.value**2) ** (1 / 3)
    return middle / spread, middle * spread
