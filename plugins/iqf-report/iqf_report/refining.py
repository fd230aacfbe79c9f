"""Narrowing the knee: halving between the last setting that does and the first that does not, then one test.

Near a plateau, halving finds a setting that passes by luck more often than a single test would; so what it
found is confirmed once, on seeds of its own, and the answer is the confirmation's.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iqf_core import Modifier, ParameterError, Results, Study
from iqf_core import modifier as make_modifier
from iqf_core.criterion import Criterion
from iqf_core.plan import make_plan
from iqf_report.deciding import FamilyAnswer, Level, decide

FRESH = 7919
"""Added to the study's seed for the confirmation: other repetitions, other draws."""


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
    step = max(resolution, 1) if integer else resolution
    while abs(failed - passed) > step * (1 + 1e-9) and (most is None or len(tried) < most):
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
    """

    family: str
    narrowed: Narrowed | None
    confirmed: Level | None
    said: str


def refine(
    study: Study, criterion: Criterion, *, resolution: float, max_runs: int, progress: bool | None = None
) -> list[Refined]:
    """Narrow the knee of every family of a study that was run.

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
    progress : bool or None, optional
        Show bars; by default on a terminal.

    Raises
    ------
    ParameterError
        When the study has not been decided, or its repetitions have no seed of their own.
    """
    if study.frozen or not study.seed_argument:
        raise ParameterError("refine confirms on fresh seeds: the study needs a seed_argument, and to train")
    answer = decide(Results(study.folder), criterion)
    work = _Work(study, criterion, resolution, max_runs, progress, len(answer.answers))
    return [work.family(one) for one in answer.answers]


@dataclass
class _Work:
    study: Study
    criterion: Criterion
    resolution: float
    max_runs: int
    progress: bool | None
    families: int
    done: int = 0

    def family(self, answer: FamilyAnswer) -> Refined:
        name, best, stopped = answer.family.name, answer.recommended, answer.stopped
        if best is None or stopped is None or best.setting.knob is None or stopped.setting.knob is None:
            why = "no setting passed" if best is None else "none failed: try harsher ones"
            return Refined(name, None, None, f"{name}: there is nothing to narrow, {why}.")
        modifier = make_modifier(dict(best.setting.spec or {}))
        knob = modifier.parts()[-1].knob
        if knob is None or modifier.knob_value is None or len(modifier.parts()) > 1:
            return Refined(name, None, None, f"{name}: only the knob of a single modifier is narrowed.")
        narrowed = halved(
            lambda value: self._passes(modifier, value, answer),
            best.setting.knob,
            stopped.setting.knob,
            resolution=self.resolution,
            integer=knob.integer,
            most=max(0, (self.max_runs - self.done) // self.study.repetitions - 2),
        )
        chosen = modifier.with_knob(narrowed.passed)
        confirmed = self._level(chosen, "confirm", self.study.seed + FRESH, answer)
        return Refined(name, narrowed, confirmed, _said(name, chosen, narrowed, confirmed))

    def _passes(self, modifier: Modifier, value: float, answer: FamilyAnswer) -> bool:
        level = self._level(modifier.with_knob(value), "refine", self.study.seed, answer)
        return level.verdict == "accepted"

    def _level(self, modifier: Modifier, word: str, seed: int, answer: FamilyAnswer) -> Level:
        """Run one setting and the reference, and test it at the family's share of the error rate."""
        study = derived(self.study, f"{self.study.name}-{word}", [modifier], seed=seed)
        borrow(self.study, study)
        before = len(make_plan(study).to_do())
        self.done += before
        results = study.run(progress=self.progress)
        share = 1 - (1 - self.criterion.confidence) / self.families
        alone = self.criterion.model_copy(update={"confidence": share, "families": []})
        (found,) = decide(results, alone).answers
        (level,) = [one for one in found.levels if one.setting.variant == modifier.label]
        return level


def derived(study: Study, name: str, modifiers: list[Any], *, seed: int) -> Study:
    """The same study with other modifiers, under another name beside it."""
    content: Mapping[str, Any] = study.as_json()
    made = Study(
        **{
            **content,
            "name": name,
            "modifiers": modifiers,
            "seed": seed,
            "criterion": None,
            "runs_root": str(study.folder.parent.resolve()),
        }
    )
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


def _said(name: str, chosen: Modifier, narrowed: Narrowed, confirmed: Level) -> str:
    tried = f"{len(narrowed.tried)} settings tried between {narrowed.passed:g} and {narrowed.failed:g}"
    if confirmed.verdict == "accepted":
        return f"{name}: {chosen.label} is confirmed on fresh seeds ({tried})."
    return (
        f"{name}: {chosen.label}, which halving chose, is not confirmed on fresh seeds: {confirmed.verdict}"
        f"{'; ' + confirmed.remedy if confirmed.remedy else ''} ({tried}). The grid's recommendation stands."
    )
