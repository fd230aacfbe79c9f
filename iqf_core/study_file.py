"""What a study file may say, and where what it names lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import pydantic

from iqf_core import plugins
from iqf_core.criterion import Criterion
from iqf_core.errors import StudyError, did_you_mean
from iqf_core.parameters import Parametrised
from iqf_core.parts import PARTS, Part
from iqf_core.verification import Verify
from iqf_core.yaml_file import plain_values, read_yaml

RESERVED = ("trainds", "valds", "testds", "outputpath", "mlfuri", "mlfexpid", "mlfrunid")
RUNS_ROOT = "iqf-runs"


class _Block(pydantic.BaseModel):
    """A block of a study: unknown keys are refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class DatasetEntry(_Block):
    """Where a dataset is: arguments of `iqf_core.open_dataset`.

    Attributes
    ----------
    path : str
        Folder, relative to the study file.
    images, annotations : str or None
        Where the folder alone does not say.
    white : float or None
        Full scale of the images.
    group : str or None
        Regular expression that finds the group in an image's name.
    """

    path: str | None = None
    images: str | None = None
    annotations: str | None = None
    white: float | None = None
    group: str | None = None


class SourceEntry(DatasetEntry):
    """A dataset to be split.

    Attributes
    ----------
    split : dict of str to float
        Part (train, val, test) -> fraction.
    split_seed : int
        The same seed gives the same parts.
    """

    split: dict[Part, float]
    split_seed: int = 0


class Datasets(_Block):
    """The datasets of a study: parts, or one source to split.

    Attributes
    ----------
    train, val, test : DatasetEntry or None
        Parts of their own; a path alone will do.
    source : SourceEntry or None
        One dataset to split instead.
    """

    train: DatasetEntry | None = None
    val: DatasetEntry | None = None
    test: DatasetEntry | None = None
    source: SourceEntry | None = None

    @pydantic.field_validator("train", "val", "test", mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": str(value)} if isinstance(value, str | Path) else value

    @pydantic.model_validator(mode="after")
    def _parts_or_source(self) -> Datasets:
        parts = [part for part in PARTS if getattr(self, part) is not None]
        if bool(parts) == (self.source is not None):
            raise ValueError("give train, val and test as needed, or one source with a split, not both")
        return self


class TaskEntry(_Block):
    """The user's script.

    Attributes
    ----------
    script : str
        Relative to the study file.
    timeout_s : float or None
        Seconds after which a run is stopped and counts as failed.
    interpreter : str
        Python interpreter; empty means the one that runs IQF.
    environment : dict of str to str
        Added to the environment; part of what determines a run. Numbers are taken for text.
    code : list of str
        Globs of the files beside the script that determine a run; all of its folder unless given.
    infer : str
        Script that applies a model: it is given ``--model``, ``--testds`` and ``--outputpath``. For
        ``matrix`` and ``frozen``.
    model : str
        The model of a ``frozen`` study: a file or folder.
    """

    model_config = pydantic.ConfigDict(coerce_numbers_to_str=True)

    script: str = ""
    timeout_s: float | None = pydantic.Field(None, gt=0, allow_inf_nan=False)
    interpreter: str = ""
    environment: dict[str, str] = {}
    code: list[str] = []
    infer: str = ""
    model: str = ""


class PluginsEntry(_Block):
    """Which plugins a study needs, and which it does without.

    Attributes
    ----------
    require : list of str
        Requirements, such as ``iqf-modifiers-compression>=0.1``.
    disable : list of str
        Distributions that are not loaded.
    """

    require: list[str] = []
    disable: list[str] = []


class StudyFile(_Block):
    """What a study file says: see `iqf_core.Study` for its keys, which adds planning and running."""

    name: str = pydantic.Field(pattern=r"^[\w][\w. -]*$", max_length=100)
    datasets: Datasets
    task: TaskEntry
    modifiers: list[Any] = []
    reference: bool = True
    matrix: bool = False
    frozen: bool = False
    apply_to: list[Part] = ["train", "val", "test"]
    hyperparameters: dict[str, Any] = {}
    repetitions: int = pydantic.Field(1, ge=1, strict=True)
    seed: int = pydantic.Field(0, ge=0, strict=True)
    seed_argument: str | None = None
    metrics: list[Any] = []
    verify: Verify | None = None
    criterion: Criterion | None = None
    executor: str | dict[str, Any] = "local"
    parallel: int = pydantic.Field(1, ge=1, strict=True)
    workers: int | None = pydantic.Field(None, ge=1, strict=True)
    storage: Literal["source", "codestream"] = "source"
    variants_root: str | None = None
    runs_root: str | None = None
    mlflow_monitoring: bool = False
    tracking_uri: str | None = None
    registry_uri: str | None = None
    plugins: PluginsEntry = PluginsEntry()

    _file: Path | None = pydantic.PrivateAttr(None)
    _base: Path | None = pydantic.PrivateAttr(None)

    def __init__(self, **content: Any) -> None:
        try:
            super().__init__(**content)
        except pydantic.ValidationError as error:
            raise StudyError(_explain(error)) from error

    @pydantic.field_validator("hyperparameters", mode="before")
    @classmethod
    def _json_values(cls, value: Any) -> Any:
        return plain_values(value)

    @pydantic.field_validator("seed_argument")
    @classmethod
    def _without_dashes(cls, value: str | None) -> str | None:
        return value.lstrip("-") if value else None

    @pydantic.model_validator(mode="after")
    def _has_cells(self) -> StudyFile:
        if not self.modifiers and not self.reference:
            raise ValueError("nothing to run: give modifiers, or reference: true")
        self._refuse_unfit_models()
        if self.seed_argument in self.hyperparameters:
            raise ValueError(f"seed_argument: {self.seed_argument!r} is among the hyperparameters too")
        for name, value in self.hyperparameters.items():
            if not name or name.startswith("-"):
                raise ValueError(f"hyperparameters: write {name!r} without dashes")
            if value == []:
                raise ValueError(f"hyperparameters: {name} is an empty list: there is nothing to try")
        reserved = {*self.hyperparameters, self.seed_argument} & set(RESERVED)
        if reserved:
            raise ValueError(
                f"{min(map(str, reserved))!r} is passed by IQF itself: name the script's option otherwise"
            )
        return self

    def _refuse_unfit_models(self) -> None:
        """What is trained, and what a model is applied with, must fit."""
        task = self.task
        if self.frozen:
            if not (task.infer and task.model):
                raise ValueError("frozen: say task.model, which is judged, and task.infer, which applies it")
            if task.script or self.matrix or self.repetitions > 1 or self.hyperparameters:
                raise ValueError(
                    "frozen: nothing is trained, so no task.script, matrix, repetitions or hyperparameters"
                )
            return
        if not task.script:
            raise ValueError("the key 'task.script' is missing")
        if task.model:
            raise ValueError("task.model: the model of a study with frozen: true; others train their own")
        if self.matrix and not task.infer:
            raise ValueError("matrix: say task.infer, the script that applies a model to other images")

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a study from a YAML file; paths in it are relative to the file.

        Parameters
        ----------
        path : str or pathlib.Path
            The file.

        Returns
        -------
        Study
            With the plugins that the file disables out of the way.

        Raises
        ------
        StudyError
            Naming the file, the key and the nearest valid key.
        PluginError
            When a required plugin is missing.
        """
        path = Path(path)
        try:
            study = cls(**read_yaml(path))
        except TypeError as error:
            raise StudyError(f"{path}: keys must be text ({error})") from error
        except StudyError as error:
            raise error if str(error).startswith(str(path)) else StudyError(f"{path}: {error}") from error
        study._file = path.resolve()
        return study

    def as_json(self) -> dict[str, Any]:
        """The study as JSON values, from which an equal one can be made."""
        content = self.model_dump(mode="json", exclude={"modifiers", "metrics", "verify"})
        verify = (
            None if self.verify is None else {**dict(self.verify), "metrics": _specs(self.verify.metrics)}
        )
        specs = {"modifiers": _specs(self.modifiers), "metrics": _specs(self.metrics)}
        return {**content, **specs, "verify": verify}

    @property
    def file(self) -> Path | None:
        """The file that it was read from."""
        return self._file

    @property
    def base(self) -> Path:
        """Folder that its paths are relative to: of the file, or the current one."""
        if self._base is not None:
            return self._base
        return Path.cwd() if self._file is None else self._file.parent

    @property
    def folder(self) -> Path:
        """Folder of its results."""
        return (self.path(self.runs_root) if self.runs_root else Path.cwd() / RUNS_ROOT) / self.name

    def path(self, written: str) -> Path:
        """A path that is written in it."""
        return self.base / Path(written).expanduser()

    def use_plugins(self) -> None:
        """Apply its ``plugins`` block.

        Raises
        ------
        PluginError
            When a required plugin is missing, broken or disabled.
        """
        if self.plugins.disable:
            disabled = plugins.Policy(disable=frozenset(self.plugins.disable))
            plugins.configure(plugins.configured_policy() | disabled)
        plugins.registry().check_required(self.plugins.require)


def _specs(value: Any) -> Any:
    """Modifiers and metrics as what a file would say; anything else as it is."""
    if isinstance(value, Parametrised):
        return value.spec()
    if isinstance(value, list | tuple):
        return [_specs(entry) for entry in value]
    return value


def _explain(error: pydantic.ValidationError) -> str:
    lines = []
    for fault in error.errors():
        place = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            known = _keys_at(fault["loc"][:-1])
            lines.append(f"unknown key {place!r}. {did_you_mean(str(fault['loc'][-1]), known)}")
        elif fault["type"] == "missing":
            lines.append(f"the key {place!r} is missing")
        else:
            lines.append(f"{place}: {fault['msg'].removeprefix('Value error, ')}".removeprefix(": "))
    return "; ".join(lines)


def _keys_at(place: tuple[int | str, ...]) -> list[str]:
    """Keys of the block at a place in a study."""
    blocks: dict[tuple[int | str, ...], type[pydantic.BaseModel]] = {
        (): StudyFile,
        ("verify",): Verify,
        ("criterion",): Criterion,
        ("datasets",): Datasets,
        ("datasets", "source"): SourceEntry,
        ("task",): TaskEntry,
        ("plugins",): PluginsEntry,
        **{("datasets", part): DatasetEntry for part in PARTS},
    }
    return list(blocks[place].model_fields) if place in blocks else []
