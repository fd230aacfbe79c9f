"""The laws that every metric keeps."""

from __future__ import annotations

import pytest

from iqf_core.testing import BrokenLaw, metric_laws

BLURRED = ["rer", "rer_x", "rer_y", "fwhm", "fwhm_m", "mtf_nyquist", "mtf_half_nyquist", "mtf50"]
COUNTS = ["edges*", "*_edges"]
KNOWN = dict.fromkeys(
    ("sharpness-nodata_does_not_count", "niirs-snr60-nodata_does_not_count"),
    "which edges near nodata are measured depends on the number that stands for it",
)
"""Breaches that are known; a law that is kept again fails here."""


def marked(law):
    known = KNOWN.get(str(law))
    marks = [pytest.mark.xfail(raises=BrokenLaw, strict=True, reason=known)] if known else []
    return pytest.param(law, marks=marks, id=str(law))


LAWS = [
    *metric_laws(
        "sharpness",
        worsens={"blur": BLURRED},
        always=COUNTS,
        of_nodata=["nodata_edges"],
    ),
    *metric_laws("niirs(snr=60)", worsens={"blur": ["niirs", "rer_x", "rer_y"]}, always=["gsd_m", "snr"]),
]


@pytest.mark.parametrize("law", [marked(law) for law in LAWS])
def test_laws(law):
    law.check()
