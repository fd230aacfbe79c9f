"""``iqf demo``: a real study on real pictures, in under two minutes."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import click

from iqf_core.cli.talk import say
from iqf_core.errors import MissingDependency

NEEDS = ("skimage", "sklearn", "matplotlib")
PACKAGED = Path(__file__).parents[1] / "_examples" / "textures"
IN_CLONE = Path(__file__).parents[2] / "examples" / "textures"


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Lay the study file, the script and the pictures out there [default: examples/textures of a clone, "
    "else iqf-runs/demo].",
)
def demo(folder: Path | None) -> int:
    """Compress real pictures until a texture classifier suffers, and show by how much.

    Cuts patches from photographs that come with scikit-image, trains a classifier on each variant, three
    times each, and ends in a table and a figure. Everything stays in the folder: look at it, change it.

    \b
    Examples:
      iqf demo
      iqf demo --folder /tmp/textures
    """
    from iqf_core import Study
    from iqf_core.cli.study import run_planned

    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependency(f"the demo needs {', '.join(missing)}: pip install 'iqf-core[demo]'")
    example = _laid_out(folder)
    study = Study.from_file(example / "study.yaml")
    code = run_planned(study.plan())
    figure = study.folder / "accuracy.png"
    command = [sys.executable, str(example / "figure.py"), str(study.folder), str(figure)]
    if subprocess.run(command, check=False).returncode == 0:
        say(f"Figure: {figure}")
    say("What may be varied, and how to write it: iqf modifiers jpeg")
    return code


def _laid_out(folder: Path | None) -> Path:
    """The example as it stands in a clone; elsewhere, or in a folder that was asked for, a copy of it."""
    in_clone = (IN_CLONE / "study.yaml").is_file()
    example = IN_CLONE if folder is None and in_clone else folder or Path("iqf-runs/demo")
    if not (example / "study.yaml").is_file():
        unwanted = shutil.ignore_patterns("patches*", "__pycache__", "iqf-runs")
        shutil.copytree(IN_CLONE if in_clone else PACKAGED, example, dirs_exist_ok=True, ignore=unwanted)
    if not (example / "patches").is_dir():
        partial = example / "patches.partial"
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run([sys.executable, str(example / "make_patches.py"), str(partial)], check=True)
        partial.rename(example / "patches")
    return example
