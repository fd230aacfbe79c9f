"""Which OpenJPEG glymur works with: the system's, else Pillow's, else a clear error."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap

import pytest

from iqf_modifiers_compression.openjpeg import pillows_library

ENCODE = """
import numpy as np, json, sys
import iqf_core as iqf
from iqf_core.errors import MissingDependency
image = iqf.Image.from_array((np.arange(64 * 64 * 3) % 4096).astype(np.uint16).reshape(64, 64, 3), white=4095)
try:
    modified = iqf.modifier("jpeg2000(lossless=True)").modify(image)
except MissingDependency as error:
    print(json.dumps({"missing": str(error)}))
    sys.exit()
assert (modified.decoded().pixels == image.pixels).all()
import glymur
versions = iqf.modifier("jpeg2000(ratio=2)").versions()
print(json.dumps({"library": glymur.lib.openjp2.OPENJP2._name, **versions}))
"""


def run(before: str, *, cwd) -> dict[str, str]:
    """Encode in a process of its own, after some lines that change what can be found."""
    code = textwrap.dedent(before) + ENCODE
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def finding(library: str | None) -> str:
    """Lines after which the system has this OpenJPEG, or none."""
    return f"""
        import ctypes.util
        find = ctypes.util.find_library
        ctypes.util.find_library = lambda name: {library!r} if name == "openjp2" else find(name)
    """


needs_pillows = pytest.mark.skipif(pillows_library() is None, reason="this Pillow carries no OpenJPEG")


@needs_pillows
def test_pillows_where_the_system_has_none(tmp_path):
    found = run(finding(None), cwd=tmp_path)
    assert found["library"] == str(pillows_library())
    assert found["openjpeg"] >= "2.4"


@needs_pillows
def test_the_systems_where_there_is_one(tmp_path):
    system = tmp_path / "libopenjp2.so.7"
    shutil.copy(pillows_library(), system)
    assert run(finding(str(system)), cwd=tmp_path)["library"] == str(system)


@needs_pillows
def test_glymur_that_was_imported_before_and_found_none(tmp_path):
    before = (
        textwrap.dedent(finding(None)) + "import glymur\nassert glymur.version.openjpeg_version == '0.0.0'\n"
    )
    assert run(before, cwd=tmp_path)["library"] == str(pillows_library())


@pytest.mark.parametrize("imported", [True, False])
def test_neither_names_what_to_install(imported, tmp_path):
    before = textwrap.dedent(finding(None)) + "import glymur\n" * imported
    hidden = "import iqf_modifiers_compression.openjpeg as o\no.pillows_library = lambda: None\n"
    missing = run(before + hidden, cwd=tmp_path)["missing"]
    for remedy in ("pip install pillow", "apt-get install libopenjp2-7", "backend='gdal'"):
        assert remedy in missing


def test_find_library_is_left_as_it_was(tmp_path):
    code = (
        "import ctypes.util; find = ctypes.util.find_library"
        + ENCODE
        + "assert ctypes.util.find_library is find\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_plugin_needs_no_library(tmp_path):
    code = (
        "import sys, iqf_modifiers_compression.jpeg2000, iqf_modifiers_compression.jpeg\n"
        "import iqf_modifiers_compression.quantise, iqf_modifiers_compression.lossless\n"
        "print([name for name in ('glymur', 'cv2', 'rasterio', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "[]"
