"""Modifiers and metrics to test with: lossy, moving, cutting, drawing, and breaking their contract.

A module of its own, so that other processes can import what is in it.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pydantic
from affine import Affine

from iqf_core import Image, ImageMetric, ImageModifier, Knob, Modified, Modifier, Output, PairMetric
from iqf_core.image import decode_jpeg
from iqf_core.metrics import Missing


class Coarse(ImageModifier):
    """Keep multiples of ``step``, at a rate that falls as the step grows and depends on the image."""

    name: ClassVar[str] = "coarse"
    knob: ClassVar[Knob | None] = Knob("step", mild=1, harsh=1024, integer=True)

    step: int = pydantic.Field(1, ge=1, le=1024)
    gain: float = 1.0

    def apply(self, image, *, rng):
        pixels = (image.pixels // self.step * self.step).astype(image.dtype)
        coded = (
            image.pixels.nbytes
            / (1 + math.log2(self.step))
            * (1 + abs(image.pixels.mean(dtype=float)) / 40_000)
        )
        return Modified(image.with_pixels(pixels), measured={"bytes": coded, "encode_s": 0.25})


class Soft(ImageModifier):
    """A knob that is no whole number."""

    name: ClassVar[str] = "soft"
    knob: ClassVar[Knob | None] = Knob("ratio", mild=1.0, harsh=100.0)

    ratio: float = pydantic.Field(1.0, ge=1, le=100)

    def apply(self, image, *, rng):
        return Modified(
            image.with_pixels(image.pixels.copy()), measured={"bytes": image.pixels.nbytes / self.ratio}
        )


class Jpg(ImageModifier):
    """A JPEG codec, decoded when asked."""

    name: ClassVar[str] = "jpg"
    knob: ClassVar[Knob | None] = Knob("quality", mild=100, harsh=1, integer=True)

    quality: int = pydantic.Field(50, ge=1, le=100)

    def apply(self, image, *, rng):
        order = image.pixels[..., ::-1] if image.bands == 3 else image.pixels
        data = cv2.imencode(".jpg", np.ascontiguousarray(order), [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
        data = data.tobytes()
        return Modified(lambda: image.with_pixels(decode_jpeg(data)), codestreams=[data], suffix=".jpg")


class Noise(ImageModifier):
    """Uniform noise of one level: the only one here that draws."""

    name: ClassVar[str] = "noise"
    stochastic: ClassVar[bool] = True

    levels: int = 3

    def apply(self, image, *, rng):
        added = image.pixels.astype(np.float64) + rng.integers(
            -self.levels, self.levels + 1, image.pixels.shape
        )
        if image.dtype.kind != "f":
            limits = np.iinfo(image.dtype)
            added = np.clip(added, limits.min, limits.max)
        return Modified(image.with_pixels(added.astype(image.dtype)))


class Shift(ImageModifier):
    """Add a number to every sample, the nodata ones too; wraps around."""

    name: ClassVar[str] = "shift"

    by: float = 1

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(image.pixels + np.array(self.by).astype(int).astype(image.dtype)))


class Scale(ImageModifier):
    """Each pixel becomes ``times`` x ``times`` pixels."""

    name: ClassVar[str] = "scale"

    times: int = 2

    def apply(self, image, *, rng):
        pixels = image.pixels.repeat(self.times, axis=0).repeat(self.times, axis=1)
        return Modified(image.with_pixels(pixels), affine=Affine.scale(self.times))


class Flip(ImageModifier):
    """Left becomes right."""

    name: ClassVar[str] = "flip"

    def apply(self, image, *, rng):
        affine = Affine(-1, 0, image.width, 0, 1, 0)
        return Modified(image.with_pixels(image.pixels[:, ::-1].copy()), affine=affine)


class Turn(ImageModifier):
    """A quarter turn, counter-clockwise."""

    name: ClassVar[str] = "turn"

    def apply(self, image, *, rng):
        affine = Affine(0, 1, 0, -1, 0, image.width)
        return Modified(image.with_pixels(np.rot90(image.pixels).copy()), affine=affine)


class Crop(ImageModifier):
    """A window."""

    name: ClassVar[str] = "crop"

    left: int = 0
    top: int = 0
    size: int = 16

    def apply(self, image, *, rng):
        window = image.pixels[self.top : self.top + self.size, self.left : self.left + self.size]
        return Modified(image.with_pixels(window.copy()), affine=Affine.translation(-self.left, -self.top))


class Bare(ImageModifier):
    """What a careless author gives: pixels alone."""

    name: ClassVar[str] = "bare"

    def apply(self, image, *, rng):
        return Modified(Image(image.pixels.copy()))


class Grey(ImageModifier):
    """One band, the first."""

    name: ClassVar[str] = "grey"
    keeps_bands: ClassVar[bool] = False

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(image.pixels[..., :1].copy()))


class Eight(ImageModifier):
    """Eight bits, by the high ones."""

    name: ClassVar[str] = "eight"
    keeps_dtype: ClassVar[bool] = False

    def apply(self, image, *, rng):
        pixels = (image.pixels.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return Modified(Image(pixels, white=255.0, nodata=image.nodata, geo=image.geo))


class Pair(ImageModifier):
    """Parameters that are lists or text."""

    name: ClassVar[str] = "pair"

    window: tuple[int, ...] = (0, 0)
    word: str = ""

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(image.pixels.copy()))


class Tiles(Modifier):
    """Cut into tiles: one to many."""

    name: ClassVar[str] = "tiles"

    size: int = 16

    def apply_dataset(self, source, writer):
        for name in writer.pending:
            image = source.read(name)
            stem, _, suffix = name.rpartition(".")
            writer.add(name, image, self.cut(image, stem, suffix))

    def cut(self, image, stem, suffix):
        for top in range(0, image.height, self.size):
            for left in range(0, image.width, self.size):
                window = image.pixels[top : top + self.size, left : left + self.size]
                affine = Affine.translation(-left, -top)
                tile = Modified(image.with_pixels(window.copy()), affine=affine)
                yield f"{stem}_{top}_{left}.{suffix}", tile


class SameName(Tiles):
    """Tiles that all have one name."""

    name: ClassVar[str] = "same"

    def cut(self, image, stem, suffix):
        return ((f"tile.{suffix}", tile) for _, tile in super().cut(image, stem, suffix))


class Nothing(Modifier):
    """No image at all."""

    name: ClassVar[str] = "nothing"

    def apply_dataset(self, source, writer):
        return None


class Logged(ImageModifier):
    """Writes down which image it was given, by its first sample; slow enough to be killed."""

    name: ClassVar[str] = "logged"
    stochastic: ClassVar[bool] = True

    log: str = ""
    wait_s: float = 0.0

    def apply(self, image, *, rng):
        with Path(self.log).open("a") as file:
            file.write(f"{int(image.pixels[0, 0, 0])}\n")
        time.sleep(self.wait_s)
        noise = rng.integers(0, 2, image.pixels.shape).astype(image.dtype)
        return Modified(image.with_pixels(image.pixels ^ noise))


class Returns(ImageModifier):
    """Breaks its contract, as asked."""

    name: ClassVar[str] = "returns"

    what: str = "input"

    def apply(self, image, *, rng):
        if self.what == "input":
            return Modified(image)
        if self.what == "view":
            return Modified(image.with_pixels(image.pixels[::-1]))
        if self.what == "written":
            image.pixels[0] = 0
        if self.what == "dtype":
            return Modified(image.with_pixels(image.pixels.astype(np.float32)))
        if self.what == "bands":
            return Modified(image.with_pixels(image.pixels[..., :1].copy()))
        if self.what == "size":
            return Modified(image.with_pixels(image.pixels[1:].copy()))
        if self.what == "late size":
            return Modified(lambda: image.with_pixels(image.pixels[1:].copy()))
        if self.what == "array":
            return image.pixels
        raise ZeroDivisionError("nothing left")


class Level(ImageMetric):
    """The mean, or what goes wrong, by the mean."""

    name: ClassVar[str] = "level"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("mean", "DN", "none", -math.inf, math.inf, "Mean."),
        Output("other", "1", "none", 0, 1, "Sometimes there."),
    )

    below: float = 0.0
    gives: str = "missing"

    def measure(self, image):
        mean = float(image.pixels.mean())
        if mean >= self.below:
            return {"mean": mean, "other": 1.0}
        if self.gives == "error":
            raise ArithmeticError("too dark")
        kinds = {
            "missing": {"mean": Missing("too dark"), "other": 0.5},
            "nan": {"mean": math.nan, "other": 0.5},
        }
        return {**kinds, "none": None, "text": {"mean": "dark"}, "part": {"other": 0.5}}[self.gives]


class Difference(PairMetric):
    """Mean absolute difference."""

    name: ClassVar[str] = "difference"
    outputs: ClassVar[tuple[Output, ...]] = (Output("mean", "DN", "lower", 0, math.inf, "Mean difference."),)

    def compare(self, reference, image):
        return {"mean": float(np.abs(reference.pixels.astype(float) - image.pixels.astype(float)).mean())}


class Ratio(PairMetric):
    """Infinite for equal images."""

    name: ClassVar[str] = "ratio"
    outputs: ClassVar[tuple[Output, ...]] = (Output("db", "dB", "higher", -math.inf, math.inf, "As a PSNR."),)

    def compare(self, reference, image):
        error = float(np.square(reference.pixels.astype(float) - image.pixels).mean())
        return {"db": math.inf if error == 0 else -10 * math.log10(error)}
