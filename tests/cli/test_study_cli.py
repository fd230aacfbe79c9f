"""``iqf plan``, ``run``, ``task``, ``results``, ``ui``: what they print, and their exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from iqf_core.cli import COMMANDS
from tests.study.lab import Lab, wait_for

BROKEN = """
import pathlib, sys
(pathlib.Path(sys.argv[sys.argv.index("--outputpath") + 1]) / "results.json").write_text("{")
"""


def strictly(text: str) -> Any:
    """JSON as its standard has it: NaN and Infinity are none."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_shows_examples_each_on_its_line(here: Lab, name: str, capsys: Any) -> None:
    from iqf_core.cli import main

    assert main([name, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    examples = [line.strip() for line in lines[[line.strip() for line in lines].index("Examples:") + 1 :]]
    shown = examples[: examples.index("")]
    assert shown
    assert all(re.match(rf"(\w+=\S+ )?iqf {name}\b", line) for line in shown), shown


def test_a_plan_shows_runs_states_and_the_disk_that_is_needed(lab: Lab) -> None:
    file = lab.study(modifiers=[{"jpeg": {"quality": [90, 50]}}], hyperparameters={"lr": [1, 2]})
    planned = strictly(lab.iqf("plan", file, "--json").out)
    assert [run["state"] for run in planned["runs"]] == ["to do"] * 6
    assert planned["missing_variants"] == ["data: jpeg-quality90", "data: jpeg-quality50"]
    assert planned["disk_bytes"] == 2 * 4 * 16 * 16 * 3
    assert not (lab.runs / "study").exists()  # nothing is made by looking
    text = lab.iqf("plan", file).out
    assert "6 runs: 0 done, 6 to do" in text
    assert "2 variants to make, at most 0.0 MB" in text
    assert len(re.findall(r"jpeg-quality50 +\d +\d +to do", text)) == 2
    lab.iqf("run", lab.study(modifiers=["jpeg(quality=90)"], hyperparameters={"lr": [1]}))
    planned = strictly(
        lab.iqf(
            "plan",
            lab.study(modifiers=[{"jpeg": {"quality": [90, 50]}}], hyperparameters={"lr": [1, 2]}),
            "--json",
        ).out
    )
    assert sorted(run["state"] for run in planned["runs"]) == ["finished"] * 2 + ["to do"] * 4
    assert planned["missing_variants"] == ["data: jpeg-quality50"]


def test_a_run_prints_a_line_for_each_run_a_table_and_a_tally(lab: Lab) -> None:
    lab.script("""
        import pathlib, sys
        args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
        print("first\\nlast words")
        if args["lr"] == "2":
            sys.exit(3)
        (pathlib.Path(args["outputpath"]) / "results.json").write_text('{"accuracy": 0.0}')
    """)
    done = lab.iqf("run", lab.study(hyperparameters={"lr": [1, 2]}, repetitions=2, seed_argument="s"), code=1)
    assert "study: 4 runs, 0 done already; results in iqf-runs/study" in done.out
    assert re.findall(r"\[(\d)/4\] (\w+)", done.err) == [
        ("1", "FINISHED"),
        ("2", "FINISHED"),
        ("3", "FAILED"),
        ("4", "FAILED"),
    ]
    assert "accuracy=0" in done.err
    assert "exit code 3\n    | first\n    | last words\n    log: " in done.err
    assert "2 finished, 2 failed, 0 done earlier" in done.out
    assert re.search(r"reference +1 +2 +0 .* 0 *\n", done.out)
    assert "Note: 2 of 4 runs failed; `iqf results study --failed` says why." in done.err
    assert "\x1b" not in done.out + done.err


def test_results_as_table_csv_and_json(lab: Lab) -> None:
    lab.iqf("run", lab.study(modifiers=["jpeg(quality=50)"], repetitions=2, seed_argument="seed"))
    rows = strictly(lab.iqf("results", "study", "--json").out)
    assert [(row["variant"], row["runs"], row["zero_mean"], row["nothing_mean"]) for row in rows] == [
        ("reference", 2, 0.0, None),
        ("jpeg-quality50", 2, 0.0, None),
    ]
    runs = strictly(lab.iqf("results", "study", "--runs", "--json").out)
    table = list(csv.DictReader(io.StringIO(lab.iqf("results", "study", "--runs", "--csv").out)))
    assert len(runs) == len(table) == 4
    for row, cells in zip(runs, table, strict=True):
        assert float(cells["testds"]) == pytest.approx(row["testds"], rel=1e-14)
        assert (cells["zero"], cells["nothing"], cells["status"]) == ("0.0", "", "FINISHED")
    text = lab.iqf("results", "study").out
    assert re.search(r"variant +runs +bits_per_pixel", text)
    assert len(re.findall(r"^ (reference|jpeg-quality50) +2 ", text, re.MULTILINE)) == 2
    with_metric = strictly(lab.iqf("results", "study", "-m", "basic", "--json").out)
    assert all(row["basic.mean_mean"] > 0 for row in with_metric)
    assert len(lab.started()) == 4


def test_results_that_are_not_there(lab: Lab) -> None:
    assert "no study of that name" in lab.iqf("results", "none", code=2).err
    assert "no such file" in lab.iqf("results", "none.yaml", code=2).err
    file = lab.study()
    assert "no study was run here" in lab.iqf("results", file, code=2).err


def test_a_task_is_run_by_itself(lab: Lab) -> None:
    script = lab.folder / "code" / "script.py"
    done = lab.iqf("task", script, "--trainds", "data", "--testds", "data", "-o", "lr=0.1")
    assert "zero: 0\n" in done.out
    assert "how: quickly\n" in done.out
    (start,) = lab.started()
    assert (start["--trainds"], start["--lr"]) == (str(lab.folder / "data"), "0.1")
    assert (lab.runs / "tasks" / "script" / "output" / "results.json").is_file()
    assert lab.iqf("task", script, "--testds", "data").code == 0  # again, in the same place
    assert "not NAME=VALUE" in lab.iqf("task", script, "-o", "lr", code=2).err
    assert "passed by IQF itself" in lab.iqf("task", script, "-o", "outputpath=/tmp", code=2).err
    assert "--timeout" in lab.iqf("task", script, "--timeout", "0", code=2).err


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print('last words'); raise SystemExit(3)", "FAILED: exit code 3\nlast words\n"),
        (
            "import time; print('last words', flush=True); time.sleep(60)",
            "FAILED: timeout after 2 s\nlast words\n",
        ),
        ("pass", "the script wrote nothing into --outputpath"),
        (BROKEN, "not valid JSON"),
    ],
)
def test_a_task_that_fails(lab: Lab, source: str, said: str) -> None:
    done = lab.iqf("task", lab.script(source), "--timeout", "2", code=1)
    assert said in done.err
    assert "Log: " in done.err


def test_a_task_does_not_clear_a_folder_of_something_else(lab: Lab) -> None:
    done = lab.iqf("task", lab.folder / "code" / "script.py", "--folder", "data", code=2)
    assert "holds other files" in done.err
    assert len(list((lab.folder / "data" / "images").iterdir())) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_task_that_is_interrupted_leaves_nothing(lab: Lab, number: int) -> None:
    script = lab.folder / "code" / "script.py"
    command = lab.start("task", script, "-o", "sleep=300")
    wait_for(lambda: lab.started(), command)
    second = lab.iqf("task", script, code=2)
    assert "a task is running there" in second.err
    command.send(number)
    assert command.wait(8).code == 130
    assert lab.left_running() == []


def answer(port: int) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return bytes(response.read())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return b""


@pytest.mark.slow
def test_the_ui_is_mlflows_and_ends_with_all_that_it_started(lab: Lab) -> None:
    lab.iqf("run", lab.study())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = lab.start("ui", "study", "--port", str(port))
    wait_for(lambda: answer(port) == b"OK", command, patience_s=100)
    assert command.code is None, command.err
    command.send(signal.SIGINT)
    assert command.wait(20).code == 0
    assert lab.left_running() == []


def test_the_ui_of_nothing_says_so(lab: Lab) -> None:
    (lab.runs / "mlflow.db").unlink()
    assert "no MLflow database here" in lab.iqf("ui", code=2).err
    assert "no study of that name" in lab.iqf("ui", "none", code=2).err


def test_runs_are_counted_from_one_and_what_decides_stands_first(lab: Lab) -> None:
    rule = {"metric": "zero", "margin": 0.1}
    lab.iqf("run", lab.study(repetitions=2, seed_argument="seed", criterion=rule))
    shown = lab.iqf("results", "study", "--runs").out
    assert re.findall(r"^ reference +reference +–? *(\d) ", shown, re.MULTILINE) == ["1", "2"]
    assert [row["repetition"] for row in lab.table()] == [0, 1]
    for text in (shown, lab.iqf("results", "study").out):
        assert re.search(r" compression_ratio .*(?<!testds) zero +\S", text)
        assert text.index(" zero ") < text.index(" testds ")


def test_a_study_of_which_nothing_has_ended_says_so(lab: Lab) -> None:
    lab.iqf("run", lab.study())
    (folder,) = lab.folders()
    (folder / "outcome.json").unlink()
    for options in ([], ["--runs"]):
        assert lab.iqf("results", "study", *options).out == "No run has ended yet.\n"


def test_where_a_failure_lies_is_said_from_here(lab: Lab) -> None:
    lab.script("raise SystemExit(3)")
    file = lab.study()
    lab.iqf("run", file, code=1)
    (folder,) = lab.folders()
    assert f"    log: iqf-runs/study/runs/{folder.name}/log.txt\n" in lab.iqf("results", file, "--failed").out


def test_a_plan_without_criterion_says_how_to_have_a_decision(lab: Lab) -> None:
    said = lab.iqf("plan", lab.study()).err
    assert "this gives a table, and no decision" in said
    assert "repetitions: 3" in said
    known = {"repetitions": 3, "seed_argument": "seed"}
    assert "no decision" not in lab.iqf("plan", lab.study(**known)).err


def test_results_without_a_name_name_the_studies(lab: Lab) -> None:
    lab.iqf("run", lab.study("one"))
    assert "name the study: one" in lab.iqf("results", code=2).err


def test_repetitions_that_ignore_their_seed_are_said(lab: Lab) -> None:
    lab.script(
        """
        import pathlib, sys
        output = pathlib.Path(sys.argv[sys.argv.index("--outputpath") + 1])
        (output / "results.json").write_text('{"good": 1.0}')
        """
    )
    done = lab.iqf("run", lab.study(repetitions=2, seed_argument="seed"))
    assert "1 setting(s) ended identically, though --seed differs" in done.err
