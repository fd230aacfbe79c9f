from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLUGIN = """
from iqf_core import Component, hookimpl

IQF_API = 1

@hookimpl
def iqf_modifiers():
    return [Component("flat", "iqf_flat.flat:Flat", "One level")]
"""
MODIFIER = """
from typing import ClassVar
from iqf_core import ImageModifier, Modified

class Flat(ImageModifier):
    name: ClassVar[str] = "flat"

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(image.pixels * 0 + {level}))
"""


def version_with(site: Path, level: int) -> str:
    """Version of the plugin that a variant would be made with, seen by a process of its own."""
    package = site / "iqf_flat"
    package.mkdir(parents=True, exist_ok=True)
    (package / "plugin.py").write_text(PLUGIN)
    (package / "flat.py").write_text(MODIFIER.format(level=level))
    info = site / "iqf_flat-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: iqf-flat\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[iqf]\niqf-flat = iqf_flat.plugin\n")
    code = (
        "from iqf_core import modifier; from iqf_core.versions import versions_of;"
        "print(versions_of(modifier('flat'))['iqf-flat'])"
    )
    environment = {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_plugin_that_was_edited_is_another_version(tmp_path):
    first = version_with(tmp_path, 1)
    assert first.startswith("1.0+")
    assert version_with(tmp_path, 1) == first
    assert version_with(tmp_path, 2) != first
