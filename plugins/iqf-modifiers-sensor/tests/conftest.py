"""Pictures of any type and number of bands, scenes of straight edges, datasets with ground truth."""

from __future__ import annotations

import functools
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from threadpoolctl import threadpool_limits

from iqf_core import Image, UnknownComponent, metric, write_image
from iqf_core.image import Geo
from iqf_core.plugins import configure, configured_policy

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
FINE = 8  # samples of a scene in a pixel, each way


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests run side by side; threads of each would wait for one another."""
    with threadpool_limits(limits=1):
        yield


@functools.cache
def _texture(height: int, width: int, bands: int) -> np.ndarray[Any, Any]:
    """Smooth random field, 0 to 1, each band another."""
    rng = np.random.default_rng(7)
    field = rng.random((height + 16, width + 16, bands))
    smooth = np.dstack([cv2.GaussianBlur(field[..., band], (0, 0), 1.5) for band in range(bands)])
    cut = smooth[8 : 8 + height, 8 : 8 + width]
    return (cut - smooth.min()) / (np.ptp(smooth) or 1)


def make_picture(
    dtype: str = "uint8",
    bands: int = 3,
    *,
    size: tuple[int, int] = (37, 51),
    white: float | None = None,
    nodata: float | None = None,
) -> Image:
    """Texture; with ``nodata`` a block of it, a lone pixel and a sample of one band are nodata."""
    values = 0.05 + 0.9 * _texture(*size, bands)  # never at the ends: 0 is nodata in many a test
    if dtype == "float32":
        pixels = (values * (white or 1.0)).astype(np.float32)
    elif dtype == "int16":
        pixels = np.rint(values * (white or 6000) - (0 if white else 3000)).astype(np.int16)
    else:
        pixels = np.rint(20 + values * ((white or np.iinfo(dtype).max) - 40)).astype(dtype)
    if nodata is not None:
        for hole in (np.s_[5:12, 8:20], np.s_[-1, -1], np.s_[20, 30, 0]):
            pixels[hole] = nodata
    return Image.from_array(pixels, white=white, nodata=nodata)


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image]:
    return make_picture


@functools.cache
def _edges(size: int, sigma: float, turn: float | None) -> np.ndarray[Any, Any]:
    """Turned squares, seen through a Gaussian of ``sigma`` px and the pixel: 0 to 1."""
    fine = np.zeros((size * FINE, size * FINE), np.float32)
    for row in range(3):
        for column in range(3):
            middle = ((column + 0.5) * size / 3, (row + 0.5) * size / 3)
            degrees = 4.0 + 3 * (3 * row + column) % 17 if turn is None else turn
            corners = cv2.boxPoints((middle, (size / 5, size / 5), degrees))
            cv2.fillPoly(fine, [np.rint(corners * FINE).astype(np.int32)], 1.0)
    spread = cv2.GaussianBlur(fine, (0, 0), sigma * FINE)
    return spread.reshape(size, FINE, size, FINE).mean(axis=(1, 3), dtype=np.float64)


def make_edges(
    sigma: float = 0.5,
    *,
    size: int = 192,
    noise: float = 0.0,
    dtype: str = "float32",
    turn: float | None = None,
) -> Image:
    """Scene of edges from 1000 to 3000 DN (60 to 180 in uint8), of which the sharpness is known.

    With ``turn``, all are turned by as many degrees; else by 4 to 19.
    """
    low, high = (60, 180) if dtype == "uint8" else (1000, 3000)
    values = low + (high - low) * _edges(size, sigma, turn)
    if noise:
        values = values + np.random.default_rng(3).normal(0, noise, values.shape)
    pixels = values if dtype == "float32" else np.rint(values)
    return Image.from_array(pixels.astype(dtype))


@pytest.fixture(scope="session")
def edges() -> Callable[..., Image]:
    return make_edges


def means_of_cells(pixels: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    """Means over the cells of a coarser grid, pixel by pixel in double precision."""

    def matrix(fine: int, coarse: int) -> np.ndarray[Any, Any]:
        edges = np.arange(coarse + 1) * fine / coarse
        starts, ends = np.arange(fine), np.arange(1, fine + 1)
        return np.clip(np.minimum(edges[1:, None], ends) - np.maximum(edges[:-1, None], starts), 0, None)

    rows, columns = matrix(pixels.shape[0], height), matrix(pixels.shape[1], width)
    area = pixels.shape[0] * pixels.shape[1] / height / width
    return np.einsum("ai,ijc,bj->abc", rows, pixels.astype(float), columns, optimize=True) / area


@pytest.fixture(scope="session")
def cells() -> Callable[..., np.ndarray[Any, Any]]:
    return means_of_cells


def make_ramp(
    sigma: float, *, level: float = 1000.0, seed: int = 0, dtype: str = "uint16", white: float = 4095.0
) -> Image:
    """Ramp around a level, with white noise of a known sigma."""
    rng = np.random.default_rng(seed)
    values = np.linspace(0.6, 1.4, 256) * level + rng.normal(0, sigma, (256, 256))
    return Image.from_array((values if dtype == "float32" else np.rint(values)).astype(dtype), white=white)


@pytest.fixture(scope="session")
def ramp() -> Callable[..., Image]:
    return make_ramp


@pytest.fixture(scope="session")
def place() -> Geo:
    return Geo(crs=CRS.from_epsg(32616), transform=Affine(0.5, 0, 700_000.0, 0, -0.5, 3_700_000.0))


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset of images, and what stands beside them as JSON by file name."""

    def made(images: dict[str, Image], truths: dict[str, Any] | None = None, name: str = "scenes") -> Path:
        root = tmp_path / name
        (root / "images").mkdir(parents=True)
        for file, image in images.items():
            write_image(root / "images" / file, image)
        for file, content in (truths or {}).items():
            (root / file).write_text(json.dumps(content))
        return root

    return made


@pytest.fixture(scope="module")
def plain_metric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Install the metric ``plain`` while the tests of a module run."""
    site = tmp_path_factory.mktemp("site")
    module = "iqf_plain_metric"
    shutil.copyfile(Path(__file__).with_name("plain_metric.py"), site / f"{module}.py")
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: iqf-plain-metric\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[iqf]\niqf-plain-metric = {module}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        configure(configured_policy())
        yield "plain"
    configure(configured_policy())
    sys.modules.pop(module, None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real pictures, which are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared pictures are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """Skip where a metric of another plugin is not there."""

    def check(*names: str) -> None:
        for name in names:
            try:
                metric(name)
            except UnknownComponent:
                pytest.skip(f"no active plugin offers the metric {name}")

    return check
