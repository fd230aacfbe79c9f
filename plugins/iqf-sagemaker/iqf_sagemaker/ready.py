"""What every job needs, asked for before anything is sent: credentials, a bucket, a role, a quota."""

from __future__ import annotations

import logging
import math
from typing import Any

from iqf_core import ExecutorError
from iqf_core.errors import did_you_mean
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
    usage = f" for {kind} usage"
    try:
        quotas = _quotas(executor.client("service-quotas"), usage)
    except AwsError as error:
        log.info("the quota is not known: %s", explained(error, "servicequotas:ListServiceQuotas"))
        return
    if quotas and executor.instance_type not in quotas:
        raise ExecutorError(
            f"{executor.name}: instance_type={executor.instance_type!r}: there is none of this name for "
            f"{kind}s in this region. {did_you_mean(executor.instance_type, quotas)}"
        )
    needed, quota = jobs * executor.instance_count, quotas.get(executor.instance_type, math.inf)
    if quota < needed:
        fits = int(quota) // executor.instance_count
        remedy = f"give `parallel: {fits}`, or ask" if fits else "ask"
        raise ExecutorError(
            f"{executor.name}: the account may use {quota:g} x {executor.instance_type} for {kind}s at once, "
            f"and {jobs} runs at once need {needed}; {remedy} for more under Service Quotas"
        )


def _quotas(quotas: Any, usage: str) -> dict[str, float]:
    """Instance type -> how many may run at once."""
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    found = {one["QuotaName"]: float(one["Value"]) for page in pages for one in page["Quotas"]}
    return {name.removesuffix(usage): value for name, value in found.items() if name.endswith(usage)}
