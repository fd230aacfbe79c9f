from __future__ import annotations

import math

import numpy as np
import pytest

from iqf_core.dataset import open_dataset
from iqf_core.errors import ParameterError, VariantError
from iqf_core.image import Image
from iqf_core.modifiers import Chain
from iqf_core.rates import image_size, rates
from iqf_core.samples import Samples, generator_for
from iqf_core.targets import RateTarget
from iqf_core.variant import make_variant
from tests.datasets import pixels_of
from tests.degradations import Coarse, Crop, Eight, Flip, Jpg, Noise, Shift, Soft

NAMES = ("a", "b", "c")


def load(name):
    return Image.from_array(pixels_of(NAMES.index(name), dtype="uint16", bands=1), white=4095)


SAMPLES = Samples(NAMES, load, seed=3, workers=2)


def rate(setting, names=NAMES):
    """Bits per pixel, by brute force."""
    rows = [setting.modify(load(name)).measured["bytes"] for name in names]
    return 8 * sum(rows) / sum(load(name).width * load(name).height for name in names)


@pytest.mark.parametrize("target", [3.0, 5.5, 9.0])
def test_the_mildest_setting_within_the_target_is_found(target):
    found = RateTarget(modifier=Coarse(), target_bits_per_pixel=target).resolve(SAMPLES)
    fitting = [step for step in range(1, 1025) if rate(Coarse(step=step)) <= target]
    assert found == Coarse(step=min(fitting))
    assert rate(found) <= target < rate(Coarse(step=found.step - 1))


def test_a_ratio_counts_the_bits_of_white():
    found = RateTarget(modifier=Coarse(), target_ratio=3.0).resolve(SAMPLES)
    assert 12 / rate(found) >= 3.0 > 12 / rate(Coarse(step=found.step - 1))


def test_other_parameters_stay():
    found = RateTarget(modifier=Coarse(gain=2.0, step=9), target_ratio=3.0).resolve(SAMPLES)
    assert (found.gain, found.step > 1) == (2.0, True)


def test_the_mildest_will_do():
    assert RateTarget(modifier=Coarse(), target_bits_per_pixel=1000.0).resolve(SAMPLES) == Coarse(step=1)


def test_a_target_out_of_reach_says_what_there_is():
    with pytest.raises(
        VariantError, match=r"coarse-target_ratio1000: even at step=1024 the rate is .*:1, less than 1000:1"
    ):
        RateTarget(modifier=Coarse(), target_ratio=1000.0).resolve(SAMPLES)
    with pytest.raises(VariantError, match=r"bits per pixel, more than 0\.001"):
        RateTarget(modifier=Coarse(), target_bits_per_pixel=0.001).resolve(SAMPLES)


def test_a_knob_of_fractions_is_found_within_its_resolution():
    found = RateTarget(modifier=Soft(), target_bits_per_pixel=2.0).resolve(SAMPLES)
    assert 16 / found.ratio <= 2.0
    assert found.ratio == pytest.approx(8.0, rel=0.01)


def test_a_modifier_without_a_coded_size_has_no_rate():
    class Silent(Coarse):
        def apply(self, image, *, rng):
            modified = super().apply(image, rng=rng)
            modified.measured.clear()
            return modified

    with pytest.raises(ParameterError, match="reports no coded size"):
        RateTarget(modifier=Silent(), target_ratio=2.0).resolve(SAMPLES)


def test_a_target_needs_a_knob_and_one_aim():
    with pytest.raises(ParameterError, match="flip has no knob"):
        RateTarget(modifier=Flip(), target_ratio=2.0)
    for aims in ({}, {"target_ratio": 2.0, "target_bits_per_pixel": 1.0}):
        with pytest.raises(ParameterError, match="exactly one"):
            RateTarget(modifier=Coarse(), **aims)


def test_each_image_for_itself():
    target = RateTarget(modifier=Coarse(), target_bits_per_pixel=5.5, per_image=True)
    assert target.resolve(SAMPLES) is target
    knobs = set()
    for name in NAMES:
        modified = target.modify(load(name), rng=generator_for(0, target.name, name))
        step = int(modified.measured["knob"])
        assert rate(Coarse(step=step), [name]) <= 5.5 < rate(Coarse(step=step - 1), [name])
        np.testing.assert_array_equal(modified.decoded().pixels, load(name).pixels // step * step)
        knobs.add(step)
    assert knobs


def test_a_step_of_a_chain_is_searched_on_what_it_will_be_given():
    seen = []

    class Watching(Coarse):
        name = "watching"

        def apply(self, image, *, rng):
            seen.append(int(image.pixels.sum(dtype=np.int64)))
            return super().apply(image, rng=rng)

    target = RateTarget(modifier=Watching(), target_bits_per_pixel=5.0)
    chain = Chain(steps=(Noise(levels=200), Noise(levels=200), target)).resolve(SAMPLES)
    searched = set(seen)
    assert len(searched) == len(NAMES)
    seen.clear()
    for name in NAMES:
        chain.modify(load(name), rng=generator_for(SAMPLES.seed, chain.name, name))
    assert set(seen) == searched  # the very draws that the variant has


def test_a_target_may_change_what_its_modifier_may():
    class Coarse8(Eight):
        name = "coarse8"
        knob = Coarse.knob
        step: int = 1

        def apply(self, image, *, rng):
            modified = super().apply(image, rng=rng)
            modified.measured["bytes"] = 1000 / self.step
            return modified

    target = RateTarget(modifier=Coarse8(), target_bits_per_pixel=1.0, per_image=True)
    assert target.modify(load("a")).decoded().dtype == np.uint8


def test_a_variant_keeps_what_was_asked_and_what_was_found(maker):
    source = open_dataset(maker.plain(suffix=".tif", dtype="uint16", bands=1, white=4095))
    variant = make_variant(source, {"iqf-core:identity": {}}, storage="source")
    assert math.isnan(variant.manifest.rates["bits_per_pixel"])
    target = RateTarget(modifier=Coarse(), target_bits_per_pixel=5.5)
    variant = make_variant(source, target)
    assert variant.name == "plain#coarse-target_bits_per_pixel5.5"
    assert variant.manifest.recipe.modifier == {"coarse": {"target_bits_per_pixel": 5.5}}
    assert list(variant.manifest.resolved) == ["coarse"]
    assert variant.manifest.knob == variant.manifest.resolved["coarse"]["step"]
    assert variant.manifest.rates["bits_per_pixel"] <= 5.5
    again = make_variant(source, target)
    assert again.manifest.model_dump_json() == variant.manifest.model_dump_json()


def test_rates_are_all_bits_over_all_source_pixels():
    rows = [{**image_size(10, 10, 3, 8), "bytes": 30}, {**image_size(100, 10, 3, 8), "bytes": 300}]
    found = rates(rows)
    assert found["bits_per_pixel"] == 8 * 330 / 1100
    assert found["bits_per_pixel_band"] == 8 * 330 / 3300
    assert found["compression_ratio"] == 1100 * 24 / (8 * 330)
    assert math.isnan(found["fixed_bits_per_pixel"])
    assert math.isnan(rates([*rows, image_size(1, 1, 1, 8)])["bits_per_pixel"])
    assert all(math.isnan(value) for value in rates([]).values())


def test_times_of_a_chain_add_up_and_the_last_rate_counts():
    image = Image.from_array(pixels_of(1))
    once = Coarse().modify(image).measured
    chain = Chain(steps=(Coarse(), Coarse(step=4), Shift())).modify(image).measured
    assert chain["encode_s"] == 2 * once["encode_s"] == 0.5
    assert chain["bytes"] == Coarse(step=4).modify(image).measured["bytes"] < once["bytes"]
    decoded = Chain(steps=(Jpg(), Jpg(quality=20), Flip())).modify(image)
    assert decoded.measured["decode_s"] > 0
    assert decoded.affine == Flip().modify(image).affine


def test_decoding_twice_in_a_chain_counts_twice(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("iqf_core.modifiers.time.perf_counter", lambda: next(clock))
    modified = Chain(steps=(Jpg(), Jpg(quality=20))).modify(Image.from_array(pixels_of(1)))
    modified.decoded()
    assert modified.measured["decode_s"] == 2


def test_generators_depend_on_seed_modifier_and_image_alone():
    draws = {
        key: generator_for(*key).integers(2**62)
        for key in [(0, "noise", "a"), (1, "noise", "a"), (0, "blur", "a"), (0, "noise", "b")]
    }
    assert len(set(draws.values())) == 4
    assert generator_for(0, "noise", "a").integers(2**62) == draws[0, "noise", "a"]


def test_settings_share_their_draws():
    image = Image.from_array(pixels_of(1, dtype="int16"))
    small, large = (
        Noise(levels=levels).modify(image, rng=generator_for(0, "noise", "a")).decoded().pixels.astype(int)
        for levels in (4, 400)
    )
    one, other = small - image.pixels, large - image.pixels
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_maps_of_a_chain_are_composed():
    image = Image.from_array(pixels_of(1))
    chain = Chain(steps=(Crop(left=4, top=2, size=16), Flip(), Crop(left=1, top=3, size=8)))
    modified = chain.modify(image)
    column, row = modified.affine @ (14.5, 7.5)
    assert (column, row) == (16 - (14.5 - 4) - 1, 7.5 - 2 - 3)
    np.testing.assert_array_equal(modified.decoded().pixels[int(row), int(column)], image.pixels[7, 14])
