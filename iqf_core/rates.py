"""The rate of images: what they cost, in bits.

A dataset's rate is all bits over all *source* pixels. Raw size counts the bits of ``white``: a 12-bit
image in 16-bit samples is raw at 12 bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

RATES = ("bits_per_pixel", "bits_per_pixel_band", "compression_ratio", "fixed_bits_per_pixel")


def image_size(width: int, height: int, bands: int, bits_per_sample: float) -> dict[str, float]:
    """What the rates of an image are counted against: its source's pixels, samples and raw bits."""
    samples = width * height * bands
    return {
        "source_pixels": width * height,
        "source_samples": samples,
        "source_bits": samples * bits_per_sample,
    }


def rates(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Rates of one or many images.

    Parameters
    ----------
    rows : iterable of mapping
        Each with ``source_pixels``, ``source_samples``, ``source_bits`` (`image_size`) and, where it was
        measured, ``bytes`` (coded size) and ``fixed_bits_per_pixel`` (fixed-length size).

    Returns
    -------
    dict of str to float
        ``bits_per_pixel`` = coded bits / source pixels; ``bits_per_pixel_band`` = coded bits / source
        samples; ``compression_ratio`` = raw bits / coded bits; ``fixed_bits_per_pixel`` = fixed-length
        bits / source pixels. NaN where any row lacks the measurement.

    Examples
    --------
    >>> row = {**image_size(100, 100, 3, 8), "bytes": 3000}
    >>> rates([row])["bits_per_pixel"], rates([row])["compression_ratio"]
    (2.4, 10.0)
    """
    rows = list(rows)
    pixels = sum(row["source_pixels"] for row in rows)
    samples = sum(row["source_samples"] for row in rows)
    coded = 8 * sum(_or_nan(row, "bytes") for row in rows)
    fixed = sum(_or_nan(row, "fixed_bits_per_pixel") * row["source_pixels"] for row in rows)
    raw = sum(row["source_bits"] for row in rows)
    return {
        "bits_per_pixel": _over(coded, pixels),
        "bits_per_pixel_band": _over(coded, samples),
        "compression_ratio": _over(raw, coded),
        "fixed_bits_per_pixel": _over(fixed, pixels),
    }


def _or_nan(row: Mapping[str, Any], key: str) -> float:
    value = row.get(key)
    return math.nan if value is None else float(value)


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan
