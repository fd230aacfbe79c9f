"""Run the benchmarks: ``python benchmarks/run.py [--only NAME] [--quick]``, or ``make bench``.

One table; exit code 1 when a bar is missed. Everything is a ratio to a named floor, or a difference from
one, measured in turns, so that it holds on any machine. The numbers are left in ``build/bench.json``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from pairs import Figure

HERE = Path(__file__).resolve().parent
RECORD = HERE.parent / "build" / "bench.json"
NO_BENCHMARKS = ("run", "pairs", "tables")


def main() -> int:
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_BENCHMARKS)
    parser = argparse.ArgumentParser(description="Measure speed as ratios to named floors.")
    parser.add_argument("--only", choices=names, action="append", help="this benchmark (may be repeated)")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds: a first idea, no verdict to trust"
    )
    options = parser.parse_args()
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

    busy, processors = os.getloadavg()[0], os.cpu_count() or 1
    if busy > processors / 3:
        print(f"This machine is busy (load {busy:.1f} on {processors} processors): expect ratios to scatter.")
    print(_line("BENCHMARK", "FIGURE", "MEDIAN", "MIN", "MAX", "BAR", "VERDICT"), flush=True)
    record = []
    for name in options.only or names:
        started = time.perf_counter()
        for figure in importlib.import_module(name).figures(options.quick):
            print(_row(name, figure), flush=True)
            record.append(_content(name, figure))
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    _save(record, load=busy, quick=options.quick)
    missed = [entry for entry in record if not entry["passed"]]
    print(f"{len(missed)} of {len(record)} bars missed" if missed else f"all {len(record)} bars cleared")
    return 1 if missed else 0


def _row(name: str, figure: Figure) -> str:
    numbers = [
        f"{number:.3g}{figure.unit}" for number in (figure.value, min(figure.values), max(figure.values))
    ]
    sign, bar = (">=", figure.at_least) if figure.at_least is not None else ("<=", figure.at_most)
    verdict = "passed" if figure.passed else "MISSED"
    return _line(name, figure.name, *numbers, f"{sign} {bar:g}{figure.unit}", f"{verdict} ({figure.note})")


def _line(name: str, figure: str, median: str, low: str, high: str, bar: str, verdict: str) -> str:
    return f"{name:<11} {figure:<55} {median:>8} {low:>8} {high:>8} {bar:>9}  {verdict}"


def _content(name: str, figure: Figure) -> dict[str, object]:
    return {
        "benchmark": name,
        "figure": figure.name,
        "median": figure.value,
        "values": list(figure.values),
        "at_least": figure.at_least,
        "at_most": figure.at_most,
        "unit": figure.unit.strip(),
        "note": figure.note,
        "passed": figure.passed,
    }


def _save(record: list[dict[str, object]], *, load: float, quick: bool) -> None:
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "load": load,
    }
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps({"quick": quick, **machine, "figures": record}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
