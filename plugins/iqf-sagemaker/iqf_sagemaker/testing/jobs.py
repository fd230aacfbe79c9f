"""One training job: its states, and the thread that brings it from one to the next by running it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from typing import Any

from iqf_sagemaker.testing.answers import ServiceError
from iqf_sagemaker.testing.attempt import LONGEST_REASON, TICK_S, Attempt, Halted, Machine
from iqf_sagemaker.testing.container import HOST, Container
from iqf_sagemaker.testing.storage import TransferError, upload_archive

ENDED = ("Completed", "Failed", "Stopped")
STOP, INTERRUPT, CLOSE = "Stopped", "Interrupted", "Closed"
"""Orders to a job; the first two are also what becomes of it."""
SPOT_SHARE = 0.3
"""Of the time of training, what is paid for on spot instances."""
MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted. Waiting for spot capacity.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job waiting time exceeded MaxWaitTimeInSeconds provided",
}
REPEATED = [
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "Environment",
    "RetryStrategy",
    "ExperimentConfig",
]
"""Members of a request that its description repeats."""


class TrainingJob:
    """One job, from its request to its end.

    Parameters
    ----------
    request : mapping
        That of CreateTrainingJob.
    arn : str
        Its name for ever.
    machine : Machine
        Where it runs.
    """

    def __init__(self, request: Mapping[str, Any], arn: str, machine: Machine) -> None:
        self.request = request
        self.name: str = request["TrainingJobName"]
        self.arn = arn
        self.tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
        self.spot = bool(request.get("EnableManagedSpotTraining"))
        self.status = "InProgress"
        self.secondary = ""
        self.reason = ""
        self.model = ""
        self.created = self.modified = time.time()
        self.started: float | None = None
        self.ended: float | None = None
        self.transitions: list[dict[str, Any]] = []
        self._machine = machine
        self._container = Container(machine.folder / self.name, request)
        self._order = ""
        self._lock = threading.RLock()
        self._trained_s = 0.0
        self._running_since: float | None = None
        self._stream_second = 0
        self._move("Starting")
        self._thread = threading.Thread(target=self._run, name=f"training job {self.name}", daemon=True)

    # What others may ask of it.

    def start(self) -> None:
        """Let it run."""
        self._thread.start()

    def stop(self) -> None:
        """Order it to stop, as StopTrainingJob does.

        Raises
        ------
        ServiceError
            When it has ended.
        """
        with self._lock:
            if self.status in ENDED:
                message = f"The request was rejected because the training job is in status {self.status}."
                raise ServiceError("ValidationException", message)
            if self.status != "Stopping":
                self._order = STOP
                self.status = "Stopping"
                self._move("Stopping")

    def interrupt(self) -> None:
        """Take its spot instance away.

        Raises
        ------
        ValueError
            When it has none, or does not run.
        """
        with self._lock:
            if not self.spot:
                raise ValueError(
                    f"{self.name} is not interrupted: it is no spot job (EnableManagedSpotTraining)"
                )
            if self.secondary not in ("Starting", "Downloading", "Training"):
                raise ValueError(f"{self.name} cannot be interrupted: it is {self.secondary}")
            self._order = self._order or INTERRUPT

    def close(self) -> None:
        """Kill it without a word, as the server ends."""
        with self._lock:
            self._order = CLOSE

    def join(self) -> None:
        """Wait until nothing of it runs."""
        if self._thread.ident is not None:
            self._thread.join()

    def describe(self) -> dict[str, Any]:
        """Answer DescribeTrainingJob."""
        with self._lock:
            described: dict[str, Any] = {
                "TrainingJobName": self.name,
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self.status,
                "SecondaryStatus": self.secondary,
                "SecondaryStatusTransitions": [dict(transition) for transition in self.transitions],
                "CreationTime": self.created,
                "LastModifiedTime": self.modified,
                "OutputDataConfig": {
                    "KmsKeyId": "",
                    "CompressionType": "GZIP",
                    **self.request["OutputDataConfig"],
                },
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": False,
                "EnableManagedSpotTraining": False,
                "ProfilingStatus": "Disabled",
            }
            described |= {name: self.request[name] for name in REPEATED if name in self.request}
            if self.model:
                described["ModelArtifacts"] = {"S3ModelArtifacts": self.model}
            if self.reason:
                described["FailureReason"] = self.reason
            if self.started is not None:
                described["TrainingStartTime"] = self.started
            if self.ended is not None:
                described["TrainingEndTime"] = self.ended
                seconds = math.ceil(self._seconds())
                described["TrainingTimeInSeconds"] = seconds
                described["BillableTimeInSeconds"] = math.ceil(seconds * (SPOT_SHARE if self.spot else 1))
            return described

    def summary(self) -> dict[str, Any]:
        """Its entry in ListTrainingJobs."""
        described = self.describe()
        names = (
            "TrainingJobName TrainingJobArn CreationTime TrainingEndTime LastModifiedTime TrainingJobStatus"
        )
        return {name: described[name] for name in [*names.split(), "SecondaryStatus"] if name in described}

    # What becomes of it.

    def _run(self) -> None:
        try:
            self._go_through()
        except TransferError as error:  # of what was to be uploaded
            self._end("Failed", str(error))
        except Exception as error:  # noqa: BLE001 - recorded, as the service records its own failures
            message = "InternalServerError: We encountered an internal error. Please try again."
            self._end("Failed", f"{message} (in IQF's server: {type(error).__name__}: {error})")

    def _go_through(self) -> None:
        """Start it, again after each interruption, until it has ended."""
        while True:
            try:
                self._train()
            except Halted as halted:
                why = str(halted)
                if why == INTERRUPT:
                    self._restart()
                    continue
                if why != CLOSE:
                    self._stopped(why)
            except TransferError as error:
                self._failed(str(error))
            else:
                self._move("Uploading")
                self._upload(model=True)
                self._end("Completed")
            return

    def _restart(self) -> None:
        with self._lock:
            self._stop_clock()
            self._order = "" if self._order == INTERRUPT else self._order
            if self.status == "InProgress":
                self._move("Interrupted")
                self._move("Starting")

    def _stopped(self, why: str) -> None:
        with self._lock:
            if self.status != "Stopping":
                self.status = "Stopping"
                self._move("Stopping")
        if self._container.data.exists():
            self._move("Uploading")
            self._upload(model=True)
        self._end("Stopped", secondary=why)

    def _failed(self, reason: str) -> None:
        if self.secondary == "Training":
            self._move("Uploading")
            self._upload(model=False)
        self._end("Failed", reason)

    def _upload(self, *, model: bool) -> None:
        uri = f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output"
        upload_archive(self._machine.s3, self._container.data, f"{uri}/output.tar.gz")
        if model:
            upload_archive(self._machine.s3, self._container.model, f"{uri}/model.tar.gz")
            self.model = f"{uri}/model.tar.gz"

    def _end(self, status: str, reason: str = "", secondary: str = "") -> None:
        with self._lock:
            if status == "Completed" and self._order == STOP:  # too late to be heeded, but it was said
                status = "Stopped"
            self._stop_clock()
            self.reason = reason[:LONGEST_REASON]
            self._move(secondary or status)
            self.ended = self.transitions[-1]["EndTime"] = self.modified
            self.status = status

    def _move(self, secondary: str) -> None:
        with self._lock:
            self.modified = time.time()
            if self.transitions:
                self.transitions[-1]["EndTime"] = self.modified
            self.secondary = secondary
            step = {"Status": secondary, "StartTime": self.modified, "StatusMessage": MESSAGES[secondary]}
            self.transitions.append(step)

    def _stop_clock(self) -> None:
        self._trained_s, self._running_since = self._seconds(), None

    def _seconds(self) -> float:
        running = 0.0 if self._running_since is None else time.time() - self._running_since
        return self._trained_s + running

    def _check(self) -> None:
        """Raise `Halted` when the job is not to go on."""
        if self._order:
            raise Halted(self._order)
        limits = self.request["StoppingCondition"]
        if self.spot and time.time() - self.created > limits["MaxWaitTimeInSeconds"]:
            raise Halted("MaxWaitTimeExceeded")
        if self._seconds() > limits["MaxRuntimeInSeconds"]:
            raise Halted("MaxRuntimeExceeded")

    def _train(self) -> None:
        """Wait for an instance, and be there once."""
        if doom := self._machine.next_doom():
            raise TransferError(doom)
        there = time.monotonic() + self._machine.capacity_wait_s
        while time.monotonic() < there:
            self._check()
            time.sleep(TICK_S)
        self._check()
        self._move("Downloading")
        self.started = self.started or time.time()
        self._running_since = time.time()
        self._stream_second = max(self._stream_second + 1, int(time.time()))
        attempt = Attempt(self.name, self.arn, self._container, self._machine, self._check)
        attempt.prepare()
        self._move("Training")
        attempt.run(f"{self.name}/{HOST}-{self._stream_second}")
