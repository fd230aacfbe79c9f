"""The study that a command is given: by name, by folder or by its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from iqf_core import ParameterError, Results, open_results
from iqf_core.study_file import StudyFile


def study_of(given: Results | str | Path) -> Results:
    """Open the results of a study.

    Raises
    ------
    ParameterError
        When it is no study; or when the file that is given has another criterion than its results were run
        with: to answer by either in silence would be to answer another question than was asked.
    """
    if isinstance(given, Results):
        return given
    results = open_results(given)
    if not isinstance(results, Results):
        raise ParameterError(f"{given}: not a study's folder")
    if Path(given).suffix.lower() in (".yaml", ".yml"):
        written = StudyFile.from_file(given).criterion
        asked = None if written is None else written.model_dump(mode="json")
        kept = results.criterion()
        if asked != kept:
            raise ParameterError(
                f"{given} has {shown(asked, kept)}, and its results were run with {shown(kept, asked)}: "
                f"`iqf run {given}` keeps the file's; {results.name} instead of the file answers by that of "
                "the results"
            )
    return results


def shown(criterion: dict[str, Any] | None, other: dict[str, Any] | None) -> str:
    """What decides, and the keys in which the other differs."""
    if criterion is None:
        return "no criterion"
    differing = [key for key, value in criterion.items() if (other or {}).get(key, value) != value]
    keys = dict.fromkeys(["metric", "margin", *differing])
    told = ", ".join(f"{key}: {_as_yaml(criterion[key])}" for key in keys)
    return f"the criterion {{{told}}}"


def _as_yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
