"""Feeding MLflow from run folders: the only module that imports it, and only when something is delivered.

The run folder is the truth. Each run is delivered in one batch by one writer, under a tag with its key, so
that delivering again changes nothing; what could not be delivered is delivered next time.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqf_core.errors import ResultsError
from iqf_core.fingerprint import digest_of, file_digest
from iqf_core.runfolder import RunFolder
from iqf_core.runrow import metrics_of, parameters_of

log = logging.getLogger("iqf")

KEY_TAG, OUTCOME_TAG = "iqf.key", "iqf.outcome"
DELIVERED = "delivered.json"
PARAM_LENGTH = 6000  # MLflow's limit for a value
BATCH = 1000  # MLflow's limit of metrics in one call
ARTIFACTS_OF_OUTPUT = "output"


def default_uri(runs_root: Path) -> str:
    """SQLite database beside the results."""
    return f"sqlite:///{(runs_root / 'mlflow.db').resolve()}"


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
    _experiment_id: str = ""
    _refusal: str = ""

    def open_run(self, key: str, title: str) -> dict[str, str]:
        """Options for a script that writes to its MLflow run itself, which is made if need be.

        Returns
        -------
        dict of str to str
            ``mlfuri``, ``mlfexpid``, ``mlfrunid``.
        """
        client = self._connected()
        run = self._find(key)
        if run is not None and run.data.tags.get(OUTCOME_TAG):
            client.delete_run(run.info.run_id)
            run = None
        run_id = run.info.run_id if run is not None else self._create(key, title, None)
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
        digest = content_digest(folder)
        delivered = _delivered(folder)
        if self._refusal or delivered == {"uri": self.uri, "digest": digest}:
            return
        try:
            self._deliver(folder, digest)
        except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the study goes on
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Try no more in this process: a server that is down would hold up every run."""
        if not self._refusal:
            self._refusal = f"{type(error).__name__}: {error}"
            log.warning(
                "MLflow at %s takes nothing now (%s); the run folders hold everything, and it is delivered "
                "with the next `iqf run`",
                self.uri,
                self._refusal.splitlines()[0][:300],
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
        for run in client.search_runs([self._experiment_id], "attributes.status = 'RUNNING'"):
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
        if run is not None and run.data.tags.get(OUTCOME_TAG, digest) != digest:
            client.delete_run(run.info.run_id)  # of an earlier attempt, or before a metric was added
            run = None
        started = int(outcome["started"] * 1000)
        ended = int(outcome["ended"] * 1000)
        run_id = run.info.run_id if run else self._create(folder.key, job.get("title", folder.key), started)
        written = set(run.data.metrics) if run else set()
        self._log(run_id, parameters_of(job, outcome), metrics_of(folder, job, outcome), ended, written)
        for name, artifact in _artifacts(folder):
            client.log_artifact(run_id, str(artifact), name)
        client.set_tag(run_id, "iqf.reason", outcome["reason"])
        client.set_terminated(run_id, outcome["status"], ended)
        client.set_tag(run_id, OUTCOME_TAG, digest)
        folder.write(DELIVERED, {"uri": self.uri, "digest": digest, "run_id": run_id})

    def _log(
        self,
        run_id: str,
        parameters: Mapping[str, str],
        metrics: Mapping[str, list[tuple[int, float]]],
        timestamp: int,
        written: set[str],
    ) -> None:
        """Log everything in as few calls as MLflow allows; a script's own metrics are left as they are."""
        from mlflow.entities import Metric, Param

        entries = [
            Metric(name, value, timestamp, step)
            for name, series in _renamed(metrics).items()
            if name not in written
            for step, value in series
        ]
        known = self._connected().get_run(run_id).data.params
        params = [
            Param(name, value[:PARAM_LENGTH])
            for name, value in _renamed(parameters).items()
            if name not in known  # parameters are write-once: the script's own word stands
        ]
        for start in range(0, max(len(entries), 1), BATCH):
            batch = params if start == 0 else []
            self._connected().log_batch(run_id, entries[start : start + BATCH], batch[:100])
        for start in range(100, len(params), 100):
            self._connected().log_batch(run_id, params=params[start : start + 100])

    def _create(self, key: str, title: str, started: int | None) -> str:
        run = self._connected().create_run(
            self._experiment_id, start_time=started, run_name=title, tags={KEY_TAG: key}
        )
        return str(run.info.run_id)

    def _find(self, key: str) -> Any:
        found = self._connected().search_runs([self._experiment_id], f"tags.`{KEY_TAG}` = '{key}'")
        return found[0] if found else None

    def _connected(self) -> Any:
        """Client, with the database and the experiment made: once, before any script opens it."""
        if self._client is None:
            client = _client_of(self.uri, self.registry_uri)
            experiment = client.get_experiment_by_name(self.experiment)
            if experiment is None:
                where = self.artifacts.resolve().as_uri() if self.uri.startswith("sqlite:") else None
                self._experiment_id = client.create_experiment(self.experiment, artifact_location=where)
            else:
                self._experiment_id = experiment.experiment_id
            self._client = client
        return self._client


def content_digest(folder: RunFolder) -> str:
    """Digest of what is delivered of a run: its outcome, and the tables of metrics."""
    files = [folder.path / "outcome.json", *sorted(folder.tables.glob("*"))]
    return digest_of(*(f"{file.name}={file_digest(file)}" for file in files if file.is_file()))


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
    rows: list[dict[str, Any]] = []
    token = None
    while True:
        page = client.search_runs([found.experiment_id], page_token=token)
        rows += [
            {
                "run_id": run.info.run_id,
                "status": run.info.status,
                "parameters": dict(run.data.params),
                "metrics": dict(run.data.metrics),
                "tags": dict(run.data.tags),
            }
            for run in page
        ]
        token = page.token
        if not token:
            return rows


def _client_of(uri: str, registry_uri: str | None) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # A server that is down must not hold the study up: the outcome is delivered next time.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)

    return MlflowClient(tracking_uri=uri, registry_uri=registry_uri)


def _delivered(folder: RunFolder) -> dict[str, Any]:
    from iqf_core.runfolder import read_json

    found = read_json(folder.path / DELIVERED) or {}
    return {key: found[key] for key in ("uri", "digest") if key in found}


def _artifacts(folder: RunFolder) -> list[tuple[str | None, Path]]:
    """(folder in MLflow, file): the log, what was asked, tables, and everything that the script wrote."""
    own: list[tuple[str | None, Path]] = [(None, folder.log), (None, folder.path / "job.json")]
    own += [("tables", file) for file in sorted(folder.tables.glob("*.csv"))]
    for file in sorted(folder.output.rglob("*")):
        inner = file.parent.relative_to(folder.output).as_posix()
        own.append((f"{ARTIFACTS_OF_OUTPUT}/{inner}".removesuffix("/."), file))
    return [(name, file) for name, file in own if file.is_file()]


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
