"""IQF metric: signal-to-noise ratio of images, with its noise model and confidence interval.

Every public name is here, imported on first use, so that looking for plugins costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_metrics_snr.measuring import snr as snr
    from iqf_metrics_snr.metric import Snr as Snr
    from iqf_metrics_snr.noise_model import NoiseModel as NoiseModel
    from iqf_metrics_snr.noise_model import SnrAt as SnrAt
    from iqf_metrics_snr.result import BandSnr as BandSnr
    from iqf_metrics_snr.result import SnrResult as SnrResult

__all__ = ["BandSnr", "NoiseModel", "Snr", "SnrAt", "SnrResult", "snr"]

_MODULE_OF = {"snr": "measuring", "Snr": "metric", "NoiseModel": "noise_model", "SnrAt": "noise_model"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF.get(name, 'result')}"), name)
