"""What a person sees: on terminals of two widths, on a dumb one, without colours, and where there is none."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.terminal import Terminal
from tests.study.lab import Lab

COCO = "coco_detection-max_detections300-area_sides4x8-area_unitm"
NAMES = [f"{COCO}.{name}" for name in ("ap", "ap_0.5", "ap_0.75", "ar_small", "ar_medium", "ar_large")]
WORDS = """
import json, pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index("--outputpath") + 1])
(out / "results.json").write_text(json.dumps({%s}))
"""
HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202eesrever\u200f 🛰️ \x9b2J"
CONTROLS = set("\x1b\x07\x9b\u202e\u200f")


def writes(lab: Lab, **values: object) -> None:
    pairs = ", ".join(f"{name!r}: {value!r}" for name, value in values.items())
    lab.script(WORDS % pairs)


@pytest.fixture
def wide(lab: Lab) -> Lab:
    """A study that was run, with many metrics of long names and a variant of a long name."""
    writes(lab, **{name: 0.123456 + index / 10 for index, name in enumerate(NAMES)})
    lab.iqf("run", lab.study(modifiers=["jpeg(quality=50) | jpeg(quality=40) | quantise(bits=3)"]))
    return lab


@pytest.mark.parametrize("columns", [60, 200])
def test_a_table_fits_and_nothing_is_cut_without_a_sign(wide: Lab, columns: int) -> None:
    terminal = Terminal(wide, "results", "study", columns=columns).wait()
    assert max(map(len, terminal.text.splitlines())) <= columns
    for ending in ("…ap", "…ap_0.5", "…ap_0.75", "…ar_small", "…ar_medium", "…ar_large"):
        assert re.search(rf"{ending}(\s|$)", terminal.text), ending
    for index in range(len(NAMES)):
        assert f"{0.123456 + index / 10:.4g}" in terminal.text
    joined = "".join(
        re.findall(r"^ (jpeg\S+|\S*\+\S*|quant\S*|ise\S*|bits\S*|s3)", terminal.text, re.MULTILINE)
    )
    assert "jpeg-quality50" in joined
    assert COCO not in terminal.text


def test_without_a_terminal_names_are_whole_in_table_csv_and_json(wide: Lab) -> None:
    text = wide.iqf("results", "study").out
    for name in NAMES:
        assert name in text
        assert f"{name}_mean" in wide.iqf("results", "study", "--csv").out.splitlines()[0]
    assert {f"{name}_mean" for name in NAMES} <= set(
        json.loads(wide.iqf("results", "study", "--json").out)[0]
    )


@pytest.mark.parametrize("columns", [60, 200])
@pytest.mark.parametrize("command", ["modifiers", "plugins", "metrics snr", "plan study.yaml"])
def test_listings_fit(lab: Lab, columns: int, command: str) -> None:
    lab.study(
        modifiers=["jpeg(quality=50) | jpeg(quality=40) | quantise(bits=3)"], hyperparameters={"lr": [1, 2]}
    )
    terminal = Terminal(lab, *command.split(), columns=columns).wait()
    assert terminal.code == 0
    # Sentences and the list of variants are wrapped by the terminal itself.
    lines = [line for line in terminal.text.splitlines() if not line.startswith("  data: ")]
    assert command == "metrics snr" or max(map(len, lines)) <= columns


def test_progress_says_what_is_at_work_how_fast_and_how_long_still(lab: Lab) -> None:
    file = lab.study(hyperparameters={"sleep": [0, 1, 1.5]})
    terminal = Terminal(lab, "run", file, "--parallel", "2").wait()
    assert terminal.code == 0
    assert re.search(r"at work: reference sleep=1 #1, reference sleep=1.5 #1", terminal.text)
    assert re.search(r"1/3 [\d.e+]+ runs/min, \d+ s left", terminal.text)
    assert "\x1b[32mFINISHED" in terminal.raw
    left = "\n".join(terminal.shown())
    assert "at work" not in left  # the bar goes when all is done
    assert len(re.findall(r"\[\d/3\] FINISHED reference sleep=", left)) == 3


def test_what_failed_is_red_and_no_colour_is_none(lab: Lab) -> None:
    lab.script("raise SystemExit(3)")
    file = lab.study()
    assert "\x1b[31mFAILED" in Terminal(lab, "run", file).wait().raw
    plain = Terminal(lab, "run", file, NO_COLOR="1").wait()
    assert "FAILED" in plain.text
    assert not re.search(r"\x1b\[[\d;]*[34]\d[;m]", plain.raw)


def test_a_dumb_terminal_and_none_get_no_control_sequences(lab: Lab) -> None:
    file = lab.study(modifiers=["jpeg(quality=50)"])
    dumb = Terminal(lab, "run", file, TERM="dumb").wait()
    assert dumb.code == 0
    assert "\x1b" not in dumb.raw
    assert "[2/2] FINISHED jpeg-quality50" in dumb.text
    none = lab.iqf("run", file, "--fresh", FORCE_COLOR="1")
    assert "\x1b" not in none.out + none.err
    assert "runs/min" not in none.out + none.err


def test_quiet_says_errors_and_results_alone(lab: Lab) -> None:
    file = lab.study(modifiers=["jpeg(quality=50)"], repetitions=2)
    for arguments in (("--quiet", "run", file), ("run", file, "--quiet")):
        done = lab.iqf(*arguments)
        assert done.err == ""
        assert re.search(r"^ reference +2", done.out, re.MULTILINE)
        assert "done already" not in done.out
    lab.script("raise SystemExit(3)")
    failed = lab.iqf("run", file, "--quiet", code=1)
    assert failed.err.count("FAILED") == 4
    assert "Note:" not in failed.err
    terminal = Terminal(lab, "run", file, "--quiet").wait()
    assert "at work" not in terminal.text


def test_verbose_says_what_is_made_and_what_is_reused(lab: Lab) -> None:
    file = lab.study(modifiers=["jpeg(quality=50)"])
    first = lab.iqf("run", file, "--verbose").err
    assert re.search(r"variant \S+data#jpeg-quality50: made in \d+\.\d s\n", first)
    assert re.search(r"took \d+ s\n", first)
    again = lab.iqf("--verbose", "run", file).err
    assert re.findall(r"run (\S+) #1: reused", again) == ["reference", "jpeg-quality50"]
    assert "reused" in lab.iqf("modify", "data", "-m", "jpeg(quality=50)", "--verbose").err
    assert "reused" not in lab.iqf("modify", "data", "-m", "jpeg(quality=50)").err
    assert "contradict" in lab.iqf("run", file, "--verbose", "--quiet", code=2).err


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_traceback_is_shown_with_debug_alone(lab: Lab, where: str) -> None:
    words = ["plan", "none.yaml"]
    assert "Traceback" not in lab.iqf(*words, code=2).err
    with_debug = ["--debug", *words] if where == "before" else [*words, "--debug"]
    assert "Traceback" in lab.iqf(*with_debug, code=2).err


def test_names_logs_and_options_cannot_steer_the_terminal(lab: Lab) -> None:
    lab.script(WORDS % f"{HOSTILE!r}: 0.5, 'how': {HOSTILE!r}" + f"print({HOSTILE!r})\n")
    long = "x" * 10_000
    file = lab.study(hyperparameters={"lr": [HOSTILE, long]})
    failing = lab.script(f"print({HOSTILE!r})\nraise SystemExit({HOSTILE!r})", "failing.py")
    seen = [
        Terminal(lab, "run", file, columns=60).wait(),
        Terminal(lab, "results", "study", "--runs", columns=60).wait(),
        Terminal(lab, "results", "study", "--csv", columns=60).wait(),
        Terminal(lab, "plan", file, columns=60).wait(),
        Terminal(lab, "task", failing, columns=60).wait(),
        Terminal(lab, "task", lab.folder / "code/script.py", "-o", f"lr={HOSTILE}", columns=60).wait(),
        *(
            Terminal(lab, command, HOSTILE, columns=60).wait()
            for command in ("plan", "results", "measure", "modifiers", "task", "nothing" + HOSTILE)
        ),
        Terminal(lab, f"--{HOSTILE}", columns=60).wait(),
    ]
    for terminal in seen:
        own = re.compile(r"\x1b\[(\d+(;\d+)*)?[mKA]|\x1b\[\?25[lh]|\x1b\[1?[ABGHJK]|\x1b\[2K|\x1b\[\d+A")
        assert not CONTROLS & set(own.sub("", terminal.raw)), repr(terminal.raw)
        assert "\x1b[31mred" not in terminal.raw
    assert "🛰" in seen[1].text
    assert len(seen[1].text) < 20_000


def test_the_bar_and_the_making_of_variants_do_not_disturb_each_other(lab: Lab) -> None:
    lab.images("many", 30, size=400)
    file = lab.study(datasets={"test": "many"}, modifiers=[{"jpeg": {"quality": [90, 50]}}])
    terminal = Terminal(lab, "run", file).wait()
    shown = [line for line in terminal.shown() if line]
    assert [line for line in shown if line.startswith(("at work", "runs ", "many:"))] == []
    assert sum("FINISHED" in line for line in shown) == 3


def test_json_of_a_run_is_all_of_stdout(lab: Lab) -> None:
    file = lab.study(modifiers=["jpeg(quality=50)"])
    said = json.loads(lab.iqf("run", file, "--json").out)
    assert (said["finished"], said["failed"], said["earlier"], said["exit_code"]) == (2, 0, 0, 0)
    assert [row["variant"] for row in said["summary"]] == ["reference", "jpeg-quality50"]
    assert said["summary"][0]["nothing_mean"] is None
    again = json.loads(lab.iqf("run", file, "--json", "--quiet").out)
    assert (again["finished"], again["earlier"]) == (0, 2)
    lab.script("print('last words'); raise SystemExit(3)")
    failed = json.loads(lab.iqf("run", file, "--json", code=1).out)
    assert (failed["failed"], failed["exit_code"]) == (2, 1)
    assert [(row["title"], row["reason"]) for row in failed["failures"]] == [
        ("reference #1", "exit code 3"),
        ("jpeg-quality50 #1", "exit code 3"),
    ]
    listed = json.loads(lab.iqf("results", "study", "--failed", "--json").out)
    assert [row["log_tail"].strip() for row in listed] == ["last words"] * 2


def test_json_of_a_task(lab: Lab) -> None:
    done = json.loads(lab.iqf("task", "code/script.py", "--testds", "data", "--json").out)
    assert (done["status"], done["metrics"]["zero"], done["metrics"]["nothing"]) == ("FINISHED", 0, None)
    assert done["parameters"] == {"how": "quickly"}
    lab.script("raise SystemExit(3)")
    failed = json.loads(lab.iqf("task", "code/script.py", "--json", code=1).out)
    assert (failed["status"], failed["exit_code"]) == ("FAILED", 3)


def test_the_pace_and_what_it_leaves() -> None:
    from iqf_core.cli.running import pace

    assert pace(0, 5, 10.0) == ""
    assert pace(2, 5, 60.0) == "2 runs/min, 90 s left"
    assert pace(600, 1800, 3600.0) == "10 runs/min, 2 h 0 min left"
