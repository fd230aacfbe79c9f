"""Asking for a rate instead of a setting: ``jpeg(target_bits_per_pixel=0.5)``.

Works for any modifier that has a knob and reports a coded size. The answer is the mildest setting whose
rate stays within the target, one for the whole dataset or, with ``per_image``, one for each image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import pydantic

from iqf_core import parallel
from iqf_core.errors import ParameterError, VariantError
from iqf_core.image import Image
from iqf_core.modifiers import ImageModifier, Knob, Modified, Modifier
from iqf_core.parameters import called, labelled
from iqf_core.rates import image_size, rates
from iqf_core.samples import Samples, generator_for

PREFIX = "target_"
RELATIVE_RESOLUTION = 0.002  # of the knob's range on its axis, where the knob is not an integer


class RateTarget(ImageModifier):
    """A modifier whose knob is found from the rate that it must not exceed.

    Parameters
    ----------
    modifier : ImageModifier
        Its other parameters count; the value of its knob does not.
    target_bits_per_pixel : float or None, optional
        Coded bits per source pixel, at most.
    target_ratio : float or None, optional
        Raw bits over coded bits, at least.
    per_image : bool, optional
        One setting for each image instead of one for the dataset.
    """

    name: ClassVar[str] = "target"
    keeps_dtype: ClassVar[bool] = False  # the modifier answers for itself
    keeps_bands: ClassVar[bool] = False

    modifier: pydantic.SerializeAsAny[ImageModifier]
    target_bits_per_pixel: float | None = pydantic.Field(None, gt=0)
    target_ratio: float | None = pydantic.Field(None, ge=1)
    per_image: bool = False

    @pydantic.model_validator(mode="after")
    def _one_target(self) -> RateTarget:
        if (self.target_bits_per_pixel is None) == (self.target_ratio is None):
            raise ValueError("give exactly one of target_bits_per_pixel and target_ratio")
        if self.modifier.knob is None:
            raise ValueError(f"{self.modifier.name} has no knob to search along")
        return self

    @property
    def draws(self) -> bool:
        """Whether the modifier draws."""
        return self.modifier.draws

    @property
    def family(self) -> str:
        """Name of the modifier."""
        return self.modifier.family

    def parts(self) -> tuple[Modifier, ...]:
        """The parts of the modifier."""
        return self.modifier.parts()

    @property
    def label(self) -> str:
        """Name of the modifier, its other parameters and the target."""
        return labelled(self.modifier.name, self._asked(self.modifier.parameters()))

    def spec(self) -> dict[str, Any]:
        """Spec of the modifier with the target in place of the knob."""
        ((name, parameters),) = self.modifier.spec().items()
        return {name: self._asked(parameters)}

    def __str__(self) -> str:
        return called(self.modifier.name, self._asked(self.modifier.parameters()))

    def _asked(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Parameters of the modifier with the target in place of the knob."""
        knob = self._knob()
        others = {key: value for key, value in parameters.items() if key != knob.field}
        return {**others, **{key: value for key, value in self.parameters().items() if key != "modifier"}}

    def resolve(self, samples: Samples) -> Modifier:
        """Find the dataset's setting."""
        if self.per_image:
            return self

        def rate_of(setting: ImageModifier) -> float:
            def row(name: str) -> dict[str, float]:
                return _row(setting, samples.load(name), samples.seed, name)

            return self._cost(parallel.unordered(row, samples.names, workers=samples.workers))

        return self._search(rate_of)

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Find this image's setting and apply it."""
        seed = int(rng.integers(2**31)) if self.draws else 0
        found = self._search(lambda setting: self._cost([_row(setting, image, seed, "")]))
        modified = found.modify(image, rng=generator_for(seed, found.name, ""))
        modified.measured["knob"] = found.knob_value or 0.0
        return modified

    def _knob(self) -> Knob:
        if self.modifier.knob is None:
            raise ParameterError(f"{self.modifier.name} has no knob to search along")
        return self.modifier.knob

    def _cost(self, rows: Iterable[dict[str, float]]) -> float:
        """Rate as a number that must not exceed `_budget`."""
        measured = rates(rows)
        if self.target_bits_per_pixel is not None:
            return measured["bits_per_pixel"]
        return 1 / measured["compression_ratio"]

    def _budget(self) -> float:
        return self.target_bits_per_pixel or 1 / (self.target_ratio or math.nan)

    def _search(self, rate_of: Callable[[ImageModifier], float]) -> ImageModifier:
        """Bisect along the knob for the mildest setting within the budget."""
        positions = _positions(self._knob())
        low, high = 0, len(positions) - 1  # the answer is in (low, high] unless the mildest will do
        if self._within(rate_of, positions[0]):
            return self._at(positions[0])
        if not self._within(rate_of, positions[high]):
            raise VariantError(
                f"{self.label}: even at {self._knob().field}={positions[high]:g} the rate is "
                f"{self._said(rate_of(self._at(positions[high])))}; ask for less compression"
            )
        while high - low > 1:
            middle = (low + high) // 2
            if self._within(rate_of, positions[middle]):
                high = middle
            else:
                low = middle
        return self._at(positions[high])

    def _within(self, rate_of: Callable[[ImageModifier], float], value: float) -> bool:
        rate = rate_of(self._at(value))
        if math.isnan(rate):
            raise ParameterError(f"{self.modifier.name} reports no coded size, so it has no rate to aim at")
        return rate <= self._budget()

    def _at(self, value: float) -> ImageModifier:
        setting = self.modifier.with_knob(value)
        if not isinstance(setting, ImageModifier):
            raise ParameterError(f"{self.modifier.name} is not a modifier of single images")
        return setting

    def _said(self, cost: float) -> str:
        if self.target_bits_per_pixel is not None:
            return f"{cost:.4g} bits per pixel, more than {self.target_bits_per_pixel:g}"
        return f"{1 / cost:.4g}:1, less than {self.target_ratio:g}:1"


def _row(setting: ImageModifier, image: Image, seed: int, name: str) -> dict[str, float]:
    modified = setting.modify(image, rng=generator_for(seed, setting.name, name))
    size = image_size(image.width, image.height, image.bands, image.bits_per_sample)
    return {**size, **modified.measured}


def _positions(knob: Knob) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values of the knob from mild to harsh: every integer, or steps even on a log or linear axis."""
    if knob.integer:
        count = round(abs(knob.harsh - knob.mild)) + 1
        return np.linspace(knob.mild, knob.harsh, count)
    count = round(1 / RELATIVE_RESOLUTION) + 1
    if min(knob.mild, knob.harsh) > 0:
        return np.geomspace(knob.mild, knob.harsh, count)
    return np.linspace(knob.mild, knob.harsh, count)
