"""The plan of a study: every run that it asks for, and the key under which each is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np

from iqf_core.criterion import LEAST_REPETITIONS
from iqf_core.dataset import Dataset, open_dataset
from iqf_core.errors import ImageError, ParameterError, StudyError
from iqf_core.executor import TaskExecutor
from iqf_core.image import probe_image
from iqf_core.metrics import Metric, metric
from iqf_core.modifiers import Modifier
from iqf_core.parameters import create, parse_spec
from iqf_core.parts import PARTS, Part, lay_down
from iqf_core.planned import REFERENCE, PlannedRun, Setting, frozen_runs, matrix_runs, training_runs
from iqf_core.runrow import metrics_of
from iqf_core.script import code_files, fingerprint_of
from iqf_core.specs import expand
from iqf_core.study_file import DatasetEntry, StudyFile
from iqf_core.variant import find_variant

OPTION = {"train": "trainds", "val": "valds", "test": "testds"}


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
        The user's script; of a frozen study, the one that applies the model.
    infer : pathlib.Path or None
        The script that applies a model, where there is one.
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
    infer: Path | None
    code: Mapping[str, str]
    datasets: Mapping[Part, Dataset]

    @property
    def folder(self) -> Path:
        """Folder of the study's results."""
        return self.study.folder

    def settings(self) -> list[Setting]:
        """The settings, each once."""
        return _settings_of(self.runs)

    def variants_root(self) -> Path | None:
        """Where variants are written, None for beside their dataset."""
        return self.study.path(self.study.variants_root).resolve() if self.study.variants_root else None

    def missing_variants(self) -> Iterator[tuple[Dataset, Modifier]]:
        """Variants that are still to be made, for runs that are still to be done."""
        for setting in _settings_of(self.to_do()):
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

    def doubts(self) -> list[str]:
        """What a reader should know before anything is run."""
        criterion = self.study.criterion
        if criterion is None:
            return []
        said = criterion.doubts(self.metrics, self._written())
        if self.study.frozen or criterion.frozen:
            return said
        if self.study.repetitions < LEAST_REPETITIONS:
            said.append(
                f"criterion: repetitions: {self.study.repetitions} cannot decide it: how much trainings "
                f"differ by chance shows from {LEAST_REPETITIONS} on"
            )
        elif self.study.seed_argument is None:
            said.append(
                "criterion: no seed_argument, so the script is told no seed, and its repetitions may be one "
                "and the same run: name the script's option, as in seed_argument: seed"
            )
        return said

    def _written(self) -> list[str]:
        """Columns of a run that has ended well, where there is one."""
        done = next((run.folder for run in self.runs if run.folder.is_finished()), None)
        return [] if done is None else list(metrics_of(done, done.job(), done.outcome() or {}))

    def to_do(self) -> list[PlannedRun]:
        """Runs that have not ended well."""
        return [run for run in self.runs if not run.folder.is_finished()]

    def expected_s(self, parallel: int) -> float | None:
        """Seconds that what is left takes, from the mean of the runs that are done; None where none is."""
        mean = self._mean_s()
        return None if mean is None else len(self.to_do()) * mean / parallel

    def expected_price(self) -> tuple[float, float] | None:
        """What is left to be paid, and for how many hours of jobs; None where the executor knows no price.

        As long as no run has ended, the longest that the jobs can take stands for their time.
        """
        mean = self._mean_s()
        seconds = self.executor.most_seconds(self.study.task.timeout_s) if mean is None else mean
        price = None if seconds is None else self.executor.price_of(seconds)
        count = len(self.to_do())
        return None if seconds is None or price is None else (count * price, count * seconds / 3600)

    def _mean_s(self) -> float | None:
        """Mean time of the runs that are done, None where none is."""
        done = [run.folder.outcome() or {} for run in self.runs if run.folder.is_finished()]
        took = [outcome["ended"] - outcome["started"] for outcome in done]
        return sum(took) / len(took) if took else None

    def require_affordable(self, *, max_runs: int | None, max_gb: float | None) -> None:
        """Refuse what is more than allowed, before anything is made.

        Raises
        ------
        StudyError
            Naming what is asked for and what is allowed.
        """
        count = len(self.to_do())
        if max_runs is not None and count > max_runs:
            raise StudyError(
                f"{count} runs are to be done, and --max-runs allows {max_runs}; nothing was started. "
                "Allow more, or ask for fewer settings or repetitions"
            )
        gigabytes = self.disk_bytes() / 1e9 if max_gb is not None else 0.0
        if max_gb is not None and gigabytes > max_gb:
            raise StudyError(
                f"variants may need {gigabytes:.2g} GB, and --max-gb allows {max_gb:g}; nothing was made "
                "(storage: codestream needs less)"
            )

    def _find(self, dataset: Dataset, modifier: Modifier) -> Path | None:
        return find_variant(
            dataset,
            modifier,
            variants_root=self.variants_root(),
            storage=self.study.storage,
            seed=self.study.seed,
        )


def _settings_of(runs: Sequence[PlannedRun]) -> list[Setting]:
    return list({id(run.setting): run.setting for run in runs}.values())


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
    infer = _script(study, "infer") if study.task.infer else None
    script = infer if study.frozen and infer is not None else _script(study, "script")
    datasets = datasets_of(study)
    settings = _settings(study, datasets)
    executor = _executor(study)
    metrics = tuple(metric(spec) for spec in study.metrics)
    if study.verify is not None:
        study.verify.made()  # so that a wrong one is refused before anything runs
    if study.criterion is not None:
        study.criterion.doubts(metrics)  # likewise
    code = _code_of(study, script, datasets)
    if study.frozen:
        runs = frozen_runs(study, settings, fingerprint_of(script, code))
    else:
        runs = training_runs(study, settings, fingerprint_of(script, code))
    if study.matrix and infer is not None:
        applied = fingerprint_of(infer, _code_of(study, infer, datasets))
        runs += matrix_runs(study, settings, runs, applied)
    _refuse_twins(runs)
    return Plan(study, tuple(runs), metrics, executor, script, infer, code, datasets)


def _script(study: StudyFile, key: str) -> Path:
    script = study.path(getattr(study.task, key)).resolve()
    if not script.is_file():
        raise StudyError(f"task.{key}: no such file {script}; write its path relative to the study file")
    return script


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
