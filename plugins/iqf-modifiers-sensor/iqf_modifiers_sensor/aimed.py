"""Asking for a measured value instead of a setting: ``blur(target_rer=0.3)``, ``noise(target_snr=50)``.

What is added is what is missing between an image's own value and the one asked for. An image that is
already worse is left as it is where each image has its own setting, and noted in any case.
"""

from __future__ import annotations

import abc
import logging
import math
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import pydantic

from iqf_core import (
    Image,
    ImageModifier,
    Missing,
    Modified,
    ParameterError,
    UnsupportedImage,
    VariantError,
)
from iqf_core.modifiers import Knob
from iqf_core.plugins import registry
from iqf_core.samples import Samples, generator_for
from iqf_modifiers_sensor.aim import Aim
from iqf_modifiers_sensor.means import mean, spread, values_of
from iqf_modifiers_sensor.samples import Pixels, is_empty
from iqf_modifiers_sensor.search import search

log = logging.getLogger("iqf")

AIMING = ("metric", "per_image", "sample")
"""Parameters that only count with a target, besides ``target_…`` and ``measured_…``."""


class Aimed(ImageModifier):
    """A modifier whose knob can be found from what images shall measure: implement the abstract ones."""

    per_image: bool = pydantic.Field(False, description="with a target: a setting for each image")
    sample: int = pydantic.Field(
        32, ge=1, description="with a target for the dataset: how many images are measured to find it"
    )

    beside_target: ClassVar[tuple[str, ...]] = ()
    """Parameters that a plain setting at a value of the knob does not take."""

    _found_for: Aim | None = pydantic.PrivateAttr(None)

    @pydantic.model_validator(mode="after")
    def _aims_at_something(self) -> Self:
        given = {key for key in _aiming(self) if getattr(self, key) != type(self).model_fields[key].default}
        targets = sorted(key for key in given if key.startswith("target_"))
        measured = {target.replace("target_", "measured_") for target in targets}
        idle = sorted(key for key in given - {*targets, *measured} if not targets or key not in AIMING)
        if idle:
            raise ValueError(f"{idle[0]} counts only with its target")
        return self

    @property
    @abc.abstractmethod
    def aim(self) -> Aim | None:
        """What was asked for; None for a plain setting."""

    @abc.abstractmethod
    def expected(self, aim: Aim, own: float, image: Image, value: float) -> float:
        """What an image that has ``own`` will have at a value of the knob, where that is not measured."""

    @abc.abstractmethod
    def pixels_of(self, image: Image, rng: np.random.Generator) -> Pixels:
        """Pixels after a plain setting."""

    def asked(self) -> dict[str, float]:
        """The target."""
        return {} if self.aim is None else {self.aim.output: self.aim.wanted}

    def versions(self) -> dict[str, str]:
        """Version of the plugin that measures."""
        if self.aim is None or self.aim.given is not None:
            return {}
        entry = registry().entry_of(type(self.aim.made_metric()))
        return {} if entry is None else {entry.distribution: entry.version}

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Apply a plain setting, or the one that this image needs."""
        if self.aim is not None:
            return self._apply_own(self.aim, image, rng)
        modified = Modified(image.with_pixels(self.pixels_of(image, rng)))
        if self._found_for is not None:
            modified.measured.update(self._found_for.noted(self._found_for.own(image)))
        return modified

    def resolve(self, samples: Samples) -> Aimed:
        """Setting for a dataset: the mean over a sample of its images has the value asked for."""
        if self.aim is None or self.per_image:
            return self
        few = Samples(spread(samples.names, self.sample), samples.load, samples.seed, samples.workers)
        found, _, _ = self._searched(self.aim, few)
        found._found_for = self.aim
        return found

    def _apply_own(self, aim: Aim, image: Image, rng: np.random.Generator) -> Modified:
        if is_empty(image):
            return Modified(image.with_pixels(image.pixels.copy()))
        seed = int(rng.integers(2**31)) if self.draws else 0
        try:
            found, before, after = self._searched(aim, Samples([""], lambda _: image, seed, workers=1))
        except VariantError as error:
            hint = "; or leave out per_image: then others find its setting" if self.per_image else ""
            raise UnsupportedImage(f"{error}{hint}") from error
        modified = found.modify(image, rng=generator_for(seed, self.name, ""))
        value = found.knob_value or 0.0
        noted = {"knob": value, self._knob().field: value, f"{aim.output}_after": after}
        modified.measured.update({**aim.noted(before), **noted})
        return modified

    def _searched(self, aim: Aim, samples: Samples) -> tuple[Self, float, float]:
        """Plain setting, and the mean of its images before and after."""
        before = self._before(aim, samples)
        knob = self._knob()

        def after(value: float) -> float:
            return mean(values_of(lambda name: self._after(aim, samples, name, value), samples))

        guess = self._guess(aim, before, samples, knob)
        value, reached = search(after, aim.excess, before, guess=guess, top=knob.harsh, said=f"{self}")
        return self.plain(value), before, reached

    def _before(self, aim: Aim, samples: Samples) -> float:
        """Mean of the images as they are, those already worse named."""
        own = values_of(lambda name: aim.own(samples.load(name)), samples)
        before = mean(own)
        if math.isnan(before):
            reasons = [value.reason for value in own.values() if isinstance(value, Missing)]
            raise VariantError(
                f"{self}: {aim.metric} gives no {aim.output} ({(reasons or ['no reason said'])[0]}); "
                f"give measured_{aim.output}= where it is known"
            )
        worse = sorted(name or "the image" for name, value in own.items() if aim.is_missed(value))
        if worse:
            log.warning("%s: already worse than that: %s", self, _listed(worse))
        return before

    def _after(self, aim: Aim, samples: Samples, name: str, value: float) -> float:
        image = samples.load(name)
        if aim.given is not None:
            return self.expected(aim, aim.given, image, value)
        rng = generator_for(samples.seed, self.name, name) if self.draws else None
        return aim.measured(self.plain(value).modify(image, rng=rng).decoded())

    def _guess(self, aim: Aim, before: float, samples: Samples, knob: Knob) -> float:
        """Where to begin: what the model of one image says."""
        image = samples.load(samples.names[0])
        try:
            return search(
                lambda value: self.expected(aim, before, image, value),
                aim.excess,
                before,
                guess=knob.harsh / 8,
                top=knob.harsh,
                said="",
            )[0]
        except (VariantError, UnsupportedImage):  # the model cannot reach it; what is measured decides
            return knob.harsh / 4

    def plain(self, value: float) -> Self:
        """Setting without a target, at a value of the knob."""
        dropped = (*_aiming(self), *self.beside_target)
        usual = {key: type(self).model_fields[key].default for key in dropped}
        return self.replaced(**usual, **{self._knob().field: value})

    def _knob(self) -> Knob:
        if self.knob is None:
            raise ParameterError(f"{self} has no knob to search along")
        return self.knob


def _aiming(modifier: Aimed) -> list[str]:
    """Parameters that have to do with a target."""
    fields = type(modifier).model_fields
    return [key for key in fields if key in AIMING or key.startswith(("target_", "measured_"))]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
