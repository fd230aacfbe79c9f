"""Fingerprints of files by content, remembered by size and time so that a second look is cheap.

Content decides, never a time stamp alone: a dataset that was copied or cloned again is the same dataset.
The memory lies in the user's cache folder; losing it costs reading the files again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

import xxhash

from iqf_core import parallel
from iqf_core.errors import DatasetError

CHUNK = 1 << 22
UNSETTLED_NS = 2_000_000_000
"""A file changed so lately may change again within one tick of the clock: it is not remembered."""


def digest_of(*parts: str | bytes) -> str:
    """Digest (xxh3, 128 bits, hexadecimal) of some texts, each kept apart from the next."""
    state = xxhash.xxh3_128()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def file_digest(path: Path) -> str:
    """Digest of a file's content."""
    state = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()


def digests(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Digests of files below a folder.

    Parameters
    ----------
    root : pathlib.Path
        The folder.
    names : iterable of str
        Files relative to it.

    Returns
    -------
    dict of str to str
        Name -> digest, in the order of ``names``.
    """
    memory_file = _memory_of(root)
    memory = _recall(memory_file)

    def look(name: str) -> tuple[str, list[str | int]]:
        try:
            stat = (root / name).stat()
            known = memory.get(name)
            if known is not None and known[:2] == [stat.st_size, stat.st_mtime_ns]:
                return name, known
            return name, [stat.st_size, stat.st_mtime_ns, file_digest(root / name)]
        except OSError as error:
            raise DatasetError(f"{root / name}: cannot be read ({error.strerror or error})") from error

    names = list(names)
    seen = dict(parallel.unordered(look, names)) if len(names) > 1 else dict(map(look, names))
    settled = time.time_ns() - UNSETTLED_NS
    lasting = {name: value for name, value in seen.items() if int(value[1]) < settled}
    if any(memory.get(name) != value for name, value in lasting.items()):
        _remember(memory_file, {**memory, **lasting})
    return {name: str(seen[name][2]) for name in names}


def _memory_of(root: Path) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "iqf" / f"{digest_of(str(root.resolve()))}.json"


def _recall(file: Path) -> dict[str, list[str | int]]:
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):  # no memory, or a damaged one: the files are read again
        return {}
    return value if isinstance(value, dict) else {}


def _remember(file: Path, memory: dict[str, list[str | int]]) -> None:
    hidden = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        hidden.write_text(json.dumps(memory))
        hidden.replace(file)
    except OSError:  # a read-only or full home: only speed is lost
        with contextlib.suppress(OSError):
            hidden.unlink(missing_ok=True)
