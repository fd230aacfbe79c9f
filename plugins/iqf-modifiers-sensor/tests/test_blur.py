"""What a blur does to the sharpness of edges, and point spreads from files."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import iqf_core as iqf
from iqf_modifiers_sensor.response import transfer

FREQUENCIES = np.linspace(0.05, 0.5, 10)


def curve(sharpness, image, direction):
    """MTF of the edges of a direction."""
    found = getattr(sharpness(image.pixels, white=image.white, bands=None).bands[0], direction).curve
    return np.interp(FREQUENCIES, found.frequency, found.mtf)


@pytest.mark.parametrize(
    ("setting", "directions"),
    [
        ("blur(sigma_px=0.6)", "xy"),
        ("blur(sigma_px=1.0)", "xy"),
        ("blur(kind='disc', radius_px=1.6)", "xy"),
        ("blur(kind='motion', length_px=3.0)", "x"),
        ("blur(kind='motion', length_px=3.0, angle_deg=90.0)", "y"),
    ],
)
def test_transfer_of_the_kernel_is_recovered_by_the_edges(setting, directions, edges):
    """MTF after over MTF before is the kernel's own, wherever there is contrast left to tell."""
    sharpness = pytest.importorskip("iqf_metrics_sharpness").sharpness
    before = edges(0.5, size=288)
    blur = iqf.modifier(setting)
    after = blur.modify(before).decoded()
    kernel = blur.point_spread()
    for direction in directions:
        own = curve(sharpness, before, direction)
        recovered = curve(sharpness, after, direction) / own
        expected = np.abs(transfer(kernel.x if direction == "x" else kernel.y, FREQUENCIES))
        np.testing.assert_allclose(recovered[own > 0.15], expected[own > 0.15], atol=0.03)


def test_gaussians_add_in_squares(picture):
    image = picture("float32", 1, size=(64, 64))
    twice = iqf.modifier("blur(sigma_px=1.5) | blur(sigma_px=2.0)").modify(image).decoded()
    once = iqf.modifier("blur(sigma_px=2.5)").modify(image).decoded()
    np.testing.assert_allclose(twice.pixels[20:44, 20:44], once.pixels[20:44, 20:44], atol=2e-3)


@pytest.mark.parametrize(
    ("name", "content"),
    [("psf.csv", "0,1,0\n2,3,0\n0,0,0\n"), ("psf.txt", "0 1 0\n2 3 0\n0 0 0\n"), ("psf.npy", None)],
)
def test_file_is_a_point_spread_and_is_scaled(name, content, tmp_path):
    path = tmp_path / name
    if content is None:
        np.save(path, np.array([[0, 1, 0], [2, 3, 0], [0, 0, 0]]))
    else:
        path.write_text(content)
    point = np.zeros((5, 5), np.uint8)
    point[2, 2] = 60
    after = iqf.modifier("blur", kind="file", kernel=str(path)).modify(iqf.Image.from_array(point))
    expected = np.zeros((5, 5))
    expected[1, 2], expected[2, 1], expected[2, 2] = 10, 20, 30  # as it stands in the file: not turned round
    np.testing.assert_array_equal(after.decoded().pixels[..., 0], expected)


def test_negative_parts_may_sharpen_and_are_clipped(tmp_path):
    path = tmp_path / "psf.csv"
    path.write_text("-1,3,-1\n")
    row = iqf.Image.from_array(np.array([[10, 10, 200, 200]], np.uint8))
    after = iqf.modifier("blur", kind="file", kernel=str(path)).modify(row).decoded()
    assert after.pixels.ravel().tolist() == [10, 0, 255, 200]


def test_content_of_the_file_is_part_of_a_variants_identity(tmp_path, picture, dataset, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = dataset({"a.tif": picture("uint16")})
    np.save("psf.npy", np.full((3, 3), 1.0))
    spec = "blur(kind='file', kernel='psf.npy')"
    first = iqf.make_variant(source, spec)
    assert first.root.name == "scenes#blur-kindfile-kernelpsf.npy"
    assert iqf.make_variant(source, spec).root == first.root
    old = iqf.modifier(spec)
    np.save("psf.npy", np.full((5, 5), 1.0))
    second = iqf.make_variant(source, spec)
    assert second.root != first.root
    assert (first.read("a.tif").pixels != second.read("a.tif").pixels).any()
    image = picture("uint16")
    kept = pickle.loads(pickle.dumps(old))  # what was read is what is applied, also in another process
    np.testing.assert_array_equal(kept.modify(image).decoded().pixels, first.read("a.tif").pixels)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1,1\n1,1\n", "odd"),
        ("1,1,1\n1,1,1\n", "odd"),
        ("1,-1,0\n", "positive sum"),
        ("1,-0.9999,0\n", "negative parts"),
        ("1,nan,0\n", "finite"),
        ("1,x,0\n", "no kernel can be read"),
        ("", "no kernel can be read|odd"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*input contained no data")
def test_files_that_are_no_point_spread(content, said, tmp_path):
    path = tmp_path / "psf.csv"
    path.write_text(content)
    with pytest.raises(iqf.ParameterError, match=said):
        iqf.modifier("blur", kind="file", kernel=str(path))


def test_file_that_is_not_there():
    with pytest.raises(iqf.ParameterError, match=r"'gone\.npy' cannot be read .*current folder"):
        iqf.modifier("blur(kind='file', kernel='gone.npy')")
