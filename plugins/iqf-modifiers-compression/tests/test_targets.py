"""A rate instead of a setting, for each modifier that has a knob."""

from __future__ import annotations

import math

import pytest

import iqf_core as iqf

ASKED = {"jpeg": 1.5, "jpeg2000": 1.5, "quantise": 6.0}


@pytest.fixture
def scenes(picture, dataset):
    return dataset(picture(at=0, size=128), picture(at=150, size=128), picture(at=250, size=128))


def milder(modifier):
    """The setting next to the found one on its mild side."""
    knob = modifier.knob
    step = math.copysign(1, knob.mild - knob.harsh)
    value = (
        modifier.knob_value + step
        if knob.integer
        else modifier.knob_value / (knob.harsh / knob.mild) ** 0.004
    )
    return modifier.with_knob(value)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("ratio", [False, True])
def test_one_setting_for_the_dataset(name, ratio, scenes):
    asked = ASKED[name]
    target = {"target_ratio": 24 / asked} if ratio else {"target_bits_per_pixel": asked}
    variant = iqf.make_variant(scenes, iqf.modifier(name, **target))
    rates = variant.manifest.rates
    assert rates["bits_per_pixel"] <= asked * (1 + 1e-9)
    assert rates["compression_ratio"] >= 24 / asked * (1 - 1e-9)
    found = iqf.modifier(variant.manifest.resolved)
    assert variant.manifest.knob == found.knob_value
    next_to_it = iqf.make_variant(scenes, milder(found)).manifest.rates
    assert next_to_it["bits_per_pixel"] > asked * (0.98 if name == "jpeg2000" else 1)


@pytest.mark.parametrize("name", ASKED)
def test_one_setting_for_each_image(name, scenes):
    asked = ASKED[name]
    target = iqf.modifier(name, target_bits_per_pixel=asked, per_image=True)
    variant = iqf.make_variant(scenes, target)
    rates = [8 * row.measured["bytes"] / row.measured["source_pixels"] for row in variant.manifest.images]
    assert all(rate <= asked * (1 + 1e-9) for rate in rates)
    assert all(row.measured["knob"] for row in variant.manifest.images)
    if name == "jpeg":
        assert len({row.measured["knob"] for row in variant.manifest.images}) > 1
        assert min(rates) > 0.85 * asked


@pytest.mark.parametrize("name", ASKED)
def test_unreachable_says_what_is(name, scenes):
    with pytest.raises(iqf.VariantError, match=r"even at .*=1(000)? the rate is .* ask for less compression"):
        iqf.make_variant(scenes, iqf.modifier(name, target_bits_per_pixel=0.01))


def test_other_parameters_count(scenes):
    target = iqf.modifier("jpeg(subsampling='4:4:4', target_bits_per_pixel=1.5)")
    variant = iqf.make_variant(scenes, target)
    assert variant.manifest.resolved["jpeg"]["subsampling"] == "4:4:4"


def test_knob_beside_a_target_is_refused():
    with pytest.raises(iqf.ParameterError, match="not both"):
        iqf.modifier("jpeg2000(ratio=3, target_bits_per_pixel=1)")
