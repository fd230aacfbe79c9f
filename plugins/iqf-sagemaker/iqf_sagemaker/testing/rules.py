"""What CreateTrainingJob refuses although its shape is kept: the service's rules, and what we cannot do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from iqf_sagemaker.testing.answers import ServiceError
from iqf_sagemaker.testing.container import OPT_ML, below_opt_ml
from iqf_sagemaker.testing.storage import list_prefix, parse_uri
from iqf_sagemaker.testing.validation import FAILED

ROLE = re.compile(r"arn:aws:iam::\d{12}:role/(?:.*/)?([^/]+)")
PRINCIPAL = "sagemaker.amazonaws.com"


def check_request(request: Mapping[str, Any]) -> None:
    """Refuse a request that contradicts itself, or wants what this server cannot do.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    for name in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if name not in request:
            at = name[0].lower() + name[1:]
            refuse(f"1 validation error detected: Value null at '{at}' {FAILED} Member must not be null")
    algorithm = request["AlgorithmSpecification"]
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        refuse("You must specify either an algorithm name or a training image, and not both.")
    _check_time(request)
    _check_resources(request["ResourceConfig"])
    _check_channels(request)
    if "ContainerEntrypoint" in algorithm:
        not_here("ContainerEntrypoint: there is no container, the entry point is that of sagemaker_program")
    if not below_opt_ml(request.get("CheckpointConfig", {}).get("LocalPath", OPT_ML)):
        not_here("a LocalPath of checkpoints that is not below /opt/ml")
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        not_here("an OutputDataConfig whose CompressionType is NONE")


def _check_time(request: Mapping[str, Any]) -> None:
    limits = request["StoppingCondition"]
    longest, wait = limits.get("MaxRuntimeInSeconds"), limits.get("MaxWaitTimeInSeconds")
    if longest is None:
        refuse("MaxRuntimeInSeconds is required in StoppingCondition.")
    if request.get("EnableManagedSpotTraining"):
        if wait is None:
            refuse(
                "MaxWaitTimeInSeconds is required in StoppingCondition if EnableManagedSpotTraining is true."
            )
        if wait < longest:
            refuse("Invalid MaxWaitTimeInSeconds. It must be greater than or equal to MaxRuntimeInSeconds.")
    elif wait is not None:
        refuse("Invalid MaxWaitTimeInSeconds. It can only be given if EnableManagedSpotTraining is true.")


def _check_resources(resources: Mapping[str, Any]) -> None:
    for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if not resources.get(name):
            refuse(f"{name} is required in ResourceConfig.")
    if resources["InstanceCount"] != 1:
        not_here("a training job of several instances")


def _check_channels(request: Mapping[str, Any]) -> None:
    channels = request.get("InputDataConfig", ())
    names = [channel["ChannelName"] for channel in channels]
    if len({*names}) < len(names):
        refuse("Channel names must be unique within a training job.")
    mode = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    for channel in channels:
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] != "S3Prefix":
            not_here("input data other than an S3Prefix")
        if channel.get("InputMode", mode) != "File":
            not_here("an input mode other than File")
        if channel.get("CompressionType", "None") != "None":
            not_here("input data that is to be decompressed")


def check_world(request: Mapping[str, Any], *, s3: Any, iam: Any, region: str, inputs: bool) -> None:
    """Refuse a request whose role, bucket or data are not there.

    Parameters
    ----------
    request : mapping
        That of CreateTrainingJob.
    s3, iam : client
        Of boto3.
    region : str
        For the message.
    inputs : bool
        Whether something must be below each S3Uri by now.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    role = request["RoleArn"]
    if not _may_assume(iam, role):
        message = (
            f"Could not assume role {role}. Please ensure that the role exists and allows principal "
            f"'{PRINCIPAL}' to assume the role."
        )
        refuse(message)
    output = request["OutputDataConfig"]["S3OutputPath"]
    if not _bucket_exists(s3, parse_uri(output)[0]):
        refuse(f"The S3 bucket of S3OutputPath {output} does not exist in the selected region ({region}).")
    for channel in request.get("InputDataConfig", ()) if inputs else ():
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        if not list_prefix(s3, uri):
            bucket = parse_uri(uri)[0]
            refuse(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that '
                f"the bucket exists in the selected region ({region}), that objects exist under that S3 "
                f'prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
            )


def _may_assume(iam: Any, arn: str) -> bool:
    found = ROLE.fullmatch(arn)
    if found is None:
        return False
    try:
        role = iam.get_role(RoleName=found[1])["Role"]
    except iam.exceptions.NoSuchEntityException:
        return False
    return role["Arn"] == arn and PRINCIPAL in json.dumps(role["AssumeRolePolicyDocument"])


def _bucket_exists(s3: Any, name: str) -> bool:
    from botocore.exceptions import ClientError, ParamValidationError

    try:
        s3.head_bucket(Bucket=name)
    except (ClientError, ParamValidationError):
        return False
    return True


def refuse(message: str) -> NoReturn:
    """Raise the ``ValidationException``."""
    raise ServiceError("ValidationException", message)


def not_here(what: str) -> NoReturn:
    """Refuse what the service can and this server cannot."""
    refuse(f"IQF's server for trying SageMaker does not know {what}.")
