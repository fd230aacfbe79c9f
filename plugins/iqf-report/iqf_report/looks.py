"""How often a study has been looked at: each look at more runs spends its share of the error rate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from iqf_core import Results
from iqf_core.criterion import Criterion
from iqf_core.fingerprint import digest_of
from iqf_core.runfolder import read_json, write_json
from iqf_report.opening import shown

FILE = "looks.json"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a study costs.

    Parameters
    ----------
    exploratory : str
        Why the answer keeps no error rate; empty where it does.
    note : str
        That the look could not be noted; empty where it was.
    """

    exploratory: str = ""
    note: str = ""


def looked_at(results: Results, criterion: Criterion) -> Look:
    """Note this look where it counts, and say whether the answer keeps its error rate.

    A criterion counts that stood in the study file before any run had ended; and no more looks, each at other
    runs, than it declares.
    """
    study = read_json(results.folder / "study.json") or {}
    fixed = study.get("criterion") or {}
    asked, kept = criterion.model_dump(mode="json"), fixed.get("criterion")
    if kept != asked:
        return Look(
            f"the runs were made with {shown(kept, asked)}, and this answer is by {shown(asked, kept)}"
        )
    if fixed.get("runs_before", 1):
        return Look(
            "when the first run was made the study file had no criterion or another one; "
            f"{shown(asked, None)} was set when {fixed['runs_before']} runs had ended"
        )
    looks, note = _looks(results, criterion)
    if len(looks) > criterion.looks:
        why = (
            f"the answer was asked for {len(looks)} times, each time with other runs, and the criterion "
            f"declares {criterion.looks} (`looks:`)"
        )
        return Look(why, note)
    return Look(note=note)


def _looks(results: Results, criterion: Criterion) -> tuple[list[dict[str, Any]], str]:
    """All looks, with this one if the runs have changed since the last; and why it could not be kept."""
    file = results.folder / FILE
    question = digest_of(json.dumps(criterion.model_dump(mode="json"), sort_keys=True))
    runs = digest_of(*sorted(folder.key for folder in results.runs()))
    note = ""
    try:
        known = (read_json(file) or {}).get("looks", [])
    except OSError as error:
        known, note = [], f"{file} cannot be read, so earlier looks are not counted ({error.strerror})"
    mine = [look for look in known if look["criterion"] == question]
    if not any(look["runs"] == runs for look in mine):
        mine.append({"criterion": question, "runs": runs})
        others = [look for look in known if look["criterion"] != question]
        try:
            write_json(file, {"looks": [*others, *mine]})
        except OSError as error:
            note = note or f"{file} cannot be written, so this look is not counted ({error.strerror})"
    return mine, note
