"""The pixel contract: what an image is, and how it is read and written without changing it."""

from __future__ import annotations

from iqf_core.image.files import (
    IMAGE_SUFFIXES,
    is_image,
    lossless_suffix,
    probe_image,
    read_image,
    write_codestream,
    write_image,
)
from iqf_core.image.model import Encoding, Geo, Image, ImageInfo
from iqf_core.image.opencv import decode_jpeg

__all__ = [
    "IMAGE_SUFFIXES",
    "Encoding",
    "Geo",
    "Image",
    "ImageInfo",
    "decode_jpeg",
    "is_image",
    "lossless_suffix",
    "probe_image",
    "read_image",
    "write_codestream",
    "write_image",
]
