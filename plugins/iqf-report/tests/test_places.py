"""The same place at each setting: 12 bits in four bands, georeferenced, with pixels that moved."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from rasterio.crs import CRS

import iqf_core as iqf
from iqf_core.errors import DatasetError
from iqf_core.image import Geo
from iqf_report.sections.crop import SHOWN, Crop, Place, Setting, cropped
from iqf_report.sections.places import _place, _thirds, _told

SIDE, MARK = 64, (slice(40, 48), slice(20, 28))


@pytest.fixture
def dataset(tmp_path):
    """Blue, green, red, near infrared; a red mark in the picture of one image."""
    images = tmp_path / "data" / "images"
    images.mkdir(parents=True)
    pixels = np.full((SIDE, SIDE, 4), 800, np.uint16)
    pixels += np.random.default_rng(0).integers(0, 20, pixels.shape, np.uint16)
    pixels[(*MARK, 2)] = 3000
    roles = ("blue", "green", "red", "undefined")
    geo = Geo(crs=CRS.from_epsg(32631), transform=Affine(0.5, 0, 430000, 0, -0.5, 4580000), colorinterp=roles)
    iqf.write_image(images / "a.tif", iqf.Image.from_array(pixels, white=4095, geo=geo))
    return iqf.open_dataset(tmp_path / "data", white=4095)


def red_of(png: bytes) -> tuple[float, float]:
    """Where the red pixels of a picture lie on average: column and row, as shares."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).astype(int)
    assert picture.shape == (SHOWN, SHOWN, 3)
    down, across = np.nonzero(picture[..., 2] - picture[..., :2].max(axis=2) > 60)
    return float(across.mean() + 0.5) / SHOWN, float(down.mean() + 0.5) / SHOWN


@pytest.mark.parametrize(
    "spec",
    [
        "identity",
        {"gsd": {"scale": 2.0}},
        {"bit_depth": {"bits": 8, "dtype": "smallest"}},
        [{"gsd": {"scale": 1.6}}, {"bit_depth": {"bits": 8, "dtype": "smallest"}}],
    ],
    ids=str,
)
def test_the_place_is_the_same_at_every_setting(dataset, spec, tmp_path):
    if spec != "identity":
        pytest.importorskip("iqf_modifiers_sensor", reason="iqf-modifiers-sensor is not installed")
    place = Place("a.tif", 8, 24, 32)
    base = Crop.of(Setting(dataset.root, 4095), place)
    wanted = (24 - 8) / 32, (44 - 24) / 32
    assert red_of(base.png(())) == pytest.approx(wanted, abs=0.01)
    variant = iqf.make_variant(dataset, spec, variants_root=tmp_path / "variants")
    crop = cropped(Setting(variant.root, 4095), place, like=base)
    assert red_of(crop.png(())) == pytest.approx(wanted, abs=0.035)
    assert float(np.nanmedian(crop.pixels)) == pytest.approx(float(np.nanmedian(base.pixels)), rel=0.03)


def test_what_changed_is_outlined_where_it_is(dataset):
    base = Crop.of(Setting(dataset.root, 4095), Place("a.tif", 0, 0, SIDE))
    bare, outlined = (
        cv2.imdecode(np.frombuffer(base.png(boxes), np.uint8), cv2.IMREAD_COLOR).astype(int)
        for boxes in ((), (("gained", 40.0, 8.0, 10.0, 6.0),))
    )
    down, across = np.nonzero(np.abs(outlined - bare).sum(axis=2) > 30)
    scale = SHOWN / SIDE
    assert (across.min(), across.max()) == (
        pytest.approx(40 * scale, abs=2),
        pytest.approx(50 * scale, abs=2),
    )
    assert (down.min(), down.max()) == (pytest.approx(8 * scale, abs=2), pytest.approx(14 * scale, abs=2))


def test_what_is_gone_is_said(dataset, tmp_path):
    with pytest.raises(DatasetError, match="no longer there; `iqf run` makes it again"):
        Crop.of(Setting(tmp_path / "nowhere", None), Place("a.tif", 0, 0, 8))
    with pytest.raises(DatasetError, match=r"no image b\.tif"):
        Crop.of(Setting(dataset.root, None), Place("b.tif", 0, 0, 8))


def test_the_place_is_where_most_changed():
    rows = [("lost", "a.tif", x, 50.0, 4.0, 4.0) for x in (300.0, 310.0, 320.0)]
    rows += [("gained", "a.png", 5.0, 5.0, 4.0, 4.0), ("lost", "b.tif", 5.0, 5.0, 4.0, 4.0)]
    rows += [("new false alarm", "b.tif", 5.0, 5.0, 4.0, 4.0)] * 9
    changes = pd.DataFrame(rows, columns=["change", "image", "x", "y", "width", "height"])
    one = type("One", (), {"changes": changes})()
    place = _place([one])
    assert place.image in ("a.tif", "a.png")
    assert (place.left, place.top) == (302 - 56, 0)
    assert _told(changes) == "4\u00a0lost, 1\u00a0gained"
    assert _thirds(changes) is None
    sizes = changes.assign(size_px=np.arange(len(changes), dtype=float))
    assert _thirds(sizes)[:2] == ("size_px", "px")
    assert json.dumps(_thirds(sizes)[2:])
