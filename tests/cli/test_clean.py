"""``iqf clean``: what goes, what stays, and that a study goes on afterwards."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import filelock
import pytest

from tests.cli.terminal import Terminal
from tests.study.lab import Lab, wait_for

TWO = [{"jpeg": {"quality": [90, 50]}}]
FAILING = """
import pathlib, sys, time
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
if pathlib.Path(args["testds"]).name == "data#jpeg-quality50":
    sys.exit(3)
(pathlib.Path(args["outputpath"]) / "results.json").write_text('{"accuracy": 0.5}')
"""


def variants(lab: Lab) -> list[str]:
    return sorted(path.name for path in lab.folder.glob("data#*"))


def everything_else(lab: Lab) -> dict[str, bytes]:
    files = (file for file in lab.folder.rglob("*") if file.is_file())
    return {
        str(name): (lab.folder / name).read_bytes()
        for name in (file.relative_to(lab.folder) for file in files)
        if "data#" not in str(name)
        and name.parts[0] not in ("cache", "starts.txt")
        and name.suffix != ".lock"
    }


def cleaned(lab: Lab, *arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.iqf("clean", *arguments, "--json").out)
    return found


@pytest.mark.parametrize("how", ["name", "file", "folder"])
def test_variants_of_a_finished_study_go_and_come_back_without_a_run(lab: Lab, how: str) -> None:
    file = lab.study(modifiers=TWO)
    lab.iqf("run", file)
    table, before = lab.table(), everything_else(lab)
    study = {"name": "study", "file": file, "folder": lab.runs / "study"}[how]
    looked = lab.iqf("clean", study, "--dry-run").out
    assert re.search(r"kB  \S+data#jpeg-quality50\n", looked)
    assert "in 2 folder(s)" in looked
    assert "Nothing was removed." in looked
    assert len(variants(lab)) == 2
    done = lab.iqf("clean", study, "--yes")
    assert re.search(r"Removed 2, [\d.]+ kB freed", done.out)
    assert variants(lab) == []
    assert everything_else(lab) == before
    assert "0 finished, 0 failed, 3 done earlier" in lab.iqf("run", file).out
    assert lab.table() == table
    more = lab.study(modifiers=TWO, repetitions=2)
    assert "3 finished, 0 failed, 3 done earlier" in lab.iqf("run", more).out
    assert len(variants(lab)) == 2


def test_what_a_failed_run_needs_stays(lab: Lab) -> None:
    lab.script(FAILING)
    file = lab.study(modifiers=TWO)
    lab.iqf("run", file, code=1)
    done = lab.iqf("clean", "study", "--yes")
    assert "data#jpeg-quality50: needed by the unfinished run jpeg-quality50 #1" in done.err
    assert variants(lab) == ["data#jpeg-quality50"]
    again = lab.iqf("clean", "study", "--yes")
    assert "no variant can go" in again.out


def test_a_setting_that_the_study_no_longer_has_goes_too(lab: Lab) -> None:
    lab.iqf("run", lab.study(modifiers=TWO))
    fewer = lab.study(modifiers=["jpeg(quality=90)"], repetitions=2)
    found = cleaned(lab, fewer, "--yes")
    assert [Path(one["folder"]).name for one in found["folders"]] == ["data#jpeg-quality50"]
    assert found["folders"][0]["removed"]
    assert found["freed_bytes"] == found["removable_bytes"] > 0
    assert [Path(one["folder"]).name for one in found["kept"]] == ["data#jpeg-quality90"]


def test_what_another_unfinished_study_needs_stays(lab: Lab) -> None:
    lab.script("raise SystemExit(3)", "failing.py")
    lab.iqf("run", lab.study(modifiers=TWO))
    task = {"script": "code/failing.py", "code": ["failing.py"]}
    lab.iqf("run", lab.study("other", task=task, modifiers=["jpeg(quality=50)"]), code=1)
    done = lab.iqf("clean", "study", "--yes")
    assert "data#jpeg-quality50: needed by the study other, unfinished run jpeg-quality50 #1" in done.err
    assert variants(lab) == ["data#jpeg-quality50"]
    shutil.rmtree(lab.runs / "other")
    lab.iqf("clean", "study", "--yes")
    assert variants(lab) == []


def test_a_study_that_cannot_be_laid_out_keeps_what_it_may_need(lab: Lab) -> None:
    lab.iqf("run", lab.study(modifiers=["jpeg(quality=50)"]))
    lab.script("raise SystemExit(3)", "failing.py")
    task = {"script": "code/failing.py", "code": ["failing.py"]}
    lab.iqf("run", lab.study("other", task=task), code=1)
    (lab.folder / "code" / "failing.py").unlink()
    kept = cleaned(lab, "study", "--yes")["kept"]
    assert "the study other has unfinished runs and cannot be laid out" in kept[0]["reason"]
    assert variants(lab) == ["data#jpeg-quality50"]


def test_a_variant_that_is_a_dataset_of_a_study_stays(lab: Lab) -> None:
    lab.iqf("run", lab.study(modifiers=["jpeg(quality=50)"]))
    lab.iqf("run", lab.study("other", datasets={"test": "data#jpeg-quality50"}))
    kept = cleaned(lab, "study", "--yes")["kept"]
    assert [one["reason"] for one in kept] == ["a dataset of the study other"]
    assert variants(lab) == ["data#jpeg-quality50"]


def test_unfinished_builds_go_unless_a_run_goes_on_with_them(lab: Lab) -> None:
    file = lab.study(modifiers=TWO)
    lab.iqf("run", file)
    for quality, recipe in ((90, "of another time"), (50, None)):
        variant = lab.folder / f"data#jpeg-quality{quality}"
        manifest = json.loads((variant / ".iqf-manifest").read_text())
        (variant / ".iqf-manifest").unlink()
        (variant / ".iqf-building").write_text(recipe or manifest["identity"])
        variant.rename(variant.with_name(variant.name + ".partial"))
    for name in ("data#jpeg-quality10", "data#mine.partial", "data.partial"):
        shutil.copytree(lab.folder / "data", lab.folder / name)  # of somebody else
    (finished,) = [row for row in lab.folders() if "quality50" in (row / "job.json").read_text()]
    (finished / "outcome.json").unlink()
    found = cleaned(lab, file, "--yes")
    assert [(Path(one["folder"]).name, one["finished"]) for one in found["folders"]] == [
        ("data#jpeg-quality90.partial", False)
    ]
    assert [Path(one["folder"]).name for one in found["kept"]] == ["data#jpeg-quality50.partial"]
    left = sorted(path.name for path in lab.folder.glob("data*"))
    assert left == [
        "data",
        "data#jpeg-quality10",
        "data#jpeg-quality50.partial",
        "data#mine.partial",
        "data.partial",
    ]
    assert "1 finished, 0 failed, 2 done earlier" in lab.iqf("run", file).out


def test_a_link_is_not_followed(lab: Lab) -> None:
    file = lab.study(modifiers=["jpeg(quality=50)"])
    lab.iqf("run", file)
    variant = lab.folder / "data#jpeg-quality50"
    elsewhere = variant.rename(lab.folder.parent / "elsewhere")
    variant.symlink_to(elsewhere)
    assert cleaned(lab, file, "--yes")["folders"] == []
    assert (elsewhere / ".iqf-manifest").is_file()


def test_it_asks_first(lab: Lab) -> None:
    lab.iqf("run", lab.study(modifiers=["jpeg(quality=50)"]))
    refused = lab.iqf("clean", "study", code=2)
    assert "stdin is no terminal: give --yes, or --dry-run" in refused.err
    for answer, left in (("n", ["data#jpeg-quality50"]), ("y", [])):
        terminal = Terminal(lab, "clean", "study")
        terminal.until("Remove 1 folder(s)? [y/N]: ")
        terminal.process.sendline(answer)
        assert terminal.wait().code == 0
        assert variants(lab) == left
    assert "no variant can go" in lab.iqf("clean", "study").out  # nothing to ask about


def test_it_keeps_away_from_a_study_at_work_and_a_variant_in_the_making(lab: Lab) -> None:
    file = lab.study(modifiers=["jpeg(quality=50)"])
    lab.iqf("run", file)
    with filelock.FileLock(lab.folder / ".data#jpeg-quality50.lock"):
        done = lab.iqf("clean", "study", "--yes", code=1)
    assert "by another process" in done.err
    assert variants(lab) == ["data#jpeg-quality50"]
    command = lab.start("run", lab.study(modifiers=["jpeg(quality=50)"], hyperparameters={"sleep": [3]}))
    wait_for(lambda: len(lab.started()) == 3, command)
    assert "`iqf run` is at work on this study" in lab.iqf("clean", "study", "--yes", code=2).err
    assert command.wait().code == 0


def test_a_removal_cut_short_leaves_neither_a_variant_nor_a_build(lab: Lab) -> None:
    file = lab.study(modifiers=["jpeg(quality=50)"])
    lab.iqf("run", file)
    lab.plugin(
        "iqf-killer",
        """
        import os, shutil
        IQF_API = 1
        shutil.rmtree = lambda path, ignore_errors=False: ignore_errors or os._exit(9)
        """,
    )
    lab.iqf("clean", "study", "--yes", code=9)
    shutil.rmtree(lab.site)
    assert variants(lab) == ["data#jpeg-quality50.partial"]
    assert not (lab.folder / "data#jpeg-quality50.partial" / ".iqf-manifest").exists()
    more = lab.study(modifiers=["jpeg(quality=50)"], repetitions=2)
    assert "2 finished, 0 failed, 2 done earlier" in lab.iqf("run", more).out
    assert variants(lab) == ["data#jpeg-quality50"]


def test_a_study_that_is_not_there(lab: Lab) -> None:
    assert "no study of that name" in lab.iqf("clean", "none", "--yes", code=2).err
    assert "no such file" in lab.iqf("clean", "none.yaml", "--yes", code=2).err


def test_without_a_study_those_that_were_run_here_are_named(lab: Lab) -> None:
    lab.iqf("run", lab.study("one", modifiers=["identity"]))
    assert "name the study whose variants are to go: one" in lab.iqf("clean", code=2).err


def test_what_is_kept_for_a_run_that_failed_or_whose_script_changed_is_said_so(lab: Lab) -> None:
    lab.script(FAILING)
    file = lab.study(modifiers=TWO)
    lab.iqf("run", file, code=1)
    kept = lab.iqf("clean", file, "--yes").err
    assert "jpeg-quality50 #1 (it failed, and `iqf run` tries it again)" in kept
    lab.script(FAILING + "# another word")
    kept = lab.iqf("clean", file, "--dry-run").err
    assert "changed since the last time: script.py" in kept
