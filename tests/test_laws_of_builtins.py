"""What the core itself offers keeps the laws, alone and in a chain."""

from __future__ import annotations

import pytest

from iqf_core.modifiers import Chain, Identity
from iqf_core.testing import metric_laws, modifier_laws

LAWS = [
    *modifier_laws("identity"),
    *modifier_laws(Chain(steps=(Identity(), Identity()))),
    *metric_laws("basic", always=["nodata_fraction"]),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_laws(law):
    law.check()
