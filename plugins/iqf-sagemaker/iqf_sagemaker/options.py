"""The options of the executor, and what follows from them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import pydantic
from pydantic import Field

from iqf_core import TaskExecutor
from iqf_sagemaker.aws import client
from iqf_sagemaker.staging import Stage

ROLE = r"^arn:aws[a-z\-]*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+$"
BUCKET = r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$"
"""The name alone, without ``s3://``."""
REGION = r"^([a-z]{2,}(-[a-z]+)+-\d+)?$"
IMAGES = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training"
Pairs = tuple[tuple[str, str], ...]


class Options(TaskExecutor):
    """Options of `SageMakerExecutor`, whose docstring explains them; it adds what is done with them."""

    image_uri: str = Field(min_length=1, max_length=255, examples=[f"{IMAGES}:2.6.0-gpu-py312"])
    role: str = Field(pattern=ROLE, examples=["arn:aws:iam::123456789012:role/iqf-training"])
    bucket: str = Field(pattern=BUCKET, examples=["imagery-experiments"])
    prefix: str = "iqf"
    region: str = Field("", pattern=REGION)
    endpoint_url: str = Field("", pattern=r"^(https?://\S+)?$")
    instance_type: str = Field("ml.m5.xlarge", pattern=r"^ml\.[a-z0-9.\-]+$")
    instance_count: int = Field(1, ge=1)
    volume_gb: int = Field(30, ge=1)
    max_run_s: int = Field(86_400, ge=1, le=2_419_200)
    spot: bool = False
    spot_wait_s: int = Field(3600, ge=0)
    checkpoints: bool = False
    subnets: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    network_isolation: bool = False
    server_side_encryption: str = Field("", pattern=r"^(AES256|aws:kms)?$")
    kms_key_id: str = ""
    encrypt_volume: bool = False
    tags: Pairs = ()
    price_per_hour: float | None = Field(None, ge=0)
    poll_s: float = Field(5.0, gt=0)
    poll_most_s: float = Field(60.0, gt=0)
    output_limit_gb: float = Field(10.0, gt=0)

    @pydantic.field_validator("tags", mode="before")
    @classmethod
    def _pairs(cls, given: Any) -> Any:
        """A mapping, as people write it; or the pairs that `parameters` gives."""
        pairs = given.items() if isinstance(given, Mapping) else given
        try:
            return tuple((str(key), str(value)) for key, value in pairs)
        except (TypeError, ValueError):
            raise ValueError("write tags as in {team: eo, project: compression}") from None

    @pydantic.field_validator("tags")
    @classmethod
    def _own_tags(cls, tags: Pairs) -> Pairs:
        for key, _ in tags:
            if key.lower().startswith(("aws:", "iqf:")):
                raise ValueError(f"{key!r}: keys that begin with aws: are AWS's, with iqf: IQF's")
        return tags

    @pydantic.field_validator("prefix")
    @classmethod
    def _plain_prefix(cls, prefix: str) -> str:
        parts = prefix.strip("/").split("/")
        if prefix and (not all(parts) or {".", ".."} & set(parts) or not prefix.isprintable()):
            raise ValueError("write it as in iqf or team/iqf")
        return prefix

    @pydantic.model_validator(mode="after")
    def _agrees(self) -> Self:
        if bool(self.subnets) != bool(self.security_group_ids):
            raise ValueError("subnets and security_group_ids belong together: give both, or neither")
        if self.kms_key_id and self.server_side_encryption == "AES256":
            raise ValueError("kms_key_id is for server_side_encryption='aws:kms'")
        if self.encrypt_volume and not self.kms_key_id:
            raise ValueError("encrypt_volume needs a kms_key_id")
        return self

    @property
    def keeps_checkpoints(self) -> bool:
        """Whether what a script leaves in the folder of checkpoints is kept while it runs."""
        return self.checkpoints or self.spot

    def client(self, service: str) -> Any:
        """Client of a service of AWS.

        Raises
        ------
        ExecutorError
            When there is no region.
        """
        return client(service, self.region or None, self.endpoint_url or None)

    def stage(self) -> Stage:
        """Where jobs get from what they need."""
        encryption = {"ServerSideEncryption": self.server_side_encryption, "SSEKMSKeyId": self.kms_key_id}
        if self.server_side_encryption != "aws:kms":
            encryption.pop("SSEKMSKeyId")
        given = {name: value for name, value in encryption.items() if value}
        return Stage(self.client("s3"), self.bucket, self.prefix, given)

    def runs_uri(self) -> str:
        """``s3://`` address below which each job leaves its output, in a folder of its name."""
        return f"s3://{self.bucket}/{self._key('runs')}"

    def checkpoint_uri(self, name: str) -> str:
        """``s3://`` address of a job's checkpoints."""
        return f"s3://{self.bucket}/{self._key('checkpoints')}/{name}"

    def _key(self, part: str) -> str:
        return "/".join(filter(None, [self.prefix.strip("/"), part]))

    def price_of(self, seconds: float) -> float | None:
        """What the instances of a job of this length cost, when a price was given."""
        if self.price_per_hour is None:
            return None
        return self.price_per_hour * self.instance_count * seconds / 3600

    def most_seconds(self, timeout_s: float | None) -> float | None:
        """Longest that a job can run: ``max_run_s``, or the study's timeout."""
        return min(filter(None, (timeout_s, float(self.max_run_s))))
