from __future__ import annotations

import pytest

from tests.image.pictures import DATA


@pytest.fixture
def data():
    if not DATA.is_dir():
        pytest.skip("the shared pictures are not here")
    return DATA
