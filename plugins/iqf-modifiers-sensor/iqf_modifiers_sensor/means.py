"""Values of several images: which are looked at, and their mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from iqf_core import UnsupportedImage, parallel
from iqf_core.samples import Samples


def spread(names: Sequence[str], count: int) -> list[str]:
    """Some of the names, at even distances."""
    places = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [names[place] for place in places]


def values_of(function: Callable[[str], float], samples: Samples) -> dict[str, float]:
    """Value of each image, in the order of the names: sums do not depend on who was first.

    A refusal names its image, where there are several.
    """

    def row(name: str) -> tuple[str, float]:
        try:
            return name, function(name)
        except UnsupportedImage as error:
            raise UnsupportedImage(f"{name}: {error}" if name else str(error)) from error

    found = dict(parallel.unordered(row, samples.names, workers=samples.workers))
    return {name: found[name] for name in samples.names}


def mean(values: Mapping[str, float]) -> float:
    """Mean of what could be measured; NaN where nothing could."""
    finite = [float(value) for value in values.values() if not math.isnan(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
