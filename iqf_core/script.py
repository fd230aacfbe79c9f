"""The code that a run is made of: the script's whole folder, as one fingerprint."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from iqf_core.errors import StudyError
from iqf_core.fingerprint import digest_of, file_digest

MOST_FILES, MOST_BYTES = 5_000, 2_000_000_000
"""Of a script's folder: with more, it is data that lies there, not code."""
DOCUMENTS = (".htm", ".html", ".log", ".md", ".pdf", ".rst", ".svg")
"""What people read and scripts do not; `task.code` can name one that a script reads."""


def code_files(script: Path, *, exclude: Sequence[Path] = (), code: Sequence[str] = ()) -> dict[str, str]:
    """Digests of the script and of all that lies with it: what decides whether a run must be run again.

    Hidden files, caches, MLflow's stores and documents (a README, a report) do not count, nor does anything
    in a folder ``iqf-runs`` or with ``#`` in its name (the runs and variants that IQF makes).

    Parameters
    ----------
    script : pathlib.Path
        The user's script.
    exclude : sequence of pathlib.Path, optional
        Files and folders that do not count: the study file, datasets, the folder of runs.
    code : sequence of str, optional
        Globs relative to the script's folder (``"*.py"``, ``"model/**/*.yaml"``): only these files,
        and the script, count.

    Returns
    -------
    dict of str to str
        File relative to the script's folder -> digest of its content, sorted.

    Raises
    ------
    StudyError
        When the script is not there, a glob matches nothing, a file cannot be read, or there are more
        than 5,000 files or 2 GB.
    """
    if not script.is_file():
        raise StudyError(f"{script}: there is no such script; correct `script` in the study file")
    folder = script.parent
    excluded = frozenset(Path(os.path.realpath(path)) for path in exclude)
    found = _named_code(folder, code, excluded) if code else _all_code(folder, excluded)
    files: dict[str, str] = {}
    for name in sorted(_within_limits(folder, found) | {script.name}):
        try:
            files[name] = file_digest(folder / name)
        except OSError as error:
            raise StudyError(f"{folder / name}: counts as code, but cannot be read: {error}") from error
    return files


def fingerprint_of(script: Path, files: Mapping[str, str]) -> str:
    """Digest of the script's name and of its `code_files`."""
    return digest_of(script.name, *(f"{name}={digest}" for name, digest in files.items()))


def _is_made(name: str, *, folder: bool) -> bool:
    """Whether a file or folder is made by running things, so that it is no code."""
    if folder:
        return name in {"__pycache__", "iqf-runs", "mlruns", "mlartifacts"} or "#" in name
    return name.endswith(".pyc") or name.startswith("mlflow.db")


def _all_code(folder: Path, excluded: frozenset[Path]) -> Iterator[str]:
    """Relative names of the files below a folder; linked folders are followed, each once."""
    seen = {Path(os.path.realpath(folder)), *excluded}

    def fail(error: OSError) -> None:
        raise StudyError(f"{error.filename}: lies with the script, but cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=fail):
        wanted = [name for name in sorted(folders) if not name.startswith(".")]
        folders.clear()
        for name in wanted:
            real = Path(os.path.realpath(Path(parent, name)))
            if not _is_made(name, folder=True) and real not in seen:
                seen.add(real)
                folders.append(name)
        for name in names:
            path = Path(parent, name)
            made = name.startswith(".") or _is_made(name, folder=False)
            read = name.lower().endswith(DOCUMENTS)
            if not (made or read) and Path(os.path.realpath(path)) not in excluded:
                yield str(path.relative_to(folder))


def _named_code(folder: Path, code: Sequence[str], excluded: frozenset[Path]) -> Iterator[str]:
    """Relative names of the files that the globs match; a glob that matches none is a mistake."""
    for pattern in code:
        # not Path.glob, which has hidden files match and raises for some patterns
        names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207
        if not any((folder / name).is_file() for name in names):
            raise StudyError(f"code: {pattern!r} matches no file in {folder}; correct or remove it")
        for name in names:
            real = Path(os.path.realpath(folder / name))
            *parents, last = Path(name).parts
            made = _is_made(last, folder=False) or any(_is_made(parent, folder=True) for parent in parents)
            if not made and excluded.isdisjoint((real, *real.parents)):
                yield name


def _within_limits(folder: Path, names: Iterable[str]) -> set[str]:
    """Those that are regular files, when they are neither too many nor too large."""
    files: set[str] = set()
    size = 0
    for name in names:
        if not (folder / name).is_file():
            continue
        files.add(name)
        size += (folder / name).stat().st_size
        if len(files) > MOST_FILES or size > MOST_BYTES:
            raise StudyError(
                f"{folder}: at least {len(files):,} files and {size / 1e9:.1f} GB lie with the script and "
                f"would count as its code (at most {MOST_FILES:,} files and {MOST_BYTES / 1e9:g} GB may): "
                'name those that are code in the study file, as in `code: ["*.py"]`'
            )
    return files
