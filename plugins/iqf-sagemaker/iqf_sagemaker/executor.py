"""The executor: a run is a training job, which outlives the study that asked for it."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from iqf_core import ExecutorError, Job, Outcome
from iqf_core.executor import Handle, State, Status
from iqf_sagemaker.aws import AwsError, code_of, explained, is_missing
from iqf_sagemaker.collecting import fetch_archive, outcome_of
from iqf_sagemaker.logs import LogFollower
from iqf_sagemaker.options import Options
from iqf_sagemaker.ready import require_ready
from iqf_sagemaker.request import FOLDER_TAG, KEY_TAG, MODEL, plain, refuse_what_cannot_run, training_job
from iqf_sagemaker.submission import Submission
from iqf_sagemaker.watching import Patience, Watch, patiently

ENDED = ("Completed", "Failed", "Stopped")
LAST_WORDS_S = 2.0
"""For CloudWatch to show the last lines of a job that has ended; of one that failed, four times as long."""

LOOKS_IN_VAIN = 3
"""For a job that is not there, before it is called lost, and another is paid for."""

_watches: dict[str, Watch] = {}  # by job: an executor is made anew for each study, and holds no state


class SageMakerExecutor(Options):
    """Run each job as a training job of Amazon SageMaker.

    Credentials are found as every AWS tool finds them, and are never passed to a job, written down or logged.

    Parameters
    ----------
    image_uri : str
        The container, with SageMaker's training toolkit in it, as AWS's deep learning containers have.
    role : str
        ARN of the role that the job runs under.
    bucket : str
        For data, code, checkpoints and output; in the region of the job.
    prefix : str, optional
        Of all keys in the bucket.
    region : str, optional
        Empty: as the environment says (``AWS_DEFAULT_REGION``, the profile).
    endpoint_url : str, optional
        Of another service than Amazon's, as of `iqf_sagemaker.testing`.
    instance_type : str, optional
        Such as ``ml.g5.xlarge``.
    instance_count : int, optional
        Of a distributed training.
    volume_gb : int, optional
        For data, model and output, in gigabytes.
    max_run_s : int, optional
        Longest time of a job, in seconds; the study's ``task.timeout_s`` where that is less.
    spot : bool, optional
        Spare capacity at a lower price: a job may be interrupted, and goes on from its checkpoints.
    spot_wait_s : int, optional
        Longest time, in seconds, that a spot job waits for capacity in all.
    checkpoints : bool, optional
        Keep what the script writes into ``$IQF_CHECKPOINTS`` (``/opt/ml/checkpoints``); always with ``spot``.
    subnets, security_group_ids : tuple of str, optional
        Of a VPC.
    network_isolation : bool, optional
        Whether the container has no network at all.
    server_side_encryption : {"", "AES256", "aws:kms"}, optional
        Of what is staged; empty for the bucket's default.
    kms_key_id : str, optional
        Key for ``aws:kms``, and for the output.
    encrypt_volume : bool, optional
        Whether the instance's volume is encrypted with that key too (some instance types cannot).
    tags : mapping of str to str, optional
        Of each job; ``iqf:key`` (the run's key) and ``iqf:folder`` are added.
    price_per_hour : float or None, optional
        Of one instance, in your currency: then `iqf plan` says what is left to be paid.
    poll_s : float, optional
        Seconds between the first two looks at a job; a quarter more each time.
    poll_most_s : float, optional
        Seconds between two looks at most.
    output_limit_gb : float, optional
        Of what a job leaves, unpacked.

    Examples
    --------
    >>> from iqf_sagemaker import SageMakerExecutor
    >>> executor = SageMakerExecutor(
    ...     image_uri="763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.6.0-gpu-py312",
    ...     role="arn:aws:iam::123456789012:role/training",
    ...     bucket="imagery",
    ...     instance_type="ml.g5.xlarge",
    ...     price_per_hour=1.4,
    ... )
    >>> executor.price_of(1800.0)
    0.7
    """

    name: ClassVar[str] = "sagemaker"
    poll_interval_s: ClassVar[float] = 0.1  # of the study's loop; a job is looked at as poll_s says

    def require_ready(self, jobs: int) -> None:
        """Refuse a study for want of credentials, bucket, role or quota, before anything is sent.

        Parameters
        ----------
        jobs : int
            How many run at once.

        Raises
        ------
        ExecutorError
            Naming the option, and what to do.
        """
        require_ready(self, jobs)

    def submit(self, job: Job) -> Handle:
        """Stage what the job needs, as far as it is not there, and create the training job.

        Parameters
        ----------
        job : Job
            Its options are hyper-parameters; folders are passed as they lie in the container.

        Returns
        -------
        Handle
            ``name`` of the training job, ``log``, and ``folder`` of the run.

        Raises
        ------
        ExecutorError
            When it is more than SageMaker takes, cannot be staged, or is refused.
        """
        refuse_what_cannot_run(self, job)
        stage, region = self.stage(), self.client("sagemaker").meta.region_name
        channels = {name: stage.folder(path) for name, path in job.datasets.items()}
        if MODEL in job.options:
            channels[MODEL] = stage.folder(Path(job.options[MODEL]))
        code = stage.code(job.script, job.code)
        submission = Submission.of(job)
        name = f"iqf-{plain(job.key)[:40]}-{secrets.token_hex(4)}"
        request = training_job(
            self,
            job,
            name=name,
            region=region,
            code=code,
            channels=channels,
            folder_tag=submission.folder_tag,
        )
        submission.write(name)  # first, so that a job is found again whatever happens next
        self._create(request)
        return self._handle(name, job)

    def _create(self, request: Mapping[str, Any]) -> None:
        """Create a training job; one of its name is there when the answer to an earlier attempt was lost."""
        name, sagemaker = request["TrainingJobName"], self.client("sagemaker")
        try:
            sagemaker.create_training_job(**request)
        except AwsError as error:
            if code_of(error) == "ResourceInUse" and self._tags(name).get(KEY_TAG) == _tag(request, KEY_TAG):
                return
            if code_of(error) == "ResourceLimitExceeded":
                raise ExecutorError(
                    f"{explained(error, 'the account allows no further job now')}; run again when others "
                    "have ended, with a lower `parallel`, or ask for more under Service Quotas"
                ) from error
            raise explained(error, f"the training job {name} cannot be created") from error

    def find(self, job: Job) -> Handle | None:
        """Handle of the training job of this run whose handle was lost, or None.

        Looked for under the name that was written down before it was created, and else by its tags.

        Parameters
        ----------
        job : Job
            Its folder and key matter.
        """
        submission = Submission.of(job)
        names = [submission.name] if submission.name else self._tagged(job, submission.folder_tag)
        for name in names:
            if self._described(name) is not None:
                return self._handle(name, job)
        return None

    def _tagged(self, job: Job, folder_tag: str) -> list[str]:
        """Names of the run's training jobs that are not ended, newest first."""
        wanted, found = {KEY_TAG: job.key, FOLDER_TAG: folder_tag}, []
        try:
            pages = self.client("sagemaker").get_paginator("list_training_jobs")
            asked = {"NameContains": plain(job.key)[:40], "StatusEquals": "InProgress"}
            for page in pages.paginate(**asked, SortBy="CreationTime", SortOrder="Descending"):
                names = [one["TrainingJobName"] for one in page["TrainingJobSummaries"]]
                found += [name for name in names if wanted.items() <= self._tags(name).items()]
        except AwsError as error:
            raise explained(error, "whether this run has a training job already is not known") from error
        return found

    def _tags(self, name: str) -> dict[str, str]:
        arn = (self._described(name) or {}).get("TrainingJobArn", "")
        found = self.client("sagemaker").list_tags(ResourceArn=arn)["Tags"] if arn else []
        return {one["Key"]: one["Value"] for one in found}

    def poll(self, handle: Handle) -> State:
        """State of the training job, and its log so far; asked of AWS only as often as ``poll_s`` says.

        While AWS cannot be reached, or credentials have expired, the job counts as running, for a day: once
        given up, it would be paid for again.

        Parameters
        ----------
        handle : Handle
            What `submit` or `find` gave, in this process or another.

        Returns
        -------
        State
            LOST when there is no such job.
        """
        watch = self._watch(handle)
        if watch.end is not None:
            return watch.end
        if not watch.is_due():
            return State.RUNNING
        try:
            found = self._described(handle["name"])
        except ExecutorError as error:
            watch.patience.bear(error)
            return State.RUNNING
        watch.patience.answered()
        watch.log.fetch()
        watch.missed = watch.missed + 1 if found is None else 0
        if watch.missed >= LOOKS_IN_VAIN:
            watch.end = State.LOST
        elif found is not None and found["TrainingJobStatus"] in ENDED:
            watch.end = State.DONE
        return watch.end or State.RUNNING

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client("sagemaker").describe_training_job(TrainingJobName=name)
        except AwsError as error:
            if is_missing(error) or "not found" in str(error):
                return None
            raise explained(error, f"the training job {name} cannot be looked at") from error
        return found

    def collect(self, handle: Handle, job: Job) -> Outcome:
        """Bring log, output and model into the run's folder, and say how the job ended.

        Parameters
        ----------
        handle : Handle
            Of a job that `poll` called DONE.
        job : Job
            Of which log and output are.

        Returns
        -------
        Outcome
            FAILED with SageMaker's reason; KILLED when it was stopped by hand; FAILED after its longest time.
        """
        name = handle["name"]
        found = patiently(lambda: self._described(name), self.poll_s)
        if found is None:
            raise ExecutorError(f"the training job {name} is there no more, so its output cannot be fetched")
        outcome = outcome_of(found)
        self._last_words(handle, LAST_WORDS_S if outcome.status is Status.FINISHED else 4 * LAST_WORDS_S)
        try:
            patiently(lambda: self._fetch(found, job), self.poll_s)
            refused = ""
        except ExecutorError as error:
            refused = str(error)
        _watches.pop(name, None)
        if refused and outcome.status is Status.FINISHED:
            return Outcome(Status.FAILED, refused, outcome.exit_code, outcome.started, outcome.ended)
        return outcome

    def _fetch(self, found: Mapping[str, Any], job: Job) -> None:
        """Unpack what the job left into the run's folder."""
        shutil.rmtree(job.output, ignore_errors=True)  # of an earlier attempt at it
        job.output.mkdir(parents=True)
        base = f"{found['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{found['TrainingJobName']}/output"
        model = found.get("ModelArtifacts", {}).get("S3ModelArtifacts", f"{base}/model.tar.gz")
        limit = int(self.output_limit_gb * 1e9)
        fetch_archive(self.client("s3"), f"{base}/output.tar.gz", job.output, limit_bytes=limit)
        fetch_archive(self.client("s3"), model, job.output / MODEL, limit_bytes=limit)

    def _last_words(self, handle: Handle, seconds: float) -> None:
        """Fetch the log until CloudWatch has nothing more for a while."""
        watch, until = self._watch(handle), time.monotonic() + min(seconds, self.poll_s)
        while watch.log.fetch() or time.monotonic() < until:
            time.sleep(min(0.25, self.poll_s))

    def cancel(self, handle: Handle) -> None:
        """Ask SageMaker to stop the job, which it does within two minutes; no error if it has ended.

        Parameters
        ----------
        handle : Handle
            What `submit` or `find` gave.

        Raises
        ------
        ExecutorError
            When AWS cannot be asked: the job goes on, and its longest time is what ends it.
        """
        name = handle["name"]
        _watches.pop(name, None)
        try:
            self.client("sagemaker").stop_training_job(TrainingJobName=name)
        except AwsError as error:
            if code_of(error) == "ValidationException":  # it has ended, or never was
                return
            raise explained(
                error, f"the training job {name} may still run, and cost: it could not be stopped"
            ) from error

    def _handle(self, name: str, job: Job) -> Handle:
        return {"name": name, "log": str(job.log.absolute()), "folder": str(job.folder.absolute())}

    def _watch(self, handle: Handle) -> Watch:
        name = handle["name"]
        if name not in _watches:
            follower = LogFollower(lambda: self.client("logs"), name, Path(handle["log"]))
            _watches[name] = Watch(follower, self.poll_s, self.poll_most_s, Patience())
        return _watches[name]


def forget() -> None:
    """Forget what this process knows of jobs: another process knows nothing either."""
    _watches.clear()


def _tag(request: Mapping[str, Any], key: str) -> str | None:
    return next((one["Value"] for one in request["Tags"] if one["Key"] == key), None)
