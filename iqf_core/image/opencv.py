"""PNG and JPEG, through OpenCV: the one decoder of each that IQF uses."""

from __future__ import annotations

from typing import Any

import numpy as np

from iqf_core.errors import ImageReadError, UnsupportedImage
from iqf_core.image.headers import Header, jpeg_header
from iqf_core.image.model import Pixels


def decode_jpeg(data: bytes) -> Pixels:
    """Decode a JPEG codestream; EXIF orientation is not applied.

    Parameters
    ----------
    data : bytes
        The whole file or codestream.

    Returns
    -------
    ndarray of uint8, shape (height, width, 1 or 3)
        Grey or RGB.

    Raises
    ------
    ImageReadError
        When it is truncated or corrupt.
    UnsupportedImage
        For CMYK and for more than eight bits.
    """
    header = jpeg_header(data, complete=True)
    check_jpeg(header)
    return decode(np.frombuffer(data, np.uint8), bands=header.bands)


def check_jpeg(header: Header) -> None:
    """Raise UnsupportedImage for the JPEGs that OpenCV would not give back as they are."""
    if header.depth != 8:
        raise UnsupportedImage(f"a JPEG of {header.depth} bits: convert it to TIFF or PNG")
    if header.bands not in (1, 3):
        raise UnsupportedImage(
            f"a JPEG of {header.bands} components (CMYK): convert it to RGB, which needs its colour profile"
        )


def decode(data: Pixels, *, bands: int) -> Pixels:
    """Decode a PNG or JPEG held in an array of bytes to (height, width, bands), RGB(A)."""
    import cv2

    # From 4.10 OpenCV decodes straight to RGB, which saves a pass over the pixels.
    straight = getattr(cv2, "IMREAD_COLOR_RGB", None) if bands == 3 else None
    asis = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED if straight is None else straight | asis)
    except cv2.error as error:
        raise ImageReadError(f"OpenCV cannot decode it: {error}") from error
    if pixels is None:
        raise ImageReadError(
            "OpenCV cannot decode it: it is corrupt, or larger than OPENCV_IO_MAX_IMAGE_PIXELS allows"
        )
    if pixels.ndim == 2:
        return np.asarray(pixels[:, :, np.newaxis])
    if straight is not None:
        return np.asarray(pixels)
    swap = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(pixels, swap, dst=pixels))


def encode_png(pixels: Pixels, *, level: int) -> bytes:
    """Encode (height, width, 1, 3 or 4) samples of uint8 or uint16 as PNG, see `write_image`."""
    import cv2

    # Naming a level switches OpenCV to trying all filters, which costs ten times what it saves.
    options = [cv2.IMWRITE_PNG_COMPRESSION, level] if level != 1 else []
    if level == 0:
        options += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]

    swaps: dict[int, Any] = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    swap = swaps.get(pixels.shape[2])
    swapped = pixels if swap is None else cv2.cvtColor(np.ascontiguousarray(pixels), swap)
    done, encoded = cv2.imencode(".png", swapped, options)
    if not done:
        raise UnsupportedImage(f"OpenCV cannot write {pixels.shape} {pixels.dtype} as PNG: write a .tif")
    return encoded.tobytes()
