"""The two commands of a newcomer exist, and wheels of core and plugin work in a clean environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from iqf_core import Image, write_image

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = [ROOT, *sorted((ROOT / "plugins").glob("iqf-*"))]


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_make_knows_its_targets():
    targets = ["help", "venv", "demo", "test", "alone", "check", "bench"]
    assert all(f"{target} " in run("make", "help", cwd=ROOT) for target in targets)
    run("make", "-n", *targets, cwd=ROOT)


def test_constraints_and_make_name_no_address():
    text = (ROOT / "constraints.txt").read_text() + (ROOT / "Makefile").read_text()
    assert "://" not in text
    assert "iqf-" not in (ROOT / "constraints.txt").read_text()


@pytest.mark.slow
def test_wheels_work_in_a_clean_environment(tmp_path):
    wheels = [built(folder, tmp_path / folder.name) for folder in DISTRIBUTIONS]
    python = clean_environment(tmp_path / "clean", wheels)
    iqf = python.with_name("iqf")

    listed = json.loads(run(iqf, "plugins", "--json", cwd=tmp_path))
    assert {entry["status"] for entry in listed} == {"active"}
    where = run(python, "-c", "import iqf_core; print(iqf_core.__file__)", cwd=tmp_path)
    assert str(tmp_path) in where
    packed = Path(where.strip()).parent / "_examples" / "textures"
    assert sorted(file.name for file in packed.iterdir()) == [
        "README.md",
        "figure.py",
        "make_patches.py",
        "study.yaml",
        "train.py",
    ]
    image = Image.from_array(np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    (tmp_path / "scenes" / "images").mkdir(parents=True)
    write_image(tmp_path / "scenes" / "images" / "a.png", image)
    made = run(iqf, "modify", "scenes", "-m", "jpeg(quality=50)", "--json", cwd=tmp_path)
    assert json.loads(made)["rates"]["bits_per_pixel"] < 24


def built(distribution: Path, folder: Path) -> Path:
    """Wheel of a distribution, in a folder of its own."""
    run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, distribution, cwd=ROOT
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def clean_environment(folder: Path, requirements: Sequence[object]) -> Path:
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=ROOT)
    constraints = ["-c", ROOT / "constraints.txt", *requirements]
    try:
        import uv  # noqa: F401 - where make could install it, it takes seconds instead of a minute
    except ImportError:
        run(sys.executable, "-m", "pip", "--python", python, "install", *constraints, cwd=ROOT)
    else:
        run(sys.executable, "-m", "uv", "pip", "install", "--python", python, *constraints, cwd=ROOT)
    return python
