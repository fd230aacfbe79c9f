"""How often a study has been looked at: each look at more runs spends its share of the error rate."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from iqf_core import Results
from iqf_core.criterion import Criterion
from iqf_core.fingerprint import digest_of
from iqf_core.runfolder import read_json, write_json
from iqf_report.opening import shown

log = logging.getLogger("iqf")

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


def looked_at(results: Results, criterion: Criterion, *, tested: bool) -> Look:
    """Note this look where it counts, and say whether the answer keeps its error rate.

    A criterion counts that stood in the study file before any run had ended; and no more looks, each at other
    runs, than it declares. A look at a study that is not finished counts as any other, for its answer may be
    the last: also one that recommends nothing, since it might have. Only where nothing could be tested at
    all, for want of runs and whatever they had come to, no error could be made, and it does not count.

    Parameters
    ----------
    results : Results
        Of the study.
    criterion : Criterion
        By which it was decided.
    tested : bool
        Whether any setting could be tested.
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
    looks, note = _looks(results, criterion, tested=tested)
    if len(looks) > criterion.looks:
        why = (
            f"the answer was asked for {len(looks)} times, each time with other runs, and the criterion "
            f"declares {criterion.looks} (`looks:`)"
        )
        return Look(why, note)
    return Look(note=note)


def _looks(results: Results, criterion: Criterion, *, tested: bool) -> tuple[list[dict[str, Any]], str]:
    """All looks, with this one if it counts and its runs are others; and why it could not be kept."""
    file = results.folder / FILE
    question = digest_of(json.dumps(criterion.model_dump(mode="json"), sort_keys=True))
    ended = [folder.key for folder in results.runs()]
    runs = digest_of(*sorted(ended))
    note = ""
    try:
        known = (read_json(file) or {}).get("looks", [])
    except OSError as error:
        known, note = [], f"{file} cannot be read, so earlier looks are not counted ({error.strerror})"
    mine = [look for look in known if look["criterion"] == question]
    if not any(look["runs"] == runs for look in mine):
        _tell(results, len(ended), criterion, len(mine) + 1, tested=tested)
        if not tested:
            return mine, note
        mine.append({"criterion": question, "runs": runs})
        others = [look for look in known if look["criterion"] != question]
        try:
            write_json(file, {"looks": [*others, *mine]})
        except OSError as error:
            note = note or f"{file} cannot be written, so this look is not counted ({error.strerror})"
    return mine, note


def _tell(results: Results, ended: int, criterion: Criterion, number: int, *, tested: bool) -> None:
    """Say of a study that is not finished whether the look at it counts, and what that means."""
    planned = len(results.origin()["runs"])
    if ended >= planned:
        return
    undone = f"Note: {planned - ended} of {planned} runs are not done"
    if not tested:
        log.warning("%s, and no setting can be tested yet: this look does not count.", undone)
        return
    allowed = criterion.looks
    declared = f"{undone}, and this look counts: it is number {number} of {allowed} declared (`looks:`)"
    later = "; with more runs the answer will be exploratory." if number >= allowed else "."
    log.warning("%s%s", declared, later)
