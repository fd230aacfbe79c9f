"""Blocks of JPEG, and what is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from iqf_metrics_sharpness.blocks import EXCESS, blockiness


@pytest.fixture(scope="module")
def scene():
    """Texture of power 1/f^2 with a few houses: uint8."""
    rng = np.random.default_rng(3)
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256))
    frequency[0, 0] = np.inf
    texture = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(256, 256))) / frequency, (256, 256))
    picture = 110 + 20 * texture / texture.std() + rng.normal(0, 2, texture.shape)
    for top, left in rng.integers(0, 210, (12, 2)):
        picture[top : top + 30, left : left + 24] += 40
    return np.clip(np.rint(cv2.GaussianBlur(picture, (0, 0), 0.8)), 0, 255).astype(np.uint8)


def jpeg(picture, quality):
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)


@pytest.mark.parametrize("quality", [10, 30, 50])
def test_jpeg_shows_blocks_and_its_original_none(scene, quality):
    assert abs(blockiness(scene)) < EXCESS / 2
    assert blockiness(jpeg(scene, quality)) > 2 * EXCESS


def test_the_coarser_the_more(scene):
    found = [blockiness(jpeg(scene, quality)) for quality in (60, 30, 10)]
    assert found == sorted(found)


def test_it_is_the_excess_of_steps_at_borders():
    steps = np.ones(255)
    steps[7::8] = 1.5
    ramp = np.append(0.0, np.cumsum(steps))
    assert blockiness(ramp[:, None] + ramp) == pytest.approx(0.5, abs=1e-5)
    assert blockiness(ramp[:, None] + np.arange(256.0)) == 0  # rows only


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_blocks_of_another_phase_are_not_those_of_this_picture(scene, cut):
    assert blockiness(jpeg(scene, 20)[cut:, cut:]) < EXCESS


def test_a_few_edges_on_the_grid_are_no_blocks(scene):
    picture = scene.astype(np.float64)
    picture[:, 64:] += 60
    picture[128:, :] += 60
    picture[:, 192:] -= 60
    assert blockiness(picture) < EXCESS


def test_noise_has_none():
    assert abs(blockiness(np.random.default_rng(0).normal(size=(512, 512)))) < EXCESS


@pytest.mark.parametrize("shape", [(1, 1), (31, 500), (500, 31), (3, 40)])
def test_what_is_too_small_has_none(shape):
    assert blockiness(np.indices(shape).sum(axis=0)) == 0


def test_flat():
    assert blockiness(np.full((64, 64), 7, np.uint8)) == 0


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", ">u2"])
def test_any_type_says_the_same(scene, dtype):
    coded = jpeg(scene, 30)
    assert blockiness(coded.astype(dtype)) == pytest.approx(blockiness(coded), rel=1e-5)


def test_strips_join(scene, monkeypatch):
    coded = jpeg(scene, 30)
    whole = blockiness(coded)
    for rows in (96, 255, 51):
        monkeypatch.setattr("iqf_metrics_sharpness.blocks.STRIP", rows)
        assert blockiness(coded) == pytest.approx(whole, rel=1e-12)
