"""What `snr` is given: the array, and its arguments checked, nodata turned into masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from iqf_core import ParameterError
from iqf_core.errors import did_you_mean
from iqf_core.image.model import require_dtype
from iqf_metrics_snr.samples import Array

Method = Literal["dct", "hb", "ha"]
Nodata = float | Sequence[float | None] | npt.NDArray[np.bool_] | None


def as_image(pixels: npt.ArrayLike) -> Array:
    """Return the pixels as (height, width, bands), in native order, or refuse them."""
    array = np.asarray(np.ma.getdata(pixels))
    if array.ndim not in (2, 3):
        raise ParameterError(f"pixels of shape {array.shape}: give (height, width) or (height, width, bands)")
    native = array.astype(require_dtype(array.dtype), copy=False)
    return native[..., np.newaxis] if native.ndim == 2 else native


def refuse_malformed(
    method: str,
    white: float | None,
    as_published: bool,
    nodata: Nodata,
    reference: float | None,
    confidence: float,
) -> None:
    """Raise ParameterError for an argument that cannot be meant."""
    if method not in get_args(Method):
        raise ParameterError(f"method={method!r}. {did_you_mean(str(method), get_args(Method))}")
    if as_published and method == "dct":
        raise ParameterError("published=True is of method='hb' and method='ha': choose one of them")
    if as_published and nodata is not None:
        raise ParameterError("nodata: the published methods take 0 as nodata; leave it out")
    if as_published and reference is not None:
        raise ParameterError("reference_level: the published methods know the median alone; leave it out")
    given = {"white": white, "reference_level": reference, "confidence": confidence}
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
            raise ParameterError(f"{name}={value!r}: give a number")
    if white is not None and not 0 < white < math.inf:
        raise ParameterError(f"white={white}: full scale is a positive number, such as 255 or 4095")
    if reference is not None and not 0 < reference < math.inf:
        raise ParameterError(f"reference_level={reference}: give a level above 0, in DN")
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence={confidence}: give a number between 0 and 1, such as 0.95")


def with_mask(pixels: npt.ArrayLike, nodata: Nodata) -> Nodata:
    """The nodata that is given, or that of a masked array."""
    if not np.ma.isMaskedArray(pixels):
        return nodata
    if nodata is not None:
        raise ParameterError("nodata: the pixels are a masked array already; leave it out")
    return np.asarray(np.ma.getmaskarray(pixels))


def rails(dtype: np.dtype[Any], white: float | None) -> tuple[float, float]:
    """Values at and beyond which samples are clipped."""
    if dtype.kind == "f":
        return -math.inf, math.inf if white is None else float(white)
    ends = np.iinfo(dtype)
    return ends.min, ends.max if white is None else min(ends.max, math.ceil(white))


def holes_of(array: Array, nodata: Nodata) -> Callable[[int], Array | None]:
    """Function from the number of a band to the mask of its nodata, or None without any."""
    if nodata is None:
        return lambda number: None
    if isinstance(nodata, np.ndarray) and nodata.dtype == bool:
        if nodata.shape not in (array.shape, array.shape[:2]):
            raise ParameterError(
                f"nodata mask of shape {nodata.shape}: give {array.shape[:2]} or {array.shape}"
            )
        mask = nodata
        return lambda number: mask if mask.ndim == 2 else mask[..., number]
    if isinstance(nodata, str | bytes):
        raise ParameterError(f"nodata={nodata!r}: give a number, one for each band, or a mask of bool")
    if isinstance(nodata, np.ndarray) and nodata.ndim > 1:
        raise ParameterError(f"nodata of {nodata.dtype}: a mask is of bool")
    values: Sequence[float | None] = (
        [nodata] * array.shape[2] if isinstance(nodata, int | float | np.number) else list(nodata)
    )
    if len(values) != array.shape[2]:
        raise ParameterError(f"nodata: {len(values)} values for {array.shape[2]} bands; give one for each")
    return lambda number: _equal(array[..., number], values[number])


def _equal(plane: Array, value: float | None) -> Array | None:
    if value is None or (math.isnan(value) and plane.dtype.kind != "f"):
        return None
    if math.isnan(value):
        return np.isnan(plane)
    return np.asarray(plane == (np.float32(value) if plane.dtype.kind == "f" else value))


def missing(plane: Array, holes: Array | None) -> Array | None:
    """Add what is no number to the holes; None where there are no holes."""
    if plane.dtype.kind == "f":
        wild = ~np.isfinite(plane)
        if wild.any():
            holes = wild if holes is None else holes | wild
    return holes if holes is not None and holes.any() else None
