"""By what a study is decided: fixed in its file, before anything is run."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import pydantic

from iqf_core.errors import ParameterError, did_you_mean
from iqf_core.rates import RATES

if TYPE_CHECKING:
    from iqf_core.metrics import Metric, Output

ERRORS = {"brier", "cer", "ece", "err", "error", "errors", "fid", "kid", "loss", "losses", "lpips"}
ERRORS |= {"mae", "mape", "mse", "nll", "perplexity", "rmse", "wer"}
"""Words in the name of a metric of which less is better."""
COST = "bits_per_pixel"
LEAST_REPETITIONS = 3
"""Trainings below which their spread says nothing to decide by."""


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
    cost: str = COST
    better: Literal["higher", "lower"] | None = None
    families: list[str] = []
    looks: int = pydantic.Field(1, ge=1)
    frozen: bool = False
    draws: int = pydantic.Field(1000, ge=200)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _mapping(cls, given: Any) -> Any:
        if isinstance(given, str | int | float | list):
            shown = given if isinstance(given, str) else "ap_0.5"
            raise ValueError(
                f"{given!r} alone says too little: write {{metric: {shown}, margin: 0.03}}, with what may be "
                "lost as the margin"
            )
        return given

    @pydantic.field_validator("margin", mode="before")
    @classmethod
    def _margin_is_a_number(cls, given: Any) -> Any:
        if isinstance(given, str):
            share = given.strip().removesuffix("%")
            known = f"{float(share) / 100:g}" if re.fullmatch(r"\s*[\d.]*\d\s*", share) else "0.03"
            raise ValueError(
                f"{given!r} is no number: a share of the reference is margin: {known} with relative: true; "
                f"in the metric's own unit it is margin: {known} alone"
            )
        return given

    @pydantic.field_validator("confidence", mode="before")
    @classmethod
    def _confidence_is_a_share(cls, given: Any) -> Any:
        if isinstance(given, str) or (isinstance(given, int | float) and not 0.5 < given < 1):
            raise ValueError(f"{given!r} is no share between 0.5 and 1: 95 % is confidence: 0.95")
        return given

    @pydantic.field_validator("families", mode="before")
    @classmethod
    def _families_are_a_list(cls, given: Any) -> Any:
        if isinstance(given, str):
            raise ValueError(f"{given!r} is no list: write families: [{given}]")
        return given

    @pydantic.model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.relative and self.margin >= 1:
            raise ValueError(
                f"margin: {self.margin:g} of the reference may be lost (relative: true), so nothing can "
                "fail: 3 % is 0.03"
            )
        self.refuse_cost(self.metric, self.cost)
        return self

    @classmethod
    def of(cls, given: Any) -> Criterion:
        """Make one of what a user wrote.

        Raises
        ------
        ParameterError
            Naming the key, and what to write instead.
        """
        try:
            return cls.model_validate(given)
        except pydantic.ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(("criterion", *map(str, fault["loc"])))
            said = fault["msg"].removeprefix("Value error, ")
            if fault["type"] == "extra_forbidden":
                said = f"unknown key. {did_you_mean(str(fault['loc'][-1]), cls.model_fields)}"
            raise ParameterError(f"{place}: {said}") from error

    def doubts(self, metrics: Sequence[Metric], written: Collection[str] = ()) -> list[str]:
        """What a reader should know before anything is run: that nothing is known to give what decides.

        Parameters
        ----------
        metrics : sequence of Metric
            Those of the study; beside them, the script may write numbers of any name.
        written : collection of str, optional
            Columns of the results, where there are some already.

        Returns
        -------
        list of str
            A sentence each; none where metric and cost are given.

        Raises
        ------
        ParameterError
            When several metrics give it, when nothing says which way is better of what is called an error, or
            when the margin is more than can be lost.
        """
        outputs = {f"{one.label}.{output.name}": output for one in metrics for output in one.outputs}
        try:
            column = metric_column(list(outputs), self.metric)
        except NoSuchMetric:
            self.direction(self.metric, None)
        else:
            self.refuse_margin(outputs[column])
            self.direction(column, outputs[column].better)
        return list(self._missing([*outputs, *written], [*outputs, *written, *RATES]))

    def _missing(self, columns: Sequence[str], costs: Sequence[str]) -> Iterator[str]:
        for key, asked, known in (("", self.metric, columns), ("cost: ", self.cost, costs)):
            if not any(one == asked or one.endswith(f".{asked}") for one in known):
                hint = f" {did_you_mean(asked, _ends(known))}" if known else ""
                yield (
                    f"criterion: {key}no metric of the study gives {asked!r}, so the script has to write "
                    f"it.{hint}"
                )

    def direction(self, column: str, declared: str | None) -> Literal["higher", "lower"] | None:
        """Which way is better: what the user said, or else what the metric declares; None where nobody does.

        Parameters
        ----------
        column : str
            Of the metric.
        declared : str or None
            ``higher``, ``lower`` or ``none``, where a metric of IQF gives it.

        Raises
        ------
        ParameterError
            When nobody says it, and the name is that of an error: to guess would turn the answer round.
        """
        if self.better is not None:
            return self.better
        if declared == "higher":
            return "higher"
        if declared == "lower":
            return "lower"
        if says_error(column):
            raise ParameterError(
                f"{column}: is less or more of it better? Its name is that of an error, and nothing declares "
                "it: say `better: lower` (or higher) in the criterion, or --better lower"
            )
        return None

    def refuse_margin(self, output: Output) -> None:
        """Refuse a margin that is all that the metric can lose.

        Raises
        ------
        ParameterError
            Naming the metric's range.
        """
        if (
            not self.relative
            and math.isfinite(output.high - output.low)
            and self.margin >= (output.high - output.low)
        ):
            raise ParameterError(
                f"criterion.margin: {self.margin:g} is all that {output.name} can lose: it lies between "
                f"{output.low:g} and {output.high:g}; 3 points of a hundred are margin: 0.03 of 1"
            )

    @staticmethod
    def refuse_cost(metric: str, cost: str) -> None:
        """Refuse to decide by what it costs.

        Raises
        ------
        ParameterError
            When the two are the same.
        """
        if metric == cost:
            raise ParameterError(
                f"metric and cost are both {cost}: what decides is to be kept, and what it costs is to be "
                "small"
            )


def says_error(column: str) -> bool:
    """Whether a name says that less is better.

    Examples
    --------
    >>> says_error("val_loss"), says_error("quality.RMSE"), says_error("lossless_share")
    (True, True, False)
    """
    return not ERRORS.isdisjoint(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", column).lower()))


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
