"""The control plane of training jobs: the operations of SageMaker that are answered here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from iqf_sagemaker.testing.answers import ServiceError
from iqf_sagemaker.testing.attempt import Machine
from iqf_sagemaker.testing.jobs import ENDED, TrainingJob
from iqf_sagemaker.testing.operations import service_model
from iqf_sagemaker.testing.quotas import Quotas, usage
from iqf_sagemaker.testing.rules import check_request, check_world, refuse
from iqf_sagemaker.testing.validation import validate

PAGE = 10
MOST_TAGS = 50
NOT_FOUND = "Requested resource not found."


class ControlPlane:
    """Training jobs by name, and what is asked of them.

    Parameters
    ----------
    machine : Machine
        Where they run.
    iam : client
        Of boto3, for their roles.
    quotas : Quotas
        Of running instances.
    region, account : str
        For their ARNs.
    checks_inputs : bool
        Whether a job is refused when nothing is below an S3Uri.
    """

    def __init__(
        self, machine: Machine, iam: Any, quotas: Quotas, *, region: str, account: str, checks_inputs: bool
    ) -> None:
        self.jobs: dict[str, TrainingJob] = {}
        self._machine = machine
        self._iam = iam
        self._quotas = quotas
        self.region = region
        self._checks_inputs = checks_inputs
        self._arn = f"arn:aws:sagemaker:{region}:{account}:training-job/"
        self._lock = threading.Lock()
        self._closed = False
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateTrainingJob": self._create,
            "DescribeTrainingJob": lambda request: self.job(request["TrainingJobName"]).describe(),
            "StopTrainingJob": self._stop,
            "ListTrainingJobs": self._list,
            "ListTags": self._list_tags,
            "AddTags": self._add_tags,
        }

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request.

        Parameters
        ----------
        operation : str
            Such as ``"CreateTrainingJob"``.
        request : dict
            As decoded from JSON.

        Raises
        ------
        ServiceError
            As the service does.
        """
        if operation not in self._operations:
            message = f"IQF's server for trying SageMaker does not know the operation {operation}."
            raise ServiceError("UnknownOperationException", message)
        validate(request, service_model("sagemaker").operation_model(operation).input_shape)
        return self._operations[operation](request)

    def job(self, name: str) -> TrainingJob:
        """Job of a name.

        Raises
        ------
        ServiceError
            When there is none.
        """
        try:
            return self.jobs[name]
        except KeyError:
            raise ServiceError("ValidationException", NOT_FOUND) from None

    def close(self) -> None:
        """Kill every job, and start none any more."""
        with self._lock:
            self._closed = True
            jobs = list(self.jobs.values())
        for job in jobs:
            job.close()
        for job in jobs:
            job.join()

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        check_request(request)
        _check_tags(request.get("Tags", ()))
        machine, name = self._machine, request["TrainingJobName"]
        arn = self._arn + name.lower()
        check_world(request, s3=machine.s3, iam=self._iam, region=self.region, inputs=self._checks_inputs)
        with self._lock:
            if name in self.jobs:
                message = (
                    "Training job names must be unique within an AWS account and region, "
                    f"and a training job with this name already exists ({arn})"
                )
                raise ServiceError("ResourceInUse", message)
            self._check_quota(request)
            if self._closed:
                raise ServiceError("ServiceUnavailable", "The server is about to end.", status=503)
            job = self.jobs[name] = TrainingJob(request, arn, machine)
            job.start()
        return {"TrainingJobArn": arn}

    def _check_quota(self, request: Mapping[str, Any]) -> None:
        spot = bool(request.get("EnableManagedSpotTraining"))
        quota = usage(request["ResourceConfig"]["InstanceType"], spot=spot)
        running = sum(
            1
            for job in self.jobs.values()
            if job.status not in ENDED
            and quota == usage(job.request["ResourceConfig"]["InstanceType"], spot=job.spot)
        )
        limit = self._quotas.limit(quota)
        if running + 1 > limit:
            message = (
                f"The account-level service limit '{quota}' is {limit:.0f} Instances, with current "
                f"utilization of {running} Instances and a request delta of 1 Instances. Please use AWS "
                "Service Quotas to request an increase for this quota. If AWS Service Quotas is not "
                "available, contact AWS support to request an increase for this quota."
            )
            raise ServiceError("ResourceLimitExceeded", message)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        self.job(request["TrainingJobName"]).stop()
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            jobs = [job.summary() for job in self.jobs.values()]
        found = [job for job in jobs if _wanted(job, request)]
        key = {"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(
            request.get("SortBy", ""), "CreationTime"
        )
        found.sort(key=lambda job: job[key], reverse=request.get("SortOrder") == "Descending")
        return _page(found, request, "TrainingJobSummaries", request.get("MaxResults", PAGE))

    def _tagged(self, arn: str) -> TrainingJob:
        for job in list(self.jobs.values()):
            if job.arn == arn:
                return job
        raise ServiceError("ValidationException", NOT_FOUND)

    def _list_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = [
            {"Key": key, "Value": value} for key, value in self._tagged(request["ResourceArn"]).tags.items()
        ]
        return _page(tags, request, "Tags", request.get("MaxResults", MOST_TAGS))

    def _add_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._tagged(request["ResourceArn"])
        _check_tags(request["Tags"])
        tags = job.tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(tags) > MOST_TAGS:
            refuse(f"A resource cannot have more than {MOST_TAGS} tags.")
        job.tags = tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _wanted(job: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """Whether a job passes all filters of a request."""
    return (
        request.get("NameContains", "") in job["TrainingJobName"]
        and request.get("StatusEquals", job["TrainingJobStatus"]) == job["TrainingJobStatus"]
        and request.get("CreationTimeAfter", 0) <= job["CreationTime"]
        and job["CreationTime"] <= request.get("CreationTimeBefore", float("inf"))
        and request.get("LastModifiedTimeAfter", 0) <= job["LastModifiedTime"]
        and job["LastModifiedTime"] <= request.get("LastModifiedTimeBefore", float("inf"))
    )


def _page(found: list[Any], request: Mapping[str, Any], name: str, size: int) -> dict[str, Any]:
    token = request.get("NextToken") or "0"
    if not token.isdecimal():
        refuse("Invalid NextToken.")
    start = int(token)
    answer = {name: found[start : start + size]}
    return answer | ({"NextToken": str(start + size)} if start + size < len(found) else {})


def _check_tags(tags: Any) -> None:
    keys = [tag["Key"] for tag in tags]
    if len({*keys}) < len(keys):
        refuse("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.lower().startswith("aws:") for key in keys):
        refuse("Tag keys must not begin with aws: , which is kept for AWS.")
