"""Simulated studies that enter as folders of runs, through the public `recommend`.

What stands between the formulae and a user keeps their error rate; and how long 10,000 runs take.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pairs import Figure
from tables import Table
from trials.decision_means import UNEQUAL
from trials.decision_studies import ALPHA, allowed

from iqf_report.deciding import Recommendation
from iqf_report.estimates import crossed
from iqf_report.recommend import recommend
from iqf_report.rule import error_rate, in_sequence, judged
from iqf_report.testing import MadeRun, MadeTable, write_study

Runs = Iterator[MadeRun]
REPETITIONS, SCENES = 5, 12
MARGIN, SPREAD = 0.03, 0.01
FAMILIES = {  # distance of each level's truth to the margin, in SPREAD; 0 is inferior
    "quantise": {"quantise(bits=6)": 2.5, "quantise(bits=4)": 0.0, "quantise(bits=2)": -3.0},
    "jpeg": {"jpeg(quality=80)": 0.0, "jpeg(quality=20)": 0.0},
}
INFERIOR = {"quantise-bits4", "quantise-bits2", "jpeg-quality80", "jpeg-quality20"}
HEADS = ["studies of", "studies", "inferior is recommended %", "allowed %", "as the formulae say"]
NOTE = (
    "Each study is a folder of 30 runs: a family whose second of three levels loses exactly the margin, and "
    "one whose levels all do, so a right answer recommends the first level of the first family or nothing. "
    "'As the formulae say': studies whose verdicts are those of the same values put into the bounds by hand."
)


@dataclass(frozen=True)
class Kind:
    """Studies of one kind of metric.

    Parameters
    ----------
    name : str
        What is judged.
    runs : callable
        From the truths of the settings (each an offset to the reference) to the runs.
    metric : str
        That decides.
    checked : bool
        Whether each study is decided by hand too.
    """

    name: str
    runs: Callable[[np.random.Generator, dict[str | None, float]], Runs]
    metric: str
    checked: bool


def means_of_images(rng: np.random.Generator, truths: dict[str | None, float]) -> Runs:
    """A value for each image, in scenes of 1 to 10 images; images and repetitions vary."""
    sizes = UNEQUAL["sizes 1 to 10"](SCENES).astype(int)
    scenes = np.repeat(np.arange(SCENES), sizes)
    names = [f"{number:03d}.tif" for number in range(scenes.size)]
    groups = [f"scene{scene}" for scene in scenes]
    for spec, truth in truths.items():
        of_scenes = rng.normal(0, SPREAD, SCENES)
        for repetition in range(REPETITIONS):
            values = (
                0.8 + truth + of_scenes[scenes] + rng.normal(0, SPREAD) + rng.normal(0, SPREAD, scenes.size)
            )
            rows = pd.DataFrame({"image": names, "group": groups, "ssim.ssim": values})
            yield MadeRun(spec, repetition, tables=(MadeTable("ssim", rows),))


def scores_alone(rng: np.random.Generator, truths: dict[str | None, float]) -> Runs:
    """One number that the script wrote."""
    for spec, truth in truths.items():
        for repetition in range(REPETITIONS):
            yield MadeRun(spec, repetition, {"score": 0.8 + truth + rng.normal(0, SPREAD)})


def labels(rng: np.random.Generator, truths: dict[str | None, float]) -> Runs:
    """Predicted labels of 300 images, for the accuracy: some images are harder than others."""
    names = [f"{number:03d}.png" for number in range(300)]
    true = np.array(["a", "b"])[rng.integers(2, size=300)]
    hardness = rng.random(300)
    for spec, truth in truths.items():
        for repetition in range(REPETITIONS):
            chance = 0.3 * hardness + 0.7 * rng.random(
                300
            )  # a threshold on it is met by the same images again
            right = chance < _threshold(0.8 + truth)
            predicted = np.where(right, true, np.where(true == "a", "b", "a"))
            rows = pd.DataFrame(
                {"image": names, "group": names, "label": true, "predicted": predicted, "probability": np.nan}
            )
            yield MadeRun(spec, repetition, tables=(MadeTable("classification", rows),))


def _threshold(share: float) -> float:
    """What 0.3 U + 0.7 V falls below with this chance, of at least 0.3 / 1.4, for U, V even in 0 to 1."""
    above = 1 - share
    return 1 - math.sqrt(2 * 0.3 * 0.7 * above) if above <= 0.3 / 1.4 else 1 - (0.7 * above + 0.15)


KINDS = [
    Kind("means of images, in scenes of 1 to 10", means_of_images, "ssim", checked=True),
    Kind("scores alone", scores_alone, "score", checked=False),
    Kind("accuracy, by a bootstrap of images", labels, "accuracy", checked=False),
]


def through_results(quick: bool) -> Iterator[Figure | Table]:
    """Error rate of whole studies."""
    rows, worst, different = [], (0.0, "", 0.0), 0
    for index, kind in enumerate(KINDS):
        costly = kind.metric == "accuracy"
        studies = (10 if costly else 30) if quick else (400 if costly else 1000)
        rng = np.random.default_rng([8, index])
        answers = [_answered(kind, rng) for _ in range(studies)]
        wrong = 100 * float(np.mean([_recommends_inferior(answer) for answer, _ in answers]))
        same = sum(alike for _, alike in answers) if kind.checked else None
        different += studies - same if same is not None else 0
        bar = allowed(studies)
        rows.append([kind.name, studies, wrong, bar, same])
        worst = max(worst, (wrong / bar, kind.name, wrong))
    note = f"worst of {len(rows)} kinds: {worst[2]:.1f} % of studies ({worst[1]})"
    yield Figure(
        "through the results: inferior recommended, over the allowed", [worst[0]], at_most=1, note=note
    )
    yield Figure("through the results: studies with other verdicts than the formulae", [different], at_most=0)
    yield Table("decision-results", "Whole studies, through the public results", HEADS, rows, NOTE)
    yield _ten_thousand()


def _answered(kind: Kind, rng: np.random.Generator) -> tuple[Recommendation, bool]:
    truths: dict[str | None, float] = {None: 0.0}
    for levels in FAMILIES.values():
        truths |= {spec: SPREAD * away - MARGIN for spec, away in levels.items()}
    folder = Path(tempfile.mkdtemp())
    try:
        runs = list(kind.runs(rng, truths))
        criterion = {"metric": kind.metric, "margin": MARGIN, "better": "higher", "draws": 200}
        answer = recommend(write_study(folder / "study", runs), criterion)
        return answer, kind.checked and _verdicts(answer) == _by_hand(runs)
    finally:
        shutil.rmtree(folder)


def _verdicts(answer: Recommendation) -> dict[str, list[str]]:
    return {
        one.family.kind: [level.verdict for level in one.levels if level.verdict != "not tested"]
        for one in answer.answers
    }


def _by_hand(runs: list[MadeRun]) -> dict[str, list[str]]:
    """Verdicts of means of images: averages of scenes put into the crossed model."""
    arms: dict[str | None, list[pd.Series]] = {}
    for run in runs:
        rows = run.tables[0].rows
        arms.setdefault(run.modifier, []).append(rows.groupby("group")["ssim.ssim"].agg(["mean", "size"]))
    sizes = arms[None][0]["size"].to_numpy(float)
    values = {spec: np.stack([one["mean"].to_numpy() for one in found]) for spec, found in arms.items()}
    rate = error_rate(1 - ALPHA, families=len(FAMILIES))

    def verdict(spec: str) -> str:
        return judged(crossed(values[spec] - values[None] + MARGIN, sizes), rate)

    return {
        name: list(in_sequence(levels, verdict, lambda one: one == "accepted"))
        for name, levels in FAMILIES.items()
    }


def _recommends_inferior(answer: Recommendation) -> bool:
    found = [one.recommended.setting.variant for one in answer.answers if one.recommended is not None]
    return any(variant in INFERIOR for variant in found)


def _ten_thousand() -> Figure:
    """Seconds that the answer of 10,000 runs takes."""
    rng = np.random.default_rng(9)
    specs = [None, *(f"jpeg(quality={quality})" for quality in range(1, 100))]
    runs = [
        MadeRun(spec, repetition, {"score": 0.9 - 0.001 * place + rng.normal(0, 0.002)})
        for place, spec in enumerate([specs[0], *reversed(specs[1:])])
        for repetition in range(100)
    ]
    folder = Path(tempfile.mkdtemp())
    try:
        results = write_study(folder / "study", runs)
        started = time.perf_counter()
        recommend(results, metric="score", margin=MARGIN)
        took = time.perf_counter() - started
    finally:
        shutil.rmtree(folder)
    return Figure(
        "recommend on 10,000 runs", [took], at_most=30, unit=" s", note="100 settings, 100 repetitions"
    )
