"""The picture of what was measured, looked at pixel by pixel."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

from iqf_core import Image, MissingDependency, ParameterError
from iqf_metrics_sharpness import overlay, sharpness
from iqf_metrics_sharpness.geojson import sharpness_of
from iqf_metrics_sharpness.picture import COLOURS, LARGEST, _stretched


def read(path):
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture[..., ::-1].astype(int)


def share(picture, colour):
    """Share of pixels of a colour, in the left half and in the right."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    near = np.abs(picture - wanted).max(axis=2) < 12
    middle = picture.shape[1] * 6 // 10
    return near[:, :middle].mean(), near[:, middle:].mean()


def test_edges_and_responses_are_drawn_in_the_colours_of_their_directions(square, tmp_path):
    pixels = square()
    overlay(pixels, sharpness(pixels), tmp_path / "a.png")
    picture = read(tmp_path / "a.png")
    assert picture.shape[1] > 1500
    for name in ("x", "y"):
        assert min(share(picture, COLOURS[name])) > 1e-4
    assert share(picture, COLOURS["other"]) == (0, 0)
    assert share(picture, COLOURS["combined"])[1] > 1e-3


def test_the_same_picture_twice(square, tmp_path):
    pixels = square()
    result = sharpness(pixels)
    for name in ("a.png", "b.png"):
        overlay(Image.from_array(pixels), result, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_left_out_edges_are_dashed_and_give_no_response(square, tmp_path):
    pixels = square(high=400)
    overlay(pixels, sharpness(pixels), tmp_path / "a.png")
    picture = read(tmp_path / "a.png")
    left, right = share(picture, COLOURS["x"])
    assert left > 1e-4
    assert right == 0


def test_dashes_show_less_than_a_line(square, tmp_path):
    pixels = square()
    result = sharpness(pixels)
    (band,) = result.bands
    left_out = replace(band, edges=replace(band.edges, measured=~band.edges.measured))
    overlay(pixels, result, tmp_path / "solid.png")
    overlay(pixels, replace(result, bands=(left_out,)), tmp_path / "dashed.png")
    solid, dashed = (share(read(tmp_path / name), COLOURS["x"])[0] for name in ("solid.png", "dashed.png"))
    assert 0 < dashed < 0.8 * solid


def test_without_edges_the_reason_stands_there(tmp_path):
    flat = np.full((64, 64, 1), 7, np.uint8)
    overlay(flat, sharpness(flat), tmp_path / "flat.png")
    overlay(flat, sharpness(flat, nodata=7), tmp_path / "nodata.png")
    assert (tmp_path / "flat.png").read_bytes() != (tmp_path / "nodata.png").read_bytes()


def test_nodata_has_a_colour_of_its_own(square, tmp_path):
    pixels = square()
    pixels[:20] = 0
    image = Image.from_array(pixels, nodata=0)
    overlay(image, sharpness_of(image), tmp_path / "a.png")
    assert share(read(tmp_path / "a.png"), "#c9b7d6")[0] > 0.1


def test_the_band_with_most_edges_or_the_one_asked_for(square, tmp_path):
    pixels = square(bands=2)
    pixels[..., 0] = 50
    result = sharpness(pixels)
    overlay(pixels, result, tmp_path / "best.png")
    overlay(pixels, result, tmp_path / "first.png", band=0)
    overlay(pixels, result, tmp_path / "second.png", band=1)
    assert (tmp_path / "best.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert (tmp_path / "best.png").read_bytes() != (tmp_path / "first.png").read_bytes()
    with pytest.raises(ParameterError, match="band 2 was not measured; measured: 0, 1"):
        overlay(pixels, result, tmp_path / "none.png", band=2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_large_bands_are_shrunk_and_stretched(dtype):
    ramp = np.tile(np.linspace(0, 200, LARGEST * 2), (10, 1)).astype(dtype)
    holes = np.zeros(ramp.shape, bool)
    holes[:, :100] = True
    found = _stretched(ramp, holes)
    assert found.shape == (5, LARGEST)
    assert np.isnan(found[:, :50]).all()
    assert np.nanmin(found) == 0
    assert np.nanmax(found) == 1
    assert found[2, LARGEST // 2] == pytest.approx(0.5, abs=0.03)


def test_a_band_of_nan_is_drawn():
    assert np.isnan(_stretched(np.full((4, 4), np.nan, np.float32), None)).all()


def test_several_threads_at_once(square, tmp_path):
    pixels = square()
    result = sharpness(pixels)
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    threads = [threading.Thread(target=overlay, args=(pixels, result, path)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({path.read_bytes() for path in paths}) == 1


def test_without_matplotlib_the_remedy_is_named(square, tmp_path, monkeypatch):
    pixels = square()
    for name in [one for one in sys.modules if one.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match=r"pip install 'iqf-metrics-sharpness\[plot\]'"):
        overlay(pixels, sharpness(pixels), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_pyplot_is_not_needed(square, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    pixels = square()
    overlay(pixels, sharpness(pixels), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
