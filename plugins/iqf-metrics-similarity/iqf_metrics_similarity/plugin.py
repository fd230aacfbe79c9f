"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1

_METRICS = {
    "psnr": ("Psnr", "Peak signal-to-noise ratio, and the mean squared error behind it"),
    "ssim": ("Ssim", "Structural similarity (Wang 2004)"),
    "ms_ssim": ("MsSsim", "Structural similarity on five scales (Wang 2003)"),
    "rmse": ("Rmse", "Root mean squared error"),
    "mae": ("Mae", "Mean absolute error"),
    "max_error": ("MaxError", "Largest absolute error"),
    "sam": ("Sam", "Mean spectral angle (Kruse 1993)"),
    "ergas": ("Ergas", "Relative error over the bands (Wald 2000)"),
    "uiqi": ("Uiqi", "Universal image quality index (Wang 2002)"),
}


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer the metrics."""
    return [
        Component(name, f"iqf_metrics_similarity.metrics:{attribute}", summary)
        for name, (attribute, summary) in _METRICS.items()
    ]
