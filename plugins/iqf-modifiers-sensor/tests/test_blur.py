"""What a blur does to the sharpness of edges, and point spreads from files."""

from __future__ import annotations

import functools
import io
import pickle
from pathlib import Path

import numpy as np
import pytest

import iqf_core as iqf

TURN = 5.0  # degrees, of all edges of the scene
FREQUENCIES = np.linspace(0.05, 0.5, 10)
PSF = str(Path(__file__).with_name("psf.csv"))


def curve(sharpness, image, direction):
    """MTF of the edges of a direction."""
    found = getattr(sharpness(image.pixels, white=image.white, bands=None).bands[0], direction).curve
    return np.interp(FREQUENCIES, found.frequency, found.mtf)


def transfer_along(kernel, direction):
    """Modulus of a kernel's own transfer along the normal of the edges of a direction."""
    plane = np.outer(kernel.y, kernel.x) if kernel.plane is None else kernel.plane
    rows, columns = np.indices(plane.shape)
    turn = np.radians(TURN if direction == "x" else 90 + TURN)
    along = np.cos(turn) * columns + np.sin(turn) * rows
    return np.abs([np.sum(plane * np.exp(-2j * np.pi * frequency * along)) for frequency in FREQUENCIES])


@pytest.fixture(scope="module")
def before(edges):
    """Scene, and the MTF of its edges: once for all settings."""
    sharpness = pytest.importorskip("iqf_metrics_sharpness").sharpness

    @functools.cache
    def made(dtype, noise):
        image = edges(0.5, size=240, dtype=dtype, noise=noise, turn=TURN)
        return image, {direction: curve(sharpness, image, direction) for direction in "xy"}

    return made


@pytest.mark.parametrize(
    ("setting", "dtype", "noise", "within"),
    [
        ("blur(sigma_px=0.6)", "float32", 0.0, 0.005),
        ("blur(sigma_px=1.5)", "float32", 0.0, 0.005),
        ("blur(kind='disc', radius_px=1.6)", "float32", 0.0, 0.005),
        ("blur(kind='motion', length_px=3.0)", "float32", 0.0, 0.005),
        ("blur(kind='motion', length_px=4.0, angle_deg=-30.0)", "float32", 0.0, 0.005),
        (f"blur(kind='file', kernel={PSF!r})", "float32", 0.0, 0.005),
        ("blur(sigma_px=1.0)", "uint8", 1.0, 0.03),
        ("blur(kind='disc', radius_px=2.2)", "uint8", 1.0, 0.03),
        (f"blur(kind='file', kernel={PSF!r})", "uint16", 5.0, 0.03),
    ],
)
def test_transfer_of_the_kernel_is_recovered_by_the_edges(setting, dtype, noise, within, before):
    """MTF after over MTF before is the kernel's own, up to Nyquist."""
    from iqf_metrics_sharpness import sharpness

    image, own = before(dtype, noise)
    blur = iqf.modifier(setting)
    after = blur.modify(image).decoded()
    for direction in "xy":
        recovered = curve(sharpness, after, direction) / own[direction]
        expected = transfer_along(blur.point_spread(), direction)
        np.testing.assert_allclose(recovered, expected, atol=within)


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


def array(values):
    """Content of an ``.npy`` file."""
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


def archive():
    content = io.BytesIO()
    np.savez(content, kernel=np.ones((3, 3)))
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("psf.csv", b"1,1\n1,1\n", r"shape \(2, 2\); .* odd"),
        ("psf.csv", b"1,1,1\n1,1,1\n", "odd"),
        ("psf.npy", array(np.ones((3, 3, 3))), "two sides"),
        ("psf.npy", array(np.ones((3, 0))), "odd"),
        ("psf.csv", b"1,-1,0\n", "positive sum"),
        ("psf.csv", b"0,0,0\n", "positive sum"),
        ("psf.csv", b"1,-0.9999,0\n", "negative parts"),
        ("psf.csv", b"1,nan,0\n", "finite"),
        ("psf.npy", array(np.array([[1, np.inf, 1]])), "finite"),
        ("psf.csv", b"1,x,0\n", "no kernel can be read"),
        ("psf.csv", b"1;2;1\n", "no kernel can be read"),
        ("psf.csv", "1,2,1".encode("utf-16"), "no kernel can be read"),
        ("psf.csv", b"", "no numbers"),
        ("psf.txt", b"# nothing\n\n", "no numbers"),
        ("psf.npy", b"", "no kernel can be read"),
        ("psf.npy", array(np.ones((33, 33)))[:200], "no kernel can be read"),
        ("psf.npy", array(np.ones((3, 3), complex)), "complex128, not real"),
        ("psf.npy", array(np.array([["a"]])), "not real"),
        ("psf.npy", archive(), "no kernel can be read"),
        ("psf.npy", pickle.dumps(np.ones((3, 3))), "no kernel can be read"),
        ("psf.tif", b"II*", r"read from \.npy, \.csv, \.txt"),
    ],
)
def test_files_that_are_no_point_spread(name, content, said, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(iqf.ParameterError, match=said):
        iqf.modifier("blur", kind="file", kernel=str(path))


def test_values_of_a_file_may_be_huge_or_tiny_and_commented(tmp_path):
    for values in (np.full((3, 3), 1e308), np.full((3, 3), 1e-310), np.ones((3, 3), bool)):
        np.save(tmp_path / "psf.npy", values)
        kernel = iqf.modifier("blur", kind="file", kernel=str(tmp_path / "psf.npy")).point_spread()
        np.testing.assert_allclose(kernel.plane, 1 / 9, rtol=1e-12)
    (tmp_path / "psf.csv").write_text("# of the commissioning\n1,2,1\n")
    kernel = iqf.modifier("blur", kind="file", kernel=str(tmp_path / "psf.csv")).point_spread()
    np.testing.assert_allclose(kernel.plane, [[0.25, 0.5, 0.25]])


def test_file_that_is_not_there():
    with pytest.raises(iqf.ParameterError, match=r"'gone\.npy' cannot be read .*current folder"):
        iqf.modifier("blur(kind='file', kernel='gone.npy')")
