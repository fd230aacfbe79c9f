"""Laws that every modifier and metric keeps: for plugin authors, who need nothing else to use them.

A law is tried by ``check()``, which raises `BrokenLaw` (an `AssertionError`) or ``unittest.SkipTest``; so
they run under pytest, and pytest is no requirement of the core::

    import pytest
    from iqf_core.testing import modifier_laws

    @pytest.mark.parametrize("law", modifier_laws("jpeg", dtypes=["uint8"], bands=[1, 3]), ids=str)
    def test_laws(law):
        law.check()
"""

from __future__ import annotations

from iqf_core.testing.image_metrics import IMAGE_METRIC_LAWS, metric_laws
from iqf_core.testing.law import BrokenLaw, Law, broken
from iqf_core.testing.modifiers import MODIFIER_LAWS, modifier_laws
from iqf_core.testing.prediction_metrics import PREDICTION_METRIC_LAWS, prediction_laws
from iqf_core.testing.scenes import blurred, noisy, scene

__all__ = [
    "IMAGE_METRIC_LAWS",
    "MODIFIER_LAWS",
    "PREDICTION_METRIC_LAWS",
    "BrokenLaw",
    "Law",
    "blurred",
    "broken",
    "metric_laws",
    "modifier_laws",
    "noisy",
    "prediction_laws",
    "scene",
]
