"""What is borne with, and for how long."""

from __future__ import annotations

import itertools
import logging

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from iqf_core import ExecutorError
from iqf_sagemaker import aws, watching
from iqf_sagemaker.aws import explained
from iqf_sagemaker.watching import Patience, Watch, patiently


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeTrainingJob")


def raised(cause: Exception) -> ExecutorError:
    error = explained(cause, "the job cannot be looked at")
    error.__cause__ = cause
    return error


PASSING = [
    refused("ThrottlingException"),
    refused("ExpiredTokenException"),
    refused("Anything", 503),
    EndpointConnectionError(endpoint_url="http://nowhere"),
    NoCredentialsError(),
]


@pytest.mark.parametrize("cause", PASSING, ids=lambda cause: type(cause).__name__)
def test_what_passes_is_borne_and_said_once(cause, caplog):
    patience = Patience()
    with caplog.at_level(logging.WARNING, "iqf"):
        for _ in range(5):
            patience.bear(raised(cause))
    (record,) = caplog.records
    assert "the job is taken to run, and is asked after again" in record.getMessage()


def test_renewed_credentials_are_read():
    made = aws.client("s3", "eu-west-1", "http://127.0.0.1:9")
    assert aws.client("s3", "eu-west-1", "http://127.0.0.1:9") is made
    Patience().bear(raised(refused("ExpiredToken")))
    assert aws.client("s3", "eu-west-1", "http://127.0.0.1:9") is not made


@pytest.mark.parametrize("cause", [refused("AccessDenied", 403), refused("ValidationException")])
def test_what_does_not_pass_is_raised(cause):
    with pytest.raises(ExecutorError, match="cannot be looked at"):
        Patience().bear(raised(cause))


def test_patience_ends_after_a_day(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])
    patience, error = Patience(), raised(refused("ThrottlingException"))
    patience.bear(error)
    clock[0] = 86_399.0
    patience.bear(error)
    clock[0] = 86_401.0
    with pytest.raises(ExecutorError):
        patience.bear(error)
    patience.answered()
    patience.bear(error)


def test_an_answer_that_comes_late_is_taken():
    answers = iter([raised(PASSING[0]), raised(PASSING[2]), 7])

    def ask() -> int:
        found = next(answers)
        if isinstance(found, ExecutorError):
            raise found
        return found

    assert patiently(ask, 0.001) == 7


def test_looks_grow_rarer_and_are_not_in_step(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])
    watch, looks = Watch(None, 5.0, 60.0, Patience()), []
    while clock[0] < 2000:
        if watch.is_due():
            looks.append(clock[0])
        clock[0] += 0.5
    pauses = [after - before for before, after in itertools.pairwise(looks)]
    assert 4 <= pauses[0] <= 6.5
    assert all(48 <= pause <= 72.5 for pause in pauses[-10:])
    assert len(set(pauses[-10:])) > 1
