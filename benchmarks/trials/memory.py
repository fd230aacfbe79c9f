"""Peak memory of one metric on one image, in a process of its own.

The process makes the image, measures a small corner of it once (imports, tables), asks the kernel to forget
its peak (Linux: /proc/self/clear_refs), notes what it holds, measures the image, and reads the peak. What
lies between is what the metric took beyond the image. Where the kernel cannot forget, the peak before is
taken off the peak after, which can only be less.

``python -m trials.memory METRIC SIDE DEPTH`` is that process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BENCHMARKS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Taken:
    """What one measurement took."""

    image_bytes: int
    peak_bytes: int
    seconds: float
    how: str
    said: str


def beyond_the_image(metric: str, *, side: int, depth: str) -> Taken:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "trials.memory", metric, str(side), depth]
    path = os.pathsep.join(filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        end = f"ended with {done.returncode}: {done.stderr[-2000:]}"
        raise RuntimeError(f"{metric} on {side}x{side} {depth} {end}")
    return Taken(**json.loads(done.stdout))


def main() -> None:
    """Measure, and print what was taken."""
    name, side, depth = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    measure = _metric(name)
    image = _tiled(side, depth)
    measure(image[:1024, :1024].copy())
    before, how = _forget_peak()
    started = time.perf_counter()
    said = measure(image)
    seconds = time.perf_counter() - started
    taken = Taken(image.nbytes, max(0, _peak() - before), seconds, how, said)
    print(json.dumps(taken.__dict__))


def _metric(name: str):
    if name == "snr":
        from iqf_metrics_snr import snr

        return lambda image: str(snr(image).bands[0].snr)
    from iqf_metrics_sharpness import sharpness

    def measured(image: np.ndarray) -> str:
        combined = sharpness(image).bands[0].combined
        return f"RER {combined.rer.value:.3f} of {combined.count} edges"

    return measured


def _tiled(side: int, depth: str) -> np.ndarray:
    """The photographs of `scenes.pictures.tiles`, laid side by side without a copy beside them."""
    from scenes.pictures import tiles

    tile = tiles()["photographs"].astype(depth) * (1 if depth == "uint8" else 16)
    image = np.empty((side, side), depth)
    for row in range(0, side, len(tile)):
        for column in range(0, side, len(tile)):
            part = image[row : row + len(tile), column : column + len(tile)]
            part[...] = tile[: part.shape[0], : part.shape[1]]
    return image


def _forget_peak() -> tuple[int, str]:
    """Bytes held now, the peak being forgotten; and how that was done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak(), "peak of the process after less that before"
    return _peak(), "resident peak (VmHWM) less what was held before"


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
