"""No pixel is used twice, and the clearest edge stands."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_metrics_sharpness.conflicts import _resolved, standing
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.steps import Steps
from iqf_metrics_sharpness.windows import lattice

OPTIONS = EdgeOptions()
SHAPE = (400, 400)


def steps(*given):
    """Steps of (row, position, slope, noise) and a contrast of 100."""
    values = np.array(given, float).reshape(-1, 4)
    same = np.full(len(values), 1.0)
    return Steps(
        values[:, 0].astype(np.int64), values[:, 1], values[:, 2], 50 * same, 100 * same, same, values[:, 3],
        same, 0 * same, same > 0,
    )  # fmt: skip


NONE = steps()


def pixels(some, flat):
    """Pixels of each window, as sets."""
    grid = lattice(some.lines, SHAPE, length=OPTIONS.edge_length, half=OPTIONS.half)
    inside = np.abs(grid.distance(some.lines)) <= OPTIONS.half
    row = np.broadcast_to(grid.row, inside.shape)
    found = []
    for one, there, column in zip(inside, row, grid.column, strict=True):
        pairs = zip(there[one].tolist(), column[one].tolist(), strict=True)
        found.append({(x, y) if flat else (y, x) for y, x in pairs})
    return found


def test_two_that_cross():
    clear, dim = steps((100, 100.0, 0.0, 1.0)), steps((100, 100.0, 0.0, 2.0))
    assert [one.tolist() for one in standing(clear, dim, OPTIONS)] == [[True], [False]]
    assert [one.tolist() for one in standing(dim, clear, OPTIONS)] == [[False], [True]]


def test_clearer_is_contrast_over_noise_whatever_its_sign():
    strong, weak = steps((100, 100.0, 0.0, 3.0)), steps((100, 104.0, 0.0, 2.0))
    both = Steps.joined([strong, weak])
    assert standing(both, NONE, OPTIONS)[0].tolist() == [False, True]
    both.contrast[0] = -1000
    assert standing(both, NONE, OPTIONS)[0].tolist() == [True, False]


def test_what_falls_fells_nothing():
    chain = steps((100, 100.0, 0.0, 1.0), (100, 110.0, 0.0, 2.0), (100, 120.0, 0.0, 3.0))
    assert standing(chain, NONE, OPTIONS)[0].tolist() == [True, False, True]
    middle_first = steps((100, 100.0, 0.0, 2.0), (100, 110.0, 0.0, 1.0), (100, 120.0, 0.0, 3.0))
    assert standing(middle_first, NONE, OPTIONS)[0].tolist() == [False, True, False]


@pytest.mark.parametrize(("apart", "both"), [(12.0, False), (14.0, True)])
def test_a_window_wide_apart(apart, both):
    two = steps((100, 100.0, 0.0, 1.0), (100, 100.0 + apart, 0.0, 2.0))
    assert standing(two, NONE, OPTIONS)[0].all() == both


def test_corners_of_oblique_windows_reach_far():
    two = steps((100, 100.0, 0.95, 1.0), (100, 121.0, -0.95, 2.0))
    assert pixels(two, flat=False)[0] & pixels(two, flat=False)[1]
    assert standing(two, NONE, OPTIONS)[0].tolist() == [True, False]


def test_one_after_the_other_both_stand():
    two = steps((100, 100.0, 0.3, 1.0), (107, 102.1, 0.3, 2.0))
    assert standing(two, NONE, OPTIONS)[0].all()


def test_among_equals_the_place_decides():
    two = steps((100, 104.0, 0.0, 1.0), (100, 100.0, 0.0, 1.0))
    assert standing(two, NONE, OPTIONS)[0].tolist() == [False, True]
    assert standing(two[::-1], NONE, OPTIONS)[0].tolist() == [True, False]


def test_nothing_and_one():
    assert [len(one) for one in standing(NONE, NONE, OPTIONS)] == [0, 0]
    assert standing(steps((9, 9.0, 0.0, 1.0)), NONE, OPTIONS)[0].tolist() == [True]


@pytest.mark.parametrize("seed", [0, 7, 10])
def test_it_is_the_greedy_choice_over_shared_pixels(seed, monkeypatch):
    monkeypatch.setattr("iqf_metrics_sharpness.conflicts.CHUNK", 100)
    rng = np.random.default_rng(seed)

    def some(count):
        rows = rng.integers(4, 33, count) * 7 + 3
        places = rng.uniform(30, 230, count)
        return steps(
            *zip(rows, places, rng.uniform(-1.05, 1.05, count), rng.uniform(1, 5, count), strict=True)
        )

    steep, flat = some(60), some(60)
    stands = np.concatenate(standing(steep, flat, OPTIONS))
    owned = pixels(steep, flat=False) + pixels(flat, flat=True)
    expected, taken = np.zeros(120, bool), set()
    for one in np.argsort(np.append(steep.noise, flat.noise)):
        if not owned[one] & taken:
            expected[one] = True
            taken |= owned[one]
    assert (stands == expected).all()
    assert 20 < expected.sum() < 110


def test_a_long_chain_is_resolved_from_the_clearest_down():
    count = 50
    pairs = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    assert _resolved(np.arange(count), pairs).tolist() == [i % 2 == 0 for i in range(count)]
    assert _resolved(np.arange(3), np.empty((0, 2), np.int64)).all()
