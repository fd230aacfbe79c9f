"""The laws that every metric keeps."""

from __future__ import annotations

import pytest

from iqf_core.testing import BrokenLaw, metric_laws

WORSENS = {"noise": ["snr", "snr_db", "sigma", "snr_low", "snr_high"]}
PUBLISHED = {
    "worsens": {"noise": ["snr", "snr_db", "sigma"]},
    "dtypes": ["uint8"],  # blocks whose mean is exactly the median are rare in more levels
    "skip": {"nodata_does_not_count": "the published methods know no nodata but 0"},
}
KNOWN = {
    "snr-methodha-nodata_does_not_count": "patterns of the blocks that border on nodata look at its number"
}
"""Breaches that are known; a law that is kept again fails here."""


def marked(law):
    known = KNOWN.get(str(law))
    marks = [pytest.mark.xfail(raises=BrokenLaw, strict=True, reason=known)] if known else []
    return pytest.param(law, marks=marks, id=str(law))


LAWS = [
    *metric_laws("snr", worsens=WORSENS),
    *metric_laws("snr(method='hb', confidence=0.9)", worsens=WORSENS),
    *metric_laws("snr(method='ha')", worsens=WORSENS),
    *metric_laws("snr(method='hb', published=True)", **PUBLISHED),
]


@pytest.mark.parametrize("law", [marked(law) for law in LAWS])
def test_laws(law):
    law.check()
