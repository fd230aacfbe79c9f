"""What MLflow is given of a run, apart from how: files, names that it accepts, a digest of all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iqf_core.fingerprint import digest_of, file_digest
from iqf_core.runfolder import RunFolder


def content_digest(folder: RunFolder) -> str:
    """Digests of what is delivered of a run, joined by a dot: its outcome, and what metrics made of it."""
    tables = [*sorted(folder.tables.glob("*")), *sorted(folder.measurements.glob("*.json"))]
    words = [f"{file.name}={file_digest(file)}" for file in tables if file.is_file()]
    return f"{file_digest(folder.path / 'outcome.json')}.{digest_of(*words)}"


def artifacts_of(folder: RunFolder) -> list[tuple[str | None, Path]]:
    """(folder in MLflow, file): the log, what was asked, tables, and everything that the script wrote."""
    own: list[tuple[str | None, Path]] = [(None, folder.log), (None, folder.path / "job.json")]
    own += [("tables", file) for file in sorted(folder.tables.glob("*.csv"))]
    for file in sorted(folder.output.rglob("*")):
        inner = file.parent.relative_to(folder.output).as_posix()
        own.append((f"output/{inner}".removesuffix("/."), file))
    return [(name, file) for name, file in own if file.is_file() and file.stat().st_size]


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under names that MLflow accepts; two that would become one get a number."""
    names: dict[str, Any] = {}
    for name, value in values.items():
        clean = re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)[:240] or "_"
        # MLflow takes names for paths: no leading slash, no step upwards.
        clean = re.sub(r"(^|/)(\.{0,2})(?=/|$)", r"\1_\2", clean)
        unique, number = clean, 2
        while unique in names:
            unique, number = f"{clean}_{number}", number + 1
        names[unique] = value
    return names
