"""The laws of metrics of images, alone or against a reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from iqf_core.errors import ParameterError, did_you_mean
from iqf_core.metrics import ImageMetric, Metric, PairMetric, metric
from iqf_core.testing import measuring_laws
from iqf_core.testing.law import Law, Rule, laws_for, require_known
from iqf_core.testing.metric_cases import DEGRADATIONS, MetricCase
from iqf_core.testing.scenes import BANDS, DTYPES


def metric_laws(
    spec: str | Mapping[str, Any] | Metric,
    *,
    worsens: Mapping[str, Sequence[str]] | None = None,
    always: Sequence[str] = (),
    of_nodata: Sequence[str] = (),
    dtypes: Sequence[str] = DTYPES,
    bands: Sequence[int] = BANDS,
    size: tuple[int, int] = (96, 96),
    skip: Mapping[str, str] | None = None,
) -> list[Law]:
    """The laws that apply to a metric of images, or of images against a reference.

    Parameters
    ----------
    spec : str, mapping or Metric
        As for `iqf_core.metric`; an instance needs no plugin that offers it.
    worsens : mapping of str to sequence of str, optional
        ``"blur"`` and ``"noise"`` -> the outputs that worsen along it, in the direction that each declares.
        By default none for an image metric, and all that have a direction for a pair metric.
    always : sequence of str, optional
        Outputs that have a value where there is nothing to measure, such as counts; ``*`` stands for any
        text.
    of_nodata : sequence of str, optional
        Outputs that describe the nodata itself, and so may depend on the number that stands for it.
    dtypes, bands : sequence, optional
        Types and numbers of bands that it measures; of others it may say that everything is missing.
    size : (int, int), optional
        Height and width of the scenes, in px.
    skip : mapping of str to str, optional
        Law -> why it is skipped.

    Returns
    -------
    list of Law
        Each to be tried with ``check()``; its text is an id.

    Raises
    ------
    ParameterError
        For a type, number of bands, degradation, output or law that does not exist, an output without
        direction that is to worsen, and for a skip without a reason.

    Examples
    --------
    >>> sorted(law.name for law in metric_laws("basic"))[:2]
    ['an_empty_image_says_why', 'input_is_untouched']
    """
    made = metric(spec)
    if not isinstance(made, ImageMetric | PairMetric):
        raise ParameterError(f"{made.name} measures predictions: use prediction_laws")
    require_known("dtypes", dtypes, DTYPES)
    require_known("bands", bands, BANDS)
    claims = _default_claims(made) if worsens is None else worsens
    _require_directed(made, claims)
    case = MetricCase(made, claims, tuple(always), tuple(of_nodata), tuple(dtypes), tuple(bands), size)
    return laws_for(case, IMAGE_METRIC_LAWS, applies=_APPLIES, basics=_BASICS, skip=skip)


def _default_claims(made: Metric) -> Mapping[str, Sequence[str]]:
    """A pair metric claims that blur and noise worsen all that has a direction; an image metric, nothing."""
    return dict.fromkeys(DEGRADATIONS, _directed(made)) if isinstance(made, PairMetric) else {}


def _directed(made: Metric) -> list[str]:
    return [output.name for output in made.outputs if output.better != "none"]


def _require_directed(made: Metric, claims: Mapping[str, Sequence[str]]) -> None:
    for degradation, names in claims.items():
        if degradation not in DEGRADATIONS:
            hint = did_you_mean(degradation, DEGRADATIONS)
            raise ParameterError(f"worsens: no degradation {degradation!r}. {hint}")
        for name in names:
            if name not in _directed(made):
                hint = did_you_mean(name, _directed(made))
                raise ParameterError(f"worsens: {made.name} has no output {name!r} with a direction. {hint}")


IMAGE_METRIC_LAWS: tuple[Rule, ...] = (
    measuring_laws.works,
    measuring_laws.outputs_are_as_declared,
    measuring_laws.values_are_in_range,
    measuring_laws.missing_values_say_why,
    measuring_laws.identity_is_best,
    measuring_laws.harm_worsens_what_claims_it,
    measuring_laws.an_empty_image_says_why,
    measuring_laws.nodata_does_not_count,
    measuring_laws.input_is_untouched,
    measuring_laws.same_image_same_values,
    measuring_laws.parameters_survive_yaml,
)

_BASICS: tuple[Rule, ...] = (
    measuring_laws.works,
    measuring_laws.outputs_are_as_declared,
    measuring_laws.an_empty_image_says_why,
)

_APPLIES: Mapping[Rule, Callable[[Any], object]] = {
    measuring_laws.identity_is_best: lambda case: isinstance(case.metric, PairMetric),
    measuring_laws.harm_worsens_what_claims_it: lambda case: any(case.worsens.values()),
}
