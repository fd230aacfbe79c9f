"""Sharpness of an image from its own edges: the function that people call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from iqf_core import ParameterError
from iqf_metrics_sharpness.detect import Band, detected
from iqf_metrics_sharpness.directions import measured
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.result import BandSharpness, SharpnessResult, over_bands
from iqf_metrics_sharpness.table import EdgeTable
from iqf_metrics_sharpness.windows import Bools

Pixels = npt.NDArray[np.generic]


def sharpness(
    pixels: npt.ArrayLike,
    *,
    white: float | None = None,
    nodata: float | Sequence[float] | Bools | None = None,
    gsd_m: float | None = None,
    bands: Sequence[int] | None = None,
    at: EdgeTable | None = None,
    tile: int = 1024,
    workers: int = 1,
    **options: object,
) -> SharpnessResult:
    """Measure the sharpness of an image from its own straight edges.

    Edges are found and accepted after Cenci et al. 2021: straight, of enough contrast, between plateaus.
    Their pixels are projected on the normal with the position and angle of each edge as unknowns
    (ISO 12233), and one edge response is fitted to all edges of a direction. It is not taken to be a
    Gaussian. The pixel's box is part of it.

    Parameters
    ----------
    pixels : array_like, shape (H, W) or (H, W, C)
        Integers or floating point. Not modified.
    white : float, optional
        Full scale in DN: an edge with pixels there is clipped and left out. By default the maximum of an
        integer type.
    nodata : float, sequence of float or ndarray of bool, optional
        Value that is no data, one of each band, or a mask, True where there is none, of shape (H, W) or
        (H, W, C). NaN and infinite pixels never are data. 0 is data unless it is given here.
    gsd_m : float, optional
        Ground sampling distance in metres, for widths in metres.
    bands : sequence of int, optional
        Bands to measure; all unless given.
    at : EdgeTable, optional
        Measure at these edges, found in another image of the same scene and size; none are looked for.
    tile : int, optional
        Side in pixels of the tiles in which edges are looked for; the same edges are found with any.
    workers : int, optional
        Tiles searched at once.
    **options
        What is looked for, as in `EdgeOptions`: ``window``, ``edge_length``, ``min_contrast``, ``min_r2``,
        ``min_edge_snr``, ``max_sigma``, ``reach``, ``max_edges``.

    Returns
    -------
    SharpnessResult
        NaN with a reason where there are no edges.

    Raises
    ------
    ParameterError
        When an argument is unknown, of the wrong shape, or out of its range.

    References
    ----------
    Cenci, Pampanoni, Laneve, Santella, Boccia 2021, doi 10.3390/rs13081593. ISO 12233:2023.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.ndimage import gaussian_filter
    >>> picture = np.full((96, 96), 50.0)
    >>> picture[:, 48:] = 150.0
    >>> result = sharpness(gaussian_filter(picture, 1.0).round().astype(np.uint8))
    >>> round(result.x.fwhm.value, 1), result.y.count
    (2.4, 0)
    """
    array = _checked(pixels)
    chosen = EdgeOptions.checked(**options) if at is None else at.options
    if gsd_m is not None and not gsd_m > 0:
        raise ParameterError(f"sharpness: gsd_m must be positive, got {gsd_m}")
    if at is not None and at.shape != array.shape[:2]:
        raise ParameterError(f"sharpness: at= is of an image of {at.shape}, this one has {array.shape[:2]}")
    found = []
    for index in _bands(bands, array.shape[2]):
        band = Band(array[..., index], _invalid(array, nodata, index), _full_scale(array, white), chosen)
        found.append(_measured(band, index, at, tile, workers))
    x, y, other, combined = (
        over_bands([getattr(one, name) for one in found]) for name in ("x", "y", "other", "combined")
    )
    return SharpnessResult(tuple(found), x, y, other, combined, gsd_m)


def _measured(band: Band, index: int, at: EdgeTable | None, tile: int, workers: int) -> BandSharpness:
    table, reason = detected(band, at=at, tile=tile, workers=workers)
    return measured(band, table, index, reason)


def _checked(pixels: npt.ArrayLike) -> Pixels:
    array = np.asarray(pixels)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or 0 in array.shape:
        raise ParameterError(f"sharpness: pixels must be of shape (H, W) or (H, W, C), got {array.shape}")
    if array.dtype.kind not in "uif":
        raise ParameterError(f"sharpness: pixels must be integers or floating point, got {array.dtype}")
    return array


def _bands(bands: Sequence[int] | None, count: int) -> list[int]:
    chosen = list(range(count)) if bands is None else list(bands)
    for band in chosen:
        if not 0 <= band < count:
            raise ParameterError(f"sharpness: bands: there is no band {band}, the image has 0 to {count - 1}")
    if not chosen:
        raise ParameterError("sharpness: bands is empty: name at least one")
    return chosen


def _full_scale(array: Pixels, white: float | None) -> float | None:
    if white is not None:
        return float(white)
    return float(np.iinfo(array.dtype.str).max) if array.dtype.kind in "ui" else None


def _invalid(array: Pixels, nodata: float | Sequence[float] | Bools | None, band: int) -> Bools | None:
    """Pixels of a band that are no data; None where all are."""
    plane = array[..., band]
    found = None if array.dtype.kind != "f" else ~np.isfinite(plane)
    if nodata is not None:
        given = np.asarray(nodata)
        if given.dtype == bool:
            if given.shape not in (array.shape, array.shape[:2]):
                raise ParameterError(
                    f"sharpness: nodata is a mask of {given.shape}, pixels are {array.shape}"
                )
            holes = given[..., band] if given.ndim == 3 else given
        elif given.ndim == 0 or given.shape == (array.shape[2],):
            holes = plane == (given if given.ndim == 0 else given[band])
        else:
            raise ParameterError(
                f"sharpness: nodata must be one value, one per band or a mask, got {given.shape}"
            )
        found = holes if found is None else found | holes
    return found if found is not None and found.any() else None
