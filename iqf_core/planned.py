"""The runs of a study, each with the key under which it is kept: a digest of all that determines it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iqf_core.dataset import Dataset
from iqf_core.errors import StudyError
from iqf_core.fingerprint import digest_of, file_digest
from iqf_core.modifiers import Modifier
from iqf_core.parts import Part
from iqf_core.runfolder import RunFolder
from iqf_core.specs import grid
from iqf_core.study_file import StudyFile
from iqf_core.variant import recipe_of

REFERENCE = "reference"
SHOWN = 60  # characters of a hyper-parameter in a title


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

    def judged(self) -> Setting:
        """The same with the part alone that a model is judged on."""
        part = self.measured
        return Setting(self.modifier, {part: self.datasets[part]}, tuple({part} & set(self.modified)))

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
    trained : PlannedRun or None, optional
        Of a run that applies a model: the run that trains it.
    model : pathlib.Path or None, optional
        The model that it applies; None for a run that trains its own.
    """

    key: str
    setting: Setting
    hyperparameters: Mapping[str, Any]
    repetition: int
    seed: int
    folder: RunFolder
    trained: PlannedRun | None = None
    model: Path | None = None

    @property
    def title(self) -> str:
        """One line naming the run."""
        options = " ".join(f"{name}={_shown(value)}" for name, value in self.hyperparameters.items())
        label = self.setting.label
        if self.trained is not None:
            label = f"{self.trained.setting.label} on {label}"
        return " ".join(filter(None, [label, options, f"#{self.repetition + 1}"]))

    @property
    def train_label(self) -> str | None:
        """Short name of the setting that its model was trained on; None for a given model."""
        if self.trained is not None:
            return self.trained.setting.label
        return None if self.model is not None else self.setting.label


def _shown(value: Any) -> str:
    """A hyper-parameter's value in a title, which has to stay one line."""
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def training_runs(study: StudyFile, settings: Sequence[Setting], code: str) -> list[PlannedRun]:
    """Runs that train on a setting, and are judged on it."""
    runs = []
    for setting in settings:
        cells = itertools.product(grid(study.hyperparameters), range(study.repetitions))
        identities = {part: _identity(setting, part, study) for part in setting.datasets}
        for hyperparameters, repetition in cells:
            seed = _seed_of(study.seed, repetition)
            key = _key(study, code, identities, hyperparameters, repetition, seed)
            folder = RunFolder(study.folder / "runs" / key)
            runs.append(PlannedRun(key, setting, hyperparameters, repetition, seed, folder))
    return runs


def matrix_runs(
    study: StudyFile, settings: Sequence[Setting], trained: Sequence[PlannedRun], code: str
) -> list[PlannedRun]:
    """Runs that apply the model of each training run to the other settings' test images."""
    runs = []
    for run in trained:
        for setting in settings:
            if setting is run.setting:
                continue
            key = _model_key(study, code, setting, run.key)
            folder = RunFolder(study.folder / "runs" / key)
            runs.append(
                PlannedRun(
                    key,
                    setting.judged(),
                    run.hyperparameters,
                    run.repetition,
                    run.seed,
                    folder,
                    trained=run,
                    model=run.folder.output.resolve(),
                )
            )
    return runs


def frozen_runs(study: StudyFile, settings: Sequence[Setting], code: str) -> list[PlannedRun]:
    """Runs that apply the given model to each setting's test images."""
    model = study.path(study.task.model).resolve()
    if not model.exists():
        raise StudyError(f"task.model: no such file or folder {model}")
    files = [model] if model.is_file() else sorted(file for file in model.rglob("*") if file.is_file())
    content = digest_of(*(f"{file.relative_to(model.parent)}={file_digest(file)}" for file in files))
    runs = []
    for setting in settings:
        key = _model_key(study, code, setting, content)
        folder = RunFolder(study.folder / "runs" / key)
        runs.append(PlannedRun(key, setting.judged(), {}, 0, _seed_of(study.seed, 0), folder, model=model))
    return runs


def _model_key(study: StudyFile, code: str, setting: Setting, model: str) -> str:
    words = [
        code,
        study.task.interpreter,
        f"model={model}",
        f"judged={_identity(setting, setting.measured, study)}",
        *(f"environment {name}={value}" for name, value in sorted(study.task.environment.items())),
    ]
    return digest_of(*words)[:20]


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
        f"seed {study.seed_argument}={seed if study.seed_argument else None}",
        *(f"{part}={identity}" for part, identity in identities.items()),
        *(f"option {name}={value!r}" for name, value in sorted(hyperparameters.items())),
        *(f"environment {name}={value}" for name, value in sorted(study.task.environment.items())),
    ]
    return digest_of(*words)[:20]


@functools.cache
def _seed_of(seed: int, repetition: int) -> int:
    """A repetition's own seed, 31 bits, the same for every setting."""
    return int(np.random.SeedSequence([seed, repetition]).generate_state(1)[0] >> 1)
