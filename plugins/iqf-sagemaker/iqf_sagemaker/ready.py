"""What every job needs, asked for before anything is sent: credentials, a bucket, a role, a quota."""

from __future__ import annotations

import logging
from typing import Any

from iqf_core import ExecutorError
from iqf_sagemaker.aws import AwsError, code_of, explained, is_missing
from iqf_sagemaker.options import Options

log = logging.getLogger("iqf")


def require_ready(executor: Options, jobs: int) -> None:
    """Refuse what would fail every job.

    Role and quota are asked for where the credentials allow it; where not, CreateTrainingJob is the first to
    say it.

    Parameters
    ----------
    executor : Options
        Of which the options are.
    jobs : int
        How many run at once.

    Raises
    ------
    ExecutorError
        Naming the option, and what to do.
    """
    _require_credentials(executor)
    _require_bucket(executor)
    _require_role(executor)
    _require_quota(executor, jobs)


def _require_credentials(executor: Options) -> None:
    try:
        executor.client("sts").get_caller_identity()
    except AwsError as error:
        raise explained(error, f"{executor.name}: SageMaker cannot be asked") from error


def _require_bucket(executor: Options) -> None:
    try:
        executor.client("s3").head_bucket(Bucket=executor.bucket)
    except AwsError as error:
        code, place = code_of(error), f"{executor.name}: bucket={executor.bucket!r}"
        if is_missing(error):
            raise ExecutorError(f"{place}: there is no such bucket; make it, or correct the name") from error
        if code in ("301", "PermanentRedirect"):
            raise ExecutorError(
                f"{place}: lies in another region; give the executor that `region`"
            ) from error
        if code in ("403", "AccessDenied"):
            raise ExecutorError(
                f"{place}: these credentials may not look at it, or it is another account's; correct the "
                "name, or have s3:ListBucket allowed (the plugin's README has the policy)"
            ) from error
        raise explained(error, place) from error


def _require_role(executor: Options) -> None:
    role = executor.role.rpartition("/")[2]
    try:
        executor.client("iam").get_role(RoleName=role)
    except AwsError as error:
        if is_missing(error):
            raise ExecutorError(
                f"{executor.name}: role={executor.role!r}: there is no such role; make one that SageMaker "
                "may assume (the plugin's README shows how), or correct the ARN"
            ) from error
        log.info("whether the role exists is not known: %s", explained(error, "iam:GetRole"))


def _require_quota(executor: Options, jobs: int) -> None:
    kind = "spot training job" if executor.spot else "training job"
    wanted = f"{executor.instance_type} for {kind} usage"
    try:
        quota = _quota(executor.client("service-quotas"), wanted)
    except AwsError as error:
        log.info("the quota is not known: %s", explained(error, "servicequotas:ListServiceQuotas"))
        return
    needed = jobs * executor.instance_count
    if quota is not None and quota < needed:
        fits = int(quota) // executor.instance_count
        remedy = f"give `parallel: {fits}`, or ask" if fits else "ask"
        raise ExecutorError(
            f"{executor.name}: the account may use {quota:g} x {executor.instance_type} for {kind}s at once, "
            f"and {jobs} runs at once need {needed}; {remedy} for more under Service Quotas"
        )


def _quota(quotas: Any, wanted: str) -> float | None:
    for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker"):
        for one in page["Quotas"]:
            if one["QuotaName"] == wanted:
                return float(one["Value"])
    return None
