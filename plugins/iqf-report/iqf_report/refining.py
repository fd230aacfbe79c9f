"""Narrowing the knee: halving between the last setting that does and the first that does not, then one test.

Near a plateau, halving finds a setting that passes by luck more often than a single test would; so what it
found is confirmed once, on seeds of its own, and the answer is the confirmation's. What just passed would
pass again in little more than half of the cases: the confirmation has twice the repetitions, with which it
does in four of five (docs/decision.md).
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqf_core import Modifier, ParameterError, Results, Study
from iqf_core.cli.talk import near
from iqf_core.criterion import Criterion
from iqf_core.plan import Plan, make_plan
from iqf_core.runner import run_plan
from iqf_report.deciding import FamilyAnswer, Level, Recommendation, decide
from iqf_report.families import Family, chosen
from iqf_report.saying import measured, number, saved

FRESH = 7919
"""Added to the study's seed for the confirmation: other repetitions, other draws."""
CONFIRMING = 2
"""Repetitions of the confirmation, over those of the study."""
TRYING, CONFIRM = "refine", "confirm"
"""Ends of the names of the studies that lie beside it."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What halving came to.

    Parameters
    ----------
    passed, failed : float
        Nearest values of the knob that pass and that fail.
    tried : tuple of float
        In order.
    """

    passed: float
    failed: float
    tried: tuple[float, ...]


def halved(
    passes: Callable[[float], bool],
    passed: float,
    failed: float,
    *,
    resolution: float,
    integer: bool = False,
    most: int | None = None,
) -> Narrowed:
    """Halve between a value that passes and one that fails, until they are as near as asked.

    Parameters
    ----------
    passes : callable
        Whether a value of the knob passes.
    passed, failed : float
        Where to begin.
    resolution : float
        How near is near enough; above 0, and at least 1 for an integer knob.
    integer : bool, optional
        Whether the knob takes whole numbers alone.
    most : int or None, optional
        Values that may be tried.

    Returns
    -------
    Narrowed
        After at most ``ceil(log2(|failed - passed| / resolution))`` tries.

    Examples
    --------
    >>> halved(lambda quality: quality >= 37, 50, 30, resolution=1, integer=True)
    Narrowed(passed=37, failed=36, tried=(40, 35, 37, 36))
    """
    tried: list[float] = []
    while _apart(passed, failed, resolution, integer) > 1 + 1e-9 and (most is None or len(tried) < most):
        middle = (passed + failed) / 2
        if integer:
            middle = math.floor(middle) if failed < passed else math.ceil(middle)
            middle = middle if middle not in (passed, failed) else round((passed + failed) / 2)
        tried.append(middle)
        if passes(middle):
            passed = middle
        else:
            failed = middle
    return Narrowed(passed, failed, tuple(tried))


def _apart(one: float, other: float, resolution: float, integer: bool) -> float:
    """How far two values of a knob lie apart, in steps that are near enough."""
    return abs(other - one) / (max(resolution, 1) if integer else resolution)


@dataclass(frozen=True, slots=True)
class Refined:
    """The answer for one family.

    Parameters
    ----------
    family : str
        Its name.
    narrowed : Narrowed or None
        None where there was nothing to narrow.
    confirmed : Level or None
        The setting that halving chose, tested once on fresh seeds; None without.
    said : str
        The answer in one sentence.
    lacking : bool
        Whether what was asked for could not be done: runs are missing or failed, or too few were allowed.
    """

    family: str
    narrowed: Narrowed | None
    confirmed: Level | None
    said: str
    lacking: bool = False


class NotDone(ParameterError):
    """The study that is to be refined has runs to do; the text says how many."""


class _Stuck(Exception):
    """A setting cannot be tested; the text says why."""


def refine(
    study: Study,
    criterion: Criterion,
    *,
    resolution: float,
    max_runs: int,
    families: Sequence[str] = (),
    confirm_repetitions: int | None = None,
    run: Callable[[Plan], object] = run_plan,
) -> list[Refined]:
    """Narrow the knee of every family of a study that was run.

    What is run lies beside the study, in ``NAME-refine`` and ``NAME-confirm``, and is not run again.

    Parameters
    ----------
    study : Study
        Whose grid is done.
    criterion : Criterion
        By which it is decided.
    resolution : float
        How near on the knob is near enough.
    max_runs : int
        Runs that may be done in all.
    families : sequence of str, optional
        Those to narrow; all unless given. Each keeps its share of the error rate.
    confirm_repetitions : int or None, optional
        Of the confirmation; twice those of the study unless given.
    run : callable, optional
        Runs a plan.

    Raises
    ------
    NotDone
        When the study has runs to do: what has not run would be taken for what does not pass.
    ParameterError
        When the study has not been decided, or its repetitions have no seed of their own.
    """
    if study.frozen or not study.seed_argument:
        raise ParameterError("refine confirms on fresh seeds: the study needs a seed_argument, and to train")
    results = Results(study.folder)
    _require_done(study, results)
    answer = decide(results, criterion)
    share = 1 - (1 - criterion.confidence) / len(answer.answers)
    alone = criterion.model_copy(update={"confidence": share, "families": []})
    confirming = confirm_repetitions or CONFIRMING * study.repetitions
    narrowed = chosen([one.family for one in answer.answers], families)
    answers = [one for one in answer.answers if one.family in narrowed]
    work = _Work(study, alone, resolution, max_runs, confirming, run)
    work.enough = sum(map(work.needed, answers))
    return [work.family(one) for one in answers]


def _require_done(study: Study, results: Results) -> None:
    planned = len(results.origin()["runs"])
    missing = planned - len(results.runs())
    if missing:
        first = "iqf run" if study.file is None else f"iqf run {near(study.file)}"
        raise NotDone(f"{study.name}: {missing} of {planned} runs are not done; `{first}` first")


def beside(study: Study) -> list[Path]:
    """Folders of what was run to refine a study, those that are there."""
    folders = [study.folder.with_name(f"{study.folder.name}-{word}") for word in (TRYING, CONFIRM)]
    return [folder for folder in folders if folder.is_dir()]


@dataclass
class _Work:
    study: Study
    criterion: Criterion
    resolution: float
    max_runs: int
    confirming: int
    run: Callable[[Plan], object]
    done: int = 0
    enough: int = 0
    """Runs that are enough for every family."""

    def needed(self, answer: FamilyAnswer) -> int:
        """Runs of a family at most: of each setting that is tried, and of the confirmation."""
        if (place := _place(answer)) is None:
            return 0
        start, stop, integer = place
        steps = max(1.0, _apart(start, stop, self.resolution, integer))
        tries = math.ceil(math.log2(steps)) + (1 if integer and steps > 1 else 0)
        return tries * self.study.repetitions + 2 * self.confirming

    def family(self, answer: FamilyAnswer) -> Refined:
        family, best, stopped = answer.family, answer.recommended, answer.stopped
        knob, name = family.knob, answer.family.name
        if knob is None:
            return Refined(name, None, None, f"{name}: there is no knob to narrow along.")
        if stopped is None:
            return Refined(name, None, None, f"{name}: none of its settings failed: try harsher ones.")
        if (place := _place(answer)) is None:
            untried = f"{name}: {stopped.setting.variant}: {stopped.remedy}."
            return Refined(name, None, None, untried, lacking=True)
        start, stop, _ = place
        try:
            narrowed = halved(
                lambda value: self._passes(family, value),
                start,
                stop,
                resolution=self.resolution,
                integer=knob.integer,
                most=max(0, (self.max_runs - self.done - 2 * self.confirming) // self.study.repetitions),
            )
            if few := self._too_few(narrowed, start, knob.integer):
                return Refined(name, narrowed, None, f"{name}: {few}.", lacking=True)
            if narrowed.passed == start:
                return Refined(name, narrowed, None, f"{name}: {_nothing_new(narrowed, best)}.")
            knee = family.at(narrowed.passed)
            found, level = self._level(family, knee, CONFIRM, self.study.seed + FRESH, self.confirming)
        except _Stuck as stuck:
            return Refined(name, None, None, f"{name}: {stuck}", lacking=True)
        return Refined(name, narrowed, level, _said(name, narrowed, found, level, best))

    def _too_few(self, narrowed: Narrowed, start: float, integer: bool) -> str:
        """Why too few runs are allowed to try anything, or to confirm what was found; empty where enough."""
        far = _apart(narrowed.passed, narrowed.failed, self.resolution, integer) > 1 + 1e-9
        left, confirming = self.max_runs - self.done, 2 * self.confirming
        if (narrowed.tried or not far) and (narrowed.passed == start or left >= confirming):
            return ""
        trying = "" if narrowed.tried else f"a setting ({self.study.repetitions}) and "
        return (
            f"--max-runs {self.max_runs} leaves too few for {trying}the confirmation ({confirming}), so "
            f"nothing is confirmed; --max-runs {self.enough} is enough for all that was asked for"
        )

    def _passes(self, family: Family, value: float) -> bool:
        _, level = self._level(family, family.at(value), TRYING, self.study.seed, self.study.repetitions)
        return level.verdict == "accepted"

    def _level(
        self, family: Family, modifier: Modifier, word: str, seed: int, repetitions: int
    ) -> tuple[Recommendation, Level]:
        """Run one setting and the reference, and test it at the family's share of the error rate."""
        study = derived(
            self.study,
            name=f"{self.study.name}-{word}",
            modifiers=[modifier.spec()],
            hyperparameters=dict(family.reference.hyperparameters),
            seed=seed,
            repetitions=repetitions,
        )
        borrow(self.study, study)
        plan = make_plan(study)
        self.done += len(plan.to_do())
        self.run(plan)
        found = decide(Results(study.folder), self.criterion)
        (level,) = [
            one for answer in found.answers for one in answer.levels if one.setting.variant == modifier.label
        ]
        if level.verdict == "missing":
            raise _Stuck(f"{modifier.label} cannot be decided: {level.remedy} (in {study.name}).")
        return found, level


def _said(name: str, narrowed: Narrowed, found: Recommendation, confirmed: Level, best: Level | None) -> str:
    knee = f"{name}: {confirmed.setting.variant}"
    if confirmed.verdict == "accepted":
        what = f"{measured(found, confirmed)}{saved(found, confirmed)}"
        return f"{knee} is confirmed on fresh seeds: {what}. {_tried(narrowed)}."
    stands = "nothing is recommended" if best is None else f"{best.setting.variant} stands"
    return (
        f"{knee}, which halving chose, is not confirmed on fresh seeds: {confirmed.verdict}"
        f"{'; ' + confirmed.remedy if confirmed.remedy else ''}. So {stands}. {_tried(narrowed)}."
    )


def _place(answer: FamilyAnswer) -> tuple[float, float, bool] | None:
    """Where halving begins, where it ends, and whether in whole numbers; None where it cannot be done."""
    knob, stopped, best = answer.family.knob, answer.stopped, answer.recommended
    if knob is None or stopped is None or stopped.verdict == "missing":
        return None
    start = knob.mild if best is None else answer.family.value_of(best.setting)
    return start, answer.family.value_of(stopped.setting), knob.integer


def _nothing_new(narrowed: Narrowed, best: Level | None) -> str:
    if best is None:
        return f"nothing passes, down to {number(narrowed.failed)} ({len(narrowed.tried)} tried)"
    return f"{best.setting.variant} stands. {_tried(narrowed)}"


def _tried(narrowed: Narrowed) -> str:
    count = len(narrowed.tried)
    said = f"{count} setting{'s' * (count != 1)} tried"
    passed, failed = number(narrowed.passed), number(narrowed.failed)
    return f"{said}: the knee is between {passed}, which passed, and {failed}, which did not"


def derived(study: Study, **changes: Any) -> Study:
    """The same study with other keys, under another name beside it; no matrix, and without a criterion."""
    content: Mapping[str, Any] = study.as_json()
    beside = {"criterion": None, "matrix": False, "runs_root": str(study.folder.parent.resolve())}
    made = Study(**{**content, **beside, **changes})
    made._file, made._base = study.file, study.base
    return made


def borrow(source: Study, target: Study) -> int:
    """Copy runs that are done in one study and asked for in another; how many there were."""
    count = 0
    for run in make_plan(target).runs:
        there = source.folder / "runs" / run.key
        if not run.folder.path.exists() and (there / "outcome.json").is_file():
            _copied(there, run.folder.path)
            count += 1
    return count


def _copied(there: Path, here: Path) -> None:
    partial = here.with_name(f".{here.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(there, partial, ignore=shutil.ignore_patterns("delivered.json"))
    partial.rename(here)
