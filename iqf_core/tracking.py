"""Feeding MLflow from run folders: the only module that imports it, and only when something is delivered.

The run folder is the truth. Each run is delivered in one batch by one writer, under a tag with its key, so
that delivering again changes nothing; what could not be delivered is delivered next time. The runs of a study
hang under one parent run, which is found again by a tag of its own.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iqf_core.delivery import artifacts_of, content_digest, renamed
from iqf_core.errors import ResultsError
from iqf_core.runfolder import RunFolder, read_json, write_json
from iqf_core.runrow import metrics_of, parameters_of
from iqf_core.studyfolder import CRITERION_TAG, STUDY_TAG, StudyFolder

log = logging.getLogger("iqf")

KEY_TAG, OUTCOME_TAG = "iqf.key", "iqf.outcome"
PARENT_TAG = "mlflow.parentRunId"  # MLflow's own: its pages show a run below the one that is named so
DELIVERED = "delivered.json"
PARAM_LENGTH, TAG_LENGTH = 6000, 5000  # MLflow's limits for a value
METRICS_AT_ONCE, PARAMS_AT_ONCE = (
    900,
    90,
)  # MLflow takes 1,000 of everything in one call, 100 of them no metrics
LARGEST_STEP = 2**63 - 1  # of a database's integer
ARTIFACTS_OF_REPORT = "report"
SQLITE = "sqlite:///"


def default_uri(runs_root: Path) -> str:
    """SQLite database beside the results."""
    return f"{SQLITE}{(runs_root / 'mlflow.db').resolve()}"


@dataclass
class Tracker:
    """One MLflow experiment, fed from the folder of a study and those of its runs.

    Parameters
    ----------
    uri : str
        Tracking URI.
    experiment : str
        Name of the experiment.
    study : StudyFolder
        Of the study; artifacts go there too when the tracking URI is a local database.
    registry_uri : str or None, optional
        Of the model registry, handed to scripts that ask for it.
    """

    uri: str
    experiment: str
    study: StudyFolder
    registry_uri: str | None = None
    _client: Any = field(default=None, repr=False)
    _known: dict[str, str] = field(default_factory=dict, repr=False)  # key -> id of the run in MLflow
    _experiment_id: str = ""
    _parent_id: str = ""
    _refusal: str = ""

    def begin(self) -> None:
        """Say in the parent run that the study is at work.

        Never raises, like `deliver`.
        """
        if self._refusal:
            return
        try:
            self.study.delivered.unlink(missing_ok=True)
            self._describe()
            self._connected().update_run(self._parent_id, "RUNNING")
        except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the study goes on
            if self._client is None:  # not even reached: asking again would only take its time
                self._refuse(error)
            else:
                self._doubt(f"the study in {self.study.path}", error)

    def end(self, status: str) -> None:
        """Say in the parent run how the study ended, unless it is said there.

        Never raises, like `deliver`.

        Parameters
        ----------
        status : {"FINISHED", "FAILED"}
            FAILED where a run has failed.
        """
        if self._refusal:
            return
        try:
            digest = self.study.digest(status)
            if not self._has(self.study.delivered, digest):
                self._describe()
                ended = self.study.ended() or time.time()
                self._connected().set_terminated(self._parent_id, status, int(ended * 1000))
                told = {"uri": self.uri, "digest": digest, "run_id": self._parent_id}
                write_json(self.study.delivered, told, durable=False)
        except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the study goes on
            self._doubt(f"the study in {self.study.path}", error)

    def interrupt(self) -> None:
        """Close the parent run as KILLED, if it was begun: nothing is asked of MLflow only for this.

        Never raises, like `deliver`.
        """
        if self._client is None or self._refusal or self.study.delivered.exists():
            return
        try:
            self._client.set_terminated(self._parent_id, "KILLED")
        except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the study goes on
            self._refuse(error)

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
            if not self._has(folder.path / DELIVERED, digest):
                self._deliver(folder, digest)
        except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the study goes on
            self._doubt(f"the run in {folder.path}", error)

    def _has(self, file: Path, digest: str) -> bool:
        """Whether MLflow has it, as far as can be told without asking MLflow."""
        delivered = read_json(file) or {}
        return (delivered.get("uri"), delivered.get("digest")) == (self.uri, digest)

    def look(self, folders: Iterable[RunFolder]) -> None:
        """Where the database was deleted, forget what was delivered: it is delivered again."""
        if _is_gone(self.uri):
            self.study.delivered.unlink(missing_ok=True)
            for folder in folders:
                (folder.path / DELIVERED).unlink(missing_ok=True)

    def _doubt(self, what: str, error: Exception) -> None:
        """Find out whether MLflow takes nothing now, or only this."""
        try:
            self._connected().set_experiment_tag(self._experiment_id, "iqf", "study")
        except Exception:  # noqa: BLE001 - the first error says more than this one
            self._refuse(error)
            return
        log.warning("MLflow at %s does not take %s (%s)", self.uri, what, _reason(error))

    def _refuse(self, error: Exception) -> None:
        """Try no more in this process: a server that is down would hold up every run."""
        if not self._refusal:
            self._refusal = _reason(error)
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
        metrics = renamed(metrics_of(folder, job, outcome))
        parameters = renamed(parameters_of(job, outcome))
        if (
            run is not None
        ):  # what it holds stands: parameters are write-once, and metrics would be there twice
            metrics = {name: series for name, series in metrics.items() if name not in run.data.metrics}
            parameters = {name: text for name, text in parameters.items() if name not in run.data.params}
        self._log(run_id, parameters, metrics, tags, ended)
        for name, artifact in artifacts_of(folder):
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

    def _describe(self) -> None:
        """Write into the parent run what the study's folder says: name, file, criterion."""
        client, tags = self._connected(), self.study.tags()
        for name in client.get_run(self._parent_id).data.tags:
            if name.startswith(CRITERION_TAG) and name not in tags:  # of a criterion that is no more
                client.delete_tag(self._parent_id, name)
        short = {name: value[:TAG_LENGTH] for name, value in tags.items()}
        self._log(self._parent_id, {}, {}, short, 0)
        client.log_artifact(self._parent_id, str(self.study.file()))

    def _create(self, key: str, title: str, started: int | None) -> str:
        client = self._connected()  # first: it finds the parent
        tags = {KEY_TAG: key, PARENT_TAG: self._parent_id}
        run = client.create_run(self._experiment_id, start_time=started, run_name=title, tags=tags)
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
                artifacts = (self.study.path / "mlflow-artifacts").resolve().as_uri()
                where = artifacts if self.uri.startswith(SQLITE) else None
                self._experiment_id = client.create_experiment(self.experiment, artifact_location=where)
            else:
                self._experiment_id = experiment.experiment_id
            self._look_round(client)
            self._client = client
        return self._client

    def _look_round(self, client: Any) -> None:
        """Learn what the experiment holds, once, for a search for each run takes its time; see to the parent.

        Runs that were delivered before there was a parent are hung under it.
        """
        parent, hung_under = "", {}
        for run in _all_runs(client, self._experiment_id):
            tags = run.data.tags
            if STUDY_TAG in tags:
                parent = run.info.run_id  # should there be two, the elder, which comes last
            elif KEY_TAG in tags:
                self._known[tags[KEY_TAG]] = run.info.run_id
                hung_under[run.info.run_id] = tags.get(PARENT_TAG)
        self._parent_id = parent or self._create_parent(client)
        for run_id, known in hung_under.items():
            if known != self._parent_id:
                client.set_tag(run_id, PARENT_TAG, self._parent_id)

    def _create_parent(self, client: Any) -> str:
        self.study.delivered.unlink(missing_ok=True)  # of one that somebody deleted
        started = int((self.study.started() or time.time()) * 1000)
        run = client.create_run(
            self._experiment_id,
            start_time=started,
            run_name=self.experiment,
            tags={STUDY_TAG: self.experiment},
        )
        return str(run.info.run_id)


def _goes_on(tag: str, digest: str, job: Mapping[str, Any]) -> bool:
    """Whether a run of MLflow, by the tag of its last delivery, is one that this delivery adds to.

    One that is half delivered is begun anew; but not one that a script wrote to itself.
    """
    if "mlfrunid" in job.get("options", {}):
        return not tag or tag.partition(".")[0] == digest.partition(".")[0]
    return tag == digest


def experiment_runs(uri: str, experiment: str) -> list[dict[str, Any]]:
    """Runs of an experiment: ``run_id``, ``status``, ``parameters``, ``metrics``, ``tags``.

    Without their parent, which is the study and no run of it.

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
        if STUDY_TAG not in run.data.tags
    ]


def attach(uri: str, experiment: str, file: Path) -> bool:
    """Log a file as an artifact of the parent run of an experiment, in place of one of that name.

    Makes nothing but the artifact: where there is no parent run, `iqf run` makes it.

    Returns
    -------
    bool
        Whether MLflow took it; where not, a warning is logged.
    """
    try:
        if _is_gone(uri):
            raise ResultsError("no MLflow database there; `iqf run` makes it")
        client = _client_of(uri, None)
        found = client.get_experiment_by_name(experiment)
        condition = f"tags.`{STUDY_TAG}` = '{experiment}'"
        parents = [] if found is None else list(_all_runs(client, found.experiment_id, condition))
        if not parents:
            raise ResultsError("the study has no parent run there; `iqf run` makes it")
        client.log_artifact(parents[-1].info.run_id, str(file), ARTIFACTS_OF_REPORT)
    except Exception as error:  # noqa: BLE001 - whatever a tracking server says, the file itself is there
        log.warning("MLflow at %s does not take %s (%s)", uri, file, _reason(error))
        return False
    return True


def _reason(error: Exception) -> str:
    """First line of an error, with its type."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


def _is_gone(uri: str) -> bool:
    """Whether a local database is not there: opening it would make an empty one."""
    return uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).is_file()


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
