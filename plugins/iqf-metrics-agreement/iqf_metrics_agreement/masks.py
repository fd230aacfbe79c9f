"""Pictures of labels: where they are, how they are read, what of two of them agrees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_core import Dataset, DatasetError, ImageError, IqfError, Record, read_image

Array = npt.NDArray[Any]

MOST_PAIRS = 1 << 22
"""Pairs of labels that are counted in a table; beyond, they are sorted, which takes ten times as long."""


@dataclass(frozen=True, slots=True)
class Labels:
    """A picture of labels.

    Parameters
    ----------
    values : ndarray of int, shape (height, width)
        The labels.
    there : ndarray of bool or None
        Where there is one, when the file declares a nodata value.
    """

    values: Array
    there: Array | None


def truth_of(dataset: Dataset, record: Record) -> Path:
    """File of an image's true mask.

    Raises
    ------
    DatasetError
        When there is none.
    """
    for source in dataset.sources:
        path = source.path / (record.mask or "")
        if record.mask and path.is_file():
            return path
    raise DatasetError(
        f"{dataset.root}: no mask for {record.image!r}; put a picture of labels of this name, with or without"
        " _mask, into a folder with mask in its name, beside the images"
    )


def read_labels(path: Path, error: type[IqfError], *, where: str) -> Labels:
    """Read a mask of whole numbers, one band (or several that are equal), without loss.

    Raises
    ------
    IqfError
        Of the given kind, saying where, when it cannot be read or holds no labels.
    """
    try:
        image = read_image(path)
    except ImageError as reason:
        raise error(f"{where}: {reason}") from reason
    labels = image.pixels[..., 0]
    if image.encoding is not None and image.encoding.lossy:
        raise error(f"{where}: {path}: a lossy file changes labels; write a PNG or a TIFF")
    if image.dtype.kind == "f":
        raise error(f"{where}: {path}: labels are whole numbers, not {image.dtype}; write uint8 or uint16")
    if (image.pixels != labels[..., np.newaxis]).any():
        raise error(f"{where}: {path}: colours are no labels; write one band of whole numbers, no palette")
    holes = image.nodata_mask()
    return Labels(labels, None if holes is None else ~holes[..., 0])


def counted_pairs(truth: Array, predicted: Array) -> list[tuple[int, int, int]]:
    """(true label, predicted label, pixels) of each pair that occurs.

    Examples
    --------
    >>> counted_pairs(np.array([0, 0, 7], np.uint8), np.array([0, 2, 2], np.uint8))
    [(0, 0, 1), (0, 2, 1), (7, 2, 1)]
    """
    if truth.size == 0:
        return []
    low, high = int(predicted.min()), int(predicted.max())
    first, span = int(truth.min()), high - low + 1
    codes = (truth.astype(np.int64) - first) * span + (predicted.astype(np.int64) - low)
    if (int(truth.max()) - first + 1) * span <= MOST_PAIRS:
        table = np.bincount(codes.reshape(-1))
        found = np.flatnonzero(table)
        pixels = table[found]
    else:
        found, pixels = np.unique(codes, return_counts=True)
    return [
        (int(code) // span + first, int(code) % span + low, int(count))
        for code, count in zip(found, pixels, strict=True)
    ]
