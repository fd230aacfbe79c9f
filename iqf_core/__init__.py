"""IQF says how far imagery may be degraded before the job done with it suffers.

Every public name is here, imported on first use, so that ``import iqf_core`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_core.dataset import Dataset as Dataset
    from iqf_core.dataset import DatasetFormat as DatasetFormat
    from iqf_core.dataset import GroundTruth as GroundTruth
    from iqf_core.dataset import Record as Record
    from iqf_core.dataset import open_dataset as open_dataset
    from iqf_core.errors import AmbiguousComponent as AmbiguousComponent
    from iqf_core.errors import BrokenComponent as BrokenComponent
    from iqf_core.errors import DatasetError as DatasetError
    from iqf_core.errors import ExecutorError as ExecutorError
    from iqf_core.errors import ImageError as ImageError
    from iqf_core.errors import ImageReadError as ImageReadError
    from iqf_core.errors import IqfError as IqfError
    from iqf_core.errors import MissingDependency as MissingDependency
    from iqf_core.errors import OutputError as OutputError
    from iqf_core.errors import ParameterError as ParameterError
    from iqf_core.errors import PluginError as PluginError
    from iqf_core.errors import ResultsError as ResultsError
    from iqf_core.errors import StudyError as StudyError
    from iqf_core.errors import UnknownComponent as UnknownComponent
    from iqf_core.errors import UnsupportedImage as UnsupportedImage
    from iqf_core.errors import VariantError as VariantError
    from iqf_core.executor import Job as Job
    from iqf_core.executor import Outcome as Outcome
    from iqf_core.executor import TaskExecutor as TaskExecutor
    from iqf_core.hookspecs import Component as Component
    from iqf_core.hookspecs import hookimpl as hookimpl
    from iqf_core.image import Image as Image
    from iqf_core.image import read_image as read_image
    from iqf_core.image import write_image as write_image
    from iqf_core.measuring import measure as measure
    from iqf_core.metrics import ImageMetric as ImageMetric
    from iqf_core.metrics import Missing as Missing
    from iqf_core.metrics import Output as Output
    from iqf_core.metrics import PairMetric as PairMetric
    from iqf_core.metrics import PredictionMetric as PredictionMetric
    from iqf_core.metrics import Trace as Trace
    from iqf_core.metrics import metric as metric
    from iqf_core.modifiers import Chain as Chain
    from iqf_core.modifiers import ImageModifier as ImageModifier
    from iqf_core.modifiers import Knob as Knob
    from iqf_core.modifiers import Modified as Modified
    from iqf_core.modifiers import Modifier as Modifier
    from iqf_core.results import Results as Results
    from iqf_core.results import open_results as open_results
    from iqf_core.specs import modifier as modifier
    from iqf_core.study import Study as Study
    from iqf_core.variant import Variant as Variant
    from iqf_core.variant import make_variant as make_variant

_HOME = {
    "dataset": ["Dataset", "DatasetFormat", "GroundTruth", "Record", "open_dataset"],
    "errors": [
        "AmbiguousComponent",
        "BrokenComponent",
        "DatasetError",
        "ExecutorError",
        "ImageError",
        "ImageReadError",
        "IqfError",
        "MissingDependency",
        "OutputError",
        "ParameterError",
        "PluginError",
        "ResultsError",
        "StudyError",
        "UnknownComponent",
        "UnsupportedImage",
        "VariantError",
    ],
    "executor": ["Job", "Outcome", "TaskExecutor"],
    "hookspecs": ["Component", "hookimpl"],
    "image": ["Image", "read_image", "write_image"],
    "measuring": ["measure"],
    "metrics": ["ImageMetric", "Missing", "Output", "PairMetric", "PredictionMetric", "Trace", "metric"],
    "modifiers": ["Chain", "ImageModifier", "Knob", "Modified", "Modifier"],
    "results": ["Results", "open_results"],
    "specs": ["modifier"],
    "study": ["Study"],
    "variant": ["Variant", "make_variant"],
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("iqf-core")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'iqf_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"iqf_core.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
