"""The laws that every metric keeps."""

from __future__ import annotations

import pytest

from iqf_core.testing import metric_laws

SIZES = {"ms_ssim": (183, 178)}
BANDS = {"sam": [3, 6]}
PARAMETERS = {"ssim": {"resample": True}, "ergas": {"ratio": 0.25}}
NAMES = ["psnr", "ssim", "ms_ssim", "rmse", "mae", "max_error", "sam", "ergas", "uiqi"]
LAWS = [
    law
    for name in NAMES
    for spec in (name, *([{name: PARAMETERS[name]}] if name in PARAMETERS else []))
    for law in metric_laws(
        spec,
        **({"size": SIZES[name]} if name in SIZES else {}),
        **({"bands": BANDS[name]} if name in BANDS else {}),
    )
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws(law):
    law.check()
