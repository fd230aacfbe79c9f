"""The laws of metrics of predictions: weights are what a bootstrap needs them to be."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core.dataset import Dataset
from iqf_core.errors import ParameterError
from iqf_core.metrics import Metric, PredictionMetric, metric
from iqf_core.testing.law import BrokenLaw, Law, Rule, laws_for
from iqf_core.testing.values import (
    Values,
    errors_are_breaches,
    require_equal,
    require_missing,
    require_outputs,
    require_range,
    require_reasons,
    strictly,
)
from iqf_core.testing.written import require_survival

if TYPE_CHECKING:
    import pandas as pd

Example = Callable[[Path], tuple[Path, Dataset]]
"""Given an empty folder: a task's ``output.json``, and the dataset that it is of, with its ground truth."""

EXACT = 1e-9  # relative: sums in another order


@dataclass(frozen=True)
class PredictionCase:
    """A metric of predictions, and an example for it: see `iqf_core.testing.prediction_laws`."""

    metric: PredictionMetric
    example: Example
    always: tuple[str, ...]

    @contextmanager
    def matched(self) -> Iterator[pd.DataFrame]:
        """The table of the example, while its files exist."""
        with tempfile.TemporaryDirectory() as folder:
            yield self.metric.match(*self.example(Path(folder)))

    def __str__(self) -> str:
        return self.metric.label


def prediction_laws(
    spec: str | Mapping[str, Any] | Metric,
    example: Example,
    *,
    always: tuple[str, ...] = (),
    skip: Mapping[str, str] | None = None,
) -> list[Law]:
    """The laws that apply to a metric of predictions.

    Parameters
    ----------
    spec : str, mapping or Metric
        As for `iqf_core.metric`; an instance needs no plugin that offers it.
    example : callable
        Given an empty folder, makes predictions of at least two images there, some of them wrong, and
        returns their file and the dataset.
    always : sequence of str, optional
        Outputs that have a value where there is nothing to measure; ``*`` stands for any text.
    skip : mapping of str to str, optional
        Law -> why it is skipped.

    Returns
    -------
    list of Law
        Each to be tried with ``check()``; its text is an id.
    """
    made = metric(spec)
    if not isinstance(made, PredictionMetric):
        raise ParameterError(f"{made.name} measures no predictions: use metric_laws")
    case = PredictionCase(made, example, tuple(always))
    return laws_for(case, PREDICTION_METRIC_LAWS, applies={}, basics=_BASICS, skip=skip)


def works(case: PredictionCase) -> None:
    """The example is matched and measured, without an error or a warning."""
    with errors_are_breaches("the example"), case.matched() as table:
        case.metric.aggregate(table)


def rows_have_image_and_group(case: PredictionCase) -> None:
    """The table has a column ``image``, of at least two, and a column ``group``."""
    with case.matched() as table:
        lacking = [column for column in ("image", "group") if column not in table.columns]
        if lacking:
            raise BrokenLaw(f"the table has no column {lacking[0]!r}, only {list(table.columns)}")
        if table["image"].nunique() < 2:
            raise BrokenLaw("the table has fewer than two images: weights cannot tell them apart")


def outputs_are_as_declared(case: PredictionCase) -> None:
    """Exactly the declared outputs are given, each a number."""
    with case.matched() as table:
        require_outputs(case.metric, case.metric.aggregate(table), "the example")


def values_are_in_range(case: PredictionCase) -> None:
    """Every value lies inside the range that its output declares, for any weights."""
    for values, told in _weighted(case):
        require_range(case.metric, values, told)


def missing_values_say_why(case: PredictionCase) -> None:
    """A value that cannot be said is Missing with a reason, not a bare NaN, for any weights."""
    for values, told in _weighted(case):
        require_reasons(values, told)


def _weighted(case: PredictionCase) -> Iterator[tuple[Values, str]]:
    """Values of the example, and with each of its images alone."""
    with case.matched() as table:
        yield case.metric.aggregate(table), "the example"
        images = list(table["image"].unique())
        for image in images:
            alone = {other: float(other == image) for other in images}
            yield case.metric.aggregate(table, alone), f"all weight on {image}"


def weights_of_one_change_nothing(case: PredictionCase) -> None:
    """With all weights 1, or no weight given for any image, the values are those without weights."""
    with case.matched() as table:
        plain = case.metric.aggregate(table)
        ones = dict.fromkeys(table["image"], 1.0)
        for weights, told in ((ones, "weights 1"), ({}, "no weight given")):
            require_equal(case.metric.aggregate(table, weights), plain, told, relative=EXACT)


def weight_two_is_the_rows_twice(case: PredictionCase) -> None:
    """An image of weight 2 counts as if its rows stood there again, as those of another image."""
    import pandas as pd

    with case.matched() as table:
        for image in table["image"].unique():
            again = table[table["image"] == image].assign(image=f"again/{image}")
            twice = case.metric.aggregate(pd.concat([table, again], ignore_index=True))
            weighted = case.metric.aggregate(table, {image: 2.0})
            require_equal(weighted, twice, f"weight 2 of {image} against its rows twice", relative=EXACT)


def many_samples_are_each_alone(case: PredictionCase) -> None:
    """Many samples of weights at once give what each gives alone, NaN where that is missing."""
    with case.matched() as table:
        images = list(dict.fromkeys(table["image"]))
        count = len(images)
        drawn = np.random.default_rng(5).multinomial(count, np.full(count, 1 / count), 6)
        weights = np.vstack([drawn, np.ones(count), np.zeros(count)]).astype(np.float64)
        names = [output.name for output in case.metric.outputs]
        many = case.metric.aggregate_many(table, weights, images, names)
        for index, row in enumerate(weights.tolist()):
            alone = case.metric.aggregate(table, dict(zip(images, row, strict=True)))
            at_once = {name: float(many[name][index]) for name in names}
            told = f"weights {row} of {images} in a sample of many"
            require_equal(at_once, {name: float(alone[name]) for name in names}, told, relative=EXACT)


def order_does_not_matter(case: PredictionCase) -> None:
    """The values do not depend on the order of the rows."""
    with case.matched() as table:
        plain = case.metric.aggregate(table)
        mixed = table.sample(frac=1, random_state=3)
        for other, told in ((table.iloc[::-1], "rows reversed"), (mixed, "rows shuffled")):
            again = case.metric.aggregate(other.reset_index(drop=True))
            require_equal(again, plain, told, relative=EXACT)


def an_empty_table_says_why(case: PredictionCase) -> None:
    """Without a row all is Missing with a reason, and there is no warning."""
    with case.matched() as table:
        empty, told = table.iloc[:0], "no rows"
        with strictly(told):
            values = case.metric.aggregate(empty)
        require_reasons(values, told)
        require_missing(case.metric, values, case.always, told)


def table_is_untouched(case: PredictionCase) -> None:
    """The table that is aggregated is as before."""
    with case.matched() as table:
        before = table.copy(deep=True)
        case.metric.aggregate(table)
        case.metric.aggregate(table, {str(table["image"].iloc[0]): 2.0})
        if list(table.columns) != list(before.columns) or not table.equals(before):
            raise BrokenLaw("the table was written to: copy what is changed")


def same_table_same_values(case: PredictionCase) -> None:
    """Aggregating again gives the same values, to the last bit."""
    with case.matched() as table:
        require_equal(case.metric.aggregate(table), case.metric.aggregate(table), "aggregated again")


def parameters_survive_yaml(case: PredictionCase) -> None:
    """What a study file says of it makes an equal one, with the same label."""
    require_survival(case.metric)


PREDICTION_METRIC_LAWS: tuple[Rule, ...] = (
    works,
    rows_have_image_and_group,
    outputs_are_as_declared,
    values_are_in_range,
    missing_values_say_why,
    weights_of_one_change_nothing,
    weight_two_is_the_rows_twice,
    many_samples_are_each_alone,
    order_does_not_matter,
    an_empty_table_says_why,
    table_is_untouched,
    same_table_same_values,
    parameters_survive_yaml,
)

_BASICS: tuple[Rule, ...] = (works, rows_have_image_and_group, outputs_are_as_declared)
