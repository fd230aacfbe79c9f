"""How far plateaus are followed, on edges of which it is known where they end."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.plateaus import BEFORE, gathered
from iqf_metrics_sharpness.steps import fit_steps
from iqf_metrics_sharpness.windows import Lines

FAR = 19.5
"""How far 20 px are followed, in whole rings beyond half a window."""

OPTIONS = EdgeOptions(reach=20.0)
SHAPE = (61, 121)


def scene(noise=0.5, seed=0):
    """An edge of 100 DN at column 60.2, blurred by 1 px: low on the left."""
    column = np.indices(SHAPE)[1]
    return 50 + 100 * ndtr(column - 60.2) + np.random.default_rng(seed).normal(0, noise, SHAPE)


def follow(picture, options=OPTIONS, **given):
    row = np.arange(10, 52, 7)
    lines = Lines(row, np.full(len(row), 60.2), np.zeros(len(row)))
    steps = fit_steps(picture, lines, options)
    known = {"invalid": None, "white": None, "reaches": None} | given
    return gathered(picture, steps, options, **known)


def test_undisturbed_plateaus_are_followed_to_the_reach():
    found = follow(scene())
    assert (found.reaches == FAR).all()
    assert (np.abs(found.distance) <= FAR + 1e-9).all()
    assert np.abs(found.distance).max() > 19
    assert (np.bincount(found.edge) == np.bincount(found.edge)[0]).all()


@pytest.mark.parametrize("end", [78, 74, 70])
def test_they_end_before_what_ends_them(end):
    picture = scene()
    picture[:, end:] += 40
    found = follow(picture)
    assert (found.reaches[:, 0] == FAR).all()
    expected = max(np.floor(end - 0.5 - 60.2 - 6.5) + 6.5 - BEFORE, 6.5)
    np.testing.assert_allclose(found.reaches[:, 1], expected, atol=1.01)
    assert (found.reaches[:, 1] <= end - 60.2 - BEFORE).all() or expected == 6.5
    assert found.distance.max() <= found.reaches[:, 1].max()


def test_sides_are_those_of_the_distance():
    picture = scene()
    picture[:, :45] += 40
    found = follow(picture)
    assert (found.reaches[:, 0] < 11).all()
    assert (found.reaches[:, 1] == FAR).all()


def test_a_plateau_that_turns_restless_ends():
    picture = scene()
    picture[:, 72:] += np.random.default_rng(1).normal(0, 10, (61, 49))
    assert (follow(picture).reaches[:, 1] <= 72 - 60.2 - BEFORE + 1.5).all()


def test_a_slow_drift_ends_it():
    picture = scene(noise=0.1)
    column = np.indices(SHAPE)[1]
    picture += np.maximum(column - 66, 0) * 0.8  # 4 DN, a share of 0.04, after 5 px
    reach = follow(picture).reaches[:, 1]
    assert (reach > 6).all()
    assert (reach < 9).all()


def test_a_drift_within_the_noise_goes_on():
    column = np.indices(SHAPE)[1]
    picture = scene(noise=2.0, seed=3) + np.maximum(column - 66, 0) * 0.1
    assert follow(picture).reaches[:, 1].mean() > 15


def test_after_the_end_nothing_resumes():
    picture = scene()
    picture[:, 73:75] += 60
    assert (follow(picture).reaches[:, 1] < 9).all()


def test_pixels_without_data_are_not_used_and_end_it():
    picture, invalid = scene(), np.zeros(SHAPE, bool)
    invalid[:, 76] = True
    invalid[31, 59] = True
    picture[invalid] = 1e6
    found = follow(picture, invalid=invalid)
    assert (found.reaches[:, 1] < 76 - 60.2 - BEFORE + 1.5).all()
    assert not invalid[found.row, found.column].any()


def test_one_pixel_without_data_ends_it_for_its_edge():
    invalid = np.zeros(SHAPE, bool)
    invalid[31, 76] = True  # of the edge about row 31
    reach = follow(scene(), invalid=invalid).reaches[:, 1]
    assert (reach < FAR).tolist() == [False, False, False, True, False, False]


def test_noise_alone_ends_nothing():
    reach = follow(scene(noise=8.0, seed=5)).reaches
    assert reach.mean() > 17


def test_clipped_pixels_are_not_used_and_end_it():
    picture = scene()
    picture[:, 77:] = 255
    picture[31, 64] = 255
    found = follow(picture, white=255.0)
    assert found.value.max() < 255
    assert (found.reaches[:, 1] < 77 - 60.2 - BEFORE + 1.5).all()


def test_the_picture_ends_it():
    found = follow(scene()[:, :75])
    assert found.column.max() < 75
    assert (found.reaches[:, 1] < 75 - 60.2 - BEFORE + 1).all()
    assert (found.reaches[:, 0] == FAR).all()


def test_the_window_is_always_used():
    picture = scene()
    picture[:, 67:] += 40
    found = follow(picture)
    assert (found.reaches[:, 1] == 6.5).all()


def test_a_reach_within_the_window_is_the_window():
    found = follow(scene(), EdgeOptions(reach=4.0))
    assert (found.reaches == 6.5).all()
    assert np.abs(found.distance).max() <= 6.5


def test_given_reaches_are_kept():
    reaches = np.tile([8.0, 12.0], (6, 1))
    found = follow(scene(), reaches=reaches)
    assert (found.reaches == reaches).all()
    assert -8 <= found.distance.min() < -7
    assert 11 < found.distance.max() <= 12


def test_chunks_join(monkeypatch):
    whole = follow(scene())
    monkeypatch.setattr("iqf_metrics_sharpness.plateaus.CHUNK", 2)
    parts = follow(scene())
    for name in ("edge", "row", "column", "along", "distance", "value", "reaches"):
        assert (getattr(parts, name) == getattr(whole, name)).all(), name


def test_values_are_those_of_the_picture():
    picture = scene()
    found = follow(picture)
    assert (picture[found.row, found.column] == found.value).all()
    assert (found.along == found.row - np.arange(10, 52, 7)[found.edge]).all()
