"""IQF's studies on Amazon SageMaker: data staged once, jobs that a restarted study finds again."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_sagemaker.estimator import EstimatorExecutor, SageMakerEstimatorFactory
    from iqf_sagemaker.executor import SageMakerExecutor

__all__ = ["EstimatorExecutor", "SageMakerEstimatorFactory", "SageMakerExecutor"]
_MODULE_OF = {
    "EstimatorExecutor": "estimator",
    "SageMakerEstimatorFactory": "estimator",
    "SageMakerExecutor": "executor",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
