"""The request for a training job, within the service's limits."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from iqf_core import ExecutorError, Job
from iqf_sagemaker.options import Options

ROOT = "/opt/ml"
OUTPUT = f"{ROOT}/output/data"
CHECKPOINTS = f"{ROOT}/checkpoints"
MODEL = "model"
"""Option of a script that applies a model, and the channel by which it gets it."""
KEY_TAG, FOLDER_TAG = "iqf:key", "iqf:folder"
RESERVED = "sagemaker_"
MOST = {"hyper-parameters": 100, "environment variables": 100, "tags": 50}
LONGEST_NAME = {"hyper-parameters": 256, "environment variables": 512}
LONGEST_VALUE = {"hyper-parameters": 2500, "environment variables": 512}
"""Of the service model of SageMaker (CreateTrainingJob)."""


def plain(key: str) -> str:
    """Key as part of a job's name: letters, digits and single dashes."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", key).strip("-") or hashlib.sha256(key.encode()).hexdigest()[:12]


def arguments_of(job: Job) -> dict[str, str]:
    """Options that the script gets: as on this machine, but with folders as they lie in the container."""
    folders = {name: f"{ROOT}/input/data/{name}" for name in job.datasets}
    options = dict(job.options)
    if MODEL in options:
        options[MODEL] = f"{ROOT}/input/data/{MODEL}"
    return {"outputpath": OUTPUT, **options, **folders}


def hyperparameters_of(job: Job, *, code: str, region: str, name: str) -> dict[str, str]:
    """Hyper-parameters of the job: those of the container's toolkit, and the script's options.

    Each value is JSON of a text, so that ``1e-3`` arrives as it was written and not as 0.001.
    """
    own = {
        "sagemaker_program": job.script.name,
        "sagemaker_submit_directory": code,
        "sagemaker_region": region,
        "sagemaker_job_name": name,
    }
    given = {**own, **arguments_of(job)}
    return {key: json.dumps(value) for key, value in given.items()} | {"sagemaker_container_log_level": "20"}


def refuse_what_cannot_run(executor: Options, job: Job) -> None:
    """Refuse a job that SageMaker could not run, before anything is sent.

    Raises
    ------
    ExecutorError
        With every fault, and what to do.
    """
    faults = list(_faults(executor, job))
    if faults:
        raise ExecutorError("; ".join(faults))


def _faults(executor: Options, job: Job) -> Iterator[str]:
    if job.interpreter:
        yield "task.interpreter: on SageMaker the image brings its own; remove it"
    tracking = job.options.get("mlfuri", "")
    if tracking and not tracking.startswith(("http://", "https://")):
        yield (
            f"mlflow_monitoring: a script on SageMaker cannot reach {tracking}: give the study the "
            "`tracking_uri` of a server, or have the script write results.json"
        )
    for name in job.options:
        if len(name) == 1:
            yield f"hyperparameters: {name!r}: the container passes it as -{name}; give it a longer name"
        if name.startswith(RESERVED):
            yield f"hyperparameters: {name!r}: names that begin with {RESERVED!r} are the container's own"
    texts = hyperparameters_of(job, code="s3://x", region="", name="")
    yield from _too_much("hyper-parameters", texts)
    yield from _too_much("environment variables", environment_of(executor, job))
    if len(executor.tags) + 2 > MOST["tags"]:
        yield f"{len(executor.tags) + 2} tags, of which two are IQF's: SageMaker takes {MOST['tags']}"


def _too_much(what: str, given: Mapping[str, str]) -> Iterator[str]:
    if len(given) > MOST[what]:
        yield f"{len(given)} {what}: SageMaker takes {MOST[what]}; write the rest into a file with the script"
    for name, value in given.items():
        if len(name) > LONGEST_NAME[what]:
            yield f"{name[:40]}…: names of {what} have at most {LONGEST_NAME[what]} characters"
        if len(value) > LONGEST_VALUE[what]:
            yield (
                f"{name}: a value of {len(value):,} characters, where {what} take {LONGEST_VALUE[what]:,}; "
                "write it into a file beside the script"
            )
        if what == "environment variables" and not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
            yield f"{name!r}: no name of an environment variable"


def environment_of(executor: Options, job: Job) -> dict[str, str]:
    """Environment of the script: the task's, and where checkpoints are kept if they are."""
    kept = {"IQF_CHECKPOINTS": CHECKPOINTS} if executor.keeps_checkpoints else {}
    return {**kept, **job.environment}


def training_job(
    executor: Options,
    job: Job,
    *,
    name: str,
    region: str,
    code: str,
    channels: Mapping[str, str],
    folder_tag: str,
) -> dict[str, Any]:
    """Parameters of CreateTrainingJob.

    Parameters
    ----------
    executor : Options
        Of which the options are.
    job : Job
        What is to be run.
    name : str
        Of the training job.
    region : str
        Where it runs.
    code : str
        ``s3://`` address of the script's archive.
    channels : mapping of str to str
        Name -> ``s3://`` address of a folder.
    folder_tag : str
        Tells this run's folder from that of another study with the same run.
    """
    longest = seconds_of(executor, job)
    content: dict[str, Any] = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": executor.image_uri, "TrainingInputMode": "File"},
        "RoleArn": executor.role,
        "HyperParameters": hyperparameters_of(job, code=code, region=region, name=name),
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for channel, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": executor.runs_uri(), **_key("KmsKeyId", executor.kms_key_id)},
        "ResourceConfig": {
            "InstanceType": executor.instance_type,
            "InstanceCount": executor.instance_count,
            "VolumeSizeInGB": executor.volume_gb,
            **_key("VolumeKmsKeyId", executor.kms_key_id if executor.encrypt_volume else ""),
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": longest},
        "Environment": environment_of(executor, job),
        "Tags": [
            {"Key": key, "Value": value}
            for key, value in ((KEY_TAG, job.key), (FOLDER_TAG, folder_tag), *executor.tags)
        ],
        "EnableManagedSpotTraining": executor.spot,
        "EnableNetworkIsolation": executor.network_isolation,
    }
    if executor.spot:
        content["StoppingCondition"]["MaxWaitTimeInSeconds"] = longest + executor.spot_wait_s
    if executor.keeps_checkpoints:
        content["CheckpointConfig"] = {"S3Uri": executor.checkpoint_uri(name), "LocalPath": CHECKPOINTS}
    if executor.subnets:
        content["VpcConfig"] = {
            "Subnets": list(executor.subnets),
            "SecurityGroupIds": list(executor.security_group_ids),
        }
    return content


def seconds_of(executor: Options, job: Job) -> int:
    """Whole seconds after which the service stops the job."""
    return max(1, math.ceil(executor.most_seconds(job.timeout_s) or executor.max_run_s))


def _key(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}
