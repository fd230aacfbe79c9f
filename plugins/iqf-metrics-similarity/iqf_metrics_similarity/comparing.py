"""What is compared of two images: neither alpha nor nodata, nor images of different full scales."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from iqf_core import Image, PairMetric
from iqf_metrics_similarity.pair import Array, Unmeasurable


class Seen(NamedTuple):
    """What is compared of two images, and the reference's full scale."""

    reference: Array
    image: Array
    nodata: Array | None
    white: float | None


class Similarity(PairMetric):
    """A metric of two images: bands of transparency do not count, nodata of either is not compared.

    Parameters
    ----------
    resample : bool, optional
        Resample the image to the reference's size where they differ.
    """

    of_one_scale: ClassVar[bool] = True
    """Whether images of different full scales cannot be compared."""

    def compare(self, reference: Image, image: Image) -> Mapping[str, float]:
        """Compare two images of one size."""
        scales = reference.white, image.white
        if self.of_one_scale and None not in scales and scales[0] != scales[1]:
            return self.missing(
                f"full scale {scales[1]:g} against {scales[0]:g} in the reference: give white= if it is the"
                " same, or bring the image to the reference's scale first"
            )
        holes = _either(reference.nodata_mask(), image.nodata_mask())
        shown = _without_alpha(reference)
        try:
            return self.values(
                Seen(
                    reference.pixels[..., shown],
                    image.pixels[..., shown],
                    None if holes is None else holes[..., shown],
                    reference.white,
                )
            )
        except Unmeasurable as reason:
            return self.missing(str(reason))

    @abc.abstractmethod
    def values(self, seen: Seen) -> Mapping[str, float]:
        """Return a value for each output."""


def _without_alpha(image: Image) -> slice | list[int]:
    roles = image.geo.colorinterp if image.geo is not None else ()
    seen = [number for number, role in enumerate(roles) if role != "alpha"]
    return seen if 0 < len(seen) < len(roles) else slice(None)


def _either(one: Array | None, other: Array | None) -> Array | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other
