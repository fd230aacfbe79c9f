"""Doubting a full scale that nobody stated: 12 bits in 16-bit samples look like a very dark image."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from iqf_core.image import Image
from iqf_core.manifest import Manifest

log = logging.getLogger("iqf")

UNSTATED = 65535  # full scale of a uint16 of which neither file nor dataset says anything
LARGEST = "largest_sample"

_doubted: set[str] = set()
"""Datasets whose full scale was doubted in this process: once is enough."""


def largest_sample(image: Image) -> dict[str, float]:
    """Largest sample of an image whose full scale nobody stated; empty for any other."""
    if image.dtype != "uint16" or image.white != UNSTATED:
        return {}
    return {LARGEST: int(image.pixels.max())}


def doubt_full_scale(dataset: str, manifest: Manifest) -> None:
    """Say it when 16-bit images look as if they had fewer bits: rates and steps count on full scale."""
    if manifest.recipe.white is None:
        _doubt(dataset, max((row.measured.get(LARGEST, 0) for row in manifest.images), default=0))


def doubt_images(dataset: str, largest: Iterable[float]) -> None:
    """Likewise, of the largest samples of images that were measured: a PSNR counts on full scale too."""
    _doubt(dataset, max(largest, default=0))


def _doubt(dataset: str, largest: float) -> None:
    if not 0 < largest < 2**14 or dataset in _doubted:
        return
    _doubted.add(dataset)
    log.warning(
        "%s: full scale is taken as 65535, but the largest sample is %d: say white (--white; white: in a "
        "study's dataset; white= in Python), perhaps %d",
        dataset,
        largest,
        2 ** max(int(largest).bit_length(), 10) - 1,
    )
