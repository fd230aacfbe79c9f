"""What a study no longer needs on disk: variants that no unfinished run asks for, and builds given up.

Only folders that IQF made as variants are ever removed. Datasets, runs and results are read, to learn what is
needed. Two folders of one identity hold the same pixels: who needs the one needs the other.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from iqf_core import plugins
from iqf_core.build import PARTIAL, partial_of
from iqf_core.dataset import Dataset
from iqf_core.errors import IqfError, StudyError, VariantError
from iqf_core.folders import BUILDING, MANIFEST, is_variant
from iqf_core.manifest import Manifest
from iqf_core.modifiers import Modifier
from iqf_core.parts import PARTS
from iqf_core.plan import Plan, make_plan
from iqf_core.planned import PlannedRun
from iqf_core.results import restored
from iqf_core.runfolder import RunFolder, read_json
from iqf_core.study_file import StudyFile
from iqf_core.variant import places_of


@dataclass(frozen=True, slots=True)
class Removable:
    """A folder that can go.

    Parameters
    ----------
    folder : pathlib.Path
        Of a variant, or of an unfinished build.
    size_bytes : int
        Of its files.
    finished : bool
        Whether it is a variant; else a build that was given up.
    """

    folder: Path
    size_bytes: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder of the study that stays.

    Parameters
    ----------
    folder : pathlib.Path
        Of a variant, or of an unfinished build.
    reason : str
        Who needs it.
    """

    folder: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What can go of a study, and what stays.

    Parameters
    ----------
    removable : tuple of Removable
        Sorted by folder.
    kept : tuple of Kept
        Sorted by folder.
    """

    removable: tuple[Removable, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True)
class _Needs:
    """What must stay, each with who needs it; ``everything`` is a reason to keep all."""

    variants: dict[str, str]
    datasets: dict[Path, str]
    everything: str = ""

    def why(self, folder: Path, identity: str) -> str:
        return self.datasets.get(folder) or self.variants.get(identity) or self.everything


def look(plan: Plan) -> Cleaning:
    """Say what can go of a study; nothing is removed.

    Parameters
    ----------
    plan : Plan
        Of the study.
    """
    needs = _needs_of(plan)
    removable, kept = [], []
    for folder in sorted(_belonging(plan)):
        try:
            why = needs.why(folder, _identity(folder))
        except VariantError as error:
            why = str(error)
        if why:
            kept.append(Kept(folder, why))
        else:
            removable.append(Removable(folder, _size(folder), (folder / MANIFEST).is_file()))
    return Cleaning(tuple(removable), tuple(kept))


@contextlib.contextmanager
def alone(plan: Plan) -> Iterator[None]:
    """Keep `iqf run` away from a study while it is cleaned.

    Raises
    ------
    StudyError
        When one is at work.
    """
    if not plan.folder.is_dir():
        yield
        return
    try:
        with filelock.FileLock(plan.folder / ".lock", blocking=False):
            yield
    except filelock.Timeout:
        raise StudyError(
            f"{plan.folder}: `iqf run` is at work on this study; wait until it ends, then clean"
        ) from None


def remove(removable: Removable) -> None:
    """Remove a variant or an unfinished build.

    Whatever stops this, what is left passes neither for a variant nor for a build to go on with.

    Raises
    ------
    VariantError
        When it is being made now, or cannot be removed.
    """
    folder = removable.folder
    variant = folder if removable.finished else folder.with_name(folder.name.removesuffix(PARTIAL))
    try:
        with filelock.FileLock(folder.parent / f".{variant.name}.lock", blocking=False):
            doomed = partial_of(variant)
            if removable.finished:
                shutil.rmtree(doomed, ignore_errors=True)
                folder.rename(doomed)
            (doomed / BUILDING).write_text("being removed")
            (doomed / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(doomed)
    except filelock.Timeout:
        raise VariantError(
            f"{folder}: is being made or looked at by another process; clean again later"
        ) from None
    except OSError as error:
        raise VariantError(f"{folder}: cannot be removed ({error})") from error


def _needs_of(plan: Plan) -> _Needs:
    variants: dict[str, str] = {}
    datasets = {dataset.root.resolve(): "a dataset of this study" for dataset in plan.datasets.values()}
    everything = ""
    for other in sorted(plan.folder.parent.glob("*/study.json")):
        if other.parent.resolve() != plan.folder.resolve():
            found = _needs_of_other(other.parent)
            variants = {**found.variants, **variants}
            datasets = {**found.datasets, **datasets}
            everything = everything or found.everything
    for folder in _run_folders(plan):
        if folder.is_pending():
            title = folder.job().get("title", folder.key)
            variants.update((_identity(path), f"the job of {title} may still run") for path in _given(folder))
    variants.update(_needed_by(plan, plan.to_do(), "the unfinished run"))
    return _Needs(variants, datasets, everything)


def _needs_of_other(folder: Path) -> _Needs:
    """What another study needs; everything where it cannot be laid out but has unfinished runs."""
    name = folder.name
    before = plugins.configured_policy()
    try:
        study = restored(folder)
        datasets = dict.fromkeys(_dataset_paths(study), f"a dataset of the study {name}")
        keys = (read_json(folder / "study.json") or {})["runs"]
        if all(RunFolder(folder / "runs" / key).is_finished() for key in keys):
            return _Needs({}, datasets)
        plan = make_plan(study)
        return _Needs(_needed_by(plan, plan.to_do(), f"the study {name}, unfinished run"), datasets)
    except (IqfError, OSError, KeyError) as error:
        reason = f"the study {name} has unfinished runs and cannot be laid out, so it may need this ({error})"
        return _Needs({}, {}, reason)
    finally:
        plugins.configure(before)


def _dataset_paths(study: StudyFile) -> list[Path]:
    entries = [study.datasets.source, *(getattr(study.datasets, part) for part in PARTS)]
    written = [entry.path or entry.images for entry in entries if entry is not None]
    return [study.path(path).resolve() for path in written if path is not None]


def _needed_by(plan: Plan, runs: Iterable[PlannedRun], who: str) -> dict[str, str]:
    """Identity of each variant that some runs ask for -> who needs it."""
    found: dict[str, str] = {}
    for run in runs:
        failed = "" if run.folder.outcome() is None else " (it failed, and `iqf run` tries it again)"
        for dataset, modifier in _asked(run):
            found.setdefault(_places(plan, dataset, modifier)[0], f"needed by {who} {run.title}{failed}")
    return found


def _asked(run: PlannedRun) -> list[tuple[Dataset, Modifier]]:
    pairs = [(dataset, run.setting.modifier_of(part)) for part, dataset in run.setting.datasets.items()]
    return [(dataset, modifier) for dataset, modifier in pairs if modifier is not None]


def _places(plan: Plan, dataset: Dataset, modifier: Modifier) -> tuple[str, list[Path]]:
    study = plan.study
    return places_of(
        dataset, modifier, variants_root=plan.variants_root(), storage=study.storage, seed=study.seed
    )


def _belonging(plan: Plan) -> set[Path]:
    """Folders of the variants that the study asks for now, and of those that its runs were given."""
    found: set[Path] = set()
    for setting in plan.settings():
        for part, dataset in setting.datasets.items():
            modifier = setting.modifier_of(part)
            if modifier is None:
                continue
            identity, folders = _places(plan, dataset, modifier)
            found.update(folder for folder in folders if _is_of(folder, identity))
            found.update(filter(is_variant, map(partial_of, folders)))
    for folder in _run_folders(plan):
        found.update(_given(folder))
    return {path.resolve() for path in found if not path.is_symlink()}


def _is_of(folder: Path, identity: str) -> bool:
    try:
        return is_variant(folder) and _identity(folder) == identity
    except VariantError:  # damaged, but in this study's place: `look` says so
        return True


def _run_folders(plan: Plan) -> list[RunFolder]:
    return [RunFolder(path) for path in sorted((plan.folder / "runs").glob("*")) if path.is_dir()]


def _given(run: RunFolder) -> list[Path]:
    """Variants that a run was given, as far as they are still there."""
    paths = [Path(entry["path"]) for entry in run.job().get("datasets", {}).values()]
    return [path for path in paths if (path / MANIFEST).is_file()]


def _identity(folder: Path) -> str:
    """Identity of a variant, or of what an unfinished build is to become."""
    manifest = Manifest.load(folder)
    if manifest is not None:
        return manifest.identity
    return (folder / BUILDING).read_text(encoding="utf-8", errors="replace")


def _size(folder: Path) -> int:
    files = (file.lstat() for file in folder.rglob("*") if file.is_symlink() or file.is_file())
    return sum(file.st_size for file in files)
