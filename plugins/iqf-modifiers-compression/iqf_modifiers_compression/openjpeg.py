"""glymur, and an OpenJPEG library for it: the system's, else the one that Pillow's wheel carries."""

from __future__ import annotations

import ctypes.util
import functools
import importlib
import importlib.util
import math
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iqf_core.errors import MissingDependency, UnsupportedImage
from iqf_modifiers_compression.decoding import Pixels

OLDEST = (2, 4)  # what glymur accepts
_LOADING = threading.Lock()


def encode(
    pixels: Pixels,
    *,
    precision: int,
    levels: int,
    tile_size: int | None,
    reversible: bool,
    alpha: bool = False,
    ratio: float | None = None,
    psnr: float | None = None,
) -> bytes:
    """Encode as a ``.jp2`` file of one quality layer; without loss when no rate is given and reversible.

    Parameters
    ----------
    pixels : ndarray of uint8 or uint16, shape (height, width, bands)
        Samples below 2^precision.
    precision : int
        Bits of a sample: what the file declares, and what ``ratio`` and ``psnr`` are counted at.
    levels : int
        Decompositions, at most log2 of the shorter side (of a tile).
    tile_size : int or None
        Side of a tile in pixels.
    reversible : bool
        5/3 integer wavelet, else 9/7.
    alpha : bool
        Whether the last band is alpha; it is then defined as such.
    ratio : float, optional
        Bytes of the samples at ``precision`` over coded bytes.
    psnr : float, optional
        In dB of 2^precision - 1.

    Raises
    ------
    UnsupportedImage
        When OpenJPEG refuses; the message is OpenJPEG's.
    MissingDependency
        When there is no OpenJPEG.
    """
    glymur = load()
    height, width, bands = pixels.shape
    with tempfile.TemporaryDirectory(prefix="iqf-") as folder:
        path = Path(folder) / "image.jp2"
        try:
            written = _writer(glymur)(
                path,
                precision,
                data=pixels,
                numres=levels + 1,
                tilesize=None if tile_size is None else (min(tile_size, height), min(tile_size, width)),
                irreversible=not reversible,
                mct=bands == 3,
                colorspace="rgb" if bands in (3, 4) else "gray",
                cratios=None if ratio is None else (ratio,),
                psnr=None if psnr is None else (psnr,),
            )
        except glymur.lib.openjp2.OpenJPEGLibraryError as error:
            raise UnsupportedImage(f"OpenJPEG cannot write it: {error}") from error
        return (_defining_alpha(glymur, written, bands) if alpha else path).read_bytes()


def _defining_alpha(glymur: Any, written: Any, bands: int) -> Path:
    """Write the file once more with a channel definition box, and return its path."""
    colours = bands - 1
    definition = glymur.jp2box.ChannelDefinitionBox(
        channel_type=(0,) * colours + (1,), association=(*range(1, colours + 1), 0)
    )
    boxes = list(written.box)
    header = next(box for box in boxes if box.box_id == "jp2h")
    header.box = [*header.box, definition]
    wrapped = written.path.with_name("alpha.jp2")
    written.wrap(wrapped, boxes=boxes)
    return Path(wrapped)


@functools.cache
def load() -> Any:
    """Import glymur so that it finds a library.

    It looks once, when it is first imported, and by `ctypes.util.find_library` alone. Where it was
    imported before, and found none, it is made to look again.

    Raises
    ------
    MissingDependency
        When there is no OpenJPEG, or it is too old.
    """
    with _LOADING:
        find = ctypes.util.find_library
        ctypes.util.find_library = _or_pillows(find)  # type: ignore[assignment]
        try:
            import glymur
        finally:
            ctypes.util.find_library = find
        if glymur.version.openjpeg_version == "0.0.0":
            glymur.config.find_library = _or_pillows(find)
            for module in ("glymur.lib.openjp2", "glymur.version"):
                importlib.reload(importlib.import_module(module))
    if glymur.version.openjpeg_version_tuple < OLDEST:
        found = glymur.version.openjpeg_version.replace("0.0.0", "none")
        raise MissingDependency(
            f"glymur needs OpenJPEG 2.4 or later; found: {found}. `pip install pillow` (its wheels carry"
            " one), or install the system's (`apt-get install libopenjp2-7`, `brew install openjpeg`), or use"
            " jpeg2000 with backend='gdal'"
        )
    return glymur


def pillows_library() -> Path | None:
    """Return the OpenJPEG inside Pillow's wheel, without importing Pillow."""
    spec = importlib.util.find_spec("PIL")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    places = (package.parent / "pillow.libs", "libopenjp2-*.so*"), (package / ".dylibs", "libopenjp2*.dylib")
    found = sorted(file for folder, pattern in places for file in folder.glob(pattern))
    return found[0] if found else None


def _or_pillows(find: Callable[[str], str | None]) -> Callable[[str], str | None]:
    def find_library(name: str) -> str | None:
        found = find(name)
        if found is None and name == "openjp2":
            library = pillows_library()
            found = None if library is None else str(library)
        return found

    return find_library


@functools.cache
def _writer(glymur: Any) -> Any:
    """Return a writer that declares the depth of the samples; glymur's own knows only 8 and 16 bits.

    Then rate and distortion are counted at that depth, and no decoder returns more than its maximum.
    """

    class Writer(glymur.Jp2k):  # type: ignore[misc]
        def __init__(self, path: Path, precision: int, **options: Any) -> None:
            self._precision = precision
            super().__init__(path, **options)

        def _populate_comptparms(self, pixels: Pixels) -> None:
            super()._populate_comptparms(pixels)
            for component in self._comptparms:
                component.prec = component.bpp = self._precision

    return Writer


def most_levels(height: int, width: int, tile_size: int | None) -> int:
    """Return the decompositions that OpenJPEG accepts: one per halving of the shorter side."""
    side = min(height, width) if tile_size is None else min(height, width, tile_size)
    return int(math.log2(side))
