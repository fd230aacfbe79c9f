"""Modifiers and metrics of a stranger: some fail."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from iqf_core import (
    Component,
    ImageMetric,
    ImageModifier,
    Modified,
    Output,
    PredictionMetric,
    UnsupportedImage,
    hookimpl,
)

IQF_API = 1


class Eight(ImageModifier):
    name: ClassVar[str] = "eight"

    def apply(self, image, *, rng):
        if image.pixels.dtype != np.uint8:
            raise UnsupportedImage("eight takes 8 bits; put quantise before it")
        return Modified(image.with_pixels(image.pixels // 2))


class Angry(ImageModifier):
    name: ClassVar[str] = "angry"
    kind: str = ""

    def apply(self, image, *, rng):
        kinds = {"RuntimeError": RuntimeError, "SystemExit": SystemExit, "OSError": OSError}
        raise kinds[self.kind]("not this one")


class Sulky(ImageMetric):
    name: ClassVar[str] = "sulky"
    outputs: ClassVar = (Output("mood", "1", "higher", 0, 1, "Mood."),)
    path: str = ""

    def measure(self, image):
        raise RuntimeError("not today")


class Judge(PredictionMetric):
    name: ClassVar[str] = "judge"
    outputs: ClassVar = (
        Output("score", "1", "higher", 0, 1, "Score."),
        Output("never", "1", "none", 0, 1, "Never."),
    )
    at: str = ""

    def match(self, predictions, dataset):
        import json

        import pandas as pd

        if self.at == "match":
            raise OSError("no such truth")
        found = json.loads(predictions.read_text())
        rows = [
            {"image": r.image, "group": r.group, "right": found.get(r.image) == "a"} for r in dataset.records
        ]
        return pd.DataFrame(rows)

    def aggregate(self, table, weights=None):
        if self.at == "aggregate":
            raise RuntimeError("cannot add up")
        if self.at == "text":
            return {"score": "good"}
        return {"score": float(table["right"].mean()), "undeclared": 1.0}


class Chooser(PredictionMetric):
    """Share of the numbers that reach a threshold, which is the largest one of the validation images."""

    name: ClassVar[str] = "chooser"
    outputs: ClassVar = (Output("share", "1", "higher", 0, 1, "Share."),)
    threshold: float = 0.0

    def match(self, predictions, dataset):
        import json

        import pandas as pd

        found = json.loads(predictions.read_text())
        rows = [{"image": r.image, "group": r.group, "number": found[r.image]} for r in dataset.records]
        return pd.DataFrame(rows)

    def aggregate(self, table, weights=None):
        return {"share": float((table["number"] >= self.threshold).mean())}

    def calibrate(self, table):
        return self.replaced(threshold=float(table["number"].max()))

    def details(self, table):
        return {"sorted": table.sort_values("number")}


@hookimpl
def iqf_modifiers():
    return [Component(one, f"iqf_stranger:{one.title()}", "Of a test") for one in ("eight", "angry")]


@hookimpl
def iqf_metrics():
    return [
        Component(one, f"iqf_stranger:{one.title()}", "Of a test") for one in ("sulky", "judge", "chooser")
    ]
