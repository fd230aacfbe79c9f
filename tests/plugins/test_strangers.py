"""Plugins that misbehave: each is reported, none does harm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from iqf_core.plugins import Policy, Status
from iqf_core.plugins.loading import load_plugins

HEAD = "from iqf_core import Component, hookimpl\nIQF_API = 1\n"
GOOD = (
    HEAD + '@hookimpl\ndef iqf_modifiers():\n    return [Component("{name}", "json:JSONEncoder", "Fine")]\n'
)
HEALTHY = GOOD.format(name="healthy")


def hook(definition: str, body: str = "return []", decorator: str = "@hookimpl") -> str:
    return f"{HEAD}{decorator}\n{definition}\n    {body}\n"


def with_api(literal: str) -> str:
    return HEALTHY.replace("IQF_API = 1", literal)


FAULTS = {
    "import-error": ("import no_such_module", Status.BROKEN, "No module named 'no_such_module'"),
    "syntax-error": ("def", Status.BROKEN, "SyntaxError"),
    "system-exit": ("import sys; sys.exit(3)", Status.BROKEN, "SystemExit: 3"),
    "bad-str": (
        "class E(Exception):\n    def __str__(self): 1/0\nraise E",
        Status.BROKEN,
        "E: <exception str() f",
    ),
    "unknown-hook": (hook("def iqf_modifierz():"), Status.BROKEN, "Did you mean 'iqf_modifiers'"),
    "default": (hook("def iqf_modifiers(extra=1):"), Status.BROKEN, "no parameters, but has extra"),
    "parameter": (hook("def iqf_modifiers(config):"), Status.BROKEN, "no parameters, but has config"),
    "wrapper": (
        hook("def iqf_modifiers():", "return (yield)", "@hookimpl(wrapper=True)"),
        Status.BROKEN,
        "wrapper",
    ),
    "old-wrapper": (
        hook("def iqf_modifiers():", "yield", "@hookimpl(hookwrapper=True)"),
        Status.BROKEN,
        "wrapper",
    ),
    "async": (hook("async def iqf_modifiers():"), Status.BROKEN, "asynchronous"),
    "undecorated": (HEAD + "def iqf_modifiers():\n    return []\n", Status.BROKEN, "lacks the decorator"),
    "late": (
        hook("def iqf_modifiers():", 'yield Component("early", "a:b", "")\n    raise ValueError("too late")'),
        Status.BROKEN,
        "ValueError: too late",
    ),
    "exits": (hook("def iqf_metrics():", "raise SystemExit(5)"), Status.BROKEN, "SystemExit: 5"),
    "returns-none": (hook("def iqf_metrics():", "return None"), Status.BROKEN, "returned None"),
    "returns-text": (hook("def iqf_metrics():", "return 'psnr'"), Status.BROKEN, "returned str"),
    "returns-one": (
        hook("def iqf_metrics():", 'return Component("a", "a:b", "")'),
        Status.BROKEN,
        "returned Component",
    ),
    "api-0": (with_api("IQF_API = 0"), Status.INCOMPATIBLE, "upgrade the plugin"),
    "api-99": (with_api("IQF_API = 99"), Status.INCOMPATIBLE, "upgrade iqf-core"),
    "api-text": (with_api("IQF_API = '1'"), Status.BROKEN, "not '1'"),
    "api-true": (with_api("IQF_API = True"), Status.BROKEN, "not True"),
    "api-missing": (with_api(""), Status.BROKEN, "states no interface"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_reported_and_leaves_the_others_alone(site: Any, name: str) -> None:
    source, status, reason = FAULTS[name]
    site.add(f"iqf-{name}", source)
    site.add("iqf-healthy", HEALTHY)
    records = {record.distribution: record for record in load_plugins(Policy())}
    stranger = records[f"iqf-{name}"]
    assert (stranger.status, stranger.components) == (status, {})
    assert reason in stranger.reason
    assert "\n" not in stranger.reason
    assert records["iqf-healthy"].status is Status.ACTIVE
    assert [c.name for c in records["iqf-healthy"].components["modifiers"]] == ["healthy"]
    assert records["iqf-core"].status is Status.ACTIVE


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, site_class: Any) -> subprocess.CompletedProcess[str]:
    """`iqf plugins --json` with all of them installed at once, in a process of its own."""
    made = site_class(tmp_path_factory.mktemp("zoo"))
    for name, (source, _, _) in FAULTS.items():
        made.add(f"iqf-{name}", source)
    made.add("iqf-healthy", HEALTHY)
    made.add("iqf-talks", "print('hello from a plugin')\n" + GOOD.format(name="talks"))
    return made.iqf("plugins", "--json")


def test_all_of_them_at_once_do_no_harm(zoo: subprocess.CompletedProcess[str]) -> None:
    assert zoo.returncode == 0, zoo.stderr
    statuses = {record["distribution"]: record["status"] for record in json.loads(zoo.stdout)}
    expected = {f"iqf-{name}": status.value for name, (_, status, _) in FAULTS.items()}
    assert expected.items() <= statuses.items()
    assert {statuses["iqf-core"], statuses["iqf-healthy"], statuses["iqf-talks"]} == {"active"}


def test_each_costs_exactly_one_line_on_stderr(zoo: subprocess.CompletedProcess[str]) -> None:
    lines = zoo.stderr.splitlines()
    for name in FAULTS:
        assert sum(f"iqf-{name} 1.0 is " in line for line in lines) == 1, name
    assert len(lines) == len(FAULTS) + 1  # one more: what iqf-talks printed


def test_only_exceptions_leave_a_traceback(zoo: subprocess.CompletedProcess[str]) -> None:
    tracebacks = {record["distribution"]: record["traceback"] for record in json.loads(zoo.stdout)}
    assert "too late" in tracebacks["iqf-late"]
    assert tracebacks["iqf-wrapper"] == ""


def test_a_bad_component_is_dropped_alone(site: Any) -> None:
    body = """return [
        Component("good", "json:JSONEncoder", "Fine"),
        Component("good", "json:JSONDecoder", "Again"),
        Component("Bad Name", "json:loads", ""),
        Component("half bad", "json:loads", ""),
        Component("half-target", "json:loads()", ""),
        Component("target", "json.loads", ""),
        Component("number", "json:loads", 7),
        "jpeg",
    ]"""
    site.add("iqf-mixed", hook("def iqf_modifiers():", body))
    (record,) = (each for each in load_plugins(Policy()) if each.distribution == "iqf-mixed")
    assert record.status is Status.ACTIVE
    assert [(c.name, c.summary) for c in record.components["modifiers"]] == [("good", "Fine")]
    reasons = {problem.component: problem.reason for problem in record.problems}
    assert "twice" in reasons["good"]
    assert "lower case" in reasons["Bad Name"]
    assert "lower case" in reasons["half bad"]
    assert "package.module:attribute" in reasons["target"]
    assert "package.module:attribute" in reasons["half-target"]
    assert "must be text" in reasons["number"]
    assert "not a Component: str" in reasons[""]
    assert len(record.problems) == 7


def test_the_same_name_of_two_kinds_is_no_duplicate(site: Any) -> None:
    metrics = '@hookimpl\ndef iqf_metrics():\n    return [Component("healthy", "a:b", "")]\n'
    site.add("iqf-both", HEALTHY + metrics)
    (record,) = (each for each in load_plugins(Policy()) if each.distribution == "iqf-both")
    assert (set(record.components), record.problems) == ({"modifiers", "metrics"}, ())


def test_an_optional_hook_of_a_later_interface_is_let_in(site: Any) -> None:
    site.add("iqf-ahead", hook("def iqf_future():", decorator="@hookimpl(optionalhook=True)"))
    (record,) = (each for each in load_plugins(Policy()) if each.distribution == "iqf-ahead")
    assert (record.status, record.reason) == (Status.ACTIVE, "")


def test_one_module_cannot_be_two_plugins(site: Any) -> None:
    module = site.add("iqf-a", HEALTHY)
    site.add("iqf-b", "", entry_points=f"[iqf]\niqf-b = {module}\n")
    records = {record.distribution: record for record in load_plugins(Policy())}
    assert records["iqf-a"].status is Status.ACTIVE
    assert records["iqf-b"].status is Status.BROKEN
    assert "already that of plugin iqf-a" in records["iqf-b"].reason


def test_nothing_of_a_plugin_that_failed_halfway_stays_registered(site: Any) -> None:
    module = site.add("iqf-a", FAULTS["late"][0])
    site.add("iqf-b", "", entry_points=f"[iqf]\niqf-b = {module}\n")
    reasons = {record.distribution: record.reason for record in load_plugins(Policy())}
    assert reasons["iqf-a"] == reasons["iqf-b"] == "ValueError: too late"


NEEDS = {
    ("iqf-core>=0.1,<0.2", "0.1.0.dev3"): Status.ACTIVE,
    ("iqf-core==0.1.0.dev3", "0.1.0.dev3"): Status.ACTIVE,
    ("IQF_core>=0.2", "0.1.0"): Status.INCOMPATIBLE,
    ("iqf-core (<0.1)", "0.1.0"): Status.INCOMPATIBLE,
    ("iqf-core>=9; python_version < '3'", "0.1.0"): Status.ACTIVE,
    ("iqf-core>=9; extra == 'all'", "0.1.0"): Status.ACTIVE,
    ("iqf-core>=nine", "0.1.0"): Status.INCOMPATIBLE,
    ("iqf-core-tools>=9", "0.1.0"): Status.ACTIVE,
}


@pytest.mark.parametrize(("needs", "version"), NEEDS)
def test_the_requirement_on_the_core_is_checked_before_import(
    site: Any, tmp_path: Path, needs: str, version: str
) -> None:
    trace = tmp_path / "imported"
    site.add("iqf-picky", f"open({str(trace)!r}, 'w').close()\n" + HEALTHY, requires=["numpy>=1", needs])
    records = {record.distribution: record for record in load_plugins(Policy(), core_version=version)}
    expected = NEEDS[needs, version]
    assert records["iqf-picky"].status is expected
    assert trace.exists() is (expected is Status.ACTIVE)
    if expected is Status.INCOMPATIBLE:
        assert needs in records["iqf-picky"].reason


@pytest.mark.parametrize(
    ("arguments", "environment", "imported"),
    [
        ((), {}, True),
        ((), {"IQF_DISABLE_PLUGINS": "iqf-other, IQF_Loud"}, False),
        (("--no-plugins",), {}, False),
    ],
)
def test_a_disabled_plugin_is_not_imported(
    site: Any, tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], imported: bool
) -> None:
    trace = tmp_path / "imported"
    site.add("iqf-loud", f"open({str(trace)!r}, 'w').close()\n" + HEALTHY)
    done = site.iqf(*arguments, "plugins", "--json", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    statuses = {record["distribution"]: record["status"] for record in json.loads(done.stdout)}
    assert statuses["iqf-core"] == "active"
    assert statuses["iqf-loud"] == ("active" if imported else "disabled")
    assert trace.exists() is imported


def test_the_core_cannot_be_disabled(site: Any) -> None:
    done = site.iqf("plugins", IQF_DISABLE_PLUGINS="iqf_core")
    assert done.returncode == 2
    assert "cannot be disabled" in done.stderr


def test_a_plugin_that_pip_installed_works(tmp_path: Path, site: Any) -> None:
    source = tmp_path / "source"
    (source / "iqf_third").mkdir(parents=True)
    (source / "iqf_third" / "__init__.py").write_text("")
    (source / "iqf_third" / "plugin.py").write_text(GOOD.format(name="third"))
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "iqf-third"\nversion = "2.5"\ndependencies = ["iqf-core>=0.1,<0.2"]\n'
        '[project.entry-points.iqf]\niqf-third = "iqf_third.plugin"\n'
    )
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    target = ["--target", str(site.folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *target, str(source)], check=True)
    done = site.iqf("modifiers", "--json")
    assert done.returncode == 0, done.stderr
    (third,) = (each for each in json.loads(done.stdout) if each["name"] == "third")
    assert (third["plugin"], third["version"]) == ("iqf-third", "2.5")
    used = site.python("from iqf_core.plugins import registry; print(registry().load('modifiers', 'third'))")
    assert used.stdout == "<class 'json.encoder.JSONEncoder'>\n"
