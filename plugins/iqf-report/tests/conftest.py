"""Studies as `iqf run` leaves them, written without running anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from iqf_core import Results
from iqf_core import modifier as make_modifier


class Written:
    """Writes the folder of a study.

    ``settings`` maps a modifier's spec, or None for the reference, to the values of its repetitions.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def study(
        self,
        settings: Mapping[str | None, Sequence[float]],
        *,
        rates: Mapping[str | None, float] | None = None,
        criterion: dict[str, Any] | None = None,
        runs_before: int = 0,
        seeded: bool = True,
        name: str = "study",
        **study: Any,
    ) -> Results:
        keys = []
        root = self.folder / name
        for number, (spec, values) in enumerate(settings.items()):
            for repetition, value in enumerate(values):
                key = f"{number:03d}{repetition:05d}"
                keys.append(key)
                self._run(root / "runs" / key, spec, repetition, value, (rates or {}).get(spec), seeded)
        content: dict[str, Any] = {
            "layout": 1,
            "name": name,
            "runs": keys,
            "study": {"hyperparameters": {}, "seed_argument": "seed", "criterion": criterion, **study},
            "criterion": criterion and {"criterion": criterion, "runs_before": runs_before},
        }
        (root / "study.json").write_text(json.dumps(content))
        return Results(root)

    def _run(
        self, folder: Path, spec: str | None, repetition: int, value: float, rate: float | None, seeded: bool
    ) -> None:
        folder.mkdir(parents=True)
        made = None if spec is None else make_modifier(spec)
        job = {
            "label": "reference" if made is None else made.label,
            "family": "reference" if made is None else made.family,
            "modifier": None if made is None else made.spec(),
            "knob": None if made is None else made.knob_value,
            "repetition": repetition,
            "seed": repetition if seeded else None,
            "hyperparameters": {},
            "rates": {} if rate is None else {"bits_per_pixel": rate},
        }
        outcome = {
            "layout": 1,
            "status": "FINISHED",
            "reason": "",
            "started": 0.0,
            "ended": 1.0,
            "metrics": {"score": [[0, value]]},
        }
        (folder / "job.json").write_text(json.dumps(job))
        (folder / "outcome.json").write_text(json.dumps(outcome))


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "iqf-runs")


@pytest.fixture
def spread() -> Callable[..., list[float]]:
    """Values about a mean, of a given spread, that differ from setting to setting."""
    import numpy as np

    def made(mean: float, std: float = 0.002, count: int = 5, seed: int = 0) -> list[float]:
        values = np.random.default_rng(seed).normal(0, 1, count)
        values = (values - values.mean()) / values.std(ddof=1)
        return (mean + std * values).tolist()

    return made
