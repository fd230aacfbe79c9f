"""GIQE-5 against its published case, against pybsm, and against what the equation says of itself."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from iqf_core import ParameterError
from iqf_core.metrics import Missing
from iqf_metrics_sharpness.giqe import giqe5

RECORD = json.loads((Path(__file__).parent / "data" / "pybsm_giqe5.json").read_text())
PUBLISHED = {"rer_x": 0.35, "rer_y": 0.35, "snr": 50.0, "gsd_m": 0.52832, "elevation_deg": 90.0}


def test_published_case():
    assert round(giqe5(**PUBLISHED), 1) == 5.0
    assert giqe5(rer_x=0.35, snr=50, gsd_m=0.52832) == giqe5(**PUBLISHED)


def test_recorded_values_of_pybsm():
    *names, _ = RECORD["columns"]
    assert len(RECORD["rows"]) == 432
    for *values, niirs in RECORD["rows"]:
        assert giqe5(**dict(zip(names, values, strict=True))) == pytest.approx(niirs, abs=1e-9)


def test_pybsm_itself():
    functional = pytest.importorskip("pybsm.metrics.functional")
    niirs, _, _ = functional.giqe5(rer_1=0.35, rer_2=0.6, gsd=0.3, snr=20, elev_angle=math.radians(40))
    assert giqe5(rer_x=0.35, rer_y=0.6, gsd_m=0.3, snr=20, elevation_deg=40) == pytest.approx(niirs, abs=1e-9)


def test_halving_the_gsd_is_one_level():
    finer = giqe5(**{**PUBLISHED, "gsd_m": PUBLISHED["gsd_m"] / 2})
    assert finer - giqe5(**PUBLISHED) == pytest.approx(3.32 * math.log10(2), abs=1e-12)


def test_the_axes_count_alike_and_the_blurred_one_more():
    assert giqe5(**{**PUBLISHED, "rer_x": 0.6}) == pytest.approx(
        giqe5(**{**PUBLISHED, "rer_y": 0.6}), abs=1e-12
    )
    mean = giqe5(**{**PUBLISHED, "rer_x": math.sqrt(0.35 * 0.6), "rer_y": math.sqrt(0.35 * 0.6)})
    assert giqe5(**{**PUBLISHED, "rer_x": 0.6}) < mean


@pytest.mark.parametrize(("name", "better"), [("rer_x", 0.4), ("snr", 100.0), ("gsd_m", 0.5)])
def test_better_images_rate_higher(name, better):
    assert giqe5(**{**PUBLISHED, name: better}) > giqe5(**PUBLISHED)


def test_no_noise_is_the_limit_of_little():
    assert giqe5(**{**PUBLISHED, "snr": math.inf}) == pytest.approx(
        giqe5(**{**PUBLISHED, "snr": 1e9}), abs=1e-6
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_not_known_gives_nan_that_says_so(name):
    niirs = giqe5(**{**PUBLISHED, name: math.nan})
    assert isinstance(niirs, Missing)
    assert math.isnan(niirs)
    assert name in niirs.reason


@pytest.mark.parametrize("value", [0.0, -1.0, -math.inf])
@pytest.mark.parametrize("name", PUBLISHED)
def test_out_of_range_names_the_parameter(name, value):
    with pytest.raises(ParameterError, match=name):
        giqe5(**{**PUBLISHED, name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("gsd_m", math.inf), ("elevation_deg", 90.5), ("rer_x", math.inf)]
)
def test_too_large_names_the_parameter(name, value):
    with pytest.raises(ParameterError, match=name):
        giqe5(**{**PUBLISHED, name: value})
