"""Clients of AWS, and its errors in words that say what to do."""

from __future__ import annotations

import functools
import os
from typing import Any

import boto3
from boto3.exceptions import RetriesExceededError
from botocore import exceptions
from botocore.config import Config

from iqf_core import ExecutorError
from iqf_sagemaker.redaction import redacted

ATTEMPTS = 6
"""At a request that is throttled, or that a server's fault or the network kept from its answer."""
POLICY = "the policy in the plugin's README lists what is needed"
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
_REFUSED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403")
_EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
)
_PASSING = (
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "500",
    "502",
    "503",
    "504",
)
AwsError = (exceptions.BotoCoreError, exceptions.ClientError)


@functools.lru_cache(maxsize=32)
def client(service: str, region: str | None, endpoint_url: str | None) -> Any:
    """Client of one service: one for each place, as making one takes a tenth of a second.

    Credentials, and the region where none is given, are found as every AWS tool finds them: environment,
    ``AWS_PROFILE``, the files in ``~/.aws``, the role of the machine.

    Raises
    ------
    ExecutorError
        When there is no region, or the profile is not there.
    """
    attempts = int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=64,
        s3={"addressing_style": "path"} if endpoint_url else None,
    )
    try:
        return boto3.session.Session(region_name=region).client(
            service, endpoint_url=endpoint_url, config=config
        )
    except (*AwsError, ValueError) as error:  # ValueError: an endpoint that is no address
        raise explained(error, f"{service} cannot be used") from error


def code_of(error: BaseException) -> str:
    """AWS's code of an error; empty where it is none of AWS's."""
    if isinstance(error, exceptions.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def is_missing(error: BaseException) -> bool:
    """Whether it says that a thing is not there."""
    return code_of(error) in ("404", "NoSuchKey", "NotFound", "NoSuchEntity", "NoSuchEntityException")


def is_passing(error: BaseException) -> bool:
    """Whether it may be gone at the next try: throttling, a server's fault, the network."""
    if isinstance(error, exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _PASSING or status >= 500
    return isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError | RetriesExceededError)


def is_expired(error: BaseException) -> bool:
    """Whether it says that the credentials hold no longer, or cannot be found any more."""
    return code_of(error) in _EXPIRED or isinstance(error, _NO_CREDENTIALS)


def explained(error: BaseException, doing: str) -> ExecutorError:
    """An error of AWS as one sentence: what could not be done, why, and what to do.

    Parameters
    ----------
    error : BaseException
        Of botocore.
    doing : str
        What could not be done, with its place.
    """
    return ExecutorError(f"{doing}: {redacted(_reason(error))}")


def _reason(error: BaseException) -> str:
    if isinstance(error, _NO_CREDENTIALS):
        return (
            f"no AWS credentials ({error}): run `aws configure` or `aws sso login`, set AWS_PROFILE, or give "
            "the machine a role"
        )
    if isinstance(error, exceptions.NoRegionError):
        return "no region: give the executor `region: eu-west-1`, or set AWS_DEFAULT_REGION"
    if isinstance(error, exceptions.EndpointConnectionError):
        return f"{error}: is the network there, and are `region` and `endpoint_url` right?"
    if not isinstance(error, exceptions.ClientError):
        kept = "; what was sent is kept, and the same command goes on" if is_passing(error) else ""
        return f"{' '.join(str(error).split())}{kept}"
    code, message = code_of(error), error.response.get("Error", {}).get("Message", "")
    said = f"{code}: {message}" if message else code
    if code in _EXPIRED:
        return f"AWS does not accept the credentials ({said}): renew them, as with `aws sso login`"
    if code in _REFUSED:
        return f"not allowed ({said}); {POLICY}"
    if is_passing(error):
        return f"AWS did not answer in {ATTEMPTS} attempts ({said}): try again later; what was sent is kept"
    return said
