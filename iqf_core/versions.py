"""Which software made a variant: the core, the plugins, and the libraries that decode and encode."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core import plugins
from iqf_core.fingerprint import digest_of

if TYPE_CHECKING:
    from iqf_core.modifiers import Modifier

DECODERS = ("opencv-python-headless", "rasterio")


def versions_of(modifier: Modifier) -> dict[str, str]:
    """Versions that the pixels of a variant depend on.

    Parameters
    ----------
    modifier : Modifier
        Its plugin, and what it says of its codec, count.

    Returns
    -------
    dict of str to str
        Distribution or library -> version, sorted.
    """
    found = {name: _version_of(name) for name in ("iqf-core", *DECODERS)}
    for part in modifier.parts():
        found.update(_plugin_of(type(part)))
        found.update(part.versions())
    return dict(sorted(found.items()))


def software() -> dict[str, str]:
    """What a study is run with: Python, the core, the active plugins, libraries of pixels and numbers."""
    active = {
        record.distribution: record.version
        for record in plugins.registry().records
        if record.status is plugins.Status.ACTIVE
    }
    libraries = {name: _version_of(name) for name in (*DECODERS, "numpy", "pandas", "mlflow-skinny")}
    return {"python": platform.python_version(), **active, **libraries}


def _version_of(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:  # another distribution holds the same module
        return "unknown"


@functools.cache
def _code_of(module: str) -> str:
    """Digest of a plugin's Python files: whoever writes a plugin changes it long before its version."""
    package = sys.modules[module.partition(".")[0]]
    folders = [Path(folder) for folder in getattr(package, "__path__", [])]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return digest_of(*(file.read_bytes() for file in files or [Path(str(package.__file__))]))[:8]


def _plugin_of(component: type) -> dict[str, str]:
    """Plugin and version that offer a class; for a class of no plugin, a digest of its source."""
    entry = plugins.registry().entry_of(component)
    if entry is not None:
        own_code = "" if entry.distribution == "iqf-core" else f"+{_code_of(component.__module__)}"
        return {entry.distribution: entry.version + own_code}
    try:
        source = inspect.getsource(component)
    except (OSError, TypeError):  # defined where no source can be read, as at a prompt
        source = ""
    return {f"{component.__module__}:{component.__qualname__}": digest_of(source)[:12]}
