"""Reading and writing image files, whatever their container."""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from iqf_core.errors import ImageReadError, UnsupportedImage
from iqf_core.image.headers import (
    Header,
    jpeg_header,
    png_header,
    sniff,
    with_jpeg_segments,
    with_png_chunks,
)
from iqf_core.image.model import Encoding, Geo, Image, ImageInfo, Pixels, require_white_fits
from iqf_core.image.opencv import check_jpeg, decode, encode_png
from iqf_core.image.sidecar import has_sidecar, sidecar, sidecar_path

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".jp2", ".j2k")
"""Suffixes, in lower case, of the files that `read_image` reads; it goes by content, though."""

MAX_PIXELS = 2**30
"""Largest image that is read, in pixels (width x height), unless asked or IQF_MAX_PIXELS says otherwise."""

_CONTAINERS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jp2": "JPEG2000", ".j2k": "JPEG2000"}


def read_image(
    path: str | os.PathLike[str], *, white: float | None = None, max_pixels: int | None = None
) -> Image:
    """Read a PNG, JPEG, TIFF or JPEG 2000 file, recognised by its content.

    Parameters
    ----------
    path : path-like
        The file.
    white : float, optional
        The value of full scale; by default the depth that the file declares, else the maximum of its
        type, else unknown.
    max_pixels : int, optional
        Refuse larger images before decoding them; by default the environment variable
        ``IQF_MAX_PIXELS``, else 2**30.

    Returns
    -------
    Image
        Type and bands are those of the file. A palette is expanded to the RGB or RGBA that it shows, grey
        of 1, 2 or 4 bits in a PNG to eight. EXIF orientation is kept in ``encoding.exif``, not applied.

    Raises
    ------
    ImageReadError
        The file is missing, empty, truncated, not an image, or larger than the limit.
    UnsupportedImage
        It is sound, but of a kind that IQF does not work with (CMYK, float64, …); the message has the
        remedy.
    """
    path = Path(path)
    limit = int(os.environ.get("IQF_MAX_PIXELS", MAX_PIXELS)) if max_pixels is None else max_pixels

    def check_size(width: int, height: int) -> None:
        if width * height > limit:
            raise ImageReadError(
                f"{width} x {height} pixels are more than the limit of {limit}:"
                " raise it with max_pixels= or IQF_MAX_PIXELS"
            )

    with _naming(path):
        container = _container(path)
        if container in ("TIFF", "JPEG2000"):
            from iqf_core.image.raster import read_raster

            image = read_raster(path, container, check_size)
        else:
            data = np.fromfile(path, np.uint8)
            header = _header(data, container, complete=True)
            check_size(header.width, header.height)
            image = _decoded(path, data, container, header)
    with _naming(path):
        require_white_fits(white, image.dtype)
        return image if white is None else replace(image, white=float(white))


def probe_image(path: str | os.PathLike[str]) -> ImageInfo:
    """Read the header of an image file alone.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    ImageInfo
        Format, width, height, bands, type, full scale, and whether its codec is lossy, as `read_image`
        would find them.

    Raises
    ------
    ImageReadError, UnsupportedImage
        As `read_image`; that the rest of the file is sound is not known.
    """
    path = Path(path)
    with _naming(path):
        container = _container(path)
        if container in ("TIFF", "JPEG2000"):
            from iqf_core.image.raster import probe_raster

            return probe_raster(path, container)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            header = _header(data, container, complete=False)
        dtype = "uint16" if header.depth == 16 else "uint8"
        white = _beside(path, container)[2] or _declared_white(header)
        size = header.width, header.height, header.bands
        return ImageInfo(container, *size, dtype, white, container == "JPEG")


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a file's first bytes are those of a format that `read_image` reads."""
    try:
        return sniff(_head(Path(path))) is not None
    except OSError:
        return False


def write_image(
    path: str | os.PathLike[str], image: Image, *, like: Encoding | None = None, png_level: int = 1
) -> Path:
    """Write an image without loss, in the container that the suffix names.

    Parameters
    ----------
    path : path-like
        A ``.png``, ``.tif``, ``.tiff``, ``.jp2`` or ``.j2k`` file.
    image : Image
        What to write.
    like : Encoding, optional
        How to lay out a TIFF; by default as the file was that ``image`` was read from.
    png_level : int
        Deflate level of a PNG. 1, the default, is OpenCV's fast setting (run lengths, one filter); 0
        stores; 2 to 9 try all filters. Per megapixel of an aerial RGB photograph, writing and size:
        0: 3 ms, 3.0 MB; 1: 33 ms, 2.2 MB; 2 to 9: 90 to 290 ms, 2.0 MB. A TIFF takes 28 ms and 2.2 MB.

    Returns
    -------
    Path
        The file. It appears complete or not at all.

    Raises
    ------
    UnsupportedImage
        The container cannot represent the image, or is lossy.
    """
    path = Path(path)
    layout = like or image.encoding
    container = _CONTAINERS.get(path.suffix.lower())
    with _naming(path):
        if container is None:
            raise UnsupportedImage(
                f"{path.suffix or 'no suffix'}: images are written without loss, as .png, .tif or .jp2"
                " (a JPEG is made by the modifier `jpeg`, and stored with `write_codestream`)"
            )
        if container == "PNG":
            data = _png(image, level=png_level)
        elif container == "TIFF":
            from iqf_core.image.encode import encode_tiff

            data = encode_tiff(image, layout if layout and layout.format == "TIFF" else None)
        else:
            from iqf_core.image.encode import encode_jpeg2000

            data = encode_jpeg2000(image, path.suffix.lower())
        return _store(path, data, None if container == "TIFF" else _sidecar(image, container, packed=True))


def write_codestream(path: str | os.PathLike[str], data: bytes, image: Image) -> Path:
    """Write an encoded image as it is, and beside it what ``image`` knows besides pixels.

    Parameters
    ----------
    path : path-like
        The file.
    data : bytes
        A whole JPEG, JPEG 2000, PNG or TIFF file.
    image : Image
        Gives the georeference, nodata and tags, which go to a GDAL sidecar (``.aux.xml``), and the EXIF
        block and profile, which are inserted in a JPEG: that file is then longer than the codestream.

    Returns
    -------
    Path
        The file. It appears complete or not at all.
    """
    path = Path(path)
    with _naming(path):
        container = sniff(data[:16])
        if container is None:
            raise UnsupportedImage("the codestream is not of a format that IQF reads")
        if container == "JPEG" and image.encoding is not None:
            has, gets = jpeg_header(data, complete=False), image.encoding
            data = with_jpeg_segments(
                data, exif=None if has.exif else gets.exif, icc=None if has.icc else gets.icc
            )
        elif container == "PNG" and image.encoding is not None:
            has, gets = png_header(data, complete=False), image.encoding
            missing = Header(exif=None if has.exif else gets.exif, icc=None if has.icc else gets.icc)
            data = with_png_chunks(data, missing)
        # What depth a stranger's codestream declares is not known: full scale is said beside it.
        return _store(path, data, _sidecar(image, container, packed=False))


def lossless_suffix(image: Image) -> str:
    """Return the suffix under which an image from a lossy file is stored: ``".png"`` or ``".tif"``.

    PNG where it can represent the image and there is no georeference, else TIFF.
    """
    referenced = image.geo is not None and image.geo.referenced
    return ".tif" if referenced or image.nodata is not None or _png_obstacle(image) else ".png"


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name in front of what went wrong."""
    try:
        yield
    except (ImageReadError, UnsupportedImage) as error:
        raise type(error)(f"{path}: {error}") from error


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _container(path: Path) -> str:
    try:
        head = _head(path)
    except OSError as error:
        raise ImageReadError(error.strerror or str(error)) from error
    if not head:
        raise ImageReadError("the file is empty")
    container = sniff(head)
    if container is None:
        raise ImageReadError("not a PNG, JPEG, TIFF or JPEG 2000 file")
    return container


def _header(data: object, container: str, *, complete: bool) -> Header:
    header = (png_header if container == "PNG" else jpeg_header)(data, complete=complete)
    if not (header.width and header.height and header.bands):
        raise ImageReadError(f"the {container} has no valid header")
    if container == "JPEG":
        check_jpeg(header)
    elif header.animated:
        raise UnsupportedImage("it holds several images: store each in a file of its own")
    elif header.transparent and not header.palette and (header.bands == 3 or header.depth < 8):
        raise UnsupportedImage("it has a transparent colour: store it as an alpha band")
    return header


def _declared_white(header: Header, brightest: int = 0) -> float:
    full = 65535 if header.depth == 16 else 255
    depths = set(() if header.palette else header.significant)
    declared = 2 ** depths.pop() - 1 if len(depths) == 1 else full
    # Other programs scale samples up to the full depth; then sBIT does not say what white is.
    return float(declared if brightest <= declared <= full and header.depth >= 8 else full)


def _decoded(path: Path, data: Pixels, container: str, header: Header) -> Image:
    if container == "PNG" and (header.bands == 2 or (header.bands == 1 and header.transparent)):
        from iqf_core.image.raster import read_raster

        image = read_raster(path, container, lambda *_: None)  # OpenCV would make it RGBA
        pixels, geo, nodata, white = image.pixels, image.geo, image.nodata, None
    else:
        pixels = decode(data, bands=header.bands)
        geo, nodata, white = _beside(path, container)
    if geo is None and header.bands == 4:
        geo = Geo(colorinterp=("red", "green", "blue", "alpha"))
    if white is None:
        white = _declared_white(header, int(pixels.max()) if header.significant else 0)
    bits = header.significant[0] if header.significant else None
    encoding = Encoding(container, container == "JPEG", bits, header.exif, header.icc)
    return Image(pixels, white, nodata, geo, encoding)


def _beside(path: Path, container: str) -> tuple[Geo | None, float | None, float | None]:
    if not has_sidecar(path, container):
        return None, None, None
    from iqf_core.image.raster import read_beside

    return read_beside(path, container)


def _png_obstacle(image: Image) -> str | None:
    if image.dtype.kind != "u":
        return f"PNG holds no {image.dtype}"
    if image.bands > 4:
        return f"PNG holds no {image.bands} bands"
    roles = image.geo.colorinterp if image.geo else ()
    if image.bands in (2, 4) and roles and roles[-1] != "alpha":
        return f"the last of {image.bands} bands of a PNG is alpha, here it is {roles[-1]}"
    return None


def _png(image: Image, *, level: int) -> bytes:
    obstacle = _png_obstacle(image)
    if obstacle:
        raise UnsupportedImage(f"{obstacle}: write a .tif")
    if image.bands == 2:
        from iqf_core.image.encode import encode_grey_alpha

        data = encode_grey_alpha(image, level=level)
    else:
        data = encode_png(image.pixels, level=level)
    header = Header()
    if image.encoding is not None:
        header.exif, header.icc = image.encoding.exif, image.encoding.icc
    header.significant = (image.declared_bits or 0,) * image.bands if image.declared_bits else ()
    return with_png_chunks(data, header)


def _sidecar(image: Image, container: str, *, packed: bool) -> bytes | None:
    """What is said beside a file; of full scale only where the file itself does not declare it."""
    from iqf_core.image.encode import jpeg2000_bits, own_tags

    bits = jpeg2000_bits(image) if container == "JPEG2000" else image.declared_bits
    packed = packed and image.declared_bits is not None and bits == image.declared_bits
    return sidecar(image, own_tags(image, container, packed=packed))


def _store(path: Path, data: bytes, beside: bytes | None) -> Path:
    """Write files under hidden names first, then rename them: the image last."""
    files = {sidecar_path(path): beside, path: data}
    hidden = {final: path.with_name(f".iqf-{secrets.token_hex(8)}.tmp") for final in files}
    try:
        for final, content in files.items():
            if content is not None:
                hidden[final].write_bytes(content)
        for final, content in files.items():
            if content is None:
                final.unlink(missing_ok=True)
            else:
                hidden[final].replace(final)
    finally:
        for temporary in hidden.values():
            temporary.unlink(missing_ok=True)
    return path
