from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from iqf_core.errors import (
    AmbiguousComponent,
    BrokenComponent,
    MissingDependency,
    PluginError,
    UnknownComponent,
)
from iqf_core.plugins import Policy, Registry
from iqf_core.plugins.loading import load_plugins


def plugin(*components: str) -> str:
    lines = "".join(f"        Component({component}),\n" for component in components)
    head = "from iqf_core import Component, hookimpl\nIQF_API = 1\n@hookimpl\ndef iqf_modifiers():\n"
    return f"{head}    return [\n{lines}    ]\n"


@pytest.fixture
def registry(site: Any) -> Registry:
    site.add(
        "iqf-one",
        plugin(
            '"smear", "iqf_one_parts:Blur", "Blur"',
            '"alias", "iqf_one_alias:Sharpen", "The same class under another path"',
            '"shared", "iqf_one_parts:Shared", "Offered twice"',
            '"needs", "iqf_one_needs:Needs", "", requires="no_such_module>=2"',
            '"too-old", "iqf_one_old:Old", "", requires="json>=99"',
            '"astray", "iqf_one_gone:Gone", "", requires="no_such_module>=2"',
            '"bare", "iqf_one_needs:Needs", "No requirement declared"',
            '"absent", "iqf_one_parts:Absent", "No such attribute"',
            '"exits", "iqf_one_exits:Exits", "Ends the interpreter"',
            '"function", "iqf_one_parts:helper", "Not a class"',
            '"inner", "iqf_one_parts:Blur.Inner", "Inside a class"',
            '"dropped", "no colon", "Dropped"',
        ),
    )
    site.write(
        "iqf_one_parts.py",
        """
        class Blur:
            class Inner: ...
        class Sharpen: ...
        class Shared: ...
        def helper(): ...
        """,
    )
    site.write("iqf_one_alias.py", "from iqf_one_parts import Sharpen")
    site.write("iqf_one_needs.py", "import no_such_module")
    site.write("iqf_one_old.py", "from json import not_yet_there")
    site.write("iqf_one_exits.py", "raise SystemExit(4)")
    site.add("iqf-two", plugin('"shared", "iqf_two_parts:Shared", "Offered twice"'), version="2.0")
    site.write("iqf_two_parts.py", "class Shared: ...")
    site.add("iqf-bad", "import no_such_module")
    return Registry(load_plugins(Policy(disable=frozenset({"iqf-modifiers-compression"}))))


def test_listing_is_sorted_and_imports_nothing(registry: Registry) -> None:
    names = [
        entry.full_name for entry in registry.components("modifiers") if entry.distribution != "iqf-core"
    ]
    assert names == sorted(names, key=lambda name: name.rpartition(":")[::-1])
    assert "iqf-one:smear" in names
    assert "iqf_one_parts" not in sys.modules


def test_bare_and_full_names_find_the_same(registry: Registry) -> None:
    entry = registry.resolve("modifiers", "smear")
    assert (entry.distribution, entry.version, entry.component.target) == (
        "iqf-one",
        "1.0",
        "iqf_one_parts:Blur",
    )
    assert registry.resolve("modifiers", "IQF_One:smear") == entry
    assert registry.load("modifiers", "smear") is importlib.import_module("iqf_one_parts").Blur
    assert registry.load("modifiers", "inner").__qualname__ == "Blur.Inner"


def test_a_name_that_two_plugins_offer_needs_its_plugin(registry: Registry) -> None:
    with pytest.raises(AmbiguousComponent, match="'iqf-one:shared' or 'iqf-two:shared'"):
        registry.resolve("modifiers", "shared")
    assert registry.resolve("modifiers", "iqf-two:shared").version == "2.0"


def test_an_unknown_name_gets_close_matches_and_the_plugins_that_might_offer_it(registry: Registry) -> None:
    with pytest.raises(UnknownComponent) as caught:
        registry.resolve("modifiers", "smearr")
    message = str(caught.value)
    assert "modifier 'smearr'" in message
    assert "Did you mean 'smear'?" in message
    assert "iqf-bad (broken: ModuleNotFoundError: No module named 'no_such_module')" in message
    assert "iqf-modifiers-compression (disabled" in message
    with pytest.raises(UnknownComponent, match="iqf-bad"):
        registry.resolve("modifiers", "iqf-bad:smear")
    with pytest.raises(UnknownComponent, match="'iqf-one:smear'") as caught:
        registry.resolve("modifiers", "iqf-one:smearr")
    assert "iqf-bad" not in str(caught.value)


def test_a_dropped_component_is_explained(registry: Registry) -> None:
    with pytest.raises(UnknownComponent, match="iqf-one offers it, but it was dropped: target 'no colon'"):
        registry.resolve("modifiers", "dropped")


def test_a_kind_that_is_none(registry: Registry) -> None:
    with pytest.raises(PluginError, match="Did you mean 'modifiers'"):
        registry.components("modifier")


@pytest.mark.parametrize(("name", "needs"), [("needs", "no_such_module>=2"), ("too-old", "json>=99")])
def test_a_missing_dependency_names_its_installation(registry: Registry, name: str, needs: str) -> None:
    with pytest.raises(MissingDependency, match=f"pip install '{needs}'") as caught:
        registry.load("modifiers", name)
    assert isinstance(caught.value.__cause__, ImportError)
    assert str(caught.value.__cause__) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("astray", "No module named 'iqf_one_gone'"),  # its own module: no installation would help
        ("bare", "No module named 'no_such_module'"),
        ("absent", "no attribute 'Absent'"),
        ("exits", "SystemExit: 4"),
    ],
)
def test_a_broken_component_names_plugin_target_and_reason(
    registry: Registry, name: str, reason: str
) -> None:
    target = registry.resolve("modifiers", name).component.target
    with pytest.raises(BrokenComponent, match=reason) as caught:
        registry.load("modifiers", name)
    assert "iqf-one 1.0" in str(caught.value)
    assert target in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_component_must_be_of_its_kind(registry: Registry) -> None:
    assert registry.load("modifiers", "smear", base=object)
    for name in ("smear", "function"):
        with pytest.raises(BrokenComponent, match="it is no dict"):
            registry.load("modifiers", name, base=dict)


def test_entry_of_a_class_however_it_was_imported(registry: Registry) -> None:
    parts = importlib.import_module("iqf_one_parts")
    assert registry.entry_of(parts.Blur) == registry.resolve("modifiers", "smear")
    assert registry.entry_of(parts.Blur()) == registry.resolve("modifiers", "smear")
    assert registry.entry_of(parts.Sharpen) is None  # nobody has imported the path that it is offered under
    importlib.import_module("iqf_one_alias")
    assert registry.entry_of(parts.Sharpen) == registry.resolve("modifiers", "alias")
    assert registry.entry_of(dict) is None


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ("iqf-none>=3", "iqf-none>=3 is not installed (pip install 'iqf-none>=3')"),
        ("iqf-two>=3", "iqf-two>=3 is asked for, 2.0 is installed (pip install 'iqf-two>=3')"),
        ("iqf-bad", "iqf-bad 1.0 is broken: ModuleNotFoundError"),
        ("iqf-modifiers-compression>=0.1", "is disabled: disabled by name"),
        ("no requirement", "'no requirement' is not a requirement"),
    ],
)
def test_required_plugins_that_cannot_be_used(registry: Registry, requirement: str, reason: str) -> None:
    registry.check_required(["iqf-two>=2,<3", "IQF.One", "iqf-core"])
    with pytest.raises(PluginError) as caught:
        registry.check_required(["iqf-one", requirement])
    assert reason in str(caught.value)
    assert "iqf-one" not in str(caught.value)
