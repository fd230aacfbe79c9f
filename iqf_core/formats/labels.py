"""Pictures of labels: mapping their pixels, and COCO's run lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from affine import Affine

Pixels = npt.NDArray[Any]


def nearest(pixels: Pixels, affine: Affine, size: tuple[int, int]) -> Pixels:
    """Mapped pixels, each its nearest neighbour's; 0 where there is none.

    Parameters
    ----------
    pixels : ndarray, shape (height, width, bands)
        Labels.
    affine : affine.Affine
        From old to new pixel coordinates.
    size : (int, int)
        New width and height.
    """
    inverse = ~affine
    if inverse.b or inverse.d:
        return _warped(pixels, affine, size)
    rows = np.floor(inverse.e * (np.arange(size[1]) + 0.5) + inverse.f).astype(int)
    columns = np.floor(inverse.a * (np.arange(size[0]) + 0.5) + inverse.c).astype(int)
    inside = (rows >= 0) & (rows < pixels.shape[0]), (columns >= 0) & (columns < pixels.shape[1])
    mapped = np.zeros((size[1], size[0], pixels.shape[2]), pixels.dtype)
    mapped[np.ix_(*inside)] = pixels[np.ix_(rows[inside[0]], columns[inside[1]])]
    return mapped


def _warped(pixels: Pixels, affine: Affine, size: tuple[int, int]) -> Pixels:
    """Rotated or sheared pixels."""
    import cv2

    # OpenCV's coordinates have (0, 0) at a pixel's centre, ours at its corner.
    shift = type(affine).translation(0.5, 0.5)
    matrix = np.array((~shift @ affine @ shift)[:6], dtype=float).reshape(2, 3)
    bands = [
        cv2.warpAffine(pixels[..., band], matrix, size, flags=cv2.INTER_NEAREST)
        for band in range(pixels.shape[2])
    ]
    return np.stack(bands, axis=-1)


def moved_runs(segmentation: Mapping[str, Any], affine: Affine, size: tuple[int, int]) -> dict[str, Any]:
    """Run-length encoded segmentation after its pixels were mapped, as a list of counts.

    Parameters
    ----------
    segmentation : mapping
        ``size`` (height, width) and ``counts``, lengths of runs of 0 and 1 in turn, down the columns: a
        list, or the text that pycocotools makes of one.
    affine, size
        As for `nearest`.

    Raises
    ------
    KeyError, TypeError, ValueError
        When it is none.
    """
    height, width = segmentation["size"]
    counts = segmentation["counts"]
    runs = _runs_of_text(counts) if isinstance(counts, str) else list(counts)
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)
    mapped = nearest(flat.reshape(width, height).T[..., np.newaxis], affine, size)[..., 0]
    changes = np.flatnonzero(np.diff(mapped.T.ravel(), prepend=0, append=2))
    return {"size": [size[1], size[0]], "counts": np.diff(changes, prepend=0).tolist()}


def _runs_of_text(text: str) -> list[int]:
    """Counts of pycocotools' text: 5 bits a character; differences to the last but one."""
    runs: list[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs
