from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from iqf_core.plugins import Policy, configure

IQF = "import sys; from iqf_core.cli import main; sys.exit(main())"


class Site:
    """A folder on the path with distributions in it, as an installer leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def add(
        self,
        distribution: str,
        source: str,
        *,
        version: str = "1.0",
        entry: str | None = None,
        requires: Sequence[str] = (),
        entry_points: str | None = None,
    ) -> str:
        """Install a distribution of one module, and return the module's name."""
        module = distribution.replace("-", "_") + "_plugin"
        self.write(f"{module}.py", source)
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        head = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        (info / "METADATA").write_text(head + needs)
        points = entry_points or f"[iqf]\n{entry or distribution} = {module}\n"
        (info / "entry_points.txt").write_text(points)
        return module

    def write(self, name: str, source: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(source))

    def python(self, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run code in a fresh interpreter that sees these distributions."""
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def iqf(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a fresh interpreter."""
        return self.python(IQF, *arguments, **environment)


@pytest.fixture(scope="session")
def site_class() -> type[Site]:
    return Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Distributions that this process sees too; what was imported from them is forgotten afterwards."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(str(made.folder))
    monkeypatch.delenv("IQF_DISABLE_PLUGINS", raising=False)
    configure(Policy())
    yield made
    configure(Policy())
    for name, module in list(sys.modules.items()):
        if str(made.folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]
