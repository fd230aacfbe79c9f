"""What the numbers mean, and how they were made."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from iqf_core.errors import IqfError
from iqf_core.evaluate import GENERATED
from iqf_core.study_file import StudyFile
from iqf_core.verification import VERIFY
from iqf_report.page.blocks import Block, Table, Text
from iqf_report.page.cells import Digest
from iqf_report.page.material import Material

DIRECTION = {"higher": "higher", "lower": "lower", "none": "neither"}
RATE_WORDS = {
    "bits_per_pixel": "Coded size of a picture element, all bands together.",
    "bits_per_pixel_band": "Coded size of a sample.",
    "compression_ratio": "Raw size of the source over the coded size.",
    "fixed_bits_per_pixel": "Size of a picture element if samples were packed without coding.",
}


def meaning(material: Material) -> Iterator[Block]:
    """Yield what each metric says of its outputs."""
    import pandas as pd

    rows = [
        {
            "number": material.short(column),
            "what it is": declared.output.description,
            "unit": declared.output.unit,
            "better": DIRECTION[declared.output.better],
            "range": _range(declared.output.low, declared.output.high),
            "metric": _title(declared.metric),
        }
        for column, declared in material.declared.items()
        if column in material.table and not column.startswith((VERIFY, GENERATED))
    ]
    rates = [
        {"number": name, "what it is": words, "unit": "", "better": "", "range": "", "metric": "the rate"}
        for name, words in RATE_WORDS.items()
        if name in material.table and material.table[name].notna().any()
    ]
    if rows or rates:
        yield Table(pd.DataFrame([*rates, *rows]), "As the metrics themselves say it")
    known = {*material.declared, *RATE_WORDS}
    others = [name for name in material.metrics if name not in known]
    if others:
        yield Text(f"Written by the script itself: {', '.join(others)}.")


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    return f"{'' if math.isinf(low) else f'{low:g}'} to {'' if math.isinf(high) else f'{high:g}'}".strip()


def _title(metric: Any) -> str:
    """First sentence of what a metric says of itself."""
    text = " ".join((type(metric).__doc__ or metric.name).strip().partition("\n\n")[0].split())
    first = text.partition(". ")[0].partition(": see ")[0]
    return first.replace("`", "").rstrip(".") + "."


def provenance(material: Material) -> Iterator[Block]:
    """Yield software, datasets, seeds, the study file and the commands."""
    import pandas as pd

    origin = material.origin
    software = [{"software": name, "version": version} for name, version in origin["software"].items()]
    software += [{"software": name, "version": version} for name, version in _codecs(material).items()]
    if software:
        yield Table(pd.DataFrame(software), "Software with which the study was last run")
    datasets = pd.DataFrame(_datasets(material))
    if len(datasets):
        yield Table(
            datasets,
            "What the runs were judged on: a digest of the images and their ground truth, its beginning",
        )
    seed, argument = origin["study"].get("seed"), origin["study"].get("seed_argument")
    repeated = f", handed to the script as --{argument.lstrip('-')}" if argument else ""
    yield Text(f"Seed {seed}{repeated}; each repetition's own stands in the table of runs.")
    file = Path(str(origin["file"])).name if origin.get("file") else "study.yaml"
    yield Text("\n".join(filter(None, [f"iqf run {file}", material.command])), "code", title="Commands")
    written = _as_written(origin)
    title = f"The study file ({file}), as it was written"
    if written is None:
        why = "the file itself is gone or has been changed since"
        title = f"The study file ({file}) in expanded form, with every default: {why}"
    yield Text(_expanded(origin) if written is None else written, "code", title=title)


def _codecs(material: Material) -> dict[str, str]:
    """Libraries that made the variants, as their manifests say it."""
    from iqf_core.folders import MANIFEST
    from iqf_core.runfolder import read_json

    found: dict[str, str] = {}
    for job in material.jobs:
        for dataset in job.get("datasets", {}).values():
            manifest = read_json(Path(dataset["path"]) / MANIFEST) or {}
            found |= manifest.get("recipe", {}).get("versions", {})
    return {
        name: version for name, version in sorted(found.items()) if name not in material.origin["software"]
    }


def _datasets(material: Material) -> Iterator[dict[str, Any]]:
    for job in material.jobs:
        measured = job.get("measured", {})
        if not measured:
            continue
        dataset = job["datasets"][measured["part"]]
        yield {
            "setting": str(job["label"]),
            "part": str(measured["part"]),
            "folder": Path(dataset["path"]).name,
            "digest": Digest(str(measured["identity"])),
            "digest before the modifier": Digest(str(measured["source"])),
        }


def _as_written(origin: dict[str, Any]) -> str | None:
    """Text of the user's file; None where it is no longer there, or no longer says what was run."""
    file = Path(str(origin.get("file") or ""))
    try:
        said = StudyFile.from_file(file).as_json()
        return file.read_text(encoding="utf-8") if _plain(said) == origin["study"] else None
    except (IqfError, OSError, ValueError):
        return None


def _plain(content: dict[str, Any]) -> Any:
    return json.loads(json.dumps(content))


def _expanded(origin: dict[str, Any]) -> str:
    content = {key: value for key, value in origin["study"].items() if value not in (None, [], {})}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
