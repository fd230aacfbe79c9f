"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets import SHARED, Maker


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what fingerprints remember away from the user's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """Makes datasets below ``tmp_path / "data"``."""
    return Maker(tmp_path / "data")


@pytest.fixture
def shared() -> Path:
    """Real pictures that are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("the shared pictures are not here")
    return SHARED
