"""Metrics that are right, and for each law one or two that break it and no other."""

from __future__ import annotations

import itertools
import math
import random
import warnings
from dataclasses import replace
from typing import ClassVar

import numpy as np

from iqf_core import ImageMetric, Missing, Output, PairMetric

MEAN = Output("mean", "DN", "none", -math.inf, math.inf, "Mean of the valid samples.")
GRAIN = Output("grain", "DN", "lower", 0, math.inf, "Mean difference of neighbours.")
VALID = Output("valid", "1", "none", 0, math.inf, "Number of valid samples.")


class Grain(ImageMetric):
    """Mean, mean difference of neighbours, and how many samples there are: right in every way."""

    name: ClassVar[str] = "grain"
    outputs: ClassVar[tuple[Output, ...]] = (MEAN, GRAIN, VALID)

    scale: float = 1.0
    window: tuple[int, ...] = (3, 5)

    def measure(self, image):
        valid = self.valid(image)
        values = image.pixels.astype(np.float64) * self.scale
        count = float(valid.sum())
        pairs = valid[:, 1:] & valid[:, :-1]
        if not pairs.any():
            return {**self.missing("no two valid neighbours"), "valid": count}
        steps = np.abs(values[:, 1:] - values[:, :-1])
        return {"mean": values[valid].mean(), "grain": steps[pairs].mean(), "valid": count}

    def valid(self, image):
        holes = image.nodata_mask()
        return np.ones(image.pixels.shape, bool) if holes is None else ~holes


class Rms(PairMetric):
    """Root mean square error: right in every way."""

    name: ClassVar[str] = "rms"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("rms", "DN", "lower", 0, math.inf, "Root mean square error."),
        Output("psnr", "dB", "higher", -math.inf, math.inf, "Peak signal over it."),
    )

    def compare(self, reference, image):
        white, holes = reference.require_white(), reference.nodata_mask()
        error = image.pixels.astype(np.float64) - reference.pixels.astype(np.float64)
        error = error.reshape(-1) if holes is None else error[~(holes | image.nodata_mask())]
        if error.size == 0:
            return self.missing("no sample is valid in both")
        rms = float(np.sqrt(np.mean(error**2)))
        return {"rms": rms, "psnr": math.inf if rms == 0 else 20 * math.log10(white / rms)}


class FailsOnFloats(Grain):
    name: ClassVar[str] = "fails_on_floats"

    def measure(self, image):
        if image.dtype.kind == "f":
            raise TypeError("an integer is required")
        return super().measure(image)


class Warns(Grain):
    name: ClassVar[str] = "warns"

    def measure(self, image):
        if image.bands == 6 and image.pixels.std() > 0:
            warnings.warn("overflow", RuntimeWarning, stacklevel=2)
        return super().measure(image)


class MeasuresNothingOfSix(Grain):
    name: ClassVar[str] = "measures_nothing_of_six"

    def measure(self, image):
        return self.missing("six bands") if image.bands == 6 else super().measure(image)


class GivesMore(Grain):
    name: ClassVar[str] = "gives_more"

    def measure(self, image):
        return {**super().measure(image), "std": 1.0}


class GivesLess(Grain):
    name: ClassVar[str] = "gives_less"

    def measure(self, image):
        values = super().measure(image)
        if image.pixels.std() > 0:
            values.pop("mean")
        return values


class GivesText(Grain):
    name: ClassVar[str] = "gives_text"

    def measure(self, image):
        values = super().measure(image)
        return values if math.isnan(values["mean"]) else {**values, "valid": "many"}


class LeavesItsRange(Grain):
    name: ClassVar[str] = "leaves_its_range"
    outputs: ClassVar[tuple[Output, ...]] = (replace(MEAN, low=0, high=1), GRAIN, VALID)


class LeavesItsRangeOnFlat(Grain):
    name: ClassVar[str] = "leaves_its_range_on_flat"
    outputs: ClassVar[tuple[Output, ...]] = (MEAN, replace(GRAIN, low=1e-9), VALID)


class GivesBareNan(Grain):
    name: ClassVar[str] = "gives_bare_nan"

    def measure(self, image):
        values = super().measure(image)
        return {**values, "mean": math.nan} if values["grain"] > 20 else values


class HasAnEmptyReason(Grain):
    name: ClassVar[str] = "has_an_empty_reason"

    def measure(self, image):
        values = super().measure(image)
        return {**values, "mean": Missing(" ")} if values["grain"] > 20 else values


class CallsTheIdentityWorst(Rms):
    name: ClassVar[str] = "calls_the_identity_worst"

    def compare(self, reference, image):
        values = super().compare(reference, image)
        return {**values, "psnr": 0.0} if values["rms"] == 0 else values


class CannotSayTheIdentity(Rms):
    name: ClassVar[str] = "cannot_say_the_identity"

    def compare(self, reference, image):
        values = super().compare(reference, image)
        return {**values, "psnr": Missing("log of 0")} if values["rms"] == 0 else values


class ClaimsTheWrongWay(Grain):
    name: ClassVar[str] = "claims_the_wrong_way"
    outputs: ClassVar[tuple[Output, ...]] = (MEAN, replace(GRAIN, better="higher"), VALID)


class IsBlindToMuchNoise(Rms):
    name: ClassVar[str] = "is_blind_to_much_noise"

    def compare(self, reference, image):
        values = super().compare(reference, image)
        rms = values["rms"] if math.isnan(values["rms"]) else min(values["rms"], 2.0)
        return {**values, "rms": rms}


class CallsNothingZero(Grain):
    name: ClassVar[str] = "calls_nothing_zero"

    def measure(self, image):
        values = super().measure(image)
        return {**values, "mean": 0.0} if values["valid"] == 0 else values


class WarnsOnNothing(Grain):
    name: ClassVar[str] = "warns_on_nothing"

    def measure(self, image):
        values = super().measure(image)
        mean = image.pixels[self.valid(image)].mean(dtype=np.float64)
        return values if math.isnan(values["mean"]) else {**values, "mean": mean * self.scale}


class FailsOnFlat(Grain):
    name: ClassVar[str] = "fails_on_flat"

    def measure(self, image):
        values = super().measure(image)
        return {**values, "mean": values["mean"] + 0 / values["grain"].item()} if image.bands else values


class CountsNodata(Grain):
    name: ClassVar[str] = "counts_nodata"

    def measure(self, image):
        values = super().measure(image)
        unknown = math.isnan(values["mean"])
        return values if unknown else {**values, "mean": float(np.nan_to_num(image.pixels).mean(dtype=float))}


class WritesToTheImage(Grain):
    name: ClassVar[str] = "writes_to_the_image"

    def measure(self, image):
        values = super().measure(image)
        image.pixels[0, 0] = 1
        return values


class WritesToTheReference(Rms):
    name: ClassVar[str] = "writes_to_the_reference"

    def compare(self, reference, image):
        values = super().compare(reference, image)
        reference.pixels[0, 0] = 1
        return values


class Wavers(Grain):
    name: ClassVar[str] = "wavers"

    def measure(self, image):
        values = super().measure(image)
        return (
            {**values, "mean": values["mean"] * (1 + 1e-9 * random.random())} if values["valid"] else values
        )


class CountsItsCalls(Grain):
    name: ClassVar[str] = "counts_its_calls"
    calls: ClassVar[itertools.count] = itertools.count()

    def measure(self, image):
        values = super().measure(image)
        return {**values, "mean": values["mean"] + 1e-9 * next(self.calls)} if values["valid"] else values


class ForgetsAParameter(Grain):
    name: ClassVar[str] = "forgets_a_parameter"

    def spec(self):
        return {self.name: {}}


class ForgetsInItsLabel(Grain):
    name: ClassVar[str] = "forgets_in_its_label"
    labels: ClassVar[itertools.count] = itertools.count()

    @property
    def label(self):
        return f"{self.name}{next(self.labels)}"


PLAIN = {"always": ["valid"], "worsens": {"noise": ["grain"]}}
BREAKS = [
    (FailsOnFloats(), PLAIN, "works"),
    (Warns(), PLAIN, "works"),
    (MeasuresNothingOfSix(), PLAIN, "works"),
    (GivesMore(), PLAIN, "outputs_are_as_declared"),
    (GivesLess(), PLAIN, "outputs_are_as_declared"),
    (GivesText(), PLAIN, "outputs_are_as_declared"),
    (LeavesItsRange(), PLAIN, "values_are_in_range"),
    (LeavesItsRangeOnFlat(), PLAIN, "values_are_in_range"),
    (GivesBareNan(), PLAIN, "missing_values_say_why"),
    (HasAnEmptyReason(), PLAIN, "missing_values_say_why"),
    (CallsTheIdentityWorst(), {"worsens": {}}, "identity_is_best"),
    (CannotSayTheIdentity(), {"worsens": {}}, "identity_is_best"),
    (ClaimsTheWrongWay(), PLAIN, "harm_worsens_what_claims_it"),
    (IsBlindToMuchNoise(), {}, "harm_worsens_what_claims_it"),
    (CallsNothingZero(), PLAIN, "an_empty_image_says_why"),
    (WarnsOnNothing(), PLAIN, "an_empty_image_says_why"),
    (FailsOnFlat(), PLAIN, "an_empty_image_says_why"),
    (CountsNodata(), PLAIN, "nodata_does_not_count"),
    (WritesToTheImage(), PLAIN, "input_is_untouched"),
    (WritesToTheReference(), {}, "input_is_untouched"),
    (Wavers(), PLAIN, "same_image_same_values"),
    (CountsItsCalls(), PLAIN, "same_image_same_values"),
    (ForgetsAParameter(scale=2.0), PLAIN, "parameters_survive_yaml"),
    (ForgetsInItsLabel(), PLAIN, "parameters_survive_yaml"),
]
"""Metric, what is declared of it, and the one law that it breaks."""
