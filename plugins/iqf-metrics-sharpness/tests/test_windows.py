"""Where the pixels of windows are."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_metrics_sharpness.windows import Lines, lattice


def lines(*given):
    row, position, slope = zip(*given, strict=True)
    return Lines(np.array(row), np.array(position, float), np.array(slope, float))


@pytest.mark.parametrize("slope", [0.0, 0.3, -0.7, 1.05])
def test_distance_is_along_the_normal(slope):
    one = lines((20, 30.2, slope))
    grid = lattice(one, (60, 60), length=7, half=6.5)
    normal = np.array([1, -slope]) / np.hypot(1, slope)
    row, column = np.broadcast_arrays(grid.row, grid.column)
    truth = (column - 30.2) * normal[0] + (row - 20) * normal[1]
    np.testing.assert_allclose(grid.distance(one), truth, atol=1e-12)
    assert sorted(set(grid.row.ravel())) == list(range(17, 24))
    assert grid.along.ravel().tolist() == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.parametrize("slope", [0.0, 0.5, -1.05])
def test_every_pixel_within_half_a_window_is_there(slope):
    one = lines((20, 30.49, slope))
    grid = lattice(one, (60, 60), length=7, half=6.5)
    got = np.abs(grid.distance(one)) <= 6.5
    row, column = np.mgrid[17:24, 0:60]
    truth = np.abs(column - 30.49 - slope * (row - 20)) / np.hypot(1, slope) <= 6.5
    assert got.sum() == truth.sum()


def test_windows_one_after_the_other_share_no_pixel():
    two = lines((20, 30.2, 0.4), (27, 33.0, 0.4))
    grid = lattice(two, (60, 60), length=7, half=6.5)
    assert not set(grid.row[0].ravel()) & set(grid.row[1].ravel())


def test_what_lies_outside_is_known_and_repeats_the_border():
    picture = np.arange(100.0).reshape(10, 10)
    grid = lattice(lines((1, 8.0, 0.0)), (10, 10), length=5, half=3.0)
    row, column = np.broadcast_arrays(grid.row, grid.column)
    truth = (row >= 0) & (row < 10) & (column >= 0) & (column < 10)
    assert (grid.inside == truth).all()
    assert not truth.all()
    expected = picture[np.clip(row, 0, 9), np.clip(column, 0, 9)]
    assert (grid.values(picture) == expected).all()
    wide = lattice(lines((9, 15.0, 0.0)), (10, 30), length=5, half=3.0)
    assert (wide.inside.any(axis=2) == (wide.row[..., 0] < 10)).all()
    low = lattice(lines((8, 1.0, 0.0)), (10, 10), length=5, half=3.0)
    assert not low.inside[0, -1].any()
    assert not low.inside[0, :, 0].any()


def test_choosing_lines():
    three = lines((1, 2.0, 0.1), (3, 4.0, 0.2), (5, 6.0, 0.3))
    assert len(three[np.array([True, False, True])]) == 2
    assert three[1:].position.tolist() == [4, 6]
    assert len(three[:0]) == 0


def test_values_of_a_wide_picture():
    picture = np.arange(300.0).reshape(10, 30)
    grid = lattice(lines((4, 22.0, 0.0)), (10, 30), length=5, half=3.0)
    row, column = np.broadcast_arrays(grid.row, grid.column)
    assert grid.inside.all()
    assert (grid.values(picture) == picture[row, column]).all()
