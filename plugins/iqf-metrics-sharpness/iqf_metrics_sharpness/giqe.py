"""NIIRS from sharpness, noise and scale: the General Image Quality Equation, version 5."""

from __future__ import annotations

import math

from iqf_core import ParameterError
from iqf_core.metrics import Missing

METRES_PER_INCH = 0.0254


def giqe5(
    *, rer_x: float, rer_y: float | None = None, snr: float, gsd_m: float, elevation_deg: float = 90.0
) -> float:
    """Predict the NIIRS of an image by GIQE-5.

    With ``GSD_w = GSD / sin(elevation)^(1/4)`` in metres and
    ``RER = (max(RER_x, RER_y) min(RER_x, RER_y)^2)^(1/3)``::

        NIIRS = 9.57 - 3.32 log10(GSD_w / 0.0254) + 3.32 (1 - exp(-1.9 / SNR)) log10(RER)
                - 2 log10(RER)^4 - 1.8 / SNR

    Parameters
    ----------
    rer_x : float
        Relative edge response along x, per px, above 0: that of the image as delivered. Sharp, well
        sampled images have 0.4 to 0.9; what is sharpened may exceed 1.
    rer_y : float, optional
        The same along y; as along x where not given.
    snr : float
        Contrast signal-to-noise ratio, above 0: the difference in signal between two targets, over the
        noise. It is not the mean level over the noise that the metric ``snr`` gives; use the noise of
        that metric with the signal difference that matters. Infinity for no noise at all.
    gsd_m : float
        Ground sampling distance in metres, above 0: geometric mean of both directions, in the plane of
        the image (across the line of sight, not on the ground).
    elevation_deg : float, optional
        Elevation of the sensor seen from the target in degrees, above 0, up to 90 (nadir).

    Returns
    -------
    float
        NIIRS, nominally 0 to 9 and not clipped to that; NaN with a reason where an input is NaN.

    Raises
    ------
    ParameterError
        When a parameter is out of its range; the message names it.

    Notes
    -----
    It predicts how analysts would rate the image: in visible bands, and free of haze and of artefacts of
    compression or resampling, which it knows nothing of. Below a RER of about 0.2 its fourth power
    dominates (-0.48 NIIRS at 0.2, -2 at 0.1): take values there as extrapolated. With rising SNR the
    weight of the RER falls to 0: what is not noisy can be sharpened.

    References
    ----------
    National Geospatial-Intelligence Agency (2015), General Image Quality Equation (GIQE), version 5.0.

    Examples
    --------
    >>> round(giqe5(rer_x=0.35, snr=50, gsd_m=0.52832), 1)
    5.0
    """
    rer_y = rer_x if rer_y is None else rer_y
    given = {"rer_x": rer_x, "rer_y": rer_y, "snr": snr, "gsd_m": gsd_m, "elevation_deg": elevation_deg}
    _check(given)
    unknown = [name for name, value in given.items() if math.isnan(value)]
    if unknown:
        return Missing(f"{' and '.join(unknown)} not known")
    gsd_w = gsd_m / math.sin(math.radians(elevation_deg)) ** 0.25
    log_rer = (math.log10(max(rer_x, rer_y)) + 2 * math.log10(min(rer_x, rer_y))) / 3
    return (
        9.57
        - 3.32 * math.log10(gsd_w / METRES_PER_INCH)
        + 3.32 * (1 - math.exp(-1.9 / snr)) * log_rer
        - 2 * log_rer**4
        - 1.8 / snr
    )


def _check(given: dict[str, float]) -> None:
    for name, value in given.items():
        if value <= 0 or (math.isinf(value) and name != "snr"):
            raise ParameterError(
                f"{name}={value}: it must be above 0{'' if name == 'snr' else ' and finite'}"
            )
    if given["elevation_deg"] > 90:
        raise ParameterError(
            f"elevation_deg={given['elevation_deg']}: it must be at most 90 degrees, which is nadir; "
            "for an angle off nadir give 90 minus it"
        )
