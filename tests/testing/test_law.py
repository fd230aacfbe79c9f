"""What holds for the kit as a whole: it is documented, needs no pytest, and fails as it should."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
import unittest
from pathlib import Path

import pytest

from iqf_core import testing
from iqf_core.testing.law import BrokenLaw, Law, broken, said

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
KINDS = {
    "The laws of modifiers": testing.MODIFIER_LAWS,
    "The laws of metrics of images": testing.IMAGE_METRIC_LAWS,
    "The laws of metrics of predictions": testing.PREDICTION_METRIC_LAWS,
}
MODULES = [f"iqf_core.testing.{module.name}" for module in pkgutil.iter_modules(testing.__path__)]


@pytest.mark.parametrize("title", KINDS)
def test_the_page_lists_exactly_the_laws_that_exist(title):
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    assert rows == [(rule.__name__, said(rule)) for rule in KINDS[title]]


def test_the_page_names_every_argument():
    for function in (testing.modifier_laws, testing.metric_laws, testing.prediction_laws):
        names = set(function.__annotations__) - {"spec", "return"}
        assert names <= set(re.findall(r"`(\w+)`", PAGE))


def test_the_example_of_the_page_passes_under_pytest(tmp_path):
    block = re.search(r"```python\n# file: test_laws.py\n(.*?)```", PAGE, re.DOTALL)[1]
    (tmp_path / "test_laws.py").write_text(block)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--rootdir=.",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^2\d passed", done.stdout, re.MULTILINE), done.stdout


def test_the_message_of_the_page_is_what_is_said():
    shown = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1]
    namespace: dict = {"__name__": "page"}
    block = re.search(r"```python\n# file: test_laws.py\n(.*?)LAWS =", PAGE, re.DOTALL)[1]
    exec(block, namespace)  # noqa: S102 - it is ours

    class Fade(namespace["Fade"]):
        def apply(self, image, *, rng):
            return namespace["Modified"](image)

    (law,) = [law for law in testing.modifier_laws(Fade(loss=0.5)) if law.name == "memory_is_its_own"]
    with pytest.raises(BrokenLaw) as found:
        law.check()
    assert str(found.value).split() == shown.split()


def test_it_needs_no_pytest():
    code = "import sys; sys.modules['pytest'] = None; import iqf_core.testing as kit\n"
    code += "for law in kit.modifier_laws('identity'): law.check()\nprint('_pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


def first(case):
    """First."""
    raise KeyError(case)


def second(case):
    """Second."""
    raise TypeError(case)


def test_no_two_laws_explain_each_other():
    laws = [Law(rule, "one", basics=(first, second)) for rule in (first, second)]
    assert broken(laws) == ["first"]
    with pytest.raises(BrokenLaw, match=r"one breaks first \(First\): KeyError: 'one'"):
        laws[0].check()
    with pytest.raises(unittest.SkipTest, match="one-second: cannot be decided while first is broken"):
        laws[1].check()
