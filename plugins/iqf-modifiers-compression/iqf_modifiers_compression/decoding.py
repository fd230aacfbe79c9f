"""From a codestream back to pixels: with the reader that opens the same codestream stored as a file.

So a variant holds the same pixels whether its pixels or its codestreams are stored.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_core.image import Image, read_image

Pixels = npt.NDArray[Any]


def decoder_of(
    image: Image, codestreams: Sequence[bytes], decode: Callable[[bytes], Pixels]
) -> Callable[[], Image]:
    """Return a function that decodes ``codestreams``, each some bands of what became of ``image``."""

    def decoded() -> Image:
        parts = [decode(codestream) for codestream in codestreams]
        return image.with_pixels(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2))

    return decoded


def decode_file(codestream: bytes, *, suffix: str) -> Pixels:
    """Decode a PNG, TIFF or JPEG 2000 file held in memory to (height, width, bands)."""
    with tempfile.TemporaryDirectory(prefix="iqf-") as folder:
        path = Path(folder) / f"image{suffix}"
        path.write_bytes(codestream)
        return read_image(path).pixels


def bandwise(pixels: Pixels) -> list[Pixels]:
    """Return the bands of (height, width, bands) samples, each (height, width, 1)."""
    return [np.ascontiguousarray(pixels[:, :, band : band + 1]) for band in range(pixels.shape[2])]
