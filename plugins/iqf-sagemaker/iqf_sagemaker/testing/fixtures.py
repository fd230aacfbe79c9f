"""The server as a fixture of pytest: name this module in ``pytest_plugins``, or import the fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iqf_sagemaker.testing.server import SageMakerServer


@pytest.fixture
def sagemaker_server(tmp_path: Path) -> Iterator[SageMakerServer]:
    """Server of one test, with the bucket ``iqf-test`` and the role ``iqf-training``."""
    with SageMakerServer(tmp_path / "sagemaker") as server:
        yield server
