"""Where edges may be, on pictures of which that is known."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.search import SLOPE, SMOOTH, candidates, tiles

OPTIONS = EdgeOptions()


def everything(scene, contrast=20.0, options=OPTIONS):
    whole = (slice(0, scene.shape[0]), slice(0, scene.shape[1]))
    return candidates(scene, whole, options, contrast)


@pytest.mark.parametrize(("shape", "size"), [((100, 70), 32), ((32, 32), 32), ((1, 1), 8), ((65, 3), 64)])
def test_tiles_cover_every_pixel_once(shape, size):
    seen = np.zeros(shape, int)
    for rows, columns in tiles(shape, size):
        seen[rows, columns] += 1
        assert rows.stop - rows.start <= size
        assert columns.stop - columns.start <= size
    assert (seen == 1).all()


def test_filters_have_unit_gain():
    place = np.arange(-3, 4)
    assert SMOOTH.sum() == 1
    assert (SMOOTH * place**2).sum() == 1.5
    assert SLOPE.sum() == 0
    assert (SLOPE * place).sum() == 1


@pytest.mark.parametrize("degrees", [0.0, 5.0, -20.0, 40.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_steep_edges_where_they_are(blur, stripes, degrees, sign):
    gap, phase, size = 23.7, 0.3, 160
    scene = stripes(blur.gaussian(0.9, degrees), contrast=100 * sign, gap=gap, phase=phase, size=size)
    steep, flat = everything(scene)
    angle, middle = np.deg2rad(degrees), (size - 1) / 2
    place = (steep.position - middle) * np.cos(angle) + (steep.row - middle) * np.sin(angle) - phase
    off = np.abs((place + gap / 2) % gap - gap / 2)
    inner = (steep.position > 12) & (steep.position < size - 13)
    assert off[inner].max() < 0.25
    assert np.abs(steep.slope + np.tan(angle)).max() < 0.06
    assert steep.row.max() + OPTIONS.edge_length // 2 < size  # 160 is no multiple of 7
    assert set((steep.row - OPTIONS.edge_length // 2) % OPTIONS.edge_length) == {0}
    # one in each block of 7 rows of each of the edges, with those within a window of the sides in doubt
    crossings = (size // 7) * (size / (gap / np.cos(angle)))
    assert len(steep) > crossings - 2 * (size // 7)
    assert len(steep) <= crossings + size // 7
    assert len(flat) == 0


def test_flat_edges_are_steep_in_the_transpose(blur, stripes):
    scene = stripes(blur.gaussian(0.9, 12.0), snr=60)
    steep, flat = everything(scene)
    turned, steep_turned = everything(scene.T)[::-1]
    assert len(steep) > 50
    assert len(flat) == len(steep_turned) == 0
    for name in ("row", "position", "slope"):
        np.testing.assert_allclose(getattr(turned, name), getattr(steep, name), atol=0.07)


def test_what_is_found_is_rounded_so_that_last_bits_of_filters_are_gone(blur, stripes):
    steep, _ = everything(stripes(blur.gaussian(0.9, 9.0), snr=50))
    assert (steep.position * 16 == np.rint(steep.position * 16)).all()
    assert (steep.slope * 64 == np.rint(steep.slope * 64)).all()
    assert len(set(steep.position % 1)) > 8
    assert len(set(steep.slope)) > 2


@pytest.mark.parametrize("size", [33, 64, 128, 400])
@pytest.mark.parametrize("degrees", [3.0, 45.0, 80.0])
def test_the_same_whatever_the_tiles(blur, stripes, size, degrees):
    scene = stripes(blur.gaussian(0.9, degrees), snr=40, size=(150, 170))
    whole = everything(scene)
    parts = [candidates(scene, core, OPTIONS, 20.0) for core in tiles(scene.shape, size)]
    for kind in (0, 1):
        expected = sorted(zip(whole[kind].row, whole[kind].position, whole[kind].slope, strict=True))
        got = [
            one
            for part in parts
            for one in zip(part[kind].row, part[kind].position, part[kind].slope, strict=True)
        ]
        assert sorted(got) == expected
    assert len(whole[0]) + len(whole[1]) > 30


def test_near_45_degrees_both_kinds_look(blur, stripes):
    steep, flat = everything(stripes(blur.gaussian(0.9, 45.0)))
    assert min(len(steep), len(flat)) > 40


@pytest.mark.parametrize("sigma", [0.4, 2.4])
def test_contrast_decides(blur, stripes, sigma):
    scene = stripes(blur.gaussian(sigma, 4.0), contrast=60)
    assert len(everything(scene, contrast=55.0)[0]) > 80
    assert len(everything(scene, contrast=60.0 * 10)[0]) == 0


def test_a_line_is_no_candidate():
    line = np.full((80, 80), 50.0)
    line[:, 40] = 150
    assert [len(one) for one in everything(line)] == [0, 0]


def test_an_edge_that_ends_within_the_window_is_no_candidate():
    short = np.full((84, 80), 50.0)
    short[42:, 40:] = 150  # ends at the middle row, 45, of no block
    steep, _ = everything(short)
    assert len(steep) > 3
    assert steep.row.min() >= 45
    assert all(not (row < 45) for row in steep.row)


def test_noisy_plateaus_are_none(blur, stripes):
    scene = stripes(blur.gaussian(0.9, 4.0), snr=3, seed=2)
    few = len(everything(scene)[0])
    many = len(everything(scene, options=EdgeOptions(min_edge_snr=4.0))[0])
    assert few < 0.2 * many
    assert many > 30


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (6, 6), (7, 13)])
def test_tiny(shape):
    rng = np.random.default_rng(0)
    steep, flat = everything(rng.normal(100, 50, shape))
    assert len(steep) + len(flat) <= 4


def test_edges_over_noughts_do_not_change_what_is_searched(blur, stripes):
    scene = stripes(blur.gaussian(0.9, 4.0))
    before = scene.copy()
    everything(scene)
    assert (scene == before).all()
