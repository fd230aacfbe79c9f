"""IQF metrics of an image against its original: PSNR, SSIM, spectral angle, ERGAS.

Every public name is here, imported on first use, so that looking for plugins costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_metrics_similarity.differences import mae as mae
    from iqf_metrics_similarity.differences import max_error as max_error
    from iqf_metrics_similarity.differences import mse as mse
    from iqf_metrics_similarity.differences import psnr as psnr
    from iqf_metrics_similarity.differences import psnr_of_mse as psnr_of_mse
    from iqf_metrics_similarity.differences import rmse as rmse
    from iqf_metrics_similarity.multiscale import ms_ssim as ms_ssim
    from iqf_metrics_similarity.spectral import ergas as ergas
    from iqf_metrics_similarity.spectral import sam as sam
    from iqf_metrics_similarity.structural import ssim as ssim
    from iqf_metrics_similarity.universal import uiqi as uiqi

_HOME = {
    "differences": ["mae", "max_error", "mse", "psnr", "psnr_of_mse", "rmse"],
    "multiscale": ["ms_ssim"],
    "spectral": ["ergas", "sam"],
    "structural": ["ssim"],
    "universal": ["uiqi"],
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
