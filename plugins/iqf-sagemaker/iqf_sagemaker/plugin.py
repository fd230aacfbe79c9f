"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_task_executors() -> list[Component]:
    """Offer the executors."""
    return [
        Component(
            "sagemaker", "iqf_sagemaker.executor:SageMakerExecutor", "Training jobs on Amazon SageMaker"
        ),
        Component(
            "estimator",
            "iqf_sagemaker.estimator:EstimatorExecutor",
            "Estimators of the SageMaker SDK, and alike",
        ),
    ]
