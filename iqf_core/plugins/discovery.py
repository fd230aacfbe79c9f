"""Find the plugins that are installed, without importing any of them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass

from iqf_core.plugins.policy import CORE, normalised
from iqf_core.plugins.records import one_line

GROUP = "iqf"


@dataclass(frozen=True, slots=True)
class Found:
    """One entry point of the group, and the distribution that it belongs to.

    Parameters
    ----------
    distribution, version : str
        What ``pip list`` shows.
    entry_point, value : str
        Name and module.
    requires : tuple of str
        The distribution's requirements, as in its metadata.
    fault : str
        Why its metadata cannot be read; empty when they can.
    """

    distribution: str
    version: str
    entry_point: str
    value: str
    requires: tuple[str, ...] = ()
    fault: str = ""


def discover() -> list[Found]:
    """Entry points of the group ``iqf`` of everything on ``sys.path``.

    Every distribution is read by itself: `importlib.metadata.entry_points` gives nothing at all when
    the metadata of one distribution are malformed.

    Returns
    -------
    list of Found
        The core first, then sorted by distribution and name. A distribution seen twice on the path is
        there once; two distributions with the same entry name are both there.
    """
    found: dict[tuple[str, str, str], Found] = {}
    for distribution in importlib.metadata.distributions():
        for entry in _entries(distribution):
            found.setdefault((normalised(entry.distribution), entry.entry_point, entry.value), entry)
    return [found[key] for key in sorted(found, key=lambda key: (key[0] != CORE, key))]


def _entries(distribution: importlib.metadata.Distribution) -> Iterator[Found]:
    text = _entry_points_text(distribution)
    if f"[{GROUP}]" not in text:  # before parsing: most distributions have nothing to do with IQF
        return
    name = version = "unknown"
    try:
        name, version = distribution.metadata["Name"] or name, distribution.version or version
        if not _shadowed(name, text):
            requires = tuple(distribution.requires or ())
            for entry in distribution.entry_points.select(group=GROUP):
                yield Found(name, version, entry.name, entry.value, requires)
    except Exception as error:  # noqa: BLE001 - a stranger's metadata may fail in any way; it is reported
        fault = f"unreadable metadata in {distribution.locate_file('')}: {error!r}"
        yield Found(name, version, name, "", fault=one_line(fault))


def _entry_points_text(distribution: importlib.metadata.Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return ""  # cannot be told to be a plugin at all


def _shadowed(name: str, text: str) -> bool:
    """Whether another version of the distribution comes first on ``sys.path``, as it does for imports."""
    return _entry_points_text(importlib.metadata.distribution(name)) != text
