"""The metrics of datasets and studies: each is the function of its name on two images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import pydantic

from iqf_core import Missing, Output
from iqf_metrics_similarity.comparing import Seen, Similarity
from iqf_metrics_similarity.differences import mae, max_error, mse, psnr_of_mse, rmse
from iqf_metrics_similarity.multiscale import ms_ssim
from iqf_metrics_similarity.pair import Unmeasurable, paired, require_white
from iqf_metrics_similarity.spectral import ergas, spectral_angle
from iqf_metrics_similarity.structural import ssim
from iqf_metrics_similarity.universal import uiqi

Better = Literal["higher", "lower", "none"]


def _mean(
    name: str,
    unit: str,
    better: Better,
    low: float,
    high: float,
    said: str,
    *,
    of: str = "mean over its images",
) -> Output:
    """Output of an image that says how a dataset's value is averaged."""
    return Output(name, unit, better, low, high, f"{said} Of a dataset: {of}.")


class Psnr(Similarity):
    """Peak signal-to-noise ratio: see `iqf_metrics_similarity.psnr`.

    The mean of ``psnr`` over a dataset is that of decibels, and infinite as soon as one image equals its
    reference. The PSNR of all samples, of images of one size, is that of the mean of ``mse``: see
    `iqf_metrics_similarity.psnr_of_mse`.
    """

    name: ClassVar[str] = "psnr"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean(
            "psnr", "dB", "higher", -math.inf, math.inf, "Infinite for equal images.", of="mean of decibels"
        ),
        _mean("mse", "DN^2", "lower", 0, math.inf, "Mean squared error of an image."),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """PSNR where full scale is known, and MSE."""
        error = mse(seen.reference, seen.image, nodata=seen.nodata)
        if isinstance(error, Missing):
            return self.missing(error.reason)
        try:
            white = require_white(seen.reference, seen.white)
        except Unmeasurable as reason:
            return {"psnr": Missing(str(reason)), "mse": error}
        return {"psnr": psnr_of_mse(error, white=white), "mse": error}


class Ssim(Similarity):
    """Structural similarity: see `iqf_metrics_similarity.ssim`."""

    name: ClassVar[str] = "ssim"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean("ssim", "1", "higher", -1, 1, "Structural similarity, mean over windows, then over bands."),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """SSIM."""
        return {"ssim": ssim(seen.reference, seen.image, white=seen.white, nodata=seen.nodata)}


class MsSsim(Similarity):
    """Structural similarity on five scales: see `iqf_metrics_similarity.ms_ssim`."""

    name: ClassVar[str] = "ms_ssim"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean("ms_ssim", "1", "higher", 0, 1, "Structural similarity on five scales, mean over the bands."),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """MS-SSIM."""
        return {"ms_ssim": ms_ssim(seen.reference, seen.image, white=seen.white, nodata=seen.nodata)}


class Rmse(Similarity):
    """Root mean squared error: see `iqf_metrics_similarity.rmse`."""

    name: ClassVar[str] = "rmse"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean("rmse", "DN", "lower", 0, math.inf, "Root mean squared error of an image."),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """RMSE."""
        return {"rmse": rmse(seen.reference, seen.image, nodata=seen.nodata)}


class Mae(Similarity):
    """Mean absolute error: see `iqf_metrics_similarity.mae`."""

    name: ClassVar[str] = "mae"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean("mae", "DN", "lower", 0, math.inf, "Mean absolute error of an image."),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """MAE."""
        return {"mae": mae(seen.reference, seen.image, nodata=seen.nodata)}


class MaxError(Similarity):
    """Largest absolute error: see `iqf_metrics_similarity.max_error`."""

    name: ClassVar[str] = "max_error"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean(
            "max_error", "DN", "lower", 0, math.inf, "Largest error of an image.", of="mean of the largest"
        ),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """Largest error."""
        return {"max_error": max_error(seen.reference, seen.image, nodata=seen.nodata)}


class Sam(Similarity):
    """Mean spectral angle: see `iqf_metrics_similarity.sam`."""

    name: ClassVar[str] = "sam"
    of_one_scale: ClassVar[bool] = False
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean("sam", "deg", "lower", 0, 180, "Spectral angle, mean over the pixels that have one."),
        _mean("undefined_fraction", "1", "none", 0, 1, "Share of valid pixels where a spectrum is zeros."),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """Angle, and the share of pixels without."""
        angle, undefined = spectral_angle(paired(seen.reference, seen.image, seen.nodata))
        return {"sam": angle, "undefined_fraction": undefined}


class Ergas(Similarity):
    """Relative error over the bands: see `iqf_metrics_similarity.ergas`.

    Parameters
    ----------
    ratio : float
        h/l, pixel size of the sharp image over that of the coarse one: 0.25 for a factor of 4.
    """

    name: ClassVar[str] = "ergas"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean("ergas", "%", "lower", 0, math.inf, "RMSE over the mean, root mean square over the bands."),
    )

    ratio: float = pydantic.Field(1.0, gt=0, le=1, description="h/l: 0.25 for a factor of 4")

    def values(self, seen: Seen) -> Mapping[str, float]:
        """ERGAS."""
        return {"ergas": ergas(seen.reference, seen.image, ratio=self.ratio, nodata=seen.nodata)}


class Uiqi(Similarity):
    """Universal image quality index: see `iqf_metrics_similarity.uiqi`."""

    name: ClassVar[str] = "uiqi"
    outputs: ClassVar[tuple[Output, ...]] = (
        _mean("uiqi", "1", "higher", -1, 1, "Universal quality index, mean over windows, then over bands."),
    )

    def values(self, seen: Seen) -> Mapping[str, float]:
        """UIQI."""
        return {"uiqi": uiqi(seen.reference, seen.image, nodata=seen.nodata)}
