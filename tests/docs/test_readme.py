"""The README from top to bottom, as a newcomer would go through it: every block is executed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(README) if found == language]


def named_files() -> dict[str, str]:
    """Blocks that begin with ``# file: NAME``."""
    texts = [text for _, text in BLOCK.findall(README) if text.startswith("# file: ")]
    return {text.splitlines()[0].removeprefix("# file: "): text for text in texts}


def commands() -> list[str]:
    lines = [line for text in blocks("console") for line in text.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def test_every_block_is_of_a_kind_that_is_executed_here():
    kinds = {"console", "yaml", "python", "toml", "text"}
    assert {language for language, _ in BLOCK.findall(README)} <= kinds
    assert len(blocks("yaml")) == 1
    assert len(blocks("text")) == 1


def test_the_study_in_the_readme_is_the_demos():
    assert blocks("yaml")[0].strip() == (ROOT / "examples/textures/study.yaml").read_text().strip()


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert targets
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_readme_from_top_to_bottom(tmp_path):
    shell = Newcomer(tmp_path)
    assert commands()[:2] == ["make demo", "make test"]

    first = shell.run("iqf demo")
    assert "39 finished, 0 failed, 0 done earlier" in first
    shows_what_the_readme_shows(first)
    started = time.monotonic()
    assert "0 finished, 0 failed, 39 done earlier" in shell.run("iqf demo")
    assert time.monotonic() - started < 30
    assert (tmp_path / "iqf-runs/textures/accuracy.png").stat().st_size > 10_000
    loses_what_it_should(json.loads(shell.run("iqf results textures --json")))

    for name, text in named_files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    python = next(text for text in blocks("python") if not text.startswith("# file: "))
    table = shell.run(shlex.join([sys.executable, "-c", python]))
    assert "jpeg-quality18" in table
    outputs = {line: shell.run(line) for line in commands()[2:]}

    assert "iqf-haze" in outputs["iqf plugins"]
    assert "amount" in outputs["iqf modifiers haze"]
    assert "mean_bytes" in outputs["iqf task script.py --testds examples/textures/patches"]
    (ssim,) = [text for line, text in outputs.items() if "--metric 'ssim(" in line]
    assert "ssim-resampleTrue.ssim" in ssim
    assert sorted(folder.name for folder in (tmp_path / "variants").glob("patches#*")) == [
        next(tmp_path.glob("variants/patches#blur-sigma_px0.8+noise-target_snr40-*")).name,
        "patches#gsd-scale2",
        "patches#haze-amount0.3+jpeg-quality50",
        "patches#jpeg-quality50",
        "patches#jpeg2000-target_bits_per_pixel0.5",
    ]
    assert uses_haze_in_a_study(shell) == {"reference", "haze-amount0.1", "haze-amount0.6"}


def shows_what_the_readme_shows(output: str) -> None:
    """The table is the README's, to the settings and their order; the last digits may differ."""
    settings = re.compile(r"^ (reference|jpeg-\S+|quantise-\S+)", re.MULTILINE)
    assert settings.findall(output) == settings.findall(blocks("text")[0])


def loses_what_it_should(table: list[dict[str, float]]) -> None:
    accuracy = {row["variant"]: row["accuracy_mean"] for row in table}
    for mildest, harshest in (("jpeg-quality97", "jpeg-quality18"), ("quantise-bits6", "quantise-bits1")):
        assert accuracy["reference"] - accuracy[mildest] < 0.02
        assert accuracy["reference"] - accuracy[harshest] >= 0.10


def uses_haze_in_a_study(shell: Newcomer) -> set[str]:
    study = {
        "name": "haze",
        "datasets": {"test": "examples/textures/patches"},
        "modifiers": [{"haze": {"amount": [0.1, 0.6]}}],
        "task": {"script": "script.py", "code": ["script.py"]},
        "variants_root": "variants",
        "plugins": {"require": ["iqf-haze>=0.1"]},
    }
    (shell.folder / "haze.yaml").write_text(json.dumps(study))
    shell.run("iqf run haze.yaml")
    return {row["variant"] for row in json.loads(shell.run("iqf results haze --json"))}


class Newcomer:
    """A shell in an empty folder beside a clone, whose `pip install` goes to a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "examples").symlink_to(ROOT / "examples")
        site = str(folder / "site")
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": site,
            "PIP_TARGET": site,
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's spelling of "no isolation": the backend is installed
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def run(self, line: str) -> str:
        words = [word.replace("/tmp/variants", str(self.folder / "variants")) for word in shlex.split(line)]
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout
