"""Edges as arrays: where they are, in the coordinates of the picture."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_metrics_sharpness import sharpness
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.steps import Steps
from iqf_metrics_sharpness.table import EdgeTable, directions


def steps(*given):
    """Steps of (row, position, slope, low, contrast, noise)."""
    values = np.array(given, float).reshape(-1, 6)
    one = np.ones(len(values))
    return Steps(
        values[:, 0].astype(np.int64), values[:, 1], values[:, 2], values[:, 3], values[:, 4], one,
        values[:, 5], 0.99 * one, 0 * one, one > 0,
    )  # fmt: skip


@pytest.fixture
def table():
    """Two steep edges, the lower one first, and a flat one, in a picture of 60 x 90."""
    steep = steps((30, 40.5, 0.1, 50, 80, 2), (16, 20.5, 0.0, 200, -90, 0))
    return EdgeTable.of(steep, steps((70, 45.5, -0.2, 10, 60, 3)), EdgeOptions(), (60, 90))


@pytest.mark.parametrize(
    ("degrees", "name"),
    [
        (0, "x"), (22.4, "x"), (-22.4, "x"), (22.6, "other"), (45, "other"), (67.4, "other"), (67.6, "y"),
        (90, "y"), (112.4, "y"), (112.6, "other"), (135, "other"), (157.6, "x"), (180, "x"), (270, "y"),
    ],
)  # fmt: skip
def test_classes_of_normals(degrees, name):
    assert directions(np.deg2rad([degrees])).tolist() == [name]


def test_steep_ones_first_by_row_in_the_coordinates_of_the_picture(table):
    assert table.row.tolist() == [16, 30, 45.5]
    assert table.column.tolist() == [20.5, 40.5, 70]
    assert table.flat.tolist() == [False, False, True]
    assert table.order.tolist() == [1, 0, 2]
    assert table.direction.tolist() == ["x", "x", "y"]
    np.testing.assert_allclose(table.angle, [0, -np.arctan(0.1), np.pi / 2 - np.arctan(0.2)], atol=1e-12)


def test_normals_of_fitted_edges_are_those_of_the_scene(blur, stripes):
    for degrees in (-60, -30, -5, 10, 40, 50, 75, 100, 130):
        edges = sharpness(stripes(blur.gaussian(0.8, degrees), size=96)).bands[0].edges
        off = (np.rad2deg(edges.angle) - degrees + 90) % 180 - 90
        assert len(edges) > 5
        np.testing.assert_allclose(off, 0, atol=0.2)


def test_levels_are_those_before_and_behind(table):
    assert table.low.tolist() == [200, 50, 10]
    assert table.contrast.tolist() == [-90, 80, 60]
    assert table.edge_snr[1:].tolist() == [40, 20]
    assert 1e8 < table.edge_snr[0] < np.inf


def test_nothing_is_measured_yet(table):
    assert table.measured.all()
    assert np.isnan(table.rer).all()
    assert np.isnan(table.reaches).all()
    assert not (table.clipped | table.nodata | table.overshoot | table.dark_at_zero).any()


def test_pixels_of_steep_and_flat_windows(table):
    pixel, owner = table.pixels()
    row, column = np.divmod(pixel, 90)
    assert (np.bincount(owner) > 80).all()
    for one, (rows, columns) in enumerate([((13, 19), (15, 26)), ((27, 33), (34, 47)), ((39, 52), (67, 73))]):
        mine = owner == one
        assert (row[mine].min(), row[mine].max()) == pytest.approx(rows, abs=1)
        assert (column[mine].min(), column[mine].max()) == pytest.approx(columns, abs=1)


def test_choosing(table):
    few = table[np.array([True, False, True])]
    assert len(few) == 2
    assert few.steps.row.tolist() == [16, 70]
    assert (few.options, few.shape) == (table.options, table.shape)
    assert len(table[:0].pixels()[0]) == 0


def test_only_edges_that_count_have_pixels(table):
    table.measured[1] = False
    assert set(table.pixels()[1]) == {0, 2}
