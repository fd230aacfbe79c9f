"""What a script reads and writes: iquaflow's contract.

A script finds an empty folder behind ``--outputpath`` and may write into it ``results.json`` (numbers and
lists of numbers become metrics, strings parameters), ``output.json`` (its predictions), and anything else
(artifacts). What it wrote is a stranger's: read with limits, and every complaint names file and place.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from iqf_core.errors import OutputError

RESULTS, PREDICTIONS = "results.json", "output.json"
VALIDATION = "validation.json"
"""Predictions for the validation part, in the form of `PREDICTIONS`: what metrics choose a threshold by."""
LIMIT_MB = {RESULTS: 64, PREDICTIONS: 1024}
"""Parsing takes about ten times as much memory."""
Series = tuple[tuple[int, float], ...]
PredictionKind = Literal["images", "coco", "labels", "other"]


@dataclass(frozen=True, slots=True)
class TaskOutputs:
    """What a script wrote into its output folder.

    Parameters
    ----------
    metrics : dict of str to tuple of (int, float)
        Name -> (step, value) in order; a single number has step 0. Values may be NaN or infinite.
    parameters : dict of str to str
        Strings of ``results.json``, and its booleans as ``"True"`` and ``"False"``.
    ignored : tuple of str
        One sentence per key of ``results.json`` that is neither; the file is then among the artifacts.
    predictions : pathlib.Path or None
        ``output.json``, known to be a JSON list or object.
    artifacts : tuple of pathlib.Path
        All other files, relative to the folder, sorted.
    """

    metrics: dict[str, Series]
    parameters: dict[str, str]
    ignored: tuple[str, ...]
    predictions: Path | None
    artifacts: tuple[Path, ...]


def read_outputs(folder: Path, *, require_output: bool = True) -> TaskOutputs:
    """Read what a script wrote into its output folder.

    Parameters
    ----------
    folder : pathlib.Path
        What was passed as ``--outputpath``.
    require_output : bool, optional
        Whether a folder without any file is an error.

    Returns
    -------
    TaskOutputs
        Metrics, parameters, predictions and artifacts.

    Raises
    ------
    OutputError
        When ``results.json`` or ``output.json`` is broken, too large or of the wrong kind, or when
        there is nothing at all. The message names file, line and remedy.
    """
    files = _files(folder)
    if require_output and not files:
        raise OutputError(
            f"{folder}: the script wrote nothing into --outputpath; it should write at least {RESULTS} there"
        )
    results = _read_json(folder / RESULTS, (dict,)) if Path(RESULTS) in files else {}
    metrics, parameters, ignored = _sort_results(results)
    predictions = folder / PREDICTIONS if Path(PREDICTIONS) in files else None
    if predictions:
        _read_json(predictions, (list, dict))
    read = {Path(PREDICTIONS)} if ignored else {Path(PREDICTIONS), Path(RESULTS)}
    return TaskOutputs(metrics, parameters, ignored, predictions, tuple(f for f in files if f not in read))


def kind_of_predictions(predictions: Any) -> PredictionKind:
    """Kind of predictions that an ``output.json`` holds.

    Parameters
    ----------
    predictions : JSON value
        The parsed file.

    Returns
    -------
    {"images", "coco", "labels", "other"}
        A list of paths; a list of COCO results; a list of ``{"image_filename": …, "label": …}`` or an
        object from file name to label; anything else. An empty list is ``"coco"``: a detector that
        found nothing at all writes it.

    Examples
    --------
    >>> kind_of_predictions(["a.png", "b.png"]), kind_of_predictions({"a.png": "forest"})
    ('images', 'labels')
    """
    if isinstance(predictions, dict):
        labels = predictions.values()
        return "labels" if labels and all(_is_label(label) for label in labels) else "other"
    if not isinstance(predictions, list):
        return "other"
    if predictions and all(isinstance(entry, str) for entry in predictions):
        return "images"
    if not all(isinstance(entry, dict) for entry in predictions):
        return "other"
    if all("image_id" in entry for entry in predictions):
        return "coco"
    named = all("image_filename" in entry and _is_label(entry.get("label")) for entry in predictions)
    return "labels" if named else "other"


def log_tail(path: Path, lines: int = 20) -> str:
    """Last lines of a log, fit for a terminal.

    Parameters
    ----------
    path : pathlib.Path
        The log, of any size and encoding; it may be missing.
    lines : int, optional
        How many lines at most; each is cut to its last 500 characters.

    Returns
    -------
    str
        Without colours and other control characters; of a progress bar, only its last state.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096 * lines))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    last = [_printable(line) for line in text.rstrip().split("\n")[-lines:]] if lines > 0 else []
    return "\n".join(line if len(line) <= 500 else "…" + line[-499:] for line in last)


def _files(folder: Path) -> list[Path]:
    """Regular files below a folder, relative and sorted: a pipe among them would block its reader."""
    found = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return sorted(path.relative_to(folder) for path in found if path.is_file())


def _read_json(path: Path, kinds: tuple[type, ...]) -> Any:
    """Value of a JSON file, of one of the kinds."""
    limit = LIMIT_MB[path.name]
    try:
        if path.stat().st_size > limit * 1e6:
            raise OutputError(f"{path}: larger than {limit} MB; write bulk data into files of other names")
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: {_place(error)}; write it with json.dump, in UTF-8") from error
    if not isinstance(value, kinds):
        wanted = " or ".join("an object {…}" if kind is dict else "a list […]" for kind in kinds)
        raise OutputError(f"{path}: holds {_kind(value)}, but it should hold {wanted}")
    return value


def _place(error: Exception) -> str:
    """What is wrong with a JSON file, and where."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        return f"not UTF-8: byte 0x{error.object[error.start]:02x} in line {line}, column {column}"
    if isinstance(error, RecursionError):
        return "not readable: nested too deeply"
    return f"not readable: {error}"


def _sort_results(results: dict[str, Any]) -> tuple[dict[str, Series], dict[str, str], tuple[str, ...]]:
    """Metrics, parameters, and a sentence for each of the rest."""
    metrics: dict[str, Series] = {}
    parameters: dict[str, str] = {}
    ignored = []
    for key, value in results.items():
        if isinstance(value, str | bool):
            parameters[key] = str(value)
        elif (series := _series(value)) is not None:
            metrics[key] = series
        else:
            ignored.append(f"{key}: {_kind(value)} is neither a number, a list of numbers nor a string")
    return metrics, parameters, tuple(ignored)


def _series(value: Any) -> Series | None:
    """Steps and values of a number, a list of numbers or a list of [step, value]; None of others."""
    if _is_number(value):
        return ((0, float(value)),)
    if not isinstance(value, list) or not value:
        return None
    if all(_is_number(entry) for entry in value):
        return tuple((step, float(entry)) for step, entry in enumerate(value))
    if all(_is_step(entry) for entry in value):
        return tuple((int(step), float(entry)) for step, entry in value)
    return None


def _is_step(value: Any) -> bool:
    """Whether a JSON value is a pair [step, value]."""
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
        return False
    return float(value[0]).is_integer()


def _is_number(value: Any) -> bool:
    """Whether a JSON value is a number that a float can hold; NaN and the infinities are."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 1 << 1023
    return isinstance(value, float)


def _is_label(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    """Name of a JSON value's kind, for a message."""
    if isinstance(value, list):
        return "a list of other things than numbers" if value else "an empty list"
    if value is None:
        return "null"
    names = {dict: "an object", str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return names[type(value)] if not isinstance(value, int) or _is_number(value) else "a number too large"


def _printable(line: str) -> str:
    """What a terminal would show of a line, without what would change the terminal."""
    line = line.rstrip("\r").rpartition("\r")[2]
    line = re.sub(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])", "", line)
    shown = (c if c.isprintable() or c == "\t" else " " if c.isspace() else "" for c in line)
    return "".join(shown)
