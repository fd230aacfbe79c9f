"""Sharpness of an image from its own edges: the function that people call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from iqf_core import ParameterError
from iqf_metrics_sharpness.arguments import (
    Nodata,
    Pixels,
    as_image,
    chosen_bands,
    finite,
    full_scale,
    invalid_of,
    largest,
    positive,
    with_mask,
)
from iqf_metrics_sharpness.detect import Band, detected
from iqf_metrics_sharpness.directions import measured
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.result import SharpnessResult, over_bands
from iqf_metrics_sharpness.table import EdgeTable


def sharpness(
    pixels: npt.ArrayLike,
    *,
    white: float | None = None,
    nodata: Nodata = None,
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
        integer type; then an edge is clipped too whose bright side mostly has the largest value of the
        band, while its dark side has noise.
    nodata : float, sequence of float or ndarray of bool, optional
        Value that is no data, one of each band, or a mask, True where there is none, of shape (H, W) or
        (H, W, C). NaN and infinite pixels, and those that a masked array masks, never are data. 0 is data
        unless it is given here.
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
    (2.3, 0)
    """
    array, nodata = as_image(pixels), with_mask(pixels, nodata)
    positive("white", white)
    positive("gsd_m", gsd_m)
    positive("tile", tile, whole=True, least=31)
    positive("workers", workers, whole=True)
    if at is not None and (not isinstance(at, EdgeTable) or at.shape != array.shape[:2]):
        raise ParameterError(f"sharpness: at= must be the edges of a band of {array.shape[:2]} pixels")
    chosen = EdgeOptions.checked(**options) if at is None else at.options
    found = []
    for index in chosen_bands(bands, array.shape[2]):
        table, reason = detected(
            band := _band(array, index, nodata, white, chosen), at=at, tile=tile, workers=workers
        )
        found.append(measured(band, table, index, reason))
    x, y, other, combined = (
        over_bands([getattr(one, name) for one in found]) for name in ("x", "y", "other", "combined")
    )
    return SharpnessResult(tuple(found), x, y, other, combined, gsd_m)


def _band(array: Pixels, index: int, nodata: Nodata, white: float | None, options: EdgeOptions) -> Band:
    plane, invalid = array[..., index], invalid_of(array, nodata, index)
    unnamed = white is None and array.dtype.kind in "ui"
    top = largest(plane, invalid) if unnamed else None
    return Band(finite(plane, invalid), invalid, full_scale(array, white), top, options)
