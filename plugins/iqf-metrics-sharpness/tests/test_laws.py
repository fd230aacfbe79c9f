"""The laws that every metric keeps."""

from __future__ import annotations

import pytest

from iqf_core.testing import metric_laws

BLURRED = ["rer", "rer_x", "rer_y", "fwhm", "fwhm_m", "mtf_nyquist", "mtf_half_nyquist", "mtf50"]
COUNTS = ["edges*", "*_edges"]
LAWS = [
    *metric_laws(
        "sharpness",
        worsens={"blur": BLURRED},
        always=COUNTS,
        of_nodata=["nodata_edges"],
    ),
    *metric_laws("niirs(snr=60)", worsens={"blur": ["niirs", "rer_x", "rer_y"]}, always=["gsd_m", "snr"]),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws(law):
    law.check()
