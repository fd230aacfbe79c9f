"""What an image is: its pixels, the value of full scale, what is no data, where on Earth it lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_core.errors import UnsupportedImage

Pixels = npt.NDArray[Any]

DTYPES = tuple(np.dtype(name) for name in ("uint8", "uint16", "int16", "float32"))
"""The sample types that IQF works with."""

_REMEDIES = {
    "bool": "multiply it by 255 as uint8",
    "int8": "convert it to int16",
    "uint32": "convert it to uint16, or to float32 when the values need more than 16 bits",
    "int32": "convert it to int16, or to float32 when the values need more than 16 bits",
    "float64": "convert it to float32",
    "float16": "convert it to float32",
    "complex64": "store its magnitude, or real and imaginary parts as two bands, in float32",
    "complex128": "store its magnitude, or real and imaginary parts as two bands, in float32",
}


def require_white_fits(white: float | None, dtype: np.dtype[Any]) -> None:
    """Refuse a full scale that somebody states and that the samples cannot reach."""
    if white is not None and dtype.kind != "f" and white > np.iinfo(dtype).max:
        raise UnsupportedImage(
            f"white={white:g} is more than {dtype} can hold ({np.iinfo(dtype).max}): say the full scale of "
            "these samples, or nothing"
        )


def require_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy type of a name or type, or raise UnsupportedImage with the remedy."""
    name = str(dtype)
    known = next((known for known in DTYPES if name.lstrip("<>=") in (known.name, known.str[1:])), None)
    if known is not None:
        return known
    remedy = _REMEDIES.get(name.replace("complex_int16", "complex64"), "convert it to one of these")
    raise UnsupportedImage(f"samples of type {name}: IQF reads uint8, uint16, int16 and float32; {remedy}")


@dataclass(frozen=True, slots=True)
class Geo:
    """What a file says about its pixels besides their values; it survives reading and writing.

    Parameters
    ----------
    crs : rasterio.crs.CRS, optional
        Coordinate reference system of ``transform``, or of ``gcps``.
    transform : affine.Affine, optional
        From pixel coordinates (column, row; the corner of the first pixel is 0, 0) to the CRS.
    tags : mapping of str to mapping
        The file's metadata by namespace; ``""`` is the default one.
    band_tags : tuple of mapping
        The same for each band.
    descriptions, units, colorinterp, scales, offsets : tuple
        Name, unit, role (``"red"``, ``"alpha"``, …) and linear scaling of each band. Empty: not known.
    rpcs : rasterio.rpc.RPC, optional
        Rational polynomial coefficients.
    gcps : tuple of rasterio.control.GroundControlPoint
        Ground control points. TIFF numbers them: it keeps neither ``id`` nor ``info``.
    """

    crs: Any = None
    transform: Any = None
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    band_tags: tuple[Mapping[str, Mapping[str, str]], ...] = ()
    descriptions: tuple[str | None, ...] = ()
    units: tuple[str | None, ...] = ()
    colorinterp: tuple[str, ...] = ()
    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    rpcs: Any = None
    gcps: tuple[Any, ...] = ()

    @property
    def referenced(self) -> bool:
        """Whether anything here says where on Earth the image lies."""
        return any((self.crs, self.transform is not None, self.rpcs, self.gcps))

    def moved(self, affine: Any) -> Geo:
        """Return the georeference after the pixel grid was mapped by ``affine``.

        Parameters
        ----------
        affine : affine.Affine
            From old to new pixel coordinates (column, row, measured from the first pixel's corner).

        Returns
        -------
        Geo
            The transform becomes ``transform * ~affine``; ground control points move along; rational
            polynomials are rescaled. They cannot express a rotation, a shear or a mirroring: ``rpcs``
            is then None, since wrong coefficients are worse than none.

        Examples
        --------
        >>> from affine import Affine
        >>> Geo(transform=Affine(10, 0, 500, 0, -10, 900)).moved(Affine.scale(0.5)).transform.a
        20.0
        """
        transform = None if self.transform is None else _composed(self.transform, ~affine)
        gcps = tuple(_moved_gcp(gcp, affine) for gcp in self.gcps)
        return replace(self, transform=transform, gcps=gcps, rpcs=_moved_rpcs(self.rpcs, affine))

    def without_statistics(self) -> Geo:
        """Return the same without the bands' STATISTICS_* tags, which new pixels make untrue."""
        if not any(key.startswith("STATISTICS_") for tags in self.band_tags for key in tags.get("", ())):
            return self
        bands = tuple({ns: _unstatistical(values) for ns, values in tags.items()} for tags in self.band_tags)
        return replace(self, band_tags=bands)

    def without_bands(self) -> Geo:
        """Return the same without what is said of each band, for an image with other bands."""
        nothing: dict[str, Any] = dict.fromkeys(
            ("band_tags", "descriptions", "units", "colorinterp", "scales", "offsets"), ()
        )
        return replace(self, **nothing)


def _unstatistical(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if not key.startswith("STATISTICS_")}


def _composed(left: Any, right: Any) -> Any:
    return getattr(left, "__matmul__", left.__mul__)(right)  # affine 2 has `*` alone, 3 deprecates it


def _moved_gcp(gcp: Any, affine: Any) -> Any:
    from rasterio.control import GroundControlPoint

    col = affine.a * gcp.col + affine.b * gcp.row + affine.c
    row = affine.d * gcp.col + affine.e * gcp.row + affine.f
    return GroundControlPoint(row=row, col=col, x=gcp.x, y=gcp.y, z=gcp.z, id=gcp.id, info=gcp.info)


def _moved_rpcs(rpcs: Any, affine: Any) -> Any:
    if rpcs is None or affine.b or affine.d or affine.a <= 0 or affine.e <= 0:
        return None
    moved = type(rpcs)(**rpcs.to_dict())
    # RPC coordinates count from the centre of the first pixel, the affine's from its corner.
    moved.samp_off = affine.a * (rpcs.samp_off + 0.5) + affine.c - 0.5
    moved.line_off = affine.e * (rpcs.line_off + 0.5) + affine.f - 0.5
    moved.samp_scale = affine.a * rpcs.samp_scale
    moved.line_scale = affine.e * rpcs.line_scale
    return moved


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the file was encoded from which an image was read.

    Parameters
    ----------
    format : {"PNG", "JPEG", "TIFF", "JPEG2000"}
        The container.
    lossy : bool
        Whether its codec loses information.
    bits : int, optional
        The depth that the file declares for its samples, when it does.
    exif, icc : bytes, optional
        The EXIF block (from its TIFF header on, with the orientation) and the colour profile.
    compress, interleave, photometric : str, optional
        How a TIFF stores its pixels, in GDAL's words.
    block : (int, int), optional
        Height and width of a TIFF's blocks.
    tiled : bool
        Whether these are tiles, not strips.
    predictor : int
        Predictor of a TIFF's compression; 1 is none.
    premultiplied : bool
        Whether a TIFF's colours are multiplied by its alpha band.
    """

    format: str
    lossy: bool = False
    bits: int | None = None
    exif: bytes | None = None
    icc: bytes | None = None
    compress: str | None = None
    interleave: str | None = None
    photometric: str | None = None
    block: tuple[int, int] | None = None
    tiled: bool = False
    predictor: int = 1
    premultiplied: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Pixels, and what is needed to understand and to write them back.

    Parameters
    ----------
    pixels : ndarray, shape (height, width, bands)
        Samples of type uint8, uint16, int16 or float32; bands in the order of the file (RGB).
    white : float, optional
        The value of full scale: 255, 4095 for twelve bits in uint16, …
    nodata : float, optional
        The value of pixels that are not there; it may be NaN.
    geo : Geo, optional
        Georeference and metadata.
    encoding : Encoding, optional
        Of the file it was read from.

    Raises
    ------
    UnsupportedImage
        For other shapes and types.
    """

    pixels: Pixels
    white: float | None = None
    nodata: float | None = None
    geo: Geo | None = None
    encoding: Encoding | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or 0 in self.pixels.shape:
            raise UnsupportedImage(
                f"pixels of shape {self.pixels.shape}: give (height, width, bands), none of them zero"
            )
        require_dtype(self.pixels.dtype)
        if self.white is not None and not 0 < self.white < math.inf:
            raise UnsupportedImage(
                f"white={self.white}: full scale is a positive number, such as 255 or 4095"
            )
        described = len(self.geo.colorinterp) if self.geo else 0
        if described not in (0, self.bands):
            raise UnsupportedImage(
                f"geo describes {described} bands of an image with {self.bands}: use geo.without_bands()"
            )

    @classmethod
    def from_array(
        cls, pixels: Any, *, white: float | None = None, nodata: float | None = None, geo: Geo | None = None
    ) -> Image:
        """Make an image of an array, which is copied.

        Parameters
        ----------
        pixels : array_like, shape (height, width) or (height, width, bands)
            Samples of type uint8, uint16, int16 or float32.
        white : float, optional
            The value of full scale; by default the type's maximum for uint8 and uint16, else unknown.
        nodata, geo : optional
            As in `Image`.

        Returns
        -------
        Image
            It shares no memory with ``pixels``.

        Examples
        --------
        >>> Image.from_array(np.zeros((4, 6), np.uint16), white=4095).bits_per_sample
        12
        """
        array = np.asarray(pixels)
        copy = np.array(array, dtype=require_dtype(array.dtype), order="C", copy=True)
        require_white_fits(white, copy.dtype)
        copy = copy[:, :, np.newaxis] if copy.ndim == 2 else copy
        white = default_white(copy.dtype) if white is None else float(white)
        if nodata is not None:
            nodata = float(np.float32(nodata)) if copy.dtype.kind == "f" else float(nodata)
        return cls(copy, white, nodata, geo)

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.pixels.shape[1])

    @property
    def bands(self) -> int:
        """Number of bands, alpha included."""
        return int(self.pixels.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples."""
        return self.pixels.dtype

    @property
    def bits_per_sample(self) -> int:
        """Bits that a sample needs: of ``white`` for unsigned types (12 for 4095), else of the type."""
        if self.dtype.kind == "u" and self.white is not None:
            return math.ceil(math.log2(self.white + 1))
        return self.dtype.itemsize * 8

    @property
    def declared_bits(self) -> int | None:
        """The depth that a file should declare: less than the type's, and all samples fit in it."""
        bits = self.bits_per_sample
        full = default_white(self.dtype)
        if full is None or self.white is None or self.white == full or self.white != 2**bits - 1:
            return None
        return bits if self.pixels.max() <= self.white else None

    def require_white(self) -> float:
        """Return ``white``, or raise UnsupportedImage when full scale is not known."""
        if self.white is None:
            raise UnsupportedImage(
                f"the value of full scale of a {self.dtype} image is not known: give `white=`"
                " (in `read_image`, `Image.from_array`, or the study)"
            )
        return self.white

    def nodata_mask(self) -> npt.NDArray[np.bool_] | None:
        """Return which samples are no data, (height, width, bands), or None without a nodata value."""
        if self.nodata is None:
            return None
        if math.isnan(self.nodata):
            return np.isnan(self.pixels)
        value = np.float32(self.nodata) if self.dtype.kind == "f" else self.nodata
        return np.asarray(self.pixels == value)

    def with_pixels(self, pixels: Pixels, *, geo: Geo | EllipsisType | None = ...) -> Image:
        """Return an image of other pixels that shares the rest.

        Parameters
        ----------
        pixels : ndarray, shape (height, width, bands)
            Taken as they are, not copied.
        geo : Geo, optional
            The new georeference; by default the same, without band statistics (which would be
            untrue), and without what is said of each band if their number changed.
        """
        kept = self.geo if isinstance(geo, EllipsisType) else geo
        if kept is not None:
            kept = kept.without_statistics()
            same_bands = pixels.shape[2:] == (self.bands,)
            kept = kept if same_bands or kept is not self.geo else kept.without_bands()
        return replace(self, pixels=pixels, geo=kept)


def default_white(dtype: np.dtype[Any]) -> float | None:
    """Return the maximum of an unsigned type, None for the others."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else None


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a file's header says: see `Image` and `Encoding`."""

    format: str
    width: int
    height: int
    bands: int
    dtype: str
    white: float | None
    lossy: bool
