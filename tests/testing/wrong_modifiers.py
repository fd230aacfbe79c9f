"""Modifiers that are right, and for each law one or two that break it and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pydantic
from affine import Affine

from iqf_core import ImageModifier, Knob, Modified, UnsupportedImage


class Fade(ImageModifier):
    """Darken by a share: right in every way."""

    name: ClassVar[str] = "fade"
    knob: ClassVar[Knob | None] = Knob("loss", mild=0.0, harsh=0.5)

    loss: float = pydantic.Field(0.2, ge=0, le=1)
    word: str = "4:2:0"
    window: tuple[int, ...] = (3, 5)

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(self.faded(image)))

    def faded(self, image):
        return (image.pixels * (1 - self.loss)).astype(image.dtype)

    def neutral(self):
        return self.replaced(loss=0.0)


class Grainy(ImageModifier):
    """Noise of a share of white: right, and draws."""

    name: ClassVar[str] = "grainy"
    knob: ClassVar[Knob | None] = Knob("sigma", mild=0.0, harsh=0.2)
    stochastic: ClassVar[bool] = True

    sigma: float = 0.02

    def apply(self, image, *, rng):
        white = image.require_white()
        noisy = image.pixels + rng.normal(0, self.sigma * white, image.pixels.shape)
        if image.dtype.kind != "f":
            limits = np.iinfo(image.dtype)
            noisy = np.clip(np.rint(noisy), limits.min, limits.max)
        return Modified(image.with_pixels(noisy.astype(image.dtype)))

    def neutral(self):
        return self.replaced(sigma=0.0)


class Flip(ImageModifier):
    """Left becomes right: right, and moves pixels."""

    name: ClassVar[str] = "flip"

    def apply(self, image, *, rng):
        pixels = image.pixels[:, ::-1].copy()
        return Modified(image.with_pixels(pixels), affine=Affine(-1, 0, image.width, 0, 1, 0))


class Coarser(ImageModifier):
    """Every n-th pixel: right, and changes the size."""

    name: ClassVar[str] = "coarser"
    knob: ClassVar[Knob | None] = Knob("step", mild=1, harsh=4, integer=True)

    step: int = 2

    def apply(self, image, *, rng):
        if min(image.height, image.width) < 2 * self.step:
            raise UnsupportedImage(f"{image.width} x {image.height} pixels: choose a smaller step")
        height, width = (side // self.step * self.step for side in (image.height, image.width))
        pixels = image.pixels[: height : self.step, : width : self.step].copy()
        return Modified(image.with_pixels(pixels), affine=Affine.scale(1 / self.step))


class Bright(ImageModifier):
    """Eight bits and one band of whatever it is: right, and says so."""

    name: ClassVar[str] = "bright"
    keeps_dtype: ClassVar[bool] = False
    keeps_bands: ClassVar[bool] = False

    def apply(self, image, *, rng):
        share = image.pixels[..., :1] / image.require_white()
        holes = image.nodata_mask()
        share = np.nan_to_num(share, nan=0.0).clip(0, 1)
        pixels = np.maximum(1, np.rint(share * 255)).astype(np.uint8)
        nodata = None
        if holes is not None:
            pixels[holes.all(axis=2)], nodata = 0, 0.0
        return Modified(replace(image.with_pixels(pixels), white=255.0, nodata=nodata))


class FailsOnSixBands(Fade):
    name: ClassVar[str] = "fails_on_six_bands"

    def apply(self, image, *, rng):
        if image.bands > 3:
            raise TypeError("only size-1 arrays can be converted")
        return super().apply(image, rng=rng)


class MakesNan(Fade):
    name: ClassVar[str] = "makes_nan"

    def apply(self, image, *, rng):
        pixels = self.faded(image)
        if self.loss and image.dtype.kind == "f" and image.bands == 6:
            pixels[-1, -1, 5] = np.nan
        return Modified(image.with_pixels(pixels))


class RefusesWithoutRemedy(Fade):
    name: ClassVar[str] = "refuses_without_remedy"

    def apply(self, image, *, rng):
        if image.dtype != np.uint8:
            raise UnsupportedImage(f"{image.dtype} is bad")
        return super().apply(image, rng=rng)


class RefusesWithAnotherError(Fade):
    name: ClassVar[str] = "refuses_with_another_error"

    def apply(self, image, *, rng):
        if image.dtype != np.uint8:
            raise ValueError("use uint8")
        return super().apply(image, rng=rng)


class FailsOnOnePixel(Fade):
    name: ClassVar[str] = "fails_on_one_pixel"

    def apply(self, image, *, rng):
        return Modified(
            image.with_pixels(self.faded(image)), measured={"slope": float(image.pixels[1, 1, 0])}
        )


class WritesToItsInput(Fade):
    name: ClassVar[str] = "writes_to_its_input"

    def apply(self, image, *, rng):
        pixels = self.faded(image)
        image.pixels[0] = 0
        return Modified(image.with_pixels(pixels))


class SharesItsInput(ImageModifier):
    name: ClassVar[str] = "shares_its_input"

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(image.pixels[:]))


class SharesItsBuffer(ImageModifier):
    """One buffer for all results, large enough for every image of the kit; filled anew each time."""

    name: ClassVar[str] = "shares_its_buffer"
    buffers: ClassVar[dict] = {}

    def apply(self, image, *, rng):
        if image.height != 64:  # so that what the workers make is right
            return Modified(image.with_pixels(image.pixels.copy()))
        key = (image.pixels.shape, image.dtype)
        buffer = self.buffers.setdefault(key, np.empty(image.pixels.shape, image.dtype))
        buffer[:] = image.pixels
        return Modified(image.with_pixels(buffer))


class TurnsToFloat(Fade):
    name: ClassVar[str] = "turns_to_float"

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(self.faded(image).astype(np.float32)))


class DropsBands(Fade):
    name: ClassVar[str] = "drops_bands"

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(self.faded(image)[..., :1].copy()))


class CutsInSecret(Fade):
    name: ClassVar[str] = "cuts_in_secret"

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(self.faded(image)[: max(1, image.height - 1)].copy()))


class ForgetsFullScale(ImageModifier):
    name: ClassVar[str] = "forgets_full_scale"

    def apply(self, image, *, rng):
        white = None if image.white is None else image.white * 2 + 1
        return Modified(replace(image, pixels=image.pixels.copy(), white=white))


class RollsInSecret(ImageModifier):
    name: ClassVar[str] = "rolls_in_secret"

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(np.roll(image.pixels, 6, axis=1)))


class FlipsInSecret(ImageModifier):
    name: ClassVar[str] = "flips_in_secret"

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(image.pixels[:, ::-1].copy()))


class MovesTheGeoreference(ImageModifier):
    name: ClassVar[str] = "moves_the_georeference"

    def apply(self, image, *, rng):
        geo = image.geo
        if geo is not None and geo.transform is not None:
            geo = replace(geo, transform=geo.transform @ Affine.translation(1, 0))
        return Modified(image.with_pixels(image.pixels.copy(), geo=geo))


class ForgetsToMoveTheGeoreference(Flip):
    """It has moved it itself, as far as IQF can tell, but by another map."""

    name: ClassVar[str] = "forgets_to_move_the_georeference"

    def apply(self, image, *, rng):
        modified = super().apply(image, rng=rng)
        if image.geo is not None:
            modified.image = replace(modified.image, geo=image.geo.moved(Affine.scale(2)))
        return modified


class FillsNodata(Flip):
    """Where pixels move, IQF cannot set nodata back."""

    name: ClassVar[str] = "fills_nodata"

    def apply(self, image, *, rng):
        modified = super().apply(image, rng=rng)
        holes = modified.image.nodata_mask()
        if holes is not None and not holes.all():
            modified.image.pixels[holes] = modified.image.pixels[~holes].max()
        return modified


class LosesData(Flip):
    name: ClassVar[str] = "loses_data"

    def apply(self, image, *, rng):
        modified = super().apply(image, rng=rng)
        if image.nodata is not None:
            modified.image.pixels[modified.image.height // 2 :] = image.nodata
        return modified


class DrawsOnItsOwn(ImageModifier):
    name: ClassVar[str] = "draws_on_its_own"

    def apply(self, image, *, rng):
        share = np.random.default_rng().uniform(0.8, 1, image.pixels.shape)
        return Modified(image.with_pixels((image.pixels * share).astype(image.dtype)))


class RemembersTheLastImage(ImageModifier):
    """Right one image at a time; in a dataset it depends on who was there before."""

    name: ClassVar[str] = "remembers_the_last_image"
    last: ClassVar[dict] = {}

    def apply(self, image, *, rng):
        before = self.last.get(image.pixels.shape, image.pixels)
        if image.height == 48:
            self.last[image.pixels.shape] = image.pixels.copy()
        mixed = image.pixels / 2 + before.astype(float) / 2
        return Modified(image.with_pixels(mixed.astype(image.dtype)))


class DrawsInSecret(Grainy):
    name: ClassVar[str] = "draws_in_secret"
    stochastic: ClassVar[bool] = False


class SpawnsInSecret(Grainy):
    name: ClassVar[str] = "spawns_in_secret"
    stochastic: ClassVar[bool] = False

    def apply(self, image, *, rng):
        return super().apply(image, rng=rng.spawn(1)[0])


class SaysThatItDraws(Fade):
    name: ClassVar[str] = "says_that_it_draws"
    stochastic: ClassVar[bool] = True


class IsNeverNeutral(Fade):
    name: ClassVar[str] = "is_never_neutral"

    def neutral(self):
        return self.replaced(loss=0.01)


class HasItsKnobTheWrongWay(Fade):
    name: ClassVar[str] = "has_its_knob_the_wrong_way"
    knob: ClassVar[Knob | None] = Knob("loss", mild=0.5, harsh=0.0)


class HasAKnobThatDoesNothing(Fade):
    name: ClassVar[str] = "has_a_knob_that_does_nothing"

    def faded(self, image):
        return image.pixels.copy()


class ForgetsAParameter(Fade):
    name: ClassVar[str] = "forgets_a_parameter"

    def spec(self):
        return {self.name: {key: value for key, value in super().spec()[self.name].items() if key != "loss"}}


class SaysWhatNoYamlHolds(Fade):
    name: ClassVar[str] = "says_what_no_yaml_holds"

    def spec(self):
        return {self.name: {"loss": np.float64(self.loss)}}


RIGHT = [Fade(), Fade(loss=0.3, word="on", window=(1,)), Grainy(), Flip(), Coarser()]

BREAKS = {
    FailsOnSixBands: "works",
    MakesNan: "works",
    RefusesWithoutRemedy: "unsupported_is_refused",
    RefusesWithAnotherError: "unsupported_is_refused",
    FailsOnOnePixel: "odd_images_work_or_are_refused",
    WritesToItsInput: "input_is_untouched",
    SharesItsInput: "memory_is_its_own",
    SharesItsBuffer: "memory_is_its_own",
    TurnsToFloat: "type_bands_and_size_are_declared",
    DropsBands: "type_bands_and_size_are_declared",
    CutsInSecret: "type_bands_and_size_are_declared",
    ForgetsFullScale: "full_scale_is_known",
    RollsInSecret: "pixels_lie_where_declared",
    FlipsInSecret: "pixels_lie_where_declared",
    MovesTheGeoreference: "georeference_follows",
    ForgetsToMoveTheGeoreference: "georeference_follows",
    FillsNodata: "nodata_stays_nodata",
    LosesData: "nodata_stays_nodata",
    DrawsOnItsOwn: "same_seed_same_bytes",
    RemembersTheLastImage: "same_seed_same_bytes",
    DrawsInSecret: "drawing_is_declared",
    SpawnsInSecret: "drawing_is_declared",
    SaysThatItDraws: "drawing_is_declared",
    IsNeverNeutral: "neutral_is_the_identity",
    HasItsKnobTheWrongWay: "harm_grows_along_the_knob",
    HasAKnobThatDoesNothing: "harm_grows_along_the_knob",
    ForgetsAParameter: "parameters_survive_yaml",
    SaysWhatNoYamlHolds: "parameters_survive_yaml",
}
"""Class -> the one law that it breaks."""
