"""Whether each plugin works alone: ``make alone``, or ``python tests/alone.py plugins/iqf-metrics-snr …``.

For each, wheels of the core and of the plugin are installed into two clean environments. In the first, which
has nothing else, these two and no other must be active, and whatever the plugin's code imports, wherever it
does so, must be there. The second has what the tests import as well; they run there, away from the source. A
test that needs another plugin skips, and says so. The exit code is 0 when every plugin works.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "docs"))

from test_set_up import ROOT, built, clean_environment, run

RUNNER = {"pytest", "pytest-timeout", "pytest-xdist"}
LACKING = """
import importlib, importlib.util, sys
package, *names = sys.argv[1:]
print(importlib.import_module(package).__file__)
print(*[name for name in names if importlib.util.find_spec(name) is None])
"""
"""Where the package lies, and which names cannot be imported."""


def main(folders: Sequence[str]) -> int:
    """Try the plugins in these folders, or all; 1 when one of them does not work alone."""
    plugins = [Path(folder).resolve() for folder in folders] or sorted((ROOT / "plugins").glob("iqf-*"))
    for variable in ("PYTHONPATH", "VIRTUAL_ENV"):
        os.environ.pop(variable, None)
    broken = []
    with tempfile.TemporaryDirectory(prefix="iqf-alone-") as folder:
        scratch = Path(folder)
        core = built(ROOT, scratch / "core")
        for plugin in plugins:
            print(f"== {plugin.name}", flush=True)
            try:
                try_alone(plugin, core, scratch / plugin.name)
            except AssertionError as error:
                print(error, flush=True)
                broken.append(plugin.name)
    print(f"== {len(plugins) - len(broken)} of {len(plugins)} work alone", *broken, sep="; not ")
    return 1 if broken else 0


def try_alone(plugin: Path, core: Path, scratch: Path) -> None:
    """Raise an `AssertionError` when the plugin does not work alone."""
    wheel = built(plugin, scratch / "wheel")
    bare = clean_environment(scratch / "bare", [core, wheel])
    require_both_active(bare, plugin)
    require_all_imports(bare, plugin)

    extras = extras_of(plugin)
    with_extras = f"{wheel}[{','.join(extras)}]" if extras else wheel
    needed = RUNNER | (distributions_of(imports_of(plugin / "tests")) & for_development())
    python = clean_environment(scratch / "tested", [core, with_extras, *sorted(needed)])
    tests = laid_out(plugin, scratch / "away" / "main")
    done = subprocess.run([str(python), "-m", "pytest", "-q", "-n", "2", str(tests)], cwd=scratch)
    assert done.returncode == 0, f"pytest ended with {done.returncode}"


def require_both_active(python: Path, plugin: Path) -> None:
    """The core and the plugin are active, and there is no other."""
    listed = json.loads(run(python.with_name("iqf"), "plugins", "--json", cwd=python.parent))
    found = {one["distribution"]: one["status"] for one in listed}
    assert found == {"iqf-core": "active", plugin.name: "active"}, f"iqf plugins: {found}"


def require_all_imports(python: Path, plugin: Path) -> None:
    """What is imported anywhere in the plugin's code is there, but for what its extras bring."""
    package = plugin.name.replace("-", "_")
    names = {name for name in imports_of(plugin / package) if not distributions_of([name]) & optional(plugin)}
    origin, lacking = run(python, "-c", LACKING, package, *sorted(names), cwd=python.parent).split("\n")[:2]
    assert Path(origin).is_relative_to(python.parents[1]), f"{origin} is imported, not the wheel"
    assert not lacking, f"imported, but neither a dependency nor an extra: {lacking}"


def laid_out(plugin: Path, root: Path) -> Path:
    """Folder of a copy of the tests, with the files that they look for around them, but without the code."""
    copy = root / "plugins" / plugin.name
    shutil.copytree(plugin, copy, ignore=shutil.ignore_patterns("iqf_*", "__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", root / "pyproject.toml")  # the settings of pytest
    for source, place in (
        (ROOT / "README.md", root),
        (ROOT / "docs", root),
        (ROOT / "../shared", root.parent),
    ):
        if source.exists():
            (place / source.name).symlink_to(source.resolve())
    return copy / "tests"


def imports_of(folder: Path) -> set[str]:
    """Top-level names that Python files import, at their top or inside a function."""
    nodes = [node for file in folder.rglob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


def distributions_of(names: Iterable[str]) -> set[str]:
    """Distributions that these modules come from, where they are installed here."""
    known = packages_distributions()
    return {plain(distribution) for name in names for distribution in known.get(name, ())}


def for_development() -> set[str]:
    """Distributions that the environment of ``make venv`` has for tests, not for the core's own work."""
    return {plain(one) for extra in project(ROOT)["optional-dependencies"].values() for one in extra}


def optional(plugin: Path) -> set[str]:
    """Distributions that the plugin's extras bring."""
    return {plain(one) for extra in extras_of(plugin).values() for one in extra}


def extras_of(plugin: Path) -> dict[str, list[str]]:
    """Extra -> its requirements."""
    return dict(project(plugin).get("optional-dependencies", {}))


def project(folder: Path) -> dict:
    """The table of the project in its pyproject.toml."""
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]


def plain(requirement: str) -> str:
    """Name of a requirement, as an index writes it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
