"""``iqf plugins`` against the start of an interpreter with the three libraries that it needs."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pairs import Figure, in_turns

FLOOR = "import click, pydantic, pluggy"
HEAVY = ["numpy", "cv2", "rasterio", "pandas", "mlflow"]
LIST_AND_TELL = f"""
import json, sys
from iqf_core.cli import main
code = main(["plugins"])
print(json.dumps([code, [name for name in {HEAVY} if name in sys.modules]]))
"""


def figures(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="iqf-bench-") as folder:
        start = functools.partial(
            subprocess.run, cwd=folder, env=_plain(), check=True, capture_output=True, text=True
        )
        iqf = Path(sys.executable).with_name("iqf")
        pairs = in_turns(
            lambda: start([iqf, "plugins"]),
            lambda: start([sys.executable, "-c", FLOOR]),
            rounds=9 if quick else 31,
            warm_up=3,
        )
        yield Figure(
            "`iqf plugins` over importing click, pydantic, pluggy",
            [ours / floor for ours, floor in pairs],
            at_most=2.0,
            note=f"{1000 * min(ours for ours, _ in pairs):.0f} ms at best",
        )
        told = start([sys.executable, "-c", LIST_AND_TELL]).stdout.splitlines()[-1]
    code, loaded = json.loads(told)
    if code != 0:
        raise RuntimeError(f"`iqf plugins` ended with {code}")
    yield Figure(
        "heavy modules that it imports", [len(loaded)], at_most=0, note=", ".join(loaded or ["none"])
    )


def _plain() -> dict[str, str]:
    """Environment without what makes interpreters behave otherwise."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "IQF_"))}
