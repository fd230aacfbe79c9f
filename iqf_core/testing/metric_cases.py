"""A metric of images or pairs on trial, and the pictures that it is shown."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from iqf_core.image import Image
from iqf_core.metrics import ImageMetric, Output, PairMetric
from iqf_core.testing.attempts import told
from iqf_core.testing.scenes import BANDS, DTYPES, NODATA, blank, blurred, flat, holes_of, noisy, scene
from iqf_core.testing.values import Values

DEGRADATIONS: Mapping[str, tuple[Callable[[Image, float], Image], tuple[float, ...]]] = {
    "blur": (blurred, (0.7, 1.2, 2.0)),  # sigma of a Gaussian, px
    "noise": (noisy, (0.01, 0.03, 0.1)),  # sigma, shares of white
}
"""Name -> how an image is degraded, and by how much: always more."""


@dataclass(frozen=True)
class Shown:
    """What a metric is shown: an image, and the reference that a pair metric compares it with."""

    image: Image
    reference: Image

    def both(self, change: Callable[[Image], Image]) -> Shown:
        """The same change to both."""
        return Shown(change(self.image), change(self.reference))

    def __str__(self) -> str:
        return told(self.image)


@dataclass(frozen=True)
class MetricCase:
    """A metric, and what its author declares of it: see `iqf_core.testing.metric_laws`."""

    metric: ImageMetric | PairMetric
    worsens: Mapping[str, Sequence[str]]
    always: tuple[str, ...]
    of_nodata: tuple[str, ...]
    dtypes: tuple[str, ...]
    bands: tuple[int, ...]
    size: tuple[int, int]
    _known: dict[int, tuple[Values, Shown]] = field(default_factory=dict, repr=False, compare=False)

    def measured(self, shown: Shown) -> Values:
        """What the metric says of a picture, as IQF asks it, which it may write to."""
        if isinstance(self.metric, PairMetric):
            return self.metric.compare_any(shown.reference, shown.image)
        return self.metric.measure(shown.image)

    def values(self, shown: Shown) -> Values:
        """What it said of one of the case's own pictures, measured once for all laws, on a copy."""
        return self._measured_once(shown)[0]

    def given(self, shown: Shown) -> Shown:
        """The copy that was measured then, as the metric left it."""
        return self._measured_once(shown)[1]

    def _measured_once(self, shown: Shown) -> tuple[Values, Shown]:
        if id(shown) not in self._known:
            given = copied(shown)
            self._known[id(shown)] = self.measured(given), given
        return self._known[id(shown)]

    @functools.cached_property
    def plain(self) -> list[Shown]:
        """Pictures of each type that it measures and each number of bands, with a little noise."""
        return [_picture(dtype, bands, self.size) for dtype in self.dtypes for bands in self.bands]

    @functools.cached_property
    def few(self) -> list[Shown]:
        """Of the plain ones each type once, and each number of bands."""
        kinds = [(dtype, bands) for dtype in self.dtypes for bands in self.bands]
        first_type, usual = self.dtypes[0], self._usual_bands
        return [
            one for one, kind in zip(self.plain, kinds, strict=True) if first_type in kind or usual in kind
        ]

    @functools.cached_property
    def with_nodata(self) -> list[Shown]:
        """The few, with nodata in the same places of image and reference."""
        return [shown.both(functools.partial(with_holes, which=0)) for shown in self.few]

    @functools.cached_property
    def blank(self) -> list[Shown]:
        """The plain pictures without a valid sample."""
        return [shown.both(blank) for shown in self.plain]

    @functools.cached_property
    def flat(self) -> list[Shown]:
        """The plain pictures without contrast."""
        return [shown.both(flat) for shown in self.plain]

    @functools.cached_property
    def others(self) -> list[Shown]:
        """Pictures of each type and number of bands that its author does not say it measures."""
        kinds = [(dtype, bands) for dtype in DTYPES for bands in BANDS]
        strange = [kind for kind in kinds if kind[0] not in self.dtypes or kind[1] not in self.bands]
        return [_picture(dtype, bands, self.size) for dtype, bands in strange]

    @functools.cached_property
    def identity(self) -> Shown:
        """A picture against itself."""
        image = scene(self.dtypes[0], self._usual_bands, size=self.size)
        return Shown(image, image)

    @functools.cached_property
    def degraded(self) -> dict[str, list[tuple[float, Shown]]]:
        """By degradation: each level, and that picture degraded by it, against itself."""
        image = self.identity.image
        return {
            name: [(level, Shown(degrade(image, level), image)) for level in levels]
            for name, (degrade, levels) in DEGRADATIONS.items()
        }

    @functools.cached_property
    def all_shown(self) -> list[Shown]:
        """Everything that it must measure."""
        degraded = [shown for steps in self.degraded.values() for _, shown in steps]
        return [*self.plain, *self.with_nodata, self.identity, *degraded]

    def claims(self) -> Iterator[tuple[str, Output]]:
        """Each degradation with each output that is claimed to worsen along it."""
        outputs = {output.name: output for output in self.metric.outputs}
        for degradation, names in self.worsens.items():
            for name in names:
                yield degradation, outputs[name]

    @property
    def _usual_bands(self) -> int:
        return 3 if 3 in self.bands else self.bands[0]

    def __str__(self) -> str:
        return self.metric.label


def _picture(dtype: str, bands: int, size: tuple[int, int]) -> Shown:
    reference = scene(dtype, bands, size=size)
    return Shown(noisy(reference, 0.01), reference)


def with_holes(image: Image, which: int) -> Image:
    """The image with the holes of a scene, marked by the first or the second nodata value of its type."""
    nodata = NODATA[str(image.dtype)][which]
    pixels = image.pixels.copy()
    pixels[holes_of(pixels.shape)] = nodata
    return replace(image, pixels=pixels, nodata=nodata)


def copied(shown: Shown) -> Shown:
    """The same picture in memory of its own."""
    return shown.both(lambda image: replace(image, pixels=image.pixels.copy()))
