"""TIFF and JPEG 2000, and every georeference, through rasterio: reading."""

from __future__ import annotations

import base64
import math
import mmap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from iqf_core.errors import ImageReadError, UnsupportedImage
from iqf_core.image.headers import check_tiff
from iqf_core.image.model import Encoding, Geo, Image, ImageInfo, Pixels, default_white, require_dtype

DRIVERS = {"PNG": "PNG", "JPEG": "JPEG", "TIFF": "GTiff", "JPEG2000": "JP2OpenJPEG"}
OWN = "IQF"
"""Namespace of the tags in which IQF keeps what a container has no other place for."""

# Sidecars are looked for by name: listing a folder of many thousand images costs more than reading one.
_SETTINGS = {"GDAL_DISABLE_READDIR_ON_OPEN": "TRUE", "GDAL_PAM_ENABLED": "YES"}
_STRUCTURE = "IMAGE_STRUCTURE"
_NOT_CARRIED = {"", _STRUCTURE, "DERIVED_SUBDATASETS", "SUBDATASETS", "RPC", "COLOR_PROFILE", OWN}


class _Reader(DatasetReader):  # type: ignore[misc]
    """A reader that does not warn of images that are not georeferenced.

    rasterio warns when opening; `warnings.catch_warnings` is not safe when threads read at once.
    """

    def _has_gcps_or_rpcs(self) -> bool:
        return True


@contextmanager
def opened(path: Path, container: str) -> Iterator[Any]:
    """Open a file for reading with the one driver of its format; what GDAL raises is an ImageReadError."""
    with rasterio.Env(**_SETTINGS):
        try:
            with _Reader(str(path.absolute()), driver=DRIVERS[container]) as dataset:
                yield dataset
        except (RasterioError, CPLE_BaseError, UnicodeError) as error:
            raise ImageReadError(f"GDAL cannot read it: {error.__cause__ or error}") from error


def read_raster(path: Path, container: str, check_size: Callable[[int, int], None]) -> Image:
    """Read pixels and everything else."""
    premultiplied = container == "TIFF" and _check_tiff(path)
    with opened(path, container) as dataset:
        check_size(dataset.width, dataset.height)
        info = _info(dataset, container)
        encoding = replace(_encoding(dataset, info), premultiplied=premultiplied)
        nodata = _nodata(dataset)
        geo = _geo(dataset, container)
        pixels = _pixels(dataset)
        if _palette(dataset) is not None:
            pixels, nodata, geo = _expanded(pixels, _palette(dataset)), None, _recoloured(geo)
    return Image(pixels, info.white, nodata, geo, encoding)


def read_beside(path: Path, container: str) -> tuple[Geo | None, float | None, float | None]:
    """Read what the sidecars of a PNG or JPEG say: georeference, nodata, and full scale if it is there."""
    with opened(path, container) as dataset:
        _refuse(dataset)
        geo, kept = _geo(dataset, container), dataset.tags(ns=OWN).get("WHITE")
        if _palette(dataset) is not None:
            return _recoloured(geo), None, None
        return geo, _nodata(dataset), float(kept) if kept else None


def _check_tiff(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return check_tiff(data)


def probe_raster(path: Path, container: str) -> ImageInfo:
    """Read the header alone."""
    if container == "TIFF":
        _check_tiff(path)
    with opened(path, container) as dataset:
        return _info(dataset, container)


def _info(dataset: Any, container: str) -> ImageInfo:
    """Return what the header of an open dataset says, or raise UnsupportedImage."""
    dtype = require_dtype(dataset.dtypes[0])
    _refuse(dataset)
    palette = _palette(dataset)
    if palette is not None:
        white: float | None = 255.0
        dtype = np.dtype(np.uint8)
    else:
        white = _white(dataset, dtype)
    return ImageInfo(
        format=container,
        width=dataset.width,
        height=dataset.height,
        bands=dataset.count if palette is None else palette.shape[1],
        dtype=str(dtype),
        white=white,
        lossy=_lossy(dataset),
    )


def _white(dataset: Any, dtype: np.dtype[Any]) -> float | None:
    kept = dataset.tags(ns=OWN).get("WHITE")
    if kept is not None:
        return None if math.isnan(float(kept)) else float(kept)
    bits = _bits(dataset)
    return default_white(dtype) if bits is None else float(2**bits - 1)


def _refuse(dataset: Any) -> None:
    flags = [{flag.name for flag in band} for band in dataset.mask_flag_enums]
    if any("per_dataset" in band and "alpha" not in band for band in flags):
        raise UnsupportedImage("it has a mask besides its bands: store it as nodata or as an alpha band")
    if dataset.subdatasets:
        raise UnsupportedImage(f"it holds {len(dataset.subdatasets)} images: store each in a file of its own")
    roles = {role.name for role in dataset.colorinterp}
    space = dataset.tags(ns=_STRUCTURE).get("SOURCE_COLOR_SPACE")
    if "cyan" in roles or (dataset.driver == "GTiff" and space not in (None, "YCbCr")):
        raise UnsupportedImage(f"its colours are {space or 'CMYK'}: convert it to RGB by its colour profile")
    if "palette" in roles and dataset.count > 1:
        raise UnsupportedImage("it has a palette and further bands: expand the palette to RGB bands")


def _bits(dataset: Any) -> int | None:
    declared = dataset.tags(1, ns=_STRUCTURE).get("NBITS")
    return int(declared) if declared and dataset.dtypes[0].startswith("uint") else None


def _lossy(dataset: Any) -> bool:
    tags = dataset.tags(ns=_STRUCTURE)
    reversibility = tags.get("COMPRESSION_REVERSIBILITY")
    if reversibility is not None:
        return not reversibility.startswith("LOSSLESS")
    return any(codec in tags.get("COMPRESSION", "") for codec in ("JPEG", "WEBP", "LERC", "JXL"))


def _encoding(dataset: Any, info: ImageInfo) -> Encoding:
    tags, own = dataset.tags(ns=_STRUCTURE), dataset.tags(ns=OWN)
    icc = dataset.tags(ns="COLOR_PROFILE").get("SOURCE_ICC_PROFILE") or own.get("ICC")
    return Encoding(
        format=info.format,
        lossy=info.lossy,
        bits=_bits(dataset) if _palette(dataset) is None else None,
        exif=base64.b64decode(own["EXIF"]) if "EXIF" in own else None,
        icc=base64.b64decode(icc) if icc else None,
        compress=tags.get("COMPRESSION"),
        interleave=tags.get("INTERLEAVE"),
        photometric="MINISWHITE" if tags.get("MINISWHITE") == "YES" else None,
        block=tuple(dataset.block_shapes[0]),
        tiled=dataset.block_shapes[0][1] != dataset.width,
        predictor=int(tags.get("PREDICTOR", 1)),
    )


def _nodata(dataset: Any) -> float | None:
    values = {repr(value): value for value in dataset.nodatavals}  # None where no sample can have it
    if len(values) > 1:
        raise UnsupportedImage(f"its bands have different nodata values ({', '.join(values)}): give them one")
    return next(iter(values.values()))  # type: ignore[no-any-return]


def _pixels(dataset: Any) -> Pixels:
    pixels = np.empty((dataset.height, dataset.width, dataset.count), dataset.dtypes[0])
    dataset.read(out=pixels.transpose(2, 0, 1))  # GDAL writes with strides: no copy
    return pixels


def _palette(dataset: Any) -> Pixels | None:
    """Return the colours of a palette: (entries, bands) of uint8; one band if black and white."""
    if dataset.colorinterp[0].name != "palette":
        return None
    colours = dataset.colormap(1)
    table = np.zeros((2 ** (8 * np.dtype(dataset.dtypes[0]).itemsize), 4), np.uint8)
    table[:, 3] = 255
    table[list(colours)] = list(colours.values())
    if np.any(table[:, 3] != 255):  # as it is where there is a nodata value
        return table
    return table[:, :1] if _bits(dataset) == 1 else table[:, :3]


def _expanded(indices: Pixels, palette: Pixels | None) -> Pixels:
    return np.asarray(np.take(palette, indices[:, :, 0], axis=0))  # type: ignore[arg-type]


def _recoloured(geo: Geo | None) -> Geo | None:
    return None if geo is None or not (geo.referenced or geo.tags) else geo.without_bands()


def _geo(dataset: Any, container: str) -> Geo | None:
    points, points_crs = dataset.gcps
    transform = None if dataset.transform.is_identity else dataset.transform
    geo = Geo(
        crs=_crs(dataset.crs) or points_crs or None,
        transform=transform,
        tags=_tags(dataset.tags, dataset.tag_namespaces(), container),
        band_tags=tuple(_band_tags(dataset, band) for band in dataset.indexes),
        descriptions=tuple(dataset.descriptions),
        units=tuple(dataset.units),
        colorinterp=_roles(dataset),
        scales=tuple(dataset.scales),
        offsets=tuple(dataset.offsets),
        rpcs=dataset.rpcs,
        gcps=tuple(points),
    )
    return geo if _says_something(geo, dataset.count) else None


def _crs(crs: Any) -> Any:
    # What GDAL calls it when a file has a transform and no CRS.
    return None if not crs or crs.to_wkt().startswith('LOCAL_CS["unnamed"') else crs


def _roles(dataset: Any) -> tuple[str, ...]:
    kept = dataset.tags(ns=OWN).get("COLORINTERP")
    return tuple(kept.split(",")) if kept else tuple(role.name for role in dataset.colorinterp)


def _band_tags(dataset: Any, band: int) -> Mapping[str, Mapping[str, str]]:
    return _tags(lambda ns=None: dataset.tags(band, ns=ns), dataset.tag_namespaces(band), "TIFF")


def _tags(read: Callable[..., Any], namespaces: list[str], container: str) -> dict[str, dict[str, str]]:
    found, dropped = {"": dict(read())}, _NOT_CARRIED
    if container in ("PNG", "JPEG"):  # GDAL repeats the EXIF block there, which is kept as a whole
        found[""] = {key: value for key, value in found[""].items() if not key.startswith("EXIF_")}
        dropped = _NOT_CARRIED | {"EXIF"}
    for ns in namespaces:
        if ns not in dropped and not ns.startswith("xml:gml"):
            found[ns] = dict(read(ns=ns))
    return {ns: values for ns, values in found.items() if values}


def default_roles(bands: int) -> tuple[str, ...]:
    """Return the roles of the bands of an image that says nothing about them."""
    named = ("red", "green", "blue") if bands in (3, 4) else ("gray",)
    return named + ("undefined",) * (bands - len(named))


def _says_something(geo: Geo, bands: int) -> bool:
    return (
        geo.referenced
        or geo.tags not in ({}, {"": {"AREA_OR_POINT": "Area"}})
        or any(geo.band_tags)
        or any((*geo.descriptions, *geo.units))
        or geo.colorinterp != default_roles(bands)
        or set(geo.scales) != {1.0}
        or set(geo.offsets) != {0.0}
    )
