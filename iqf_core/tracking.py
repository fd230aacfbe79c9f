"""Feeding MLflow from run folders: the only module that imports it, and only when something is delivered.

The run folder is the truth. Each run is delivered in one batch by one writer, under a tag with its key, so
that delivering again changes nothing; what could not be delivered is delivered next time.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqf_core.errors import ResultsError
from iqf_core.fingerprint import digest_of, file_digest
from iqf_core.runfolder import RunFolder, read_json
from iqf_core.runrow import metrics_of, parameters_of

log = logging.getLogger("iqf")

KEY_TAG, OUTCOME_TAG = "iqf.key", "iqf.outcome"
DELIVERED = "delivered.json"
PARAM_LENGTH, TAG_LENGTH = 6000, 5000  # MLflow's limits for a value
METRICS_AT_ONCE, PARAMS_AT_ONCE = (
    900,
    90,
)  # MLflow takes 1,000 of everything in one call, 100 of them no metrics
LARGEST_STEP = 2**63 - 1  # of a database's integer
ARTIFACTS_OF_OUTPUT = "output"
SQLITE = "sqlite:///"


def default_uri(runs_root: Path) -> str:
    """SQLite database beside the results."""
    return f"{SQLITE}{(runs_root / 'mlflow.db').resolve()}"


@dataclass
class Tracker:
    """One MLflow experiment, fed from run folders.

    Parameters
    ----------
    uri : str
        Tracking URI.
    experiment : str
        Name of the experiment.
    artifacts : pathlib.Path
        Where artifacts go when the tracking URI is a local database.
    registry_uri : str or None, optional
        Of the model registry, handed to scripts that ask for it.
    """

    uri: str
    experiment: str
    artifacts: Path
    registry_uri: str | None = None
    _client: Any = field(default=None, repr=False)
    _known: dict[str, str] = field(default_factory=dict, repr=False)  # key -> id of the run in MLflow
    _experiment_id: str = ""
    _refusal: str = ""

    def open_run(self, key: str, title: str) -> dict[str, str]:
        """Options for a script that writes to its MLflow run itself, which is made anew.

        Returns
        -------
        dict of str to str
            ``mlfuri``, ``mlfexpid``, ``mlfrunid``.

        Raises
        ------
        ResultsError
            When MLflow takes nothing.
        """
        if self._refusal:
            raise ResultsError(self._refusal)
        try:
            self._delete(key)  # of an earlier attempt, whose parameters would stand in the way
            run_id = self._create(key, title, None)
        except Exception as error:
            self._refuse(error)
            raise ResultsError(self._refusal) from error
        return {"mlfuri": self.uri, "mlfexpid": self._experiment_id, "mlfrunid": run_id}

    def read_back(self, key: str) -> dict[str, list[tuple[int, float]]]:
        """Metrics that a script wrote to its run: name -> (step, value)."""
        run = self._find(key)
        if run is None:
            return {}
        client = self._connected()
        histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
        return {name: [(entry.step, entry.value) for entry in found] for name, found in histories.items()}

    def deliver(self, folder: RunFolder) -> None:
        """Bring one run's outcome into MLflow, unless it is there.

        Never raises: what fails is logged once, and left for the next time.
        """
        if self._refusal:
            return
        try:
            digest = content_digest(folder)
            if not self._has(folder, digest):
                self._deliver(folder, digest)
        except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the study goes on
            self._doubt(folder, error)

    def _has(self, folder: RunFolder, digest: str) -> bool:
        """Whether MLflow has it, as far as can be told without asking MLflow."""
        delivered = read_json(folder.path / DELIVERED) or {}
        return (delivered.get("uri"), delivered.get("digest")) == (self.uri, digest)

    def look(self, folders: Iterable[RunFolder]) -> None:
        """Where the database was deleted, forget what was delivered: it is delivered again."""
        if self.uri.startswith(SQLITE) and not Path(self.uri.removeprefix(SQLITE)).is_file():
            for folder in folders:
                (folder.path / DELIVERED).unlink(missing_ok=True)

    def _doubt(self, folder: RunFolder, error: Exception) -> None:
        """Find out whether MLflow takes nothing now, or only this run."""
        try:
            self._connected().set_experiment_tag(self._experiment_id, "iqf", "study")
        except Exception:  # noqa: BLE001 - the first error says more than this one
            self._refuse(error)
            return
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        log.warning("MLflow at %s does not take the run in %s (%s)", self.uri, folder.path, reason)

    def _refuse(self, error: Exception) -> None:
        """Try no more in this process: a server that is down would hold up every run."""
        if not self._refusal:
            self._refusal = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            log.warning(
                "MLflow at %s takes nothing now (%s); the run folders hold everything, and it is delivered "
                "with the next `iqf run`",
                self.uri,
                self._refusal,
            )

    def close_dead(self, keys: Iterable[str]) -> None:
        """Close as KILLED the runs that a dead study left RUNNING, except those of the given keys.

        Never raises, like `deliver`.
        """
        try:
            self._close_dead(keys)
        except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the study goes on
            self._refuse(error)

    def _close_dead(self, keys: Iterable[str]) -> None:
        kept = set(keys)
        client = self._connected()
        for run in list(_all_runs(client, self._experiment_id, "attributes.status = 'RUNNING'")):
            key = run.data.tags.get(KEY_TAG)
            if key is not None and key not in kept:
                client.set_terminated(run.info.run_id, "KILLED")

    def close(self, key: str) -> None:
        """Close one run as KILLED, if there is one."""
        run = self._find(key)
        if run is not None:
            self._connected().set_terminated(run.info.run_id, "KILLED")

    def _deliver(self, folder: RunFolder, digest: str) -> None:
        job, outcome = folder.job(), folder.outcome()
        if outcome is None:
            raise ResultsError(f"{folder.path}: not done, so there is nothing to deliver")
        client = self._connected()
        run = self._find(folder.key)
        if run is not None and not _goes_on(run.data.tags.get(OUTCOME_TAG, ""), digest, job):
            self._delete(folder.key)  # of an earlier attempt, or before a metric was added
            run = None
        started, ended = int(outcome["started"] * 1000), int(outcome["ended"] * 1000)
        run_id = run.info.run_id if run else self._create(folder.key, job.get("title", folder.key), started)
        tags = {OUTCOME_TAG: digest, "iqf.reason": outcome["reason"][:TAG_LENGTH]}
        metrics = _renamed(metrics_of(folder, job, outcome))
        parameters = _renamed(parameters_of(job, outcome))
        if (
            run is not None
        ):  # what it holds stands: parameters are write-once, and metrics would be there twice
            metrics = {name: series for name, series in metrics.items() if name not in run.data.metrics}
            parameters = {name: text for name, text in parameters.items() if name not in run.data.params}
        self._log(run_id, parameters, metrics, tags, ended)
        for name, artifact in _artifacts(folder):
            client.log_artifact(run_id, str(artifact), name)
        client.set_terminated(run_id, outcome["status"], ended)
        folder.write(DELIVERED, {"uri": self.uri, "digest": digest, "run_id": run_id})

    def _log(
        self,
        run_id: str,
        parameters: Mapping[str, str],
        metrics: Mapping[str, list[tuple[int, float]]],
        tags: Mapping[str, str],
        timestamp: int,
    ) -> None:
        """Log everything in as few calls as MLflow allows; the tags with the last."""
        from mlflow.entities import Metric, Param, RunTag

        entries = [
            Metric(name, value, timestamp, max(-LARGEST_STEP, min(step, LARGEST_STEP)))
            for name, series in metrics.items()
            for step, value in series
        ]
        params = [Param(name, value[:PARAM_LENGTH]) for name, value in parameters.items()]
        named = [RunTag(name, value) for name, value in tags.items() if value]
        while entries or params or named:
            last = len(entries) <= METRICS_AT_ONCE and len(params) <= PARAMS_AT_ONCE
            self._connected().log_batch(
                run_id, entries[:METRICS_AT_ONCE], params[:PARAMS_AT_ONCE], named if last else []
            )
            entries, params = entries[METRICS_AT_ONCE:], params[PARAMS_AT_ONCE:]
            named = [] if last else named

    def _create(self, key: str, title: str, started: int | None) -> str:
        run = self._connected().create_run(
            self._experiment_id, start_time=started, run_name=title, tags={KEY_TAG: key}
        )
        self._known[key] = str(run.info.run_id)
        return self._known[key]

    def _delete(self, key: str) -> None:
        run = self._find(key)
        if run is not None:
            self._connected().delete_run(run.info.run_id)
            del self._known[key]

    def _find(self, key: str) -> Any:
        client = self._connected()
        return client.get_run(self._known[key]) if key in self._known else None

    def _connected(self) -> Any:
        """Client, with the database and the experiment made: once, before any script opens it."""
        if self._client is None:
            client = _client_of(self.uri, self.registry_uri)
            experiment = client.get_experiment_by_name(self.experiment)
            if experiment is None:
                where = self.artifacts.resolve().as_uri() if self.uri.startswith(SQLITE) else None
                self._experiment_id = client.create_experiment(self.experiment, artifact_location=where)
            else:
                self._experiment_id = experiment.experiment_id
            runs = _all_runs(client, self._experiment_id)  # once: a search for each run takes its time
            self._known = {
                run.data.tags[KEY_TAG]: run.info.run_id for run in runs if KEY_TAG in run.data.tags
            }
            self._client = client
        return self._client


def content_digest(folder: RunFolder) -> str:
    """Digests of what is delivered of a run, joined by a dot: its outcome, and what metrics made of it."""
    tables = [*sorted(folder.tables.glob("*")), *sorted(folder.measurements.glob("*.json"))]
    words = [f"{file.name}={file_digest(file)}" for file in tables if file.is_file()]
    return f"{file_digest(folder.path / 'outcome.json')}.{digest_of(*words)}"


def _goes_on(tag: str, digest: str, job: Mapping[str, Any]) -> bool:
    """Whether a run of MLflow, by the tag of its last delivery, is one that this delivery adds to.

    One that is half delivered is begun anew; but not one that a script wrote to itself.
    """
    if "mlfrunid" in job.get("options", {}):
        return not tag or tag.partition(".")[0] == digest.partition(".")[0]
    return tag == digest


def experiment_runs(uri: str, experiment: str) -> list[dict[str, Any]]:
    """Runs of an experiment: ``run_id``, ``status``, ``parameters``, ``metrics``, ``tags``.

    Raises
    ------
    ResultsError
        When there is no experiment of that name.
    """
    client = _client_of(uri, None)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        raise ResultsError(f"no MLflow experiment {experiment!r} at {uri}")
    return [
        {
            "run_id": run.info.run_id,
            "status": run.info.status,
            "parameters": dict(run.data.params),
            "metrics": dict(run.data.metrics),
            "tags": dict(run.data.tags),
        }
        for run in _all_runs(client, found.experiment_id)
    ]


def _all_runs(client: Any, experiment_id: str, condition: str = "") -> Iterator[Any]:
    """Runs of an experiment, page by page, the newest first."""
    token = None
    while True:
        page = client.search_runs([experiment_id], condition, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _client_of(uri: str, registry_uri: str | None) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # A server that is down must not hold the study up: the outcome is delivered next time.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    if uri.startswith(SQLITE):
        Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)

    return MlflowClient(tracking_uri=uri, registry_uri=registry_uri)


def _artifacts(folder: RunFolder) -> list[tuple[str | None, Path]]:
    """(folder in MLflow, file): the log, what was asked, tables, and everything that the script wrote."""
    own: list[tuple[str | None, Path]] = [(None, folder.log), (None, folder.path / "job.json")]
    own += [("tables", file) for file in sorted(folder.tables.glob("*.csv"))]
    for file in sorted(folder.output.rglob("*")):
        inner = file.parent.relative_to(folder.output).as_posix()
        own.append((f"{ARTIFACTS_OF_OUTPUT}/{inner}".removesuffix("/."), file))
    return [(name, file) for name, file in own if file.is_file() and file.stat().st_size]


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under names that MLflow accepts; two that would become one get a number."""
    renamed: dict[str, Any] = {}
    for name, value in values.items():
        clean = re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)[:240] or "_"
        # MLflow takes names for paths: no leading slash, no step upwards.
        clean = re.sub(r"(^|/)(\.{0,2})(?=/|$)", r"\1_\2", clean)
        unique, number = clean, 2
        while unique in renamed:
            unique, number = f"{clean}_{number}", number + 1
        renamed[unique] = value
    return renamed
