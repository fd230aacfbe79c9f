"""Tables of measured numbers, and the pages of docs/ that are made from them.

``python benchmarks/tables.py`` writes docs/accuracy.md, docs/speed.md and docs/decision.md from
docs/measured/*.json, which are what the last full run left in build/; ``--from-build`` takes those over
first.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from pairs import Figure

ROOT = Path(__file__).resolve().parents[1]
BUILD, MEASURED, DOCS = ROOT / "build", ROOT / "docs" / "measured", ROOT / "docs"
PAGES = {
    "accuracy": "How right the metrics are",
    "speed": "How fast the metrics are",
    "decision": "How sure a recommendation is",
}
LIBRARIES = ("numpy", "scipy", "opencv-python-headless")

Cell = str | float | int | bool | None


@dataclass(frozen=True)
class Table:
    """Numbers that stand behind a figure.

    Parameters
    ----------
    name : str
        Short, unique in its page.
    title : str
        What it shows.
    columns : sequence of str
        Heads, with units.
    rows : sequence of sequences
        Cells: text or numbers; None and NaN where there is nothing.
    note : str, optional
        How it was measured.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def text(self) -> str:
        """As the terminal shows it."""
        cells = [list(self.columns), *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.rjust, row, widths)) for row in cells]
        return "\n".join(["", self.title, *lines, *([self.note] if self.note else [])])

    def markdown(self) -> str:
        """As a page shows it."""
        rows = [[shown(cell) for cell in row] for row in self.rows]
        note = f"\n{self.note}\n" if self.note else ""
        return f"### {self.title}\n\n{_markdown(self.columns, rows)}{note}"


Trial = Callable[[bool], Iterator[Figure | Table]]


def recorded(name: str, trials: Sequence[Trial], *, quick: bool) -> Iterator[Figure]:
    """Run trials: print their tables, yield their figures, leave all of it in build/NAME.json."""
    items: list[Figure | Table] = []
    for trial in trials:
        for item in trial(quick):
            if isinstance(item, Table):
                print(item.text() + "\n", flush=True)
            else:
                item = replace(item, values=[float(value) for value in item.values])  # JSON knows no NumPy
                yield item
            items.append(item)
    BUILD.mkdir(exist_ok=True)
    text = json.dumps(_record(items, quick=quick), indent=1, allow_nan=False)
    (BUILD / f"{name}.json").write_text(text + "\n")


def _record(items: Sequence[Figure | Table], *, quick: bool) -> dict[str, object]:
    return {
        "quick": quick,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "libraries": {library: version(library) for library in LIBRARIES},
        "figures": [_figure(item) for item in items if isinstance(item, Figure)],
        "tables": [_table(item) for item in items if isinstance(item, Table)],
    }


def _figure(figure: Figure) -> dict[str, object]:
    sign, bar = (">=", figure.at_least) if figure.at_least is not None else ("<=", figure.at_most)
    return {
        "name": figure.name,
        "value": _plain(figure.value),
        "bar": f"{sign} {bar:g}{figure.unit}",
        "unit": figure.unit,
        "note": figure.note,
        "passed": figure.passed,
    }


def _table(table: Table) -> dict[str, object]:
    return {
        "name": table.name,
        "title": table.title,
        "columns": list(table.columns),
        "rows": [[_plain(cell) for cell in row] for row in table.rows],
        "note": table.note,
    }


def _plain(cell: Cell) -> Cell:
    """As JSON can hold it: NumPy's numbers as Python's, 6 digits, and None for what is not finite."""
    if cell is None or isinstance(cell, str | bool):
        return cell
    number = cell.item() if hasattr(cell, "item") else cell
    if isinstance(number, float):
        return float(f"{number:.6g}") if math.isfinite(number) else None
    return number


def shown(cell: Cell) -> str:
    """Three digits of a number; a dash where there is none."""
    plain = _plain(cell)
    if plain is None:
        return "–"
    if isinstance(plain, float):
        return f"{plain:.3g}" if abs(plain) < 1000 else f"{plain:.0f}"
    return str(plain)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(columns), ["---"] * len(columns), *rows]
    joined = (" | ".join(cell.replace("|", r"\|") for cell in line) for line in lines)
    return "".join(f"| {line} |\n" for line in joined)


def page(name: str, record: dict) -> str:
    """The page of docs/ that a record makes."""
    run = "a quick run, no verdict to trust" if record["quick"] else "a full run"
    libraries = ", ".join(f"{library} {number}" for library, number in record["libraries"].items())
    parts = [
        f"# {PAGES[name]}\n",
        f"<!-- Made by `python benchmarks/tables.py` from docs/measured/{name}.json. Do not edit. -->\n",
        f"Measured by `make bench` ({run}) with Python {record['python']}, {libraries}, on "
        f"{record['cpus']} processors ({record['machine']}).\n",
        "## The bars\n",
        _markdown(
            ["figure", "measured", "bar", "cleared", "what it is"],
            [_verdict(one) for one in record["figures"]],
        ),
        "## The numbers behind them\n",
        *(Table(**entry).markdown() for entry in record["tables"]),
    ]
    return "\n".join(parts)


def _verdict(entry: dict) -> list[str]:
    measured = shown(entry["value"]) + entry["unit"]
    return [entry["name"], measured, entry["bar"], "yes" if entry["passed"] else "**no**", entry["note"]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/accuracy.md and docs/speed.md.")
    parser.add_argument("--from-build", action="store_true", help="take over the last run from build/")
    options = parser.parse_args()
    for name in PAGES:
        kept = MEASURED / f"{name}.json"
        if options.from_build:
            made = (BUILD / f"{name}.json").read_text()
            if json.loads(made)["quick"]:
                sys.exit(f"build/{name}.json is of a quick run: `python benchmarks/run.py --only {name}`.")
            MEASURED.mkdir(exist_ok=True)
            kept.write_text(made)
        (DOCS / f"{name}.md").write_text(page(name, json.loads(kept.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
