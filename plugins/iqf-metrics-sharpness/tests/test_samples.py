"""Pixels that are pooled: each of the edge nearest to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iqf_metrics_sharpness.detect import Band, detected
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.samples import Samples, _nearest, collected


@pytest.fixture
def samples():
    """Four edges of 3, 0, 2 and 4 pixels."""
    rng = np.random.default_rng(0)
    edge = np.array([0, 0, 0, 2, 2, 3, 3, 3, 3])
    return Samples(
        edge, rng.uniform(0, 50, 9), rng.integers(-3, 4, 9).astype(float), rng.normal(size=9),
        *(np.arange(4) + 10.0 * one for one in range(1, 7)),
    )  # fmt: skip


def test_each_pixel_goes_to_the_edge_nearest_to_it():
    rng = np.random.default_rng(1)
    pixel, distance = rng.integers(0, 40, 200), rng.normal(size=200)
    kept = _nearest(distance, pixel)
    assert (np.diff(kept) > 0).all()
    assert sorted(pixel[kept]) == sorted(set(pixel))
    for one in kept:
        assert abs(distance[one]) == np.abs(distance[pixel == pixel[one]]).min()


def test_of_two_as_near_the_first_has_it():
    assert _nearest(np.array([2.0, -1.0, 1.0, 1.0]), np.array([5, 5, 5, 5])).tolist() == [1]
    assert _nearest(np.empty(0), np.empty(0, np.int64)).tolist() == []


def test_distance_is_along_the_normal(samples):
    for one, (edge, column, along) in enumerate(
        zip(samples.edge, samples.column, samples.along, strict=True)
    ):
        slope, position = samples.slope[edge], samples.position[edge]
        expected = (column - position - slope * along) * np.cos(np.arctan(slope))
        assert samples.distance[one] == pytest.approx(expected)


def test_totals_and_parts(samples):
    assert samples.total(np.ones(9)).tolist() == [3, 0, 2, 4]
    part = samples.part(1, 3)
    assert (len(part), part.edge.tolist()) == (2, [1, 1])
    assert part.value.tolist() == samples.value[3:5].tolist()
    assert part.position.tolist() == samples.position[1:3].tolist()
    assert samples.part(3, 4).edge.tolist() == [0, 0, 0, 0]
    assert len(samples.part(1, 2).value) == 0
    within = samples.within(samples.value > 0)
    assert len(within) == 4
    assert (within.value > 0).all()
    assert within.edge.tolist() == samples.edge[samples.value > 0].tolist()


def test_collected_pixels_are_those_of_the_picture_and_no_two_edges_share_one(blur, stripes):
    steep, flat = (stripes(blur.gaussian(0.8, degrees), size=(120, 60)) for degrees in (10.0, 70.0))
    scene = np.hstack([steep, flat])
    band = Band(scene, None, None, None, EdgeOptions())
    table, _ = detected(band, at=None, tile=1024, workers=1)
    assert 5 < table.flat.sum() < len(table) - 5
    edges = np.flatnonzero(table.measured)[::-1]
    found, reaches = collected(band, table, edges)
    assert len(found) == len(reaches) == len(edges)
    assert (np.diff(found.edge) >= 0).all()
    assert (found.total(np.ones(len(found.edge))) > 40).all()
    own = table[edges]
    place = []
    for flat in (False, True):
        mine = own.flat[found.edge] == flat
        row = own.steps.row[found.edge[mine]] + found.along[mine].astype(int)
        column = found.column[mine].astype(int)
        row, column = (column, row) if flat else (row, column)
        assert (scene[row, column] == found.value[mine]).all()
        place.append(row * 120 + column)
    place = np.concatenate(place)
    assert len(np.unique(place)) == len(place)
    for name in ("position", "slope", "low", "contrast", "noise"):
        assert (getattr(found, name) == getattr(own.steps, name)).all()
    assert np.isnan(found.weight).all()
    low, high = own.options.half, own.options.reach
    assert ((reaches >= low) & (reaches <= high)).all()


def test_known_reaches_and_weights_are_kept(blur, stripes):
    scene = stripes(blur.gaussian(0.8, 5.0), size=120)
    band = Band(scene, None, None, None, EdgeOptions())
    table, _ = detected(band, at=None, tile=1024, workers=1)
    edges = np.arange(len(table))
    free, reaches = collected(band, table, edges)
    table = replace(table, reaches=np.full((len(table), 2), 7.0), weight=np.arange(len(table)) + 1.0)
    given, said = collected(band, table, edges)
    assert reaches.max() > 7
    assert (said == 7).all()
    assert np.abs(given.distance).max() <= 7 + 1e-9 < np.abs(free.distance).max()
    assert (given.weight == table.weight).all()
