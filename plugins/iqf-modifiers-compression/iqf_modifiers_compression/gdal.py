"""Encoding in memory through GDAL, bare of georeference: rate is pixels, not metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter, MemoryFile
from rasterio.shutil import copy

from iqf_core.errors import UnsupportedImage
from iqf_core.image import Image


class _Writer(DatasetWriter):  # type: ignore[misc]
    """A writer that does not warn of images that are not georeferenced.

    `warnings.catch_warnings` is not safe when threads write at once.
    """

    def _has_gcps_or_rpcs(self) -> bool:
        return True


def encode(
    image: Image, driver: str, options: Mapping[str, str], *, suffix: str, tags: Mapping[str, str]
) -> bytes:
    """Encode pixels with a GDAL driver.

    Parameters
    ----------
    image : Image
        Its pixels and the roles of its bands are written.
    driver : {"GTiff", "JP2OpenJPEG"}
        GDAL's name of the format.
    options : mapping of str to str
        The driver's creation options.
    suffix : str
        Of the file.
    tags : mapping of str to str
        Written in the namespace IQF, from which the core reads what a TIFF has no place for.

    Raises
    ------
    UnsupportedImage
        When GDAL refuses; the message is GDAL's.
    """
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile(ext=suffix) as memory:
        try:
            if driver == "GTiff":
                _filled(memory.name, driver, image, options, tags).close()
            else:  # the driver copies finished data sets only
                with _filled("", "MEM", image, {}, tags) as whole:
                    copy(whole, memory.name, driver=driver, **options)
        except (RasterioError, CPLE_BaseError) as error:
            raise UnsupportedImage(f"GDAL's {driver} cannot write it: {error.__cause__ or error}") from error
        return bytes(memory.getbuffer())


def _filled(name: str, driver: str, image: Image, options: Mapping[str, str], tags: Mapping[str, str]) -> Any:
    shape = {"width": image.width, "height": image.height, "count": image.bands, "dtype": str(image.dtype)}
    dataset = _Writer(name, "w", driver=driver, **shape, **options)
    try:
        dataset.colorinterp = [ColorInterp[role] for role in _roles(image)]
        if tags:
            dataset.update_tags(ns="IQF", **tags)
        dataset.write(image.pixels.transpose(2, 0, 1))
    except BaseException:
        dataset.close()
        raise
    return dataset


def _roles(image: Image) -> tuple[str, ...]:
    known = image.geo.colorinterp if image.geo else ()
    named = ("red", "green", "blue") if image.bands in (3, 4) else ("gray",)
    return known or named + ("undefined",) * (image.bands - len(named))
