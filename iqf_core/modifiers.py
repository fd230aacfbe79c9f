"""What a modifier is: a parametrised transformation of images.

Write one by subclassing `ImageModifier` (one image in, one image out)::

    class Invert(ImageModifier):
        \"\"\"Photographic negative.\"\"\"

        name: ClassVar[str] = "invert"

        def apply(self, image, *, rng):
            return Modified(image.with_pixels(np.uint8(255) - image.pixels))

The core holds one modifier, `Identity`; all others are plugins.
"""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pydantic

from iqf_core.contract import NoGenerator, held_to_contract
from iqf_core.errors import ParameterError, VariantError
from iqf_core.image import Image
from iqf_core.parameters import Parametrised, labelled

if TYPE_CHECKING:
    from affine import Affine

    from iqf_core.records import Move, Thing
    from iqf_core.samples import Samples


@dataclass(frozen=True, slots=True)
class Knob:
    """The one parameter of a modifier along which harm grows.

    Parameters
    ----------
    field : str
        Name of the parameter.
    mild, harsh : float
        The values of least and of most harm: the ends of the range that searches may use.
    integer : bool, optional
        Whether only whole numbers make sense.
    """

    field: str
    mild: float
    harsh: float
    integer: bool = False


@dataclass(slots=True)
class Modified:
    """What a modifier made of one image.

    Parameters
    ----------
    image : Image or callable returning Image
        The modified image. A codec passes a function, so that nothing is decoded where only the
        codestream is wanted.
    codestreams : sequence of bytes, optional
        The encoded image: one, or one per band.
    suffix : str, optional
        File name suffix of a codestream that is a file of its own (``".jpg"``); empty when it is not.
    measured : dict of str to float, optional
        Measured on the way: ``bytes`` (coded size; the sum of the codestreams unless given),
        ``fixed_bits_per_pixel``, ``encode_s``, ``decode_s``, and whatever else is worth keeping.
    affine : affine.Affine or None, optional
        Map from old to new pixel coordinates, for boxes, polygons, masks and the georeference; None
        when pixels stay where they are.
    like : Image or None, optional
        What was encoded: a codestream that is stored takes its georeference and tags from it. Set by
        `ImageModifier.modify`.
    """

    image: Image | Callable[[], Image] = field(repr=False)
    codestreams: Sequence[bytes] = field(default=(), repr=False)
    suffix: str = ""
    measured: dict[str, float] = field(default_factory=dict)
    affine: Affine | None = None
    like: Image | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.codestreams:
            self.measured.setdefault("bytes", float(sum(map(len, self.codestreams))))

    def decoded(self) -> Image:
        """The modified image, decoded when asked for the first time."""
        if not isinstance(self.image, Image):
            started = time.perf_counter()
            self.image = self.image()
            elapsed = time.perf_counter() - started
            self.measured["decode_s"] = self.measured.get("decode_s", 0.0) + elapsed
        return self.image


class Modifier(Parametrised, abc.ABC):
    """A parametrised transformation of the images of a dataset.

    Attributes
    ----------
    name : str
        How users call it.
    knob : Knob or None
        The parameter along which harm grows.
    stochastic : bool
        Whether it draws from the generator: then the seed is part of what determines a variant.
    """

    knob: ClassVar[Knob | None] = None
    stochastic: ClassVar[bool] = False
    keeps_dtype: ClassVar[bool] = True
    keeps_bands: ClassVar[bool] = True

    @property
    def draws(self) -> bool:
        """Whether the result depends on the seed."""
        return self.stochastic

    @property
    def family(self) -> str:
        """Name that settings of the same modifier or chain share."""
        return self.name

    @property
    def label(self) -> str:
        """Short name: that of any parametrised thing, with the knob's value even where it is the default."""
        if self.knob is None:
            return super().label
        value = getattr(self, self.knob.field)
        knob = {} if value is None else {self.knob.field: value}
        return labelled(self.name, {**knob, **self.parameters()})

    @property
    def knob_value(self) -> float | None:
        """Value of the knob's parameter, None where there is no knob."""
        value = None if self.knob is None else getattr(self, self.knob.field)
        return None if value is None else float(value)

    def with_knob(self, value: float) -> Modifier:
        """Copy with another value of the knob.

        Raises
        ------
        ParameterError
            When the modifier has no knob or the value is out of its range.
        """
        if self.knob is None:
            raise ParameterError(f"{self.name} has no knob, so a target cannot be searched for it")
        return self.replaced(**{self.knob.field: round(value) if self.knob.integer else float(value)})

    def parts(self) -> tuple[Modifier, ...]:
        """The modifiers that it is made of: itself, or the steps of a chain."""
        return (self,)

    def versions(self) -> dict[str, str]:
        """Library -> version of what its pixels depend on beyond its plugin: its codec."""
        return {}

    def neutral(self) -> Modifier | None:
        """Setting that must be the identity, or None when there is none."""
        return None

    def asked(self) -> dict[str, float]:
        """What images shall measure afterwards: output of a metric -> value; empty where nothing is asked."""
        return {}

    def spec(self) -> dict[str, Any]:
        """What a study file would say; `iqf_core.modifier` gives back an equal modifier.

        A value that is a list stands in a list: by itself it would be a grid.
        """
        parameters = self.parameters()
        return {self.name: {k: [v] if isinstance(v, list) else v for k, v in parameters.items()}}

    def resolve(self, samples: Samples) -> Modifier:
        """Setting to use for a whole dataset; anything but itself only for searched targets."""
        return self

    def left_of(self, thing: Thing, move: Move) -> Thing | None:
        """What is left of an object in an image that its pixels moved into: all of it, unless overridden.

        Parameters
        ----------
        thing : iqf_core.records.Thing
            In the pixels of the new image, of which it may stick out.
        move : iqf_core.records.Move
            Name and size of that image.

        Returns
        -------
        Thing or None
            None when the image's ground truth shall not have it.
        """
        return thing

    @abc.abstractmethod
    def apply_dataset(self, source: Any, writer: Any) -> None:
        """Modify a whole dataset: the general form, one to many and many to one.

        Parameters
        ----------
        source : iqf_core.Dataset
            What to modify.
        writer : iqf_core.build.VariantWriter
            Receives each image of the variant through ``writer.add``; ``writer.pending`` are the names
            of the source that an interrupted build has not finished.
        """


class ImageModifier(Modifier):
    """A modifier that makes one image of one image: implement `apply`."""

    @abc.abstractmethod
    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Modify one image.

        Parameters
        ----------
        image : Image
            Its pixels, (H, W, C), cannot be written to.
        rng : numpy.random.Generator
            The only source of randomness; a modifier that uses it declares ``stochastic = True``.

        Returns
        -------
        Modified
            With pixels of its own. Pixels that were nodata are set back to nodata by the caller.

        Raises
        ------
        UnsupportedImage
            When the image cannot be represented; the message holds the remedy.
        """

    def modify(self, image: Image, *, rng: np.random.Generator | None = None) -> Modified:
        """Apply, and hold the result to the pixel contract.

        Parameters
        ----------
        image : Image
            Is left as it is.
        rng : numpy.random.Generator or None, optional
            None means ``numpy.random.default_rng(0)``; a modifier that does not declare that it draws gets
            none.

        Returns
        -------
        Modified
            Shares no memory with the input; nodata pixels are nodata, and no others are; the
            georeference followed the pixels. What the result does not say (georeference, nodata,
            encoding) is the input's.

        Raises
        ------
        VariantError
            When the modifier breaks its contract: it writes to its input, or gives another dtype or
            number of bands than declared, or another size without the map between the two.
        """
        if not isinstance(image, Image):
            raise ParameterError(
                f"{self} modifies an Image, not {type(image).__name__}: iqf_core.Image.from_array makes one"
            )
        view = image.pixels.view()
        view.flags.writeable = False
        generator = rng or np.random.default_rng(0) if self.draws else NoGenerator(str(self))
        modified = self.apply(replace(image, pixels=view), rng=generator)
        if not isinstance(modified, Modified):
            raise VariantError(f"{self} returned {type(modified).__name__}, not Modified")
        modified.like = modified.like or image
        result = modified.image
        if isinstance(result, Image):
            modified.image = held_to_contract(self, image, result, modified.affine)
        else:
            affine = modified.affine
            modified.image = lambda: held_to_contract(self, image, result(), affine)
        return modified

    def apply_dataset(self, source: Any, writer: Any) -> None:
        """Modify every image by itself, in parallel."""
        writer.add_each(source, self)


class Identity(ImageModifier):
    """Every pixel, tag and coordinate as it was: the reference of a study."""

    name: ClassVar[str] = "identity"

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Copy the image."""
        return Modified(replace(image, pixels=image.pixels.copy()))

    def neutral(self) -> Modifier:
        """Be the identity, as it is."""
        return self


class Chain(ImageModifier):
    """Modifiers applied one after the other.

    The rate is that of the last step that has one; times add up; the maps between pixel coordinates
    are composed.

    Parameters
    ----------
    steps : tuple of ImageModifier
        At least one.
    """

    name: ClassVar[str] = "chain"
    keeps_dtype: ClassVar[bool] = False  # each step answers for itself
    keeps_bands: ClassVar[bool] = False

    steps: tuple[pydantic.SerializeAsAny[ImageModifier], ...] = pydantic.Field(min_length=1)

    @property
    def draws(self) -> bool:
        """Whether any step draws."""
        return any(step.draws for step in self.steps)

    @property
    def family(self) -> str:
        """Names of the steps."""
        return "+".join(step.family for step in self.steps)

    @property
    def label(self) -> str:
        """Labels of the steps."""
        return "+".join(step.label for step in self.steps)

    @property
    def knob_value(self) -> float | None:
        """Value of the last step that has a knob."""
        values = [step.knob_value for step in self.steps if step.knob is not None]
        return values[-1] if values else None

    def parts(self) -> tuple[Modifier, ...]:
        """The parts of all steps."""
        return tuple(part for step in self.steps for part in step.parts())

    def asked(self) -> dict[str, float]:
        """What the steps are asked for; of two that ask for the same, the later."""
        return {name: value for step in self.steps for name, value in step.asked().items()}

    def parameters(self) -> dict[str, Any]:
        """Specs of the steps."""
        return {"steps": [step.spec() for step in self.steps]}

    def spec(self) -> dict[str, Any]:
        """``{"chain": {"steps": […]}}``."""
        return {self.name: self.parameters()}

    def resolve(self, samples: Samples) -> Modifier:
        """Resolve each step on what the steps before it make of the images."""
        done: list[ImageModifier] = []
        for step in self.steps:
            before = samples.through(Chain(steps=tuple(done))) if done else samples
            resolved = step.resolve(before)
            if not isinstance(resolved, ImageModifier):
                raise ParameterError(f"{step} makes other images out of many; it cannot stand in a chain")
            done.append(resolved)
        return Chain(steps=tuple(done))

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Apply step after step, each with a generator of its own."""
        measured: dict[str, float] = {}
        affine = None
        modified = Modified(image)
        generators = rng.spawn(len(self.steps)) if self.draws else [None] * len(self.steps)
        for step, step_rng in zip(self.steps, generators, strict=True):
            before = modified.decoded()
            measured = _merged(measured, modified.measured)
            modified = step.modify(before, rng=step_rng)
            if modified.affine is not None:
                affine = modified.affine if affine is None else modified.affine @ affine
        modified.measured = _merged(measured, modified.measured)
        modified.affine = affine
        return modified

    def __str__(self) -> str:
        return " | ".join(map(str, self.steps))


def _merged(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Measurements of two steps: times add up, anything else is the later step's."""
    times = {key: before[key] + after[key] for key in before.keys() & after.keys() if key.endswith("_s")}
    return {**before, **after, **times}
