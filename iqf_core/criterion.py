"""By what a study is decided: fixed in its file, before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from iqf_core.errors import ParameterError, did_you_mean

if TYPE_CHECKING:
    from iqf_core.metrics import Metric


class Criterion(pydantic.BaseModel):
    """What counts, how much may be lost, and how sure the answer is to be.

    Parameters
    ----------
    metric : str
        A column of the results (``coco_detection.ap_0.5``), or its end where only one has it (``ap_0.5``).
    margin : float
        What may be lost and still do, in the metric's unit; with ``relative``, a share of the reference.
    confidence : float, optional
        Of the whole answer: the chance that a setting is recommended that loses more is at most one minus it.
    relative : bool, optional
        Whether ``margin`` is a share of the reference's value.
    cost : str, optional
        The column that is to be small.
    better : {"higher", "lower"}, optional
        Where the metric does not say it itself, as what a script writes.
    families : list of str, optional
        Modifiers (or chains, as ``blur+jpeg``) that are decided on; all unless given.
    looks : int, optional
        How often, with more repetitions each time, the answer is asked for: each spends its share of the
        error rate.
    frozen : bool, optional
        Whether one trained model is judged, for which repetitions mean nothing.
    draws : int, optional
        Samples of images of a bootstrap.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)

    metric: str
    margin: float = pydantic.Field(ge=0, allow_inf_nan=False)
    confidence: float = pydantic.Field(0.95, gt=0.5, lt=1)
    relative: bool = False
    cost: str = "bits_per_pixel"
    better: Literal["higher", "lower"] | None = None
    families: list[str] = []
    looks: int = pydantic.Field(1, ge=1)
    frozen: bool = False
    draws: int = pydantic.Field(1000, ge=200)

    @classmethod
    def of(cls, given: Any) -> Criterion:
        """Make one of what a user wrote.

        Raises
        ------
        ParameterError
            Naming the key.
        """
        try:
            return cls.model_validate(given)
        except pydantic.ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(("criterion", *map(str, fault["loc"])))
            raise ParameterError(f"{place}: {fault['msg']}") from error

    def doubt(self, metrics: Sequence[Metric]) -> str:
        """What a reader should know before anything is run: that none of the metrics gives what decides.

        Parameters
        ----------
        metrics : sequence of Metric
            Those of the study; beside them, the script may write numbers of any name.

        Returns
        -------
        str
            Empty where one of the metrics gives it.

        Raises
        ------
        ParameterError
            When several do.
        """
        columns = [f"{one.label}.{output.name}" for one in metrics for output in one.outputs]
        try:
            metric_column(columns, self.metric)
        except NoSuchMetric:
            return (
                f"criterion: no metric of the study gives {self.metric!r}, so the script has to write it. "
                f"{did_you_mean(self.metric, _ends(columns))}"
            ).rstrip()
        return ""


class NoSuchMetric(ParameterError):
    """The results do not have a metric."""


def metric_column(columns: Sequence[str], asked: str) -> str:
    """Column of the results that was asked for by its name or its end.

    Parameters
    ----------
    columns : sequence of str
        Such as ``coco_detection.ap_0.5``.
    asked : str
        One of them, or what follows a dot, as ``ap_0.5``.

    Raises
    ------
    NoSuchMetric
        When there is none.
    ParameterError
        When there are several.
    """
    if asked in columns:
        return asked
    found = [column for column in columns if column.endswith(f".{asked}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise ParameterError(f"metric {asked!r} may be {' or '.join(found)}: write one of them")
    raise NoSuchMetric(f"the results have no metric {asked!r}. {did_you_mean(asked, _ends(columns))}")


def _ends(columns: Sequence[str]) -> list[str]:
    """What follows the first dot, where there is one."""
    return [column.partition(".")[2] or column for column in columns]
