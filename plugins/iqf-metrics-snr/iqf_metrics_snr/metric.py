"""The metric `snr` of datasets and studies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pydantic

from iqf_core import Image, ImageMetric, Missing, Output, ParameterError
from iqf_metrics_snr.measuring import snr
from iqf_metrics_snr.result import SnrResult


class Snr(ImageMetric):
    """Signal-to-noise ratio of an image: see `iqf_metrics_snr.snr`.

    Outputs are combined over the bands: the mean of SNR, reference level, bounds and noise model, the root
    mean square of sigma, the sum of blocks. A band of transparency does not count.

    Parameters
    ----------
    method : {"dct", "hb", "ha"}
        ``"dct"`` for natural scenes, ``"hb"`` homogeneous blocks, ``"ha"`` homogeneous areas.
    published : bool
        ``"hb"`` and ``"ha"`` as the ancestor published them, biases included.
    reference_level : float, optional
        DN; the median of each band unless given.
    bands : tuple of int
        Numbers of bands, from 0; by default all.
    confidence : float
        Of the interval.

    Examples
    --------
    >>> import numpy as np
    >>> noisy = np.random.default_rng(0).normal(100, 5, (256, 256)).astype(np.uint8)
    >>> round(Snr().measure(Image.from_array(noisy))["snr"])
    20
    """

    name: ClassVar[str] = "snr"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("snr", "1", "higher", 0, math.inf, "Reference level over noise, mean over the bands."),
        Output("snr_db", "dB", "higher", -math.inf, math.inf, "The same as 20 log10."),
        Output("sigma", "DN", "lower", 0, math.inf, "Noise at the reference level, rounding included."),
        Output("reference_level", "DN", "none", -math.inf, math.inf, "Median of the samples unless given."),
        Output("blocks", "1", "none", 0, math.inf, "Blocks used, over all bands."),
        Output("snr_low", "1", "higher", 0, math.inf, "Lower bound of the confidence interval."),
        Output("snr_high", "1", "higher", 0, math.inf, "Upper bound of the confidence interval."),
        Output("noise_a", "DN^2", "lower", 0, math.inf, "Noise variance at level 0: a of a + b level."),
        Output("noise_b", "DN", "lower", 0, math.inf, "Noise variance per level: b of a + b level."),
        Output("rounding_limited", "1", "none", 0, math.inf, "Bands whose noise is that of rounding alone."),
    )

    method: Literal["dct", "hb", "ha"] = pydantic.Field("dct", description="dct for natural scenes; hb; ha")
    published: bool = pydantic.Field(False, description="hb and ha as the ancestor published them")
    reference_level: float | None = pydantic.Field(None, gt=0, description="in DN; by default the median")
    bands: tuple[pydantic.NonNegativeInt, ...] = pydantic.Field((), description="from 0; by default all")
    confidence: float = pydantic.Field(0.95, gt=0, lt=1, description="of the interval")

    @pydantic.model_validator(mode="after")
    def _possible(self) -> Snr:
        if self.published and (self.method == "dct" or self.reference_level is not None):
            raise ValueError("published=True needs method='hb' or 'ha', and no reference_level")
        return self

    def measure(self, image: Image) -> Mapping[str, float]:
        """Measure one image."""
        chosen = self._chosen(image)
        pixels = image.pixels[..., chosen] if len(chosen) < image.bands else image.pixels
        holes = None if self.published else image.nodata_mask()
        result = snr(
            pixels,
            method=self.method,
            white=image.white,
            nodata=None if holes is None else np.ascontiguousarray(holes[..., chosen]),
            published=self.published,
            reference_level=self.reference_level,
            confidence=self.confidence,
        )
        return self.missing(result.reason) if result.reason else _values(result)

    def _chosen(self, image: Image) -> list[int]:
        beyond = [number for number in self.bands if number >= image.bands]
        if beyond:
            raise ParameterError(f"bands={self.bands}: the image has {image.bands}, numbered from 0")
        roles = image.geo.colorinterp if image.geo is not None else ()
        seen = [number for number in range(image.bands) if roles[number : number + 1] != ("alpha",)]
        return list(self.bands) or seen or list(range(image.bands))


def _values(result: SnrResult) -> dict[str, float]:
    low, high = result.interval
    models = [band.model for band in result.bands if band.model is not None and not math.isnan(band.snr)]
    unsaid = Missing("a published method gives neither interval nor noise model")
    return {
        "snr": result.snr,
        "snr_db": result.snr_db,
        "sigma": result.sigma,
        "reference_level": result.reference_level,
        "blocks": float(result.blocks),
        "snr_low": low if models else unsaid,
        "snr_high": high if models else unsaid,
        "noise_a": float(np.mean([model.a for model in models])) if models else unsaid,
        "noise_b": float(np.mean([model.b for model in models])) if models else unsaid,
        "rounding_limited": float(sum(band.rounding_limited for band in result.bands)),
    }
