"""Completion by click's own protocol, and what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_plugins_cli import HEAVY
from tests.study.lab import IQF, Lab

OF_STUDIES = ("recommend", "report", "plot", "refine", "matrix")
SEEN = """
import atexit, json, pathlib, sys
atexit.register(lambda: pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules))))
"""


def completed(lab: Lab, line: str) -> list[str]:
    """What is offered for the last word of a line; the modules imported are left in ``modules.json``."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", SEEN + IQF],
        cwd=lab.folder,
        env={
            **lab.environment,
            "_IQF_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [text.partition(",")[2] for text in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(lab: Lab, shell: str) -> None:
    text = lab.iqf("completion", shell).out
    assert f"_IQF_COMPLETE={shell}_complete" in text


def test_an_unknown_shell_is_refused_with_those_that_are_known(lab: Lab) -> None:
    assert "'bash', 'zsh', 'fish'" in lab.iqf("completion", "csh", code=2).err


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("iqf re", ["results", "recommend", "refine", "report"]),
        ("iqf --v", ["--verbose", "--version"]),
        ("iqf recommend --m", ["--metric", "--margin"]),
        ("iqf run --fa", ["--fail-fast"]),
        ("iqf plugins s", ["show"]),
        ("iqf modifiers jp", ["jpeg", "jpeg2000"]),
        ("iqf results st", ["study", "study.yaml"]),
        ("iqf clean st", ["study", "study.yaml"]),
        *((f"iqf {name} st", ["study", "study.yaml"]) for name in OF_STUDIES),
        ("iqf modify data --modifier jp", ["jpeg", "jpeg2000"]),
        ("iqf modify data --verify ba", ["basic"]),
        ("iqf measure data --metric ba", ["basic"]),
        ("iqf measure data -m basic -m cl", ["classification"]),
        ("iqf results study --metric ba", ["basic"]),
        ("iqf completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_what_is_offered_and_nothing_heavy_is_imported(lab: Lab, line: str, offered: list[str]) -> None:
    lab.study()
    (lab.runs / "study").mkdir()
    (lab.runs / "study" / "study.json").write_text("{}")
    assert completed(lab, line) == offered
    modules = json.loads((lab.folder / "modules.json").read_text())
    assert not HEAVY & {name.partition(".")[0] for name in modules}


def test_bash_itself_completes(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "iqf").write_text(f"#!{sys.executable}\n{IQF}\n")
    (tmp_path / "iqf").chmod(0o755)
    ask = (
        'eval "$(iqf completion bash)"; COMP_WORDS=(iqf recommend --mar); COMP_CWORD=2; _iqf_completion iqf; '
    )
    done = subprocess.run(
        ["bash", "-c", f'{ask} echo "${{COMPREPLY[@]}}"'],
        env={**lab.environment, "PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "--margin\n"
