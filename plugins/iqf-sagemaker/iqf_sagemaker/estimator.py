"""Estimators of the SageMaker SDK, and whatever has a ``fit`` like theirs, as an executor."""

from __future__ import annotations

import importlib
import inspect
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pydantic
from pydantic import Field

from iqf_core import ExecutorError, Job, Outcome
from iqf_core.executor import Handle, State, Status, TaskExecutor
from iqf_sagemaker.aws import AwsError, client, explained
from iqf_sagemaker.collecting import fetch_archive
from iqf_sagemaker.options import BUCKET
from iqf_sagemaker.redaction import redacted
from iqf_sagemaker.request import MODEL, plain
from iqf_sagemaker.staging import Stage


class SageMakerEstimatorFactory:
    """Makes an estimator for each run, as iquaflow's class of this name did.

    Parameters
    ----------
    estimator_class : type
        Any class whose instances have ``fit(inputs=…)``, such as ``sagemaker.pytorch.PyTorch``.
    kwargs : mapping of str to JSON value
        What it is made with; ``hyperparameters`` and ``output_path`` are added for each run.

    Examples
    --------
    >>> class Estimator:
    ...     def __init__(self, **kwargs):
    ...         self.kwargs = kwargs
    ...
    ...     def fit(self, inputs): ...
    >>> factory = SageMakerEstimatorFactory(Estimator, {"instance_count": 1})
    >>> factory.gen_estimator({"lr": "0.1"}).kwargs
    {'instance_count': 1, 'hyperparameters': {'lr': '0.1'}}
    """

    def __init__(self, estimator_class: type, kwargs: Mapping[str, Any]) -> None:
        if not callable(getattr(estimator_class, "fit", None)):
            raise ExecutorError(f"{estimator_class!r} has no method fit(inputs=…): it is no estimator")
        self.estimator_class = estimator_class
        self.kwargs = dict(kwargs)

    def gen_estimator(self, hyperparameters: Mapping[str, str], **more: Any) -> Any:
        """Make an estimator with these hyper-parameters; what the factory was given stays as it is."""
        own = dict(self.kwargs.get("hyperparameters", {}))
        return self.estimator_class(
            **{**self.kwargs, "hyperparameters": {**own, **hyperparameters}, **more},
        )

    def executor(self, *, bucket: str, **options: Any) -> EstimatorExecutor:
        """Executor of these estimators, for ``Study(executor=factory.executor(bucket=…).spec())``.

        Parameters
        ----------
        bucket : str
            Where datasets are staged, and output is left.
        **options
            Of `EstimatorExecutor`.

        Raises
        ------
        ExecutorError
            When the class cannot be imported by another process, or ``kwargs`` are not JSON values.
        """
        place = f"{self.estimator_class.__module__}:{self.estimator_class.__qualname__}"
        if _imported(place) is not self.estimator_class:
            raise ExecutorError(f"{place}: cannot be imported from there; define the class in a module")
        try:
            kwargs = json.dumps(self.kwargs, sort_keys=True)
        except TypeError as error:
            raise ExecutorError(
                f"{place}: its arguments must be JSON values, so that a study can go on later ({error}); "
                "have the class make the rest, such as sessions, by itself"
            ) from error
        return EstimatorExecutor(estimator=place, kwargs=kwargs, bucket=bucket, **options)


@dataclass(slots=True)
class _Fit:
    """A call of ``fit``, in a thread of its own."""

    estimator: Any
    thread: threading.Thread
    started: float = field(default_factory=time.time)
    ended: float | None = None
    error: str = ""


_fits: dict[str, _Fit] = {}


class EstimatorExecutor(TaskExecutor):
    """Run each job by an estimator's ``fit(inputs=…)``, which is waited for in a thread.

    For people who have estimators already. A study that is killed does not find its jobs again, and does them
    anew: where that costs money, use the executor ``sagemaker``.

    Parameters
    ----------
    estimator : str
        Class, as ``sagemaker.pytorch:PyTorch``.
    kwargs : str or mapping, optional
        What it is made with: a mapping, or JSON of one.
    bucket : str
        Where datasets are staged, and output is left.
    prefix : str, optional
        Of all keys in the bucket.
    region, endpoint_url : str, optional
        Of S3, where the environment does not say them.
    output_limit_gb : float, optional
        Of what a job leaves, unpacked.
    """

    name: ClassVar[str] = "estimator"
    poll_interval_s: ClassVar[float] = 0.5

    estimator: str = Field(pattern=r"^[^:\s]+:[\w.]+$", examples=["sagemaker.pytorch:PyTorch"])
    kwargs: str = "{}"
    bucket: str = Field(pattern=BUCKET, examples=["imagery-experiments"])
    prefix: str = "iqf"
    region: str = ""
    endpoint_url: str = ""
    output_limit_gb: float = Field(10.0, gt=0)

    @pydantic.field_validator("kwargs", mode="before")
    @classmethod
    def _json(cls, given: Any) -> Any:
        text = json.dumps(given, sort_keys=True) if isinstance(given, Mapping) else given
        if isinstance(text, str) and not isinstance(json.loads(text), dict):
            raise ValueError("write what the class is made with as a mapping: {instance_type: ml.m5.large}")
        return text

    def factory(self) -> SageMakerEstimatorFactory:
        """What makes the estimators.

        Raises
        ------
        ExecutorError
            When the class cannot be imported, or is no estimator.
        """
        return SageMakerEstimatorFactory(_imported(self.estimator), json.loads(self.kwargs))

    def require_ready(self, jobs: int) -> None:
        """Refuse a class that cannot be imported, and a bucket that cannot be reached."""
        self.factory()
        try:
            self._s3().head_bucket(Bucket=self.bucket)
        except AwsError as error:
            raise explained(error, f"{self.name}: bucket={self.bucket!r}") from error

    def submit(self, job: Job) -> Handle:
        """Stage the datasets, and call ``fit`` in a thread.

        Parameters
        ----------
        job : Job
            Its options are the hyper-parameters; the estimator knows its own entry point.
        """
        stage = Stage(self._s3(), self.bucket, self.prefix)
        inputs = {name: stage.folder(path) for name, path in job.datasets.items()}
        options = dict(job.options)
        if MODEL in options:
            inputs[MODEL] = stage.folder(Path(options.pop(MODEL)))
        token = secrets.token_hex(8)
        output = stage.uri(stage.path("runs", f"{plain(job.key)}-{token}"))
        estimator = self.factory().gen_estimator(options, output_path=output)
        fit = _Fit(estimator, threading.Thread(target=_fitted, args=(token, inputs), daemon=True))
        _fits[token] = fit
        fit.thread.start()
        return {"token": token, "output": output}

    def poll(self, handle: Handle) -> State:
        """RUNNING until ``fit`` returns; LOST in another process than that which called it."""
        fit = _fits.get(handle["token"])
        if fit is None:
            return State.LOST
        return State.RUNNING if fit.thread.is_alive() else State.DONE

    def collect(self, handle: Handle, job: Job) -> Outcome:
        """Fetch what the job left below its ``output_path``, and say how ``fit`` ended."""
        fit = _fits[handle["token"]]
        job.log.write_text(f"{fit.error}\n" if fit.error else "", encoding="utf-8")
        refused = self._fetched(handle["output"], job)
        ended = fit.ended or time.time()
        reason = fit.error or refused
        status = Status.FAILED if reason else Status.FINISHED
        return Outcome(status, reason, None if reason else 0, fit.started, ended)

    def _fetched(self, output: str, job: Job) -> str:
        bucket, _, base = output.removeprefix("s3://").partition("/")
        limit = int(self.output_limit_gb * 1e9)
        try:
            pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{base}/")
            keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
            for name, folder in (("output.tar.gz", job.output), ("model.tar.gz", job.output / MODEL)):
                for key in (key for key in keys if key.endswith(f"/output/{name}")):
                    fetch_archive(self._s3(), f"s3://{bucket}/{key}", folder, limit_bytes=limit)
        except AwsError as error:
            return str(explained(error, f"{output}: cannot be fetched"))
        except ExecutorError as error:
            return str(error)
        return ""

    def cancel(self, handle: Handle) -> None:
        """Stop the training job, where the estimator says which it is; else it ends by itself."""
        fit = _fits.pop(handle["token"], None)
        training = getattr(getattr(fit, "estimator", None), "latest_training_job", None)
        stop = getattr(training, "stop", None)
        if stop is not None:
            stop()

    def _s3(self) -> Any:
        return client("s3", self.region or None, self.endpoint_url or None)


def _fitted(token: str, inputs: Mapping[str, str]) -> None:
    fit = _fits[token]
    try:
        fit.estimator.fit(inputs=dict(inputs))
    except Exception as error:  # noqa: BLE001 - a stranger's class may raise anything
        fit.error = redacted(f"{type(error).__name__}: {error}")
    finally:
        fit.ended = time.time()


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        hint = "; pip install 'iqf-sagemaker[sdk]'" if module.partition(".")[0] == "sagemaker" else ""
        raise ExecutorError(f"estimator={place!r}: cannot be imported ({error}){hint}") from error
    if not inspect.isclass(found):
        raise ExecutorError(f"estimator={place!r}: is no class")
    return found
