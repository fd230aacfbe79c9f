"""A value that images shall have after a modifier, and the metric that says what they have."""

from __future__ import annotations

import math
from dataclasses import dataclass

from iqf_core import Image, ImageMetric, ParameterError, UnknownComponent
from iqf_core import metric as make_metric
from iqf_modifiers_sensor.search import TOLERANCE


@dataclass(frozen=True)
class Aim:
    """A value that an image shall have after a modifier.

    Parameters
    ----------
    output : str
        Output of the metric: ``"rer"``, ``"fwhm"``, ``"snr"``.
    wanted : float
        Its value.
    falls : bool
        Whether it falls with harm.
    given : float or None
        What images have of themselves, where that is known and need not be measured.
    metric : str
        Spec of the metric, as for `iqf_core.metric`.
    """

    output: str
    wanted: float
    falls: bool
    given: float | None
    metric: str

    def excess(self, value: float) -> float:
        """How much better than wanted, as a logarithm; negative: worse."""
        if math.isnan(value):
            return math.nan
        ratio = math.log(value / self.wanted) if value > 0 else -math.inf
        return ratio if self.falls else -ratio

    def is_missed(self, value: float) -> bool:
        """Whether an image that has this value of itself is worse than wanted."""
        return self.excess(value) < -TOLERANCE

    def own(self, image: Image) -> float:
        """What an image has of itself."""
        return self.measured(image) if self.given is None else self.given

    def measured(self, image: Image) -> float:
        """What the metric says of an image; `Missing` where it says nothing."""
        values = self.made_metric().measure(image)
        if self.output not in values:
            raise ParameterError(f"metric {self.metric!r} has no output {self.output!r}: name one that has")
        return values[self.output]

    def made_metric(self) -> ImageMetric:
        """Metric of the active plugins."""
        try:
            metric = make_metric(self.metric)
        except UnknownComponent as error:
            known = f"give measured_{self.output}= where it is known"
            raise UnknownComponent(f"{error} It would measure {self.output}; or {known}") from error
        if not isinstance(metric, ImageMetric):
            raise ParameterError(f"metric {self.metric!r} does not measure single images: name one that does")
        return metric

    def noted(self, own: float) -> dict[str, float]:
        """What is recorded of each image; under names of its own, since a chain may have two aims."""
        worse = math.nan if math.isnan(own) else float(self.is_missed(own))
        return {f"{self.output}_before": own, f"{self.output}_already_worse": worse}
