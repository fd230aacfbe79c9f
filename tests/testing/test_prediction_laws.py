from __future__ import annotations

import pytest

from iqf_core import ParameterError
from iqf_core.testing import PREDICTION_METRIC_LAWS, broken, prediction_laws
from tests.testing.wrong_predictions import BREAKS, Hits, example

NAMES = [law.__name__ for law in PREDICTION_METRIC_LAWS]


@pytest.mark.parametrize("made", [Hits(), Hits(power=2.0)], ids=str)
def test_a_right_one_keeps_every_law(made):
    laws = prediction_laws(made, example)
    assert [law.name for law in laws] == NAMES
    for law in laws:
        law.check()


@pytest.mark.parametrize(
    ("wrong", "law"), [pytest.param(*one, id=f"{one[0].name}-{one[1]}") for one in BREAKS]
)
def test_a_wrong_one_breaks_exactly_its_law(wrong, law):
    assert broken(prediction_laws(wrong, example)) == [law]


def test_every_law_is_broken_by_some_wrong_one():
    assert {law for _, law in BREAKS} == set(NAMES)


def test_an_example_of_one_image_says_nothing_about_weights():
    class One(Hits):
        def match(self, predictions, dataset):
            return super().match(predictions, dataset).iloc[:1]

    assert "rows_have_image_and_group" in broken(prediction_laws(One(), example))


def test_a_metric_of_images_has_laws_of_its_own():
    with pytest.raises(ParameterError, match="use metric_laws"):
        prediction_laws("basic", example)
