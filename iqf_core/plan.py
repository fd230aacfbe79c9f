"""The plan of a study: every run that it asks for, and the key under which each is kept."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from iqf_core.dataset import Dataset, open_dataset
from iqf_core.errors import ImageError, ParameterError, StudyError
from iqf_core.executor import TaskExecutor
from iqf_core.fingerprint import digest_of
from iqf_core.image import probe_image
from iqf_core.metrics import Metric, metric
from iqf_core.modifiers import Modifier
from iqf_core.parameters import create, parse_spec
from iqf_core.parts import PARTS, Part, lay_down
from iqf_core.runfolder import RunFolder
from iqf_core.script import code_files, fingerprint_of
from iqf_core.specs import expand, grid
from iqf_core.study_file import DatasetEntry, StudyFile
from iqf_core.variant import find_variant, recipe_of

REFERENCE = "reference"
OPTION = {"train": "trainds", "val": "valds", "test": "testds"}


@dataclass(frozen=True)
class Setting:
    """One column of a study: a modifier, or none for the reference, applied to its datasets.

    Parameters
    ----------
    modifier : Modifier or None
        None leaves every part untouched.
    datasets : mapping of Part to Dataset
        Parts before they are modified.
    modified : tuple of Part
        Parts that the modifier applies to.
    """

    modifier: Modifier | None
    datasets: Mapping[Part, Dataset]
    modified: tuple[Part, ...]

    @property
    def label(self) -> str:
        """Short name of the setting."""
        return REFERENCE if self.modifier is None else self.modifier.label

    @property
    def family(self) -> str:
        """Name that the settings of one modifier share."""
        return REFERENCE if self.modifier is None else self.modifier.family

    @property
    def measured(self) -> Part:
        """The part whose images are measured: what the task is judged on."""
        return next(part for part in ("test", "val", "train") if part in self.datasets)

    def modifier_of(self, part: Part) -> Modifier | None:
        """Modifier of one part, None where it stays untouched."""
        return self.modifier if part in self.modified else None


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study.

    Parameters
    ----------
    key : str
        Digest of all that determines it.
    setting : Setting
        What it is run on.
    hyperparameters : mapping
        Options of the script.
    repetition : int
        From 0.
    seed : int
        This repetition's own; the same for every setting.
    folder : RunFolder
        Where it is kept.
    """

    key: str
    setting: Setting
    hyperparameters: Mapping[str, Any]
    repetition: int
    seed: int
    folder: RunFolder

    @property
    def title(self) -> str:
        """One line naming the run."""
        options = " ".join(f"{name}={value}" for name, value in self.hyperparameters.items())
        return " ".join(filter(None, [self.setting.label, options, f"#{self.repetition + 1}"]))


@dataclass(frozen=True)
class Plan:
    """Every run of a study, in the order in which they are run.

    Parameters
    ----------
    study : StudyFile
        What was asked for.
    runs : tuple of PlannedRun
        Setting by setting.
    metrics : tuple of Metric
        What is measured of each run.
    executor : TaskExecutor
        Where they are run.
    script : pathlib.Path
        The user's script.
    code : mapping of str to str
        Files that count as its code -> digest.
    datasets : mapping of Part to Dataset
        Before they are modified.
    """

    study: StudyFile
    runs: tuple[PlannedRun, ...]
    metrics: tuple[Metric, ...]
    executor: TaskExecutor
    script: Path
    code: Mapping[str, str]
    datasets: Mapping[Part, Dataset]

    @property
    def folder(self) -> Path:
        """Folder of the study's results."""
        return self.study.folder

    def settings(self) -> list[Setting]:
        """The settings, each once."""
        return list({id(run.setting): run.setting for run in self.runs}.values())

    def variants_root(self) -> Path | None:
        """Where variants are written, None for beside their dataset."""
        return self.study.path(self.study.variants_root).resolve() if self.study.variants_root else None

    def missing_variants(self) -> Iterator[tuple[Dataset, Modifier]]:
        """Variants that are still to be made."""
        for setting in self.settings():
            for part, dataset in setting.datasets.items():
                modifier = setting.modifier_of(part)
                if modifier is not None and self._find(dataset, modifier) is None:
                    yield dataset, modifier

    def disk_bytes(self) -> int:
        """Estimate of the disk that the missing variants need: their sources as raw samples.

        An upper bound but for images that grow: compressed containers and codestreams take less.
        """
        sizes: dict[Path, int] = {}
        total = 0
        for dataset, _ in self.missing_variants():
            if dataset.root not in sizes:
                sizes[dataset.root] = _raw_bytes(dataset)
            total += sizes[dataset.root]
        return total

    def _find(self, dataset: Dataset, modifier: Modifier) -> Path | None:
        return find_variant(
            dataset,
            modifier,
            variants_root=self.variants_root(),
            storage=self.study.storage,
            seed=self.study.seed,
        )


def make_plan(study: StudyFile) -> Plan:
    """Lay a study out as runs.

    Raises
    ------
    StudyError
        When the script is not there, or two entries ask for the same run.
    DatasetError, PluginError, ParameterError
        When a dataset, modifier, metric or executor is not as the study says.
    """
    study.use_plugins()
    script = study.path(study.task.script).resolve()
    if not script.is_file():
        raise StudyError(f"task.script: no such file {script}")
    datasets = datasets_of(study)
    settings = _settings(study, datasets)
    executor = _executor(study)
    metrics = tuple(metric(spec) for spec in study.metrics)
    if study.verify is not None:
        study.verify.made()  # so that a wrong one is refused before anything runs
    code = _code_of(study, script, datasets)
    fingerprint = fingerprint_of(script, code)
    runs = []
    for setting in settings:
        cells = itertools.product(grid(study.hyperparameters), range(study.repetitions))
        identities = {part: _identity(setting, part, study) for part in setting.datasets}
        for hyperparameters, repetition in cells:
            seed = _seed_of(study.seed, repetition)
            key = _key(study, fingerprint, identities, hyperparameters, repetition, seed)
            folder = RunFolder(study.folder / "runs" / key)
            runs.append(PlannedRun(key, setting, hyperparameters, repetition, seed, folder))
    _refuse_twins(runs)
    return Plan(study, tuple(runs), metrics, executor, script, code, datasets)


def datasets_of(study: StudyFile) -> dict[Part, Dataset]:
    """Datasets of a study before they are modified; a split is laid down in the study's folder."""
    source = study.datasets.source
    if source is not None:
        whole = _opened(study, source)
        parts = whole.split(
            {str(part): share for part, share in source.split.items()}, seed=source.split_seed
        )
        root = study.folder / "datasets"
        root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(root / ".lock"):  # against a plan of the same study at the same time
            return {part: lay_down(parts[part], root / part) for part in PARTS if part in parts}
    entries = {part: getattr(study.datasets, part) for part in PARTS}
    return {part: _opened(study, entry) for part, entry in entries.items() if entry is not None}


def _opened(study: StudyFile, entry: DatasetEntry) -> Dataset:
    paths = {
        name: study.path(value)
        for name in ("path", "images", "annotations")
        if (value := getattr(entry, name)) is not None
    }
    return open_dataset(**paths, white=entry.white, group=entry.group)


def _settings(study: StudyFile, datasets: Mapping[Part, Dataset]) -> list[Setting]:
    modifiers: list[Modifier | None] = [None] if study.reference else []
    for index, spec in enumerate(study.modifiers):
        try:
            modifiers += expand(spec)
        except ParameterError as error:
            raise StudyError(f"modifiers[{index}]: {error}") from error
    _refuse_namesakes(modifiers)
    modified = tuple(part for part in datasets if part in study.apply_to)
    if not modified:
        raise StudyError(f"apply_to: none of {study.apply_to} is among the datasets ({', '.join(datasets)})")
    return [Setting(modifier, datasets, modified) for modifier in modifiers]


def _executor(study: StudyFile) -> TaskExecutor:
    name, options = parse_spec(study.executor)
    return create("executors", name, options, base=TaskExecutor)


def _code_of(study: StudyFile, script: Path, datasets: Mapping[Part, Dataset]) -> dict[str, str]:
    """Digests of the files of the script's folder, without what lies there but is not its code."""
    apart = [study.folder, *(dataset.root for dataset in datasets.values())]
    made = [study.folder.parent] + ([study.path(study.variants_root)] if study.variants_root else [])
    apart += [root for root in made if root.resolve() not in script.parents]
    source = study.datasets.source
    if source is not None:
        apart.append(study.path(str(source.path or source.images)))
    if study.file is not None:
        apart.append(study.file)
    return code_files(script, exclude=apart, code=study.task.code)


def _identity(setting: Setting, part: Part, study: StudyFile) -> str:
    dataset, modifier = setting.datasets[part], setting.modifier_of(part)
    if modifier is None:
        return dataset.fingerprint
    return recipe_of(dataset, modifier, storage=study.storage, seed=study.seed).identity


def _key(
    study: StudyFile,
    code: str,
    identities: Mapping[Part, str],
    hyperparameters: Mapping[str, Any],
    repetition: int,
    seed: int,
) -> str:
    words = [
        code,
        study.task.interpreter,
        f"monitoring={study.mlflow_monitoring}",
        f"repetition={repetition}",
        f"seed={seed if study.seed_argument else None}",
        *(f"{part}={identity}" for part, identity in identities.items()),
        *(f"option {name}={value!r}" for name, value in sorted(hyperparameters.items())),
        *(f"environment {name}={value}" for name, value in sorted(study.task.environment.items())),
    ]
    return digest_of(*words)[:20]


@functools.cache
def _seed_of(seed: int, repetition: int) -> int:
    """A repetition's own seed, 31 bits, the same for every setting."""
    return int(np.random.SeedSequence([seed, repetition]).generate_state(1)[0] >> 1)


def _refuse_twins(runs: list[PlannedRun]) -> None:
    seen: dict[str, PlannedRun] = {}
    for run in runs:
        twin = seen.setdefault(run.key, run)
        if twin is not run:
            place = "modifiers" if run.setting is not twin.setting else "hyperparameters"
            raise StudyError(f"{place}: the run {run.title} stands twice; remove one of the two")


def _refuse_namesakes(modifiers: Sequence[Modifier | None]) -> None:
    """Two settings of one name would be one row of the table."""
    seen: dict[str, Modifier] = {}
    for one in filter(None, modifiers):
        twin = seen.setdefault(one.label, one)
        if one.label == REFERENCE or twin != one:
            raise StudyError(f"modifiers: {twin} and {one} would both be called {one.label} in the results")


def _raw_bytes(dataset: Dataset) -> int:
    size = 0
    for name in dataset.images:
        try:
            info = probe_image(dataset.path(name))
        except ImageError:  # no variant can be made of it, and the run will say so
            continue
        size += info.width * info.height * info.bands * np.dtype(info.dtype).itemsize
    return size
