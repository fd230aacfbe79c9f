"""What the bytes of a file say without decoding it: format, size, depth, and whether it is complete.

Decoders are not asked: OpenCV turns the missing part of a truncated JPEG into grey without a word.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from iqf_core.errors import ImageReadError, UnsupportedImage

Bytes = Any
"""bytes, memoryview, mmap or a uint8 array: whatever offers the buffer protocol."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAGIC = {
    PNG_SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
}
_EXIF = b"Exif\0\0"
_ICC = b"ICC_PROFILE\0"
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)  # neither stuffing, restart nor fill
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, without DHT, JPG and DAC


def sniff(head: bytes) -> str | None:
    """Return the format that the first bytes of a file announce, or None."""
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)


_TIFF_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # else a byte


@dataclass(slots=True)
class Header:
    """What is known of a PNG or JPEG file before it is decoded."""

    width: int = 0
    height: int = 0
    depth: int = 0
    bands: int = 0
    palette: bool = False
    significant: tuple[int, ...] = ()
    transparent: bytes | None = None
    animated: bool = False
    exif: bytes | None = None
    icc: bytes | None = None
    _icc_parts: dict[int, bytes] = field(default_factory=dict)


def png_header(data: Bytes, *, complete: bool) -> Header:
    """Read the chunks of a PNG, to the end of the file if ``complete``, else to the first pixels."""
    header = Header()
    for kind, start, end in _png_chunks(data, checked=complete):
        if kind == b"IHDR":
            header.width, header.height, header.depth, colour = struct.unpack_from(">IIBB", data, start)
            header.palette = colour == 3
            header.bands = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 0)
        elif kind == b"sBIT":
            header.significant = tuple(bytes(data[start:end]))
        elif kind == b"tRNS":
            header.transparent = bytes(data[start:end])
            header.bands += header.palette
        elif kind == b"acTL":
            header.animated = True
        elif kind == b"eXIf":
            header.exif = bytes(data[start:end])
        elif kind == b"iCCP":
            header.icc = _inflated_profile(bytes(data[start:end]))
        elif kind == b"IDAT" and not complete:
            break
    return header


def _png_chunks(data: Bytes, *, checked: bool) -> Iterator[tuple[bytes, int, int]]:
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            break
        if checked and kind != b"IDAT":  # libpng checks the pixels itself, and OpenCV then gives nothing
            _check_sum(data, position + 4, position + 8 + length)
        yield kind, position + 8, position + 8 + length
        if kind == b"IEND":
            return
        position += 12 + length
    raise ImageReadError("the PNG is truncated: it has no end (IEND)")


def _check_sum(data: Bytes, start: int, end: int) -> None:
    if zlib.crc32(memoryview(data)[start:end]) != int.from_bytes(data[end : end + 4], "big"):
        raise ImageReadError(f"the PNG is corrupt: a wrong checksum at byte {end}")


def _inflated_profile(payload: bytes) -> bytes | None:
    try:
        return zlib.decompress(payload[payload.index(b"\0") + 2 :])
    except (ValueError, zlib.error):
        return None  # libpng ignores a broken profile too


def jpeg_header(data: Bytes, *, complete: bool) -> Header:
    """Read the segments of a JPEG, to the end of the file if ``complete``, else to the frame header."""
    header = Header()
    for marker, start, end in _jpeg_segments(data):
        if marker in _FRAMES:
            header.depth, header.height, header.width, header.bands = struct.unpack_from(">BHHB", data, start)
        elif marker == 0xE1 and bytes(data[start : start + 6]) == _EXIF:
            header.exif = bytes(data[start + 6 : end])
        elif marker == 0xE2 and bytes(data[start : start + 12]) == _ICC:
            header._icc_parts[data[start + 12]] = bytes(data[start + 14 : end])
        elif marker == 0xDA and not complete:
            break
    header.icc = b"".join(part for _, part in sorted(header._icc_parts.items())) or None
    return header


def _jpeg_segments(data: Bytes) -> Iterator[tuple[int, int, int]]:
    position = 2
    while position + 2 <= len(data):
        if data[position] != 0xFF:
            raise ImageReadError(f"the JPEG is corrupt: no marker at byte {position}")
        marker = data[position + 1]
        if marker == 0xD9:
            return
        if marker == 0xFF:
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if position + 4 > len(data) or end > len(data):
            break
        yield marker, position + 4, end
        position = end
        if marker == 0xDA:
            found = _AFTER_SCAN.search(data, end)
            position = found.start() if found else len(data)
    raise ImageReadError("the JPEG is truncated: it has no end of image (EOI)")


def check_tiff(data: Bytes) -> bool:
    """Check what GDAL passes over in a TIFF's first directory, and return if its alpha is premultiplied.

    GDAL checks the pixels, but drops a tag whose value is beyond the end, and the orientation, without a
    word.
    """
    order = "<" if bytes(data[:1]) == b"I" else ">"
    big = 43 in (data[2], data[3])
    offset, number, entry, inline = ("8xQ", "Q", "HHQ8s", 8) if big else ("4xI", "H", "HHI4s", 4)
    premultiplied = False
    try:
        (directory,) = struct.unpack_from(order + offset, data)
        (count,) = struct.unpack_from(order + number, data, directory)
        first = directory + struct.calcsize(order + number)
        entries = bytes(data[first : first + count * struct.calcsize(order + entry)])
        for tag, kind, length, value in struct.iter_unpack(order + entry, entries):
            size = length * _TIFF_SIZES.get(kind, 1)
            (start,) = struct.unpack(order + ("Q" if big else "I"), value)
            if size > inline and start + size > len(data):
                raise ImageReadError(f"the TIFF is truncated: its tag {tag} ends beyond the end")
            if tag == 274 and value[:2] not in (b"\1\0", b"\0\1"):
                raise UnsupportedImage("its rows are not stored from top to bottom (orientation): turn it")
            premultiplied |= tag == 338 and length == 1 and value[:2] in (b"\1\0", b"\0\1")
    except struct.error as error:
        raise ImageReadError("the TIFF is truncated: its directory ends beyond the end") from error
    return premultiplied


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    """Return a PNG chunk with its length and checksum."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def with_png_chunks(data: bytes, header: Header) -> bytes:
    """Insert significant bits, profile and EXIF of ``header`` after the IHDR of an encoded PNG."""
    chunks = b""
    if header.significant:
        chunks += png_chunk(b"sBIT", bytes(header.significant))
    if header.icc:
        chunks += png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(header.icc))
    if header.exif:
        chunks += png_chunk(b"eXIf", header.exif)
    ihdr_end = len(PNG_SIGNATURE) + 25
    return b"".join((data[:ihdr_end], chunks, data[ihdr_end:])) if chunks else data


def with_jpeg_segments(data: bytes, *, exif: bytes | None, icc: bytes | None) -> bytes:
    """Insert EXIF (APP1) and profile (APP2) after the start, or the JFIF header, of an encoded JPEG."""
    segments = [(0xE1, _EXIF + exif)] if exif else []
    parts = [icc[i : i + 65519] for i in range(0, len(icc), 65519)] if icc else []
    segments += [(0xE2, _ICC + bytes((i, len(parts))) + part) for i, part in enumerate(parts, start=1)]
    inserted = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    at = 2
    if data[2:4] == b"\xff\xe0":
        at = 4 + int.from_bytes(data[4:6], "big")
    return b"".join((data[:at], inserted, data[at:])) if inserted else data
