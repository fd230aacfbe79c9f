from __future__ import annotations

import unittest

import pytest

from iqf_core import ParameterError
from iqf_core.testing import IMAGE_METRIC_LAWS, broken, metric_laws
from iqf_core.testing.metric_cases import DEGRADATIONS
from tests.testing.wrong_metrics import BREAKS, PLAIN, Grain, MeasuresNothingOfSix, Rms
from tests.testing.wrong_predictions import Hits

NAMES = [law.__name__ for law in IMAGE_METRIC_LAWS]


@pytest.mark.parametrize(
    ("made", "declared"), [(Grain(), PLAIN), (Grain(scale=0.5, window=(1,)), PLAIN), (Rms(), {})], ids=str
)
def test_a_right_one_keeps_every_law(made, declared):
    for law in metric_laws(made, **declared):
        law.check()


@pytest.mark.parametrize(
    ("wrong", "declared", "law"), [pytest.param(*one, id=f"{one[0].name}-{one[2]}") for one in BREAKS]
)
def test_a_wrong_one_breaks_exactly_its_law(wrong, declared, law):
    assert broken(metric_laws(wrong, **declared)) == [law]


def test_every_law_is_broken_by_some_wrong_one():
    assert {law for _, _, law in BREAKS} == set(NAMES)


def test_a_pair_metric_claims_all_that_has_a_direction():
    (law,) = [law for law in metric_laws(Rms()) if law.name == "harm_worsens_what_claims_it"]
    assert law.case.worsens == {name: ["rms", "psnr"] for name in DEGRADATIONS}


def test_an_image_metric_claims_nothing_unless_its_author_does():
    names = {law.name for law in metric_laws(Grain())}
    assert set(NAMES) - names == {"identity_is_best", "harm_worsens_what_claims_it"}
    assert "harm_worsens_what_claims_it" in {law.name for law in metric_laws(Grain(), **PLAIN)}


def test_what_it_need_not_measure_may_be_missing():
    assert broken(metric_laws(MeasuresNothingOfSix(), bands=[1, 3], **PLAIN)) == []


def test_an_output_that_is_always_there_has_to_be_declared():
    assert broken(metric_laws(Grain())) == ["an_empty_image_says_why"]
    assert broken(metric_laws(Grain(), always=["val*"])) == []


def test_a_law_that_is_skipped_says_why():
    laws = {law.name: law for law in metric_laws(Grain(), skip={"works": "it is known to"})}
    with pytest.raises(unittest.SkipTest, match="grain-works: it is known to"):
        laws["works"].check()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"worsens": {"fog": ["grain"]}}, "no degradation 'fog'"),
        ({"worsens": {"noise": ["mean"]}}, "no output 'mean' with a direction"),
        ({"worsens": {"noise": ["grian"]}}, "Did you mean 'grain'"),
        ({"skip": {"work": "because"}}, "Did you mean 'works'"),
        ({"dtypes": ["float64"]}, "dtypes="),
    ],
)
def test_wrong_declarations_are_refused(options, said):
    with pytest.raises(ParameterError, match=said):
        metric_laws(Grain(), **options)


def test_a_metric_of_predictions_has_laws_of_its_own():
    with pytest.raises(ParameterError, match="use prediction_laws"):
        metric_laws(Hits())
