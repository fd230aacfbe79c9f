from __future__ import annotations

from typing import Any

import pytest

from iqf_core.errors import PluginError
from iqf_core.plugins import Policy, Status, configure, configured_policy, policy_from_environment, registry

GOOD = "IQF_API = 1\n"


def status_of(distribution: str) -> Status:
    (record,) = (each for each in registry().records if each.distribution == distribution)
    return record.status


def test_the_registry_is_made_once_and_anew_after_configure(site: Any) -> None:
    site.add("iqf-p", GOOD)
    first = registry()
    assert registry() is first
    configure(Policy(disable=frozenset({"iqf-p"})))
    assert registry() is not first
    assert status_of("iqf-p") is Status.DISABLED


def test_environment_and_configuration_add_up(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("iqf-p", GOOD)
    site.add("iqf-q", GOOD)
    monkeypatch.setenv("IQF_DISABLE_PLUGINS", "iqf-p")
    configure(Policy(disable=frozenset({"iqf-q"})))
    assert (status_of("iqf-p"), status_of("iqf-q")) == (Status.DISABLED, Status.DISABLED)
    assert configured_policy() == Policy(disable=frozenset({"iqf_Q"}))


def test_a_requirement_that_is_not_met_stops_the_registry(site: Any) -> None:
    site.add("iqf-p", GOOD)
    configure(Policy(require=frozenset({"iqf-p>=1"})))
    assert status_of("iqf-p") is Status.ACTIVE
    configure(configured_policy() | Policy(require=frozenset({"iqf-p>=2"})))
    for _ in range(2):
        with pytest.raises(PluginError, match="iqf-p>=2 is asked for"):
            registry()


def test_a_broken_plugin_is_reported_once_per_process(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    site.add("iqf-once", "raise ValueError('two\\nlines')")
    registry()
    configure(Policy())
    registry()
    lines = [message for message in caplog.messages if "iqf-once" in message]
    assert lines == [
        "iqf: plugin iqf-once 1.0 is broken: ValueError: two lines (see: iqf plugins show iqf-once)"
    ]


def test_a_plugin_cannot_ask_for_the_registry_while_it_is_made(site: Any) -> None:
    site.add("iqf-eager", "from iqf_core.plugins import registry\nregistry()\nIQF_API = 1\n")
    (record,) = (each for each in registry().records if each.distribution == "iqf-eager")
    assert record.status is Status.BROKEN
    assert "while it was being imported" in record.reason


def test_dropped_components_are_reported_in_one_line(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    hook = "@hookimpl\ndef iqf_metrics():\n    return [Component('A', 'a:b', ''), Component('b', 'b', '')]\n"
    site.add("iqf-drops", f"from iqf_core import Component, hookimpl\nIQF_API = 1\n{hook}")
    registry()
    (line,) = (message for message in caplog.messages if "iqf-drops" in message)
    assert "2 of its components dropped: A:" in line


def test_a_disabled_plugin_is_not_reported(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    site.add("iqf-quiet", "raise ValueError")
    configure(Policy(disable=frozenset({"iqf-quiet"})))
    registry()
    assert not [message for message in caplog.messages if "iqf-quiet" in message]


def test_the_policy_of_the_environment() -> None:
    assert policy_from_environment({}) == Policy()
    policy = policy_from_environment({"IQF_DISABLE_PLUGINS": " iqf_A, ,IQF.b,"})
    assert policy.disable == {"iqf-a", "iqf-b"}


def test_the_core_cannot_be_disabled_and_survives_no_plugins() -> None:
    with pytest.raises(PluginError, match="iqf-core holds the built-ins"):
        policy_from_environment({"IQF_DISABLE_PLUGINS": "iqf-x,IQF_core"})
    assert Policy(only_builtin=True).refusal("iqf-core") == ""
    assert Policy(only_builtin=True).refusal("iqf-core-tools") != ""
