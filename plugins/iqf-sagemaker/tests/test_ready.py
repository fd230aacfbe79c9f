"""What is missing is said before anything is sent."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from iqf_core import ExecutorError, ParameterError
from iqf_sagemaker import SageMakerExecutor

from .conftest import Lab

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bucket": "no-such-bucket"}, "bucket='no-such-bucket': there is no such bucket; make it"),
        ({"role": "arn:aws:iam::123456789012:role/nobody"}, "there is no such role; make one that SageMaker"),
        ({"instance_type": "ml.m5.lage"}, "there is none of this name for training jobs in this region. Did"),
        ({"region": "eu-west-1"}, "this server stands for us-east-1, and was asked as eu-west-1"),
        (
            {"instance_type": "ml.m5.large"},
            "may use 1 x ml.m5.large for training jobs at once, and 2 runs at",
        ),
    ],
)
def test_bucket_role_and_quota_are_asked_for_first(lab: Lab, change: dict[str, Any], said: str) -> None:
    lab.server.quota("ml.m5.large for training job usage", 1.0)
    executor = {"sagemaker": lab.options(**change)}
    with pytest.raises(ExecutorError, match=re.escape(said)):
        lab.run(executor, hyperparameters={"how": ["a", "b"]}, parallel=2)
    assert lab.asked("PutObject") == lab.asked("CreateTrainingJob") == []
    assert not (lab.folder / "iqf-runs" / "study" / "study.json").exists()


def test_without_credentials_the_plugin_is_active_and_the_study_says_what_is_missing(lab: Lab) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del lab.environment[name]
    file = lab.study()
    (plugin,) = [
        one for one in json.loads(lab.iqf("plugins", "--json")[1]) if one["distribution"] == "iqf-sagemaker"
    ]
    assert plugin["status"] == "active"
    assert lab.iqf("plan", file)[0] == 0
    code, _, err = lab.iqf("run", file)
    assert code == 2
    assert "no AWS credentials" in err
    assert "run `aws configure` or `aws sso login`, set AWS_PROFILE" in err
    assert lab.server.requests == []


def test_without_a_region_it_says_so(lab: Lab) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        del lab.environment[name]
    code, _, err = lab.iqf("run", lab.study({"sagemaker": lab.options(region="")}))
    assert code == 2
    assert "give the executor `region: eu-west-1`, or set AWS_DEFAULT_REGION" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"hyperparameters": {"how": ["x" * 2600]}}, "how: a value of 2,602 characters"),
        ({"hyperparameters": {f"o{n}": [1] for n in range(101)}}, "hyper-parameters: SageMaker takes 100"),
        ({"hyperparameters": {"sagemaker_program": ["x"]}}, "names that begin with 'sagemaker_'"),
        ({"task": {"script": "code/script.py", "interpreter": "python3.9"}}, "the image brings its own"),
        (
            {"task": {"script": "code/script.py", "environment": {"WORDS": "x" * 600}}},
            "environment variables take 512",
        ),
    ],
)
def test_the_limits_of_the_service_are_checked_before_it_is_asked(
    lab: Lab, content: dict[str, Any], said: str
) -> None:
    (row,) = lab.run(**content)
    assert row["status"] == "FAILED"
    assert said in row["reason"]
    assert lab.asked("PutObject") == lab.asked("CreateTrainingJob") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"role": "training"}, "role='training'"),
        ({"subnets": ["subnet-1"]}, "subnets and security_group_ids belong together"),
        ({"tags": "eo"}, "write tags as in"),
        ({"tags": {"aws:team": "eo"}}, "keys that begin with aws: are AWS's"),
        ({"bucket": "s3://imagery"}, "bucket='s3://imagery'"),
        ({"endpoint_url": "127.0.0.1:9"}, "endpoint_url='127.0.0.1:9'"),
        ({"region": "Europe/West 1"}, "region='Europe/West 1'"),
        ({"prefix": "../x"}, "write it as in iqf or team/iqf"),
        ({"price": 1.0}, "Did you mean 'prefix'|price_per_hour"),
        ({"server_side_encryption": "AES256", "kms_key_id": "k"}, "kms_key_id is for"),
    ],
)
def test_wrong_options_are_named(change: dict[str, Any], said: str) -> None:
    known = {"image_uri": "i", "role": "arn:aws:iam::123456789012:role/r", "bucket": "abc"}
    with pytest.raises(ParameterError, match=said):
        SageMakerExecutor(**known | change)


def test_an_executor_is_what_its_spec_says() -> None:
    made = SageMakerExecutor(
        image_uri="i",
        role="arn:aws:iam::123456789012:role/r",
        bucket="abc",
        tags={"team": "eo"},
        subnets=["s"],
        security_group_ids=["g"],
    )
    ((name, parameters),) = made.spec().items()
    assert name == "sagemaker"
    assert SageMakerExecutor(**json.loads(json.dumps(parameters))) == made
