from __future__ import annotations

import numpy as np
import pytest

from iqf_core.testing import blurred, noisy, scene
from iqf_core.testing.metric_cases import DEGRADATIONS
from iqf_core.testing.scenes import BANDS, DTYPES, NODATA, WHITE, blank, flat

KINDS = [(dtype, bands) for dtype in DTYPES for bands in BANDS]


@pytest.mark.parametrize(("dtype", "bands"), KINDS)
def test_samples_lie_inside_full_scale_and_never_are_nodata(dtype, bands):
    image = scene(dtype, bands)
    assert (str(image.dtype), image.bands, image.white) == (dtype, bands, WHITE[dtype])
    assert image.pixels.min() > 0
    assert image.pixels.max() < image.white
    for nodata in NODATA[dtype]:
        assert not np.isin(nodata, image.pixels)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("which", [0, 1])
def test_nodata_is_in_all_bands_and_in_one(dtype, which):
    holes = scene(dtype, 3, nodata=NODATA[dtype][which]).nodata_mask()
    assert 0.05 < holes.all(axis=2).mean() < 0.3
    assert (holes.any(axis=2) & ~holes.all(axis=2)).any()


def test_a_seed_is_a_scene():
    np.testing.assert_array_equal(scene(seed=4).pixels, scene(seed=4).pixels)
    assert (scene(seed=4).pixels != scene(seed=5).pixels).any()


def test_a_scene_is_the_callers_own():
    first = scene()
    first.pixels[:] = 0
    assert scene().pixels.min() > 0


def test_no_turn_or_mirror_image_is_like_another():
    plane = scene(bands=1).pixels[..., 0].astype(float)
    turns = [np.rot90(side, times) for side in (plane, plane.T) for times in range(4)]
    others = [np.corrcoef(plane.ravel(), turned.ravel())[0, 1] for turned in turns]
    assert max(others[1:]) < 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 5), (128, 96)])
def test_any_size(size):
    assert scene(bands=6, size=size, nodata=0).pixels.shape == (*size, 6)


def test_noise_is_as_strong_as_asked():
    before = flat(scene("float32", 1, size=(128, 128)))
    assert np.std(noisy(before, 0.03).pixels - before.pixels) == pytest.approx(0.03, rel=0.03)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_degradations_harm_more_and_more(name):
    degrade, levels = DEGRADATIONS[name]
    image = scene("float32")
    errors = [np.square(degrade(image, level).pixels - image.pixels).mean() for level in levels]
    assert errors[0] > 0
    assert errors == sorted(errors)


def test_blur_keeps_the_mean():
    image = scene("float32", 1)
    assert blurred(image, 2).pixels.mean() == pytest.approx(image.pixels.mean(), rel=0.01)


@pytest.mark.parametrize("dtype", DTYPES)
def test_blank_and_flat_are_what_they_say(dtype):
    assert blank(scene(dtype)).nodata_mask().all()
    assert np.ptp(flat(scene(dtype)).pixels) == 0
