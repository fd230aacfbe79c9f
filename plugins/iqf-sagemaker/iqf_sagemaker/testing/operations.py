"""Which service, operation and target a request means: read as AWS reads them, from botocore's models."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl

TARGETS = ("TrainingJobName", "ResourceArn", "logStreamName", "logGroupName", "ServiceCode")
"""Members of a JSON request that say what it is about."""
FORM_TARGETS = ("RoleName", "RoleArn", "PolicyArn")
"""The same for requests that are forms."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a request means.

    Parameters
    ----------
    service : str
        As it signs: ``"s3"``, ``"sagemaker"``, ``"logs"``, ``"iam"``, ``"sts"``, ``"servicequotas"``.
    operation : str
        Such as ``"PutObject"``; empty where it is not known.
    target : str
        ``bucket/key``, or the job, role or log stream that it is about.
    region : str
        Of the signature; empty without one.
    """

    service: str
    operation: str
    target: str
    region: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    """What a request of one operation of S3 has."""

    operation: str
    method: str
    level: int  # 0 for the service, 1 for a bucket, 2 for an object
    query: frozenset[tuple[str, str]]
    headers: frozenset[str]


def call_of(environ: dict[str, Any], body: bytes) -> Call:
    """Say what a request means.

    Parameters
    ----------
    environ : dict
        Of WSGI.
    body : bytes
        Empty for S3, whose requests say it in their address.
    """
    service, region = _signed_for(environ)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return _json_call(target, service, region, body)
    if service in ("", "s3"):
        path = str(environ.get("PATH_INFO", "/"))
        path = path.encode("latin-1").decode("utf-8", "replace")
        return Call("s3", _s3_operation(environ, path), path.lstrip("/"), region)
    form = dict(parse_qsl(body.decode("utf-8", "replace")))
    about = next((form[name] for name in FORM_TARGETS if name in form), "")
    return Call(service, form.get("Action", ""), about, region)


def _signed_for(environ: dict[str, Any]) -> tuple[str, str]:
    """Service and region in the scope of the signature; nothing else of it is looked at, or kept."""
    found = re.search(
        r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", "")
    )
    if found is None:
        scope = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0].split("/")
        return (scope[3], scope[2]) if len(scope) == 5 else ("", "")
    return found[2].lower(), found[1]


def _json_call(target: str, service: str, region: str, body: bytes) -> Call:
    prefix, _, operation = target.partition(".")
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        request = {}
    about = ""
    if isinstance(request, dict):
        about = next((str(request[name]) for name in TARGETS if name in request), "")
    return Call(service or prefix.lower(), operation, about, region)


def _s3_operation(environ: dict[str, Any], path: str) -> str:
    """Operation of which the request has all that is required, and of those the one that requires most."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    names = {
        key.removeprefix("HTTP_").replace("_", "-").lower() for key in environ if key.startswith("HTTP_")
    }
    bucket, _, key = path.lstrip("/").partition("/")
    level = 2 if key else 1 if bucket else 0
    best = ""
    most = -1
    for pattern in _s3_patterns():
        if (pattern.method, pattern.level) != (environ["REQUEST_METHOD"], level):
            continue
        has = all(name in query and value in ("", *query[name]) for name, value in pattern.query)
        requires = len(pattern.query) + len(pattern.headers)
        if has and pattern.headers <= names and requires > most:
            best, most = pattern.operation, requires
    return best


@functools.cache
def _s3_patterns() -> tuple[_Pattern, ...]:
    model = service_model("s3")
    patterns = []
    for operation in sorted(model.operation_names):
        shape = model.operation_model(operation)
        path, _, fixed = shape.http["requestUri"].partition("?")
        if path not in ("/", "/{Bucket}", "/{Bucket}/{Key+}"):
            continue
        query = set(parse_qsl(fixed, keep_blank_values=True))
        headers = set()
        members = shape.input_shape.members if shape.input_shape else {}
        for name in shape.input_shape.required_members if shape.input_shape else ():
            where = members[name].serialization
            if where.get("location") == "querystring":
                query.add((where["name"], ""))
            elif where.get("location") == "header":
                headers.add(where["name"].lower())
        level = path.count("{")
        patterns.append(
            _Pattern(operation, shape.http["method"], level, frozenset(query), frozenset(headers))
        )
    return tuple(patterns)


@functools.cache
def service_model(service: str) -> Any:
    """Botocore's model of a service: its operations and their shapes."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(service, "service-2"), service)
