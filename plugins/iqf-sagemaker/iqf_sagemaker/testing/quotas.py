"""How many instances may run at a time, as Service Quotas lists it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from iqf_sagemaker.testing.answers import ServiceError
from iqf_sagemaker.testing.operations import service_model
from iqf_sagemaker.testing.validation import validate

GENEROUS = 20.0
"""Instances of a type that nothing was said about."""


class Quotas:
    """Quotas of running instances, by AWS's name of each.

    Parameters
    ----------
    values : mapping of str to float
        Such as ``{"ml.m5.large for spot training job usage": 4.0}``; others are generous.
    region, account : str
        For their ARNs.
    """

    def __init__(self, values: Mapping[str, float], *, region: str, account: str) -> None:
        self.values = dict(values)
        self._arn = f"arn:aws:servicequotas:{region}:{account}:sagemaker"

    def limit(self, name: str) -> float:
        """Instances that a quota allows."""
        return self.values.get(name, GENEROUS)

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer ListServiceQuotas, by pages.

        Raises
        ------
        ServiceError
            For another service than SageMaker, or a request that does not keep to its shape.
        """
        validate(request, service_model("service-quotas").operation_model("ListServiceQuotas").input_shape)
        if request["ServiceCode"] != "sagemaker":
            message = "The request failed because the specified service does not exist."
            raise ServiceError("NoSuchResourceException", message)
        names = sorted(
            {*self.values, *(usage(kind, spot=spot) for kind in instances() for spot in (False, True))}
        )
        start, size = int(request.get("NextToken") or 0), request.get("MaxResults", 100)
        answer: dict[str, Any] = {"Quotas": [self._quota(name) for name in names[start : start + size]]}
        if start + size < len(names):
            answer["NextToken"] = str(start + size)
        return answer

    def _quota(self, name: str) -> dict[str, Any]:
        code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
        return {
            "ServiceCode": "sagemaker",
            "ServiceName": "Amazon SageMaker",
            "QuotaArn": f"{self._arn}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": float(self.limit(name)),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def usage(instance: str, *, spot: bool) -> str:
    """Name of the quota that a job counts against."""
    return f"{instance} for {'spot ' if spot else ''}training job usage"


def instances() -> list[str]:
    """Every type of instance that trains."""
    return list(service_model("sagemaker").shape_for("TrainingInstanceType").enum)


def request_of(body: bytes) -> dict[str, Any]:
    """Decode the body of a JSON request.

    Raises
    ------
    ServiceError
        When it is no JSON object.
    """
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", str(error)) from error
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "Start of structure or map expected.")
    return {name: value for name, value in request.items() if value is not None}
