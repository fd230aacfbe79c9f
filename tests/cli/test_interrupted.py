"""Ctrl-C, as a terminal sends it and as a process sends it: soon over, nothing left, and gone on with."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.cli.terminal import Terminal
from tests.study.lab import Lab, wait_for

SOON_S = 5


def goes_on(lab: Lab) -> None:
    """The same command again, with runs that end: what was finished is not run again."""
    finished = sum(outcome["status"] == "FINISHED" for outcome in lab.outcomes_so_far())
    again = lab.iqf("run", lab.study(hyperparameters={"sleep": [0, 0.1]}))
    assert f"{2 - finished} finished, 0 failed, {finished} done earlier" in again.out


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_in_a_terminal(lab: Lab, times: int) -> None:
    file = lab.study(hyperparameters={"sleep": [0, 300, 301]})
    terminal = Terminal(lab, "run", file, "--parallel", "2")
    wait_for(lambda: len(lab.started()) == 3)
    asked = time.monotonic()
    for _ in range(times):
        terminal.process.sendintr()
        time.sleep(0.05)
    assert terminal.wait(2 * SOON_S).code == 130
    assert time.monotonic() - asked < SOON_S
    assert "Interrupted." in terminal.text
    assert "Traceback" not in terminal.text
    assert lab.left_running() == []
    goes_on(lab)


@pytest.mark.parametrize("whom", ["process", "group"])
def test_sigint_to_the_process_alone_and_to_its_group(lab: Lab, whom: str) -> None:
    file = lab.study(hyperparameters={"sleep": [0, 300, 301]})
    command = lab.start("run", file, "--parallel", "2")
    wait_for(lambda: len(lab.started()) == 3, command)
    asked = time.monotonic()
    if whom == "group":
        os.killpg(command.pid, signal.SIGINT)
    else:
        command.send(signal.SIGINT)
    assert command.wait(2 * SOON_S).code == 130
    assert time.monotonic() - asked < SOON_S
    assert "Interrupted. 1 of 3 runs are done and kept; the same command goes on" in command.err
    assert lab.left_running() == []
    goes_on(lab)


@pytest.mark.slow
def test_ctrl_c_at_any_instant(lab: Lab) -> None:
    """While modules are imported, the study is planned, variants are made, runs go on, MLflow is told."""
    content = {"modifiers": [{"jpeg": {"quality": [90, 50, 10]}}], "hyperparameters": {"sleep": [0.3]}}
    file = lab.study(**content)
    rng = random.Random(5)
    for instant in [0.5, *(rng.uniform(0.6, 3.0) for _ in range(5))]:
        terminal = Terminal(lab, "run", file, "--parallel", "2")
        time.sleep(instant)
        asked = time.monotonic()
        terminal.process.sendintr()
        ended = terminal.wait(2 * SOON_S).code
        over = "4 done earlier" in terminal.text  # all was said: what is struck is the interpreter's own end
        assert ended in (0, 130) or over, terminal.text
        assert time.monotonic() - asked < SOON_S
        assert "Traceback" not in terminal.text
        assert lab.left_running() == []
    assert "0 failed" in lab.iqf("run", file).out
    assert len(lab.table()) == 4
