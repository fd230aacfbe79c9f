"""Classes with a ``fit``, for people who come from iquaflow."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest

from iqf_core import ExecutorError
from iqf_sagemaker import SageMakerEstimatorFactory
from iqf_sagemaker.staging import Stage

from .conftest import Lab

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Estimator:
    """What the SDK's estimators do, in a few lines: a training job, waited for."""

    def __init__(self, role: str, code: str, output_path: str, hyperparameters: dict[str, str]) -> None:
        self.role, self.code, self.output = role, code, output_path
        self.hyperparameters = hyperparameters

    def fit(self, inputs: dict[str, str]) -> None:
        sagemaker, name = boto3.client("sagemaker"), f"fit-{time.time_ns()}"
        own = {"sagemaker_program": "script.py", "sagemaker_submit_directory": self.code}
        folders = {channel: f"/opt/ml/input/data/{channel}" for channel in inputs}
        given = {**own, **self.hyperparameters, **folders, "outputpath": "/opt/ml/output/data"}
        sagemaker.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": "example/image:1", "TrainingInputMode": "File"},
            RoleArn=self.role,
            HyperParameters={key: json.dumps(value) for key, value in given.items()},
            InputDataConfig=[
                {
                    "ChannelName": channel,
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                }
                for channel, uri in inputs.items()
            ],
            OutputDataConfig={"S3OutputPath": self.output},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        while True:
            found = sagemaker.describe_training_job(TrainingJobName=name)
            if found["TrainingJobStatus"] not in ("InProgress", "Stopping"):
                break
            time.sleep(0.05)
        if found["TrainingJobStatus"] != "Completed":
            raise RuntimeError(found.get("FailureReason", "stopped"))


def test_a_study_by_estimators_gives_what_training_jobs_give(lab: Lab) -> None:
    stage = Stage(lab.server.client("s3"), "iqf-test", "code")
    kwargs = {
        "role": lab.server.role_arn(),
        "code": stage.code(lab.folder / "code" / "script.py", ("script.py",)),
    }
    ways = {"how": ["a", "fails"]}
    known = lab.run("local", name="here", hyperparameters=ways)
    executor = SageMakerEstimatorFactory(Estimator, kwargs).executor(bucket="iqf-test").spec()
    rows = lab.run(executor, hyperparameters=ways)
    assert [row["status"] for row in rows] == ["FINISHED", "FAILED"]
    assert rows[0]["score"] == known[0]["score"]
    assert rows[1]["reason"].startswith("RuntimeError: AlgorithmError")


def test_the_factory_keeps_what_it_was_given() -> None:
    kwargs = {"role": "r", "hyperparameters": {"lr": "1"}}
    factory = SageMakerEstimatorFactory(Estimator, {**kwargs, "code": "c", "output_path": "o"})
    made = factory.gen_estimator({"depth": "2"})
    assert made.hyperparameters == {"lr": "1", "depth": "2"}
    assert factory.kwargs["hyperparameters"] == {"lr": "1"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SageMakerEstimatorFactory(int, {}), "it is no estimator"),
        (
            lambda: SageMakerEstimatorFactory(Estimator, {"role": object()}).executor(bucket="abc"),
            "JSON values",
        ),
    ],
)
def test_what_cannot_be_used_is_said(make: Any, said: str) -> None:
    with pytest.raises(ExecutorError, match=said):
        make()


@pytest.mark.parametrize("place", ["no.such.module:Thing", "sagemaker.pytorch:PyTorch"])
def test_a_class_that_is_not_there_refuses_the_study(lab: Lab, place: str) -> None:
    with pytest.raises(ExecutorError, match="cannot be imported"):
        lab.run({"estimator": {"estimator": place, "bucket": "iqf-test"}})
