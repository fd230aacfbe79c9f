"""`SageMakerServer`: everything of AWS that a study needs, at one address of this machine."""

from __future__ import annotations

import functools
import importlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iqf_core.errors import ExecutorError
from iqf_sagemaker.testing.faults import Fault, Faults
from iqf_sagemaker.testing.recording import Request, RequestLog

ACCOUNT = "123456789012"
HOST = "127.0.0.1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
GUARD = Path(__file__).with_name("guard.py")

_one = threading.Lock()  # moto's state is that of the process: two servers would share their buckets


class SageMakerServer:
    """A server that stands for SageMaker, S3, CloudWatch Logs, IAM, STS and Service Quotas; a context.

    It runs the jobs that it is asked for, as processes of this machine, below ``folder``. All that it holds
    ends with it; what is in ``folder`` stays. One at a time in a process.

    Parameters
    ----------
    folder : pathlib.Path or str
        For ``jobs/`` and ``requests.jsonl``; those of an earlier server are removed.
    port : int, optional
        Of 127.0.0.1; 0 for one that is free.
    buckets, roles : sequence of str, optional
        Made on start.
    region : str, optional
        Of everything.
    grace_s : float, optional
        Seconds between SIGTERM and SIGKILL of a job that is stopped; 120 on SageMaker.
    quotas : mapping of str to float, optional
        Running instances by the name of the quota, ``"ml.m5.large for training job usage"`` and
        ``"ml.m5.large for spot training job usage"``; 20 for any other.
    python : str, optional
        Interpreter of entry points; empty means the one that runs the server.
    install_requirements : bool, optional
        Whether a job's ``requirements.txt`` is installed, beside the job.
    capacity_wait_s : float, optional
        Seconds that a job is ``Starting``; may be set anew at any time.
    checks_inputs : bool, optional
        Whether a job is refused when nothing is below its S3Uri, as SageMaker does. Otherwise it fails while
        ``Downloading``, as it does when the data went in between.

    Examples
    --------
    >>> with SageMakerServer(tmp_path) as server:  # doctest: +SKIP
    ...     server.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    []
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        port: int = 0,
        buckets: Sequence[str] = ("iqf-test",),
        roles: Sequence[str] = ("iqf-training",),
        region: str = "us-east-1",
        grace_s: float = 2.0,
        quotas: Mapping[str, float] | None = None,
        python: str = "",
        install_requirements: bool = False,
        capacity_wait_s: float = 0.0,
        checks_inputs: bool = True,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.region = region
        self.buckets = tuple(buckets)
        self.roles = tuple(roles)
        self.url = ""
        self._port = port
        self._quotas = dict(quotas or {})
        self._checks_inputs = checks_inputs
        self._options: dict[str, Any] = {
            "python": python or sys.executable,
            "grace_s": grace_s,
            "install_requirements": install_requirements,
            "capacity_wait_s": capacity_wait_s,
        }
        self._token = secrets.token_hex(16)
        self._faults = Faults()
        self._inside: list[Any] = []
        self._open = False

    # Start and end.

    def start(self) -> SageMakerServer:
        """Start it; the same as entering it as a context.

        Raises
        ------
        ExecutorError
            When another runs in this process, or the port is taken.
        MissingDependency
            When moto or boto3 is not there.
        """
        _import_moto()
        if not _one.acquire(blocking=False):
            raise ExecutorError("a SageMakerServer runs in this process already: close it first")
        try:
            self._listen()
        except BaseException:
            _one.release()
            raise
        self._open = True
        try:
            self._furnish()
        except BaseException:
            self.close()
            raise
        return self

    def _listen(self) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        from iqf_sagemaker.testing.application import Application, moto_application
        from iqf_sagemaker.testing.attempt import Machine
        from iqf_sagemaker.testing.control import ControlPlane
        from iqf_sagemaker.testing.quotas import Quotas

        class Handler(WSGIRequestHandler):
            def log_request(self, *_: Any) -> None:
                """Say nothing: requests are in the log of requests."""

        shutil.rmtree(self.folder / "jobs", ignore_errors=True)
        (self.folder / "jobs").mkdir(parents=True)
        self._log = RequestLog(self.folder / "requests.jsonl")
        try:
            listening = socket.create_server((HOST, self._port), backlog=128)
        except OSError as error:
            raise ExecutorError(f"{HOST}:{self._port}: cannot be listened at: {error}") from error
        with listening:
            self.url = f"http://{HOST}:{listening.getsockname()[1]}"
            reset_moto(moto_application())
            mark = f"{self.folder}#{os.getpid()}#{secrets.token_hex(4)}"
            s3, logs, iam = (self._inside_client(service) for service in ("s3", "logs", "iam"))
            self._machine = Machine(s3, logs, self.folder / "jobs", mark, **self._options)
            self._limits = limits = Quotas(self._quotas, region=self.region, account=ACCOUNT)
            self._control = ControlPlane(
                self._machine,
                iam,
                limits,
                region=self.region,
                account=ACCOUNT,
                checks_inputs=self._checks_inputs,
            )
            application = Application(self._control, limits, self._faults, self._log, self._token)
            self._web = make_server(
                HOST, 0, application, threaded=True, request_handler=Handler, fd=listening.fileno()
            )
        self._thread = threading.Thread(
            target=self._web.serve_forever,
            kwargs={"poll_interval": 0.02},
            name=f"server of {self.url}",
            daemon=True,
        )
        self._thread.start()
        self._guard = subprocess.Popen([sys.executable, "-P", str(GUARD), mark], stdin=subprocess.PIPE)

    def _furnish(self) -> None:
        """Make the buckets and the roles."""
        s3, _, iam = self._inside
        where = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        for name in self.buckets:
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
        for name in self.roles:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))

    def close(self) -> None:
        """Kill all jobs with all that they started, and end; no error if it has ended."""
        if not self._open:
            return
        self._open = False
        self._control.close()
        self._web.shutdown()
        self._thread.join()
        self._web.server_close()
        assert self._guard.stdin is not None  # it was asked for
        self._guard.stdin.close()
        self._guard.wait()
        for client in self._inside:
            client.close()
        _one.release()

    def __enter__(self) -> SageMakerServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # How to reach it.

    def client(self, service: str, **options: Any) -> Any:
        """Client of boto3 for a service, with credentials that are good nowhere else.

        Parameters
        ----------
        service : str
            ``"sagemaker"``, ``"s3"``, ``"logs"``, ``"iam"``, ``"sts"``, ``"service-quotas"``.
        **options : object
            Further ones of `botocore.config.Config`, such as ``retries``.
        """
        from botocore.config import Config

        config = Config(**{"proxies": {}, **options})
        return _session().client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=config,
        )

    def _inside_client(self, service: str) -> Any:
        """Client whose requests are the service's own."""
        from iqf_sagemaker.testing.application import INSIDE

        client = self.client(service, max_pool_connections=64)

        def mark(params: dict[str, Any], **_: Any) -> None:
            params["headers"][INSIDE] = self._token

        client.meta.events.register("before-call", mark)
        self._inside.append(client)
        return client

    def variables(self) -> dict[str, str]:
        """Environment variables by which AWS's libraries and tools find the server, and nothing else."""
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }

    def environment(self) -> dict[str, str]:
        """Our environment for a subprocess, with `variables` and without any other variable of AWS."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return ours | self.variables()

    def role_arn(self, name: str = "") -> str:
        """ARN of a role; of the first that was made, if none is named."""
        return f"arn:aws:iam::{ACCOUNT}:role/{name or self.roles[0]}"

    # What happened.

    @property
    def requests(self) -> list[Request]:
        """Requests so far, in the order of their answers; without those that the service itself makes."""
        return self._log.all()

    def jobs(self) -> list[dict[str, Any]]:
        """Description of every job, in the order of their creation, as DescribeTrainingJob answers it."""
        return [job.describe() for job in list(self._control.jobs.values())]

    # What is to go wrong.

    @property
    def capacity_wait_s(self) -> float:
        """Seconds that a job is ``Starting`` from now on."""
        return self._machine.capacity_wait_s

    @capacity_wait_s.setter
    def capacity_wait_s(self, seconds: float) -> None:
        self._machine.capacity_wait_s = seconds

    def interrupt(self, name: str) -> None:
        """Take the spot instance of a job away: it is killed, and starts anew from its checkpoints.

        Raises
        ------
        ValueError
            When it is no spot job, or does not run.
        """
        self._control.job(name).interrupt()

    def doom(self, reason: str = "", *, times: int = 1) -> None:
        """Let the next jobs, or starts of jobs, end as ``Failed`` before anything has run.

        Parameters
        ----------
        reason : str, optional
            Its FailureReason; empty means that there are no instances (``CapacityError``).
        times : int, optional
            How many of them.
        """
        capacity = (
            "CapacityError: Unable to provision requested ML compute capacity. "
            "Please retry using a different ML instance type."
        )
        self._machine.doomed.extend([reason or capacity] * times)

    def quota(self, name: str, value: float) -> None:
        """Set a quota anew, by its name: ``"ml.m5.large for training job usage"``."""
        self._limits.values[name] = value

    def throttle(self, operation: str = "", times: int = 1) -> None:
        """Answer the next requests of a JSON service with ``ThrottlingException``, 400 "Rate exceeded".

        Parameters
        ----------
        operation : str, optional
            Such as ``"DescribeTrainingJob"`` or ``"GetLogEvents"``; empty for any.
        times : int, optional
            How many requests; a client tries again by itself.
        """
        self._faults.add(Fault("throttle", (operation,) if operation else (), "", times))

    def fail(self, operation: str | None = None, *, key: str = "", status: int = 503, times: int = 1) -> None:
        """Answer the next requests to S3 with an error.

        Parameters
        ----------
        operation : str, optional
            Such as ``"PutObject"``, ``"GetObject"``, ``"HeadBucket"``; None for any.
        key : str, optional
            Part of ``bucket/key``.
        status : int, optional
            Of HTTP: 503 is ``SlowDown``, 403 ``AccessDenied``, 404 ``NoSuchKey``, 500 ``InternalError``.
        times : int, optional
            How many requests; a client tries again by itself where the status says so.
        """
        self._faults.add(Fault("fail", (operation,) if operation else (), key, times, status=status))

    def cut(self, *, key: str = "", after_bytes: int = 0, times: int = 1, operation: str = "") -> None:
        """Reset the connection of the next uploads to S3 in their middle; nothing of them is stored.

        Parameters
        ----------
        key : str, optional
            Part of ``bucket/key``.
        after_bytes : int, optional
            Bytes of the body that are read before; its end, where it is shorter.
        times : int, optional
            How many requests; a client tries again by itself.
        operation : str, optional
            Empty means any upload, ``"PutObject"`` and ``"UploadPart"``. With ``"GetObject"`` it is the
            answer that is cut.
        """
        operations = (operation,) if operation else ("PutObject", "UploadPart")
        self._faults.add(Fault("cut", operations, key, times, after_bytes=after_bytes))


@functools.cache
def _session() -> Any:
    """Session of boto3 that reads neither a configuration nor a profile of the user's."""
    import boto3
    import botocore.session

    ignored = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=ignored))


def reset_moto(application: Any) -> None:
    """Empty all that moto holds."""
    from werkzeug.test import Client

    Client(application).post("/moto-api/reset").close()


def _import_moto() -> None:
    from iqf_core.errors import MissingDependency

    try:
        importlib.import_module("boto3")
        importlib.import_module("moto.moto_server.werkzeug_app")
    except ImportError as error:
        message = (
            f"the server for trying SageMaker needs moto: pip install 'iqf-sagemaker[testing]' ({error})"
        )
        raise MissingDependency(message) from error
