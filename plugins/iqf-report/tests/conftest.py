"""Studies written without running anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqf_core import Results
from iqf_report.testing import MadeRun, write_study


class Written:
    """Writes studies whose scripts wrote a ``score``.

    ``settings`` maps a modifier's spec, or None for the reference, to the values of its repetitions.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def study(
        self,
        settings: Mapping[str | None, Sequence[float]],
        *,
        rates: Mapping[str | None, float] | None = None,
        seeded: bool = True,
        name: str = "study",
        **study: Any,
    ) -> Results:
        known = rates or {}
        runs = (
            MadeRun(
                spec,
                repetition,
                {"score": value},
                rates={"bits_per_pixel": known[spec]} if spec in known else {},
                seed=repetition if seeded else None,
            )
            for spec, values in settings.items()
            for repetition, value in enumerate(values)
        )
        return write_study(self.folder / name, runs, **study)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "iqf-runs")


@pytest.fixture
def spread() -> Callable[..., list[float]]:
    """Values about a mean, of a given spread, that differ from setting to setting."""

    def made(mean: float, std: float = 0.002, count: int = 5, seed: int = 0) -> list[float]:
        values = np.random.default_rng(seed).normal(0, 1, count)
        values = (values - values.mean()) / values.std(ddof=1)
        return (mean + std * values).tolist()

    return made
