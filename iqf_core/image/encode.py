"""Writing TIFF, JPEG 2000 and grey-alpha PNG through rasterio, in memory."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetWriter, MemoryFile
from rasterio.shutil import copy

from iqf_core.errors import UnsupportedImage
from iqf_core.image.model import Encoding, Geo, Image, default_white
from iqf_core.image.raster import DRIVERS, OWN, default_roles

_LOSSLESS = ("LZW", "DEFLATE", "ZSTD", "PACKBITS", "LZMA")
_WARNINGS = Lock()


class _Writer(DatasetWriter):  # type: ignore[misc]
    def _has_gcps_or_rpcs(self) -> bool:  # or it warns; see raster._Reader
        return True


def encode_tiff(image: Image, layout: Encoding | None) -> bytes:
    """Encode as TIFF, laid out as ``layout`` says, with everything that `Geo` holds."""
    options = {"BIGTIFF": "IF_SAFER", **_samples(image, layout), **_blocks(image, layout)}
    if "NBITS" in options:
        options.pop("PREDICTOR", None)  # libtiff predicts whole bytes only
    if image.nodata is not None:
        options["nodata"] = image.nodata
    icc = image.encoding.icc if image.encoding else None
    if icc:
        options["SOURCE_ICC_PROFILE"] = base64.b64encode(icc).decode()
    return _encode("TIFF", image, options, own_tags(image, "TIFF", packed="NBITS" in options))


def encode_jpeg2000(image: Image, suffix: str) -> bytes:
    """Encode as reversible JPEG 2000; what it has no place for is left to the sidecar."""
    if image.dtype.kind == "f":
        raise UnsupportedImage("JPEG 2000 holds no float32: write a .tif")
    options = {"QUALITY": "100", "REVERSIBLE": "YES"}
    if image.geo is None or image.geo.crs is None:
        options |= {"GeoJP2": "NO", "GMLJP2": "NO"}  # with a transform alone GDAL would invent a CRS
    if image.declared_bits:
        options["NBITS"] = str(jpeg2000_bits(image))
    return _encode("JPEG2000", image, options, {}, suffix=suffix)


def jpeg2000_bits(image: Image) -> int:
    """Return the depth that a JPEG 2000 declares: OpenJPEG fails on one bit, and reads up to 8 as uint8."""
    least = 9 if image.dtype.itemsize == 2 else 2
    return max(image.declared_bits or 0, least)


def encode_grey_alpha(image: Image, *, level: int) -> bytes:
    """Encode two bands as PNG, which OpenCV cannot."""
    bare = Image(image.pixels, geo=Geo(colorinterp=("gray", "alpha")))
    return _encode("PNG", bare, {"ZLEVEL": str(level)}, {})


def own_tags(image: Image, container: str, *, packed: bool) -> dict[str, str]:
    """Return what the container has no place for, as tags of IQF's own namespace."""
    tags = {}
    if not packed and image.white != default_white(image.dtype):
        tags["WHITE"] = repr(float("nan") if image.white is None else image.white)
    if container in ("TIFF", "JPEG2000") and image.encoding and image.encoding.exif:
        tags["EXIF"] = base64.b64encode(image.encoding.exif).decode()
    if container == "JPEG2000" and image.encoding and image.encoding.icc:
        tags["ICC"] = base64.b64encode(image.encoding.icc).decode()
    roles = image.geo.colorinterp if image.geo else ()
    if container != "TIFF" and roles and roles != shown_roles(image):
        tags["COLORINTERP"] = ",".join(roles)
    return tags


def shown_roles(image: Image) -> tuple[str, ...]:
    """Return the roles that a container without names for bands shows: grey, RGB, with or without alpha."""
    alpha = image.geo is not None and image.geo.colorinterp[-1:] == ("alpha",)
    colours = image.bands - alpha
    return default_roles(colours) + ("alpha",) * alpha


def _samples(image: Image, layout: Encoding | None) -> dict[str, Any]:
    roles = (image.geo.colorinterp if image.geo else ()) or default_roles(image.bands)
    options: dict[str, Any] = {"INTERLEAVE": "PIXEL", "PHOTOMETRIC": "MINISBLACK"}
    if roles[:3] == ("red", "green", "blue") and image.dtype.kind == "u":
        options["PHOTOMETRIC"] = "RGB"
    if layout is not None:
        options["INTERLEAVE"] = layout.interleave or "PIXEL"
        options["PHOTOMETRIC"] = layout.photometric or options["PHOTOMETRIC"]
        if layout.premultiplied and roles[-1] == "alpha":
            options["ALPHA"] = "PREMULTIPLIED"
        if layout.bits and layout.bits == image.declared_bits:
            options["NBITS"] = str(layout.bits)
    return options


def _blocks(image: Image, layout: Encoding | None) -> dict[str, Any]:
    best = 3 if image.dtype.kind == "f" else 2
    if layout is None:
        large = image.height * image.width > 2048**2
        # Strips of 64 rows take 25 % less time than GDAL's default of 8 KiB (a row or two).
        compress, predictor, tiled, block = "DEFLATE", best, large, (512, 512) if large else (64, 0)
    else:
        compress, predictor = layout.compress or "NONE", min(layout.predictor, best)
        tiled, block = layout.tiled, layout.block or (64, 0)
        if compress not in (*_LOSSLESS, "NONE"):
            compress, predictor = "DEFLATE", best
    options: dict[str, Any] = {"COMPRESS": compress, "ZLEVEL": "1", "ZSTD_LEVEL": "1"}
    if compress in ("LZW", "DEFLATE", "ZSTD"):
        options["PREDICTOR"] = str(predictor)
    if tiled:
        return {**options, "TILED": "YES", "BLOCKYSIZE": str(block[0]), "BLOCKXSIZE": str(block[1])}
    return {**options, "BLOCKYSIZE": str(min(block[0], image.height))}


def _encode(
    container: str, image: Image, options: dict[str, Any], own: dict[str, str], *, suffix: str = ".bin"
) -> bytes:
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile(ext=suffix) as memory:
        try:
            if container == "TIFF":
                _fill(memory.name, DRIVERS[container], image, options, own)
            else:  # these drivers only copy a finished data set
                with _fill("", "MEM", image, {}, own, close=False) as whole:
                    copy(whole, memory.name, driver=DRIVERS[container], **options)
        except (RasterioError, CPLE_BaseError) as error:
            raise UnsupportedImage(f"GDAL cannot write it: {error.__cause__ or error}") from error
        return bytes(memory.getbuffer())


def _fill(
    name: str,
    driver: str,
    image: Image,
    options: dict[str, Any],
    own: dict[str, str],
    *,
    close: bool = True,
) -> Any:
    shape = {"width": image.width, "height": image.height, "count": image.bands, "dtype": str(image.dtype)}
    dataset = _Writer(name, "w", driver=driver, **shape, **options)
    try:
        _describe(dataset, image, own)
        dataset.write(image.pixels.transpose(2, 0, 1))
    except BaseException:
        dataset.close()
        raise
    if close:
        dataset.close()
    return dataset


def _describe(dataset: Any, image: Image, own: dict[str, str]) -> None:
    geo = image.geo or Geo()
    roles = geo.colorinterp or default_roles(image.bands)
    dataset.colorinterp = [ColorInterp[role] for role in roles]
    _locate(dataset, geo)
    for ns, tags in {**geo.tags, OWN: own}.items():
        if ns.startswith("xml:"):  # one text, which rasterio wants in two halves that it joins with =
            key, _, value = tags[ns].partition("=")
            dataset.update_tags(ns=ns, **{key: value})
        elif tags:
            dataset.update_tags(ns=ns or None, **tags)
    for band, namespaces in enumerate(geo.band_tags, start=1):
        for ns, tags in namespaces.items():
            dataset.update_tags(band, ns=ns or None, **tags)
    for name in ("descriptions", "units", "scales", "offsets"):
        values = getattr(geo, name)
        if any(value not in (None, "", {"scales": 1.0, "offsets": 0.0}.get(name)) for value in values):
            setattr(dataset, name, tuple("" if value is None else value for value in values))


def _locate(dataset: Any, geo: Geo) -> None:
    if geo.gcps:
        dataset.gcps = (list(geo.gcps), geo.crs)
    elif geo.crs:
        dataset.crs = geo.crs
    if geo.transform is not None and not geo.gcps:
        with _not_warning_of(geo.transform):
            dataset.transform = geo.transform
    if geo.rpcs is not None:
        dataset.rpcs = geo.rpcs


@contextmanager
def _not_warning_of(transform: Any) -> Iterator[None]:
    if [abs(number) for number in transform[:6]] != [1, 0, 0, 0, 1, 0]:
        yield
        return
    with _WARNINGS, warnings.catch_warnings():  # a mirrored identity is a georeference like any other
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
