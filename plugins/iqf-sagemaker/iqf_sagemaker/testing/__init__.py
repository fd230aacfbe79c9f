"""A server that stands for Amazon SageMaker, S3, CloudWatch Logs, IAM and Service Quotas on this machine.

A study is tried against it, or an executor tested, with one ``endpoint_url``: training jobs really run, as
processes, and really end as they do on SageMaker. ``python -m iqf_sagemaker.testing --folder DIR`` starts it
from a shell, `SageMakerServer` from Python, and the fixture ``sagemaker_server``, of the module ``fixtures``,
for a test. It needs ``pip install 'iqf-sagemaker[testing]'``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_sagemaker.testing.recording import Request as Request
    from iqf_sagemaker.testing.server import SageMakerServer as SageMakerServer

__all__ = ["Request", "SageMakerServer"]

_MODULE_OF = {"Request": "recording", "SageMakerServer": "server"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
