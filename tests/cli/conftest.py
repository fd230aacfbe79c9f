"""What the tests of studies work in, for the commands that work on studies."""

from __future__ import annotations

from tests.study.conftest import database, here, lab

__all__ = ["database", "here", "lab"]
