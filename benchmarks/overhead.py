"""The runner's own time per run, with a script that does next to nothing, MLflow's delivery included.

Planning, imports and the making of the database are in both a short and a long study, so their difference
is that of the runs alone.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from pairs import Figure

from iqf_core import Study

SHORT, LONG = 5, 35
SCRIPT = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--outputpath") + 1])
(folder / "results.json").write_text(json.dumps({"accuracy": 0.5}))
"""


def figures(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="iqf-bench-") as name:
        folder = Path(name).resolve()
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        script = folder / "code" / "script.py"
        images = folder / "data" / "images"
        script.parent.mkdir()
        script.write_text(SCRIPT)
        images.mkdir(parents=True)
        cv2.imwrite(str(images / "grey.png"), np.full((16, 16), 128, np.uint8))
        numbers = itertools.count()
        rounds = [_round(folder, script, numbers) for _ in range(1 + (2 if quick else 7))][1:]
    run, start = (min(seconds) for seconds in zip(*rounds, strict=True))
    yield Figure(
        "time per run beyond starting the script",
        [1000 * (ours - bare) for ours, bare in rounds],
        at_most=50,
        unit=" ms",
        note=f"at best {1000 * run:.0f} ms, starting the script {1000 * start:.0f} ms",
    )


def _round(folder: Path, script: Path, numbers: Iterator[int]) -> tuple[float, float]:
    """Seconds of a run in a study, and of a bare start of the script, half of them before and after."""
    half = (LONG - SHORT) // 2
    before = _bare(folder, script, half)
    short = _study(folder, script, SHORT, next(numbers))
    long = _study(folder, script, LONG, next(numbers))
    after = _bare(folder, script, half)
    return (long - short) / (LONG - SHORT), (before + after) / (2 * half)


def _study(folder: Path, script: Path, runs: int, number: int) -> float:
    study = Study(
        name=f"study {number}",
        datasets={"test": folder / "data"},
        task={"script": str(script)},
        hyperparameters={"step": list(range(runs))},
        runs_root=str(folder / "iqf-runs"),
        parallel=1,
    )
    started = time.perf_counter()
    results = study.run(progress=False)
    seconds = time.perf_counter() - started
    _check(results.folder, runs)
    return seconds


def _check(folder: Path, runs: int) -> None:
    """All runs ended well, and MLflow has them."""
    for name in ("outcome", "delivered"):
        found = len(list(folder.glob(f"runs/*/{name}.json")))
        if found != runs:
            raise RuntimeError(f"{found} of {runs} runs have {name}.json: {folder}")


def _bare(folder: Path, script: Path, runs: int) -> float:
    output = folder / "output"
    output.mkdir(exist_ok=True)
    started = time.perf_counter()
    for step in range(runs):
        options = ["--outputpath", str(output), "--step", str(step), "--testds", str(folder / "data")]
        subprocess.run([sys.executable, str(script), *options], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
