"""The results of a study: a table of its runs, read from their folders."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core.criterion import NoSuchMetric, metric_column, says_error
from iqf_core.errors import IqfError, ParameterError, ResultsError, did_you_mean
from iqf_core.evaluate import RunDatasets, measure_run
from iqf_core.metrics import MetricSpec
from iqf_core.metrics import metric as make_metric
from iqf_core.parts import Part
from iqf_core.plan import datasets_of
from iqf_core.rates import RATES
from iqf_core.runfolder import RunFolder, read_json
from iqf_core.runrow import COLUMNS, apart, cell_of, column_of, metrics_of
from iqf_core.study_file import RUNS_ROOT, StudyFile
from iqf_core.variant import open_with_manifest
from iqf_core.verification import VERIFY, drifts

if TYPE_CHECKING:
    import pandas as pd

    from iqf_core.dataset import Dataset

log = logging.getLogger("iqf")

SETTING = ("family", "variant")
"""Columns that say what a run was run on; its hyper-parameters join them."""


@dataclass(frozen=True)
class Results:
    """Runs of a study.

    Parameters
    ----------
    folder : pathlib.Path
        Of the study: ``iqf-runs/<name>``.
    """

    folder: Path

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self._study()["name"])

    def runs(self) -> list[RunFolder]:
        """Folders of the runs that the study asks for and that ended, in its order."""
        folders = [RunFolder(self.folder / "runs" / key) for key in self._study()["runs"]]
        return [folder for folder in folders if folder.outcome() is not None and folder.job()]

    def criterion(self) -> dict[str, Any] | None:
        """By what the study's file says that it is to be decided."""
        found: dict[str, Any] | None = self._study()["study"].get("criterion")
        return found

    def origin(self) -> dict[str, Any]:
        """What the study is made of: ``study`` (its file), ``software``, ``code``, and where it lay."""
        return {"software": {}, **self._study()}

    def is_frozen(self) -> bool:
        """Whether a given model was judged, and none was trained."""
        return bool(self._study()["study"].get("frozen", False))

    def dataframe(self) -> pd.DataFrame:
        """A row per run that ended.

        Returns
        -------
        pandas.DataFrame
            Columns ``family`` (modifier, or ``reference``), ``variant`` (label), of a matrix
            ``train_variant`` (what the model was trained on), ``knob``, the
            hyper-parameters, ``repetition``, ``seed``, ``status``, ``reason``, ``duration_s``, the rates, and
            every metric (of a series its last value).
        """
        import pandas as pd

        return pd.DataFrame([_row(folder) for folder in self.runs()])

    def summary(self) -> pd.DataFrame:
        """A row per setting: how its metrics came out over the repetitions.

        Returns
        -------
        pandas.DataFrame
            Columns ``family``, ``variant``, ``knob``, the hyper-parameters, ``runs`` (that finished),
            ``failed``, the rates, ``verify.<output>.before`` (``.after``, ``.asked``) where the study
            verifies, and ``<metric>_mean``, ``<metric>_std`` (of the sample; NaN for one run)
            and ``<metric>_count`` for every metric.
        """
        import pandas as pd

        table = self.dataframe()
        if table.empty:
            return table
        hyper = self.hyperparameters()
        keys = [*self._setting(table), *hyper]
        columns = map(str, table)
        rates = [name for name in columns if name in RATES or name.startswith(VERIFY)]
        metrics = self._metrics(table)
        rows = []
        for values, group in table.groupby(keys, sort=False, dropna=False):
            good = group[group["status"] == "FINISHED"]
            row: dict[str, Any] = dict(zip(keys, values, strict=True))
            row |= {"knob": group["knob"].iloc[0], "runs": len(good), "failed": len(group) - len(good)}
            row |= {name: good[name].mean() for name in rates}
            for name in metrics:
                found = good[name].astype(float)
                # An infinite value, as the PSNR of equal images, has no std.
                with np.errstate(invalid="ignore"):
                    row |= {f"{name}_mean": found.mean(), f"{name}_std": found.std()}
                row[f"{name}_count"] = found.count()
            rows.append(row)
        return pd.DataFrame(rows)

    def metrics(self) -> list[str]:
        """Names of the metrics in the table."""
        return self._metrics(self.dataframe())

    def quality(self) -> str | None:
        """The metric to decide by, where nothing says it: of what is better when higher, or else the first.

        Returns
        -------
        str or None
            A column, of what the script predicted rather than of the images; none whose name is that of an
            error. None where there is no other.
        """
        names = [name for name in self.metrics() if not says_error(name)]
        for file in sorted(file for run in self.runs()[:1] for file in run.tables.glob("*.json")):
            try:
                made = make_metric((read_json(file) or {})["metric"])
            except (IqfError, KeyError):  # of a plugin that is gone, or what `verify` has left
                continue
            for output in made.outputs:
                if output.better == "higher" and (name := f"{made.label}.{output.name}") in names:
                    return name
        return next(iter(names), None)

    def warnings(self) -> list[str]:
        """What a reader of the table should know: repetitions that are none, runs that failed.

        Returns
        -------
        list of str
            One sentence each.
        """
        table = self.dataframe()
        if table.empty:
            return []
        said = []
        failed = table[table["status"] != "FINISHED"]
        if len(failed):
            said.append(
                f"{len(failed)} of {len(table)} runs failed; `iqf results {self.name} --failed` says why"
            )
        twins = self._identical_repetitions(table)
        if twins:
            seeded = self._study()["study"]["seed_argument"]
            why = f"though --{seeded.lstrip('-')} differs" if seeded else "with no seed_argument"
            said.append(
                f"the repetitions of {len(twins)} setting(s) ended identically, {why}: they are not "
                "repetitions, and their spread says nothing"
            )
        return said + self._undecided(table) + self.unjudged() + self._drifts(table)

    def _undecided(self, table: pd.DataFrame) -> list[str]:
        """That finished runs lack the number by which the study is decided, and what stands in its place."""
        criterion = self.criterion()
        if criterion is None:
            return []
        name, good = str(criterion["metric"]), table[table["status"] == "FINISHED"]
        try:
            column = metric_column([*map(str, table.select_dtypes("number"))], name)
        except NoSuchMetric:
            lacking = good
        except ParameterError:  # several: what decides will say so
            return []
        else:
            lacking = good[good[column].isna()]
        if lacking.empty:
            return []
        first = RunFolder(self.folder / "runs" / lacking["key"].iloc[0]).outcome() or {}
        text = first.get("parameters", {}).get(name)
        instead = "" if text is None else f": the script wrote the text {text!r}, which is no number"
        return [f"{len(lacking)} of {len(good)} finished runs have no {name}, which is to decide{instead}"]

    def unjudged(self) -> list[str]:
        """Metrics that could not be applied to runs that finished, each with the first reason.

        Returns
        -------
        list of str
            One sentence each.
        """
        found: dict[str, list[str]] = {}
        for folder in self.runs():
            for file in sorted(folder.tables.glob("*.json")):
                content = read_json(file) or {}
                if content.get("again"):
                    reasons = list(content.get("reasons", {}).values())
                    found.setdefault(file.stem, []).append(reasons[0] if reasons else "")
        return [
            f"{name} could not be applied to {len(reasons)} run(s), first: {reasons[0]}"
            for name, reasons in found.items()
        ]

    def _drifts(self, table: pd.DataFrame) -> list[str]:
        """What a modifier was asked for and did not achieve, once for each setting."""
        verify = self._study()["study"].get("verify")
        if verify is None:
            return []
        settings = table.drop_duplicates(list(SETTING))
        return [
            f"{row['variant']}: {drift}"
            for row in settings.to_dict("records")
            for drift in drifts({str(name): value for name, value in row.items()}, verify["tolerance"])
        ]

    def apply(self, metric: MetricSpec, *, workers: int | None = None) -> Results:
        """Apply a metric to what is stored, without running anything again.

        Parameters
        ----------
        metric : metric or spec
            Of predictions, or of the images.
        workers : int, optional
            How many images at once.

        Returns
        -------
        Results
            These; the tables now hold the metric.

        Raises
        ------
        ResultsError
            When the study's datasets are not where they were, or not what they were.
        """
        study = restored(self.folder)
        study.use_plugins()
        one, datasets = make_metric(metric), datasets_of(study)
        problems: dict[str, None] = {}
        for folder in self.runs():
            if not folder.is_finished():
                continue
            job = folder.job()
            _refuse_changed(datasets, job)
            given = RunDatasets(datasets, functools.partial(_reopened, job), job["measured"]["part"])
            found = measure_run([one], folder, given, workers=workers)
            problems.update(dict.fromkeys(found))
        for problem in problems:
            log.warning("%s: %s", self.name, problem)
        return self

    def attach(self, path: str | Path) -> bool:
        """Add a file, such as a report, to the study in MLflow, in place of one of that name.

        It becomes an artifact of the parent of the study's runs, below ``report/``, at the tracking URI with
        which the study was run last.

        Parameters
        ----------
        path : str or pathlib.Path
            The file.

        Returns
        -------
        bool
            Whether MLflow took it; where not, a warning is logged, and nothing is raised.

        Raises
        ------
        ResultsError
            When there is no such file.
        """
        from iqf_core.tracking import attach, default_uri

        path = Path(path)
        if not path.is_file():
            raise ResultsError(f"{path}: no such file, so it cannot be attached to {self.name}")
        uri = self._study().get("tracking_uri") or default_uri(self.folder.parent)
        return attach(uri, self.name, path)

    def _study(self) -> dict[str, Any]:
        return _study_of(self.folder)

    def hyperparameters(self) -> list[str]:
        """Names of the study's hyper-parameters, as they are columns of the table."""
        return [column_of(name) for name in self._study()["study"]["hyperparameters"]]

    @staticmethod
    def _setting(table: pd.DataFrame) -> list[str]:
        """Columns that say what a run was run on: of a matrix, also what its model was trained on."""
        return [*SETTING, *(["train_variant"] if "train_variant" in table else [])]

    def _metrics(self, table: pd.DataFrame) -> list[str]:
        own = {*COLUMNS, *RATES, *self.hyperparameters()}
        numbers = table.select_dtypes("number").columns
        return [name for name in numbers if name not in own and not name.startswith(VERIFY)]

    def _identical_repetitions(self, table: pd.DataFrame) -> list[Any]:
        metrics = self._metrics(table)
        good = table[table["status"] == "FINISHED"]
        groups = good.groupby([*self._setting(table), *self.hyperparameters()], dropna=False)
        return [
            name
            for name, group in groups
            if len(group) > 1 and metrics and len(group[metrics].drop_duplicates()) == 1
        ]


def restored(folder: Path) -> StudyFile:
    """The study as it was run, wherever its folder is opened from.

    Raises
    ------
    ResultsError
        When no study was run there.
    """
    found = _study_of(folder)
    study = StudyFile(**{**found["study"], "runs_root": str(folder.resolve().parent)})
    study._file = None if found["file"] is None else Path(found["file"])
    study._base = Path(found["base"])
    return study


def _study_of(folder: Path) -> dict[str, Any]:
    found = read_json(folder / "study.json")
    if found is None:
        raise ResultsError(
            f"{folder}: no study was run here (no study.json); `iqf run` with its file runs it"
        )
    return found


def open_results(name_or_path: str | Path, *, tracking_uri: str | None = None) -> Results | pd.DataFrame:
    """Open the results of a study.

    Parameters
    ----------
    name_or_path : str or pathlib.Path
        Folder of the study, its file, or its name: then ``iqf-runs/<name>`` is looked for in the current
        folder.
    tracking_uri : str, optional
        Read the MLflow experiment of that name instead.

    Returns
    -------
    Results or pandas.DataFrame
        With ``tracking_uri``, a row per MLflow run.

    Raises
    ------
    ResultsError
        When there is no such study; names those that are there.
    """
    if tracking_uri is not None:
        return _from_mlflow(str(name_or_path), tracking_uri)
    path = Path(name_or_path)
    if path.suffix.lower() in (".yaml", ".yml"):
        return Results(StudyFile.from_file(path).folder)
    for folder in (path, Path(RUNS_ROOT) / path):
        if (folder / "study.json").is_file():
            return Results(folder)
    found = [entry.parent.name for entry in Path(RUNS_ROOT).glob("*/study.json")]
    hint = (
        did_you_mean(str(path), found) if found else "None was run from here: `iqf run STUDY.yaml` runs one."
    )
    raise ResultsError(f"{name_or_path}: no study of that name in {RUNS_ROOT}/. {hint}")


def _from_mlflow(name: str, uri: str) -> pd.DataFrame:
    import pandas as pd

    from iqf_core.tracking import experiment_runs

    rows = [
        {"run_id": run["run_id"], "status": run["status"], **run["parameters"], **run["metrics"]}
        for run in experiment_runs(uri, name)
    ]
    return pd.DataFrame(rows)


def _row(folder: RunFolder) -> dict[str, Any]:
    job, outcome = folder.job(), folder.outcome() or {}
    series: Mapping[str, Any] = metrics_of(folder, job, outcome)
    row: dict[str, Any] = {
        "family": job.get("family"),
        "variant": job.get("label"),
        **({"train_variant": job["train_variant"]} if job.get("train_variant") else {}),
        "knob": job.get("knob"),
        **{column_of(name): cell_of(value) for name, value in job.get("hyperparameters", {}).items()},
        "repetition": job.get("repetition"),
        "seed": job.get("seed"),
        "status": outcome["status"],
        "reason": outcome["reason"],
        "duration_s": outcome["ended"] - outcome["started"],
    }
    found = {apart(name, {*row, "key"}): steps[-1][1] for name, steps in series.items() if steps}
    return {**row, **found, "key": folder.key}


def _refuse_changed(datasets: Mapping[Part, Dataset], job: Mapping[str, Any]) -> None:
    """Refuse where the dataset that a run was judged on, before it was modified, is not what it was."""
    part: Part = job["measured"]["part"]
    if datasets[part].fingerprint != job["measured"].get("source", datasets[part].fingerprint):
        raise ResultsError(f"{datasets[part].root}: changed since the study was run; `iqf run` it again")


def _reopened(job: Mapping[str, Any], part: Part) -> Dataset:
    """A part of what a run was given, as a variant where it is one."""
    path = Path(job["datasets"][part]["path"])
    if not path.is_dir():
        raise ResultsError(
            f"{path}: the variant is no longer there; write the metric into the study's file, under metrics, "
            "and `iqf run` it: the variant is made again, and no run is repeated"
        )
    return open_with_manifest(path)
