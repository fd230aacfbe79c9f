"""What is looked for, and what is accepted as an edge."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iqf_core import ParameterError
from iqf_core.errors import did_you_mean


class EdgeOptions(BaseModel):
    """What is looked for, and what is accepted as an edge.

    Parameters
    ----------
    window : int
        Width of the window across the edge, in pixels along its normal: 9 to 41, odd. Both plateaus must
        lie in it. Where the plateaus go on undisturbed, pixels up to `reach` are used too.
    edge_length : int
        Length of the window along the edge, in rows of a steep edge or columns of a flat one: 5 to 31, odd.
    min_contrast : float or None
        Smallest difference of the two plateaus, in DN. None: a twentieth of the span of the band between
        its 1st and 99th percentile.
    min_r2 : float
        Smallest share of the window's variance that a straight blurred step explains: 0.5 to 1.
    min_edge_snr : float
        Smallest ratio of contrast to the standard deviation of what the step leaves: 4 and above. At
        10 nothing is accepted in white noise and in 1/f texture; below 7 something is.
    max_sigma : float
        Largest Gaussian width of an edge, in pixels, 0.5 to 5: wider ones are shores and shadows, not steps.
    reach : float
        Farthest distance from the edge, in pixels, up to which undisturbed plateaus are used.
    max_edges : int
        Edges of one band and direction that enter the pooled edge response; more are thinned evenly. All
        are in the table.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    window: Annotated[int, Field(ge=9, le=41)] = 13
    edge_length: Annotated[int, Field(ge=5, le=31)] = 7
    min_contrast: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    min_r2: Annotated[float, Field(ge=0.5, le=1)] = 0.95
    min_edge_snr: Annotated[float, Field(ge=4, allow_inf_nan=False)] = 10.0
    max_sigma: Annotated[float, Field(ge=0.5, le=5)] = 2.6
    reach: Annotated[float, Field(ge=4, le=40)] = 20.0
    max_edges: Annotated[int, Field(ge=10)] = 600

    @property
    def half(self) -> float:
        """Half the width of the window, in pixels."""
        return self.window / 2

    @classmethod
    def checked(cls, **given: object) -> EdgeOptions:
        """Options from keyword arguments.

        Raises
        ------
        ParameterError
            When one is unknown or out of its range; names it.
        """
        for name in given:
            if name not in cls.model_fields:
                raise ParameterError(f"sharpness: {name}. {did_you_mean(name, tuple(cls.model_fields))}")
        try:
            options = cls.model_validate(given)
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise ParameterError(f"sharpness: {said}") from None
        for name in ("window", "edge_length"):
            if getattr(options, name) % 2 == 0:
                raise ParameterError(f"sharpness: {name} must be odd, got {getattr(options, name)}")
        return options
