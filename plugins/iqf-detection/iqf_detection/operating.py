"""One score from which detections count: precision, recall and F1 there, and the score where F1 is best."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from iqf_core import Missing
from iqf_detection.curves import ClassRows, Evaluated
from iqf_detection.instances import Array
from iqf_detection.matching import IGNORED, TRUE

if TYPE_CHECKING:
    from iqf_detection.detection import Detection

UNKNOWN = "no score_threshold: give one, or have the script write validation.json"


def counted_at(metric: Detection, laid: Evaluated, weights: Array) -> dict[str, float]:
    """The outputs that are no averages of curves."""
    at, score = metric.judged_at, metric.score_threshold
    demanded = sum(float(one.demanded(weights[None], 0)[0]) for one in laid.classes)
    counted = [(one, one.state[0, at] != IGNORED) for one in laid.classes]
    whole = {
        "objects": demanded,
        "detections": sum(float(weights[one.image[mask]].sum()) for one, mask in counted),
        "capped": sum(
            float(weights[one.image[one.rank == metric.max_detections - 1]].sum()) for one in laid.classes
        ),
    }
    names = ("precision", "recall", "f1")
    if score is None:
        return {**{name: Missing(UNKNOWN) for name in (*names, "score_threshold")}, **whole}
    counts = [_true_and_false(one, weights, at, score) for one in laid.classes]
    true, false = np.sum(counts or [(0.0, 0.0)], axis=0)
    return {**_rates(float(true), float(false), demanded), "score_threshold": score, **whole}


def _rates(true: float, false: float, demanded: float) -> dict[str, float]:
    nothing = Missing("no object of any weight is to be found")
    precision = true / (true + false) if true + false else Missing("no detection reaches score_threshold")
    recall = true / demanded if demanded else nothing
    f1 = 2 * true / (true + false + demanded) if demanded else nothing
    return {"precision": precision, "recall": recall, "f1": f1}


def _true_and_false(one: ClassRows, weights: Array, at: int, score: float) -> tuple[float, float]:
    weight = weights[one.image] * (one.score >= score) * (one.state[0, at] != IGNORED)
    true = float(weight[one.state[0, at] == TRUE].sum())
    return true, float(weight.sum()) - true


def best_threshold(laid: Evaluated, at: int) -> float | None:
    """Score at which F1 over all classes is largest; of several, the highest; None without any."""
    demanded = sum(int((one.object_state[0, 0] != IGNORED).sum()) for one in laid.classes)
    rows = list(_scored(laid, at))
    if not rows or not demanded:
        return None
    scores, right = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    last = np.append(np.flatnonzero(np.diff(scores)), scores.size - 1)  # equal scores come together
    f1 = 2 * np.cumsum(right)[last] / (last + 1 + demanded)
    return float(scores[last[f1.argmax()]])


def _scored(laid: Evaluated, at: int) -> Iterator[tuple[Array, Array]]:
    """Yield scores, and whether each is right, of the detections that count."""
    for one in laid.classes:
        counted = one.state[0, at] != IGNORED
        if counted.any():
            yield one.score[counted], one.state[0, at][counted] == TRUE
