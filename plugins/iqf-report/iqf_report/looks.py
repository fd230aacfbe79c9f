"""How often a study has been looked at: each look at more runs spends its share of the error rate."""

from __future__ import annotations

import json
from typing import Any

from iqf_core import Results
from iqf_core.criterion import Criterion
from iqf_core.fingerprint import digest_of
from iqf_core.runfolder import read_json, write_json

FILE = "looks.json"


def why_exploratory(results: Results, criterion: Criterion) -> str:
    """Why the answer keeps no error rate; empty where it does. Notes this look where it counts.

    A criterion counts that stood in the study file before any run had ended; and no more looks, each at other
    runs, than it declares.
    """
    study = read_json(results.folder / "study.json") or {}
    fixed = study.get("criterion") or {}
    if fixed.get("criterion") != criterion.model_dump(mode="json"):
        return "the criterion does not stand in the study file"
    if fixed.get("runs_before", 1):
        return f"the criterion was set when {fixed['runs_before']} runs had ended"
    looks = _looks(results, criterion)
    if len(looks) > criterion.looks:
        return f"{len(looks)} looks at a growing study, and {criterion.looks} declared (`looks:`)"
    return ""


def _looks(results: Results, criterion: Criterion) -> list[dict[str, Any]]:
    """All looks, with this one if the runs have changed since the last."""
    file = results.folder / FILE
    question = digest_of(json.dumps(criterion.model_dump(mode="json"), sort_keys=True))
    runs = digest_of(*sorted(folder.key for folder in results.runs()))
    known = (read_json(file) or {}).get("looks", [])
    mine = [look for look in known if look["criterion"] == question]
    if not any(look["runs"] == runs for look in mine):
        mine.append({"criterion": question, "runs": runs})
        write_json(file, {"looks": [*(look for look in known if look["criterion"] != question), *mine]})
    return mine
