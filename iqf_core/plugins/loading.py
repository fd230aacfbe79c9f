"""Load plugins so that none can stop the host, and none fails unseen.

Not pluggy's ``load_setuptools_entrypoints``: there one ImportError or SystemExit kills the host, a
second plugin with the same entry name is silently dropped, and a failed ``register`` leaves half of
the hooks live.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pluggy

from iqf_core.errors import PluginError
from iqf_core.hookspecs import KINDS, Component
from iqf_core.plugins.discovery import Found, discover
from iqf_core.plugins.interface import (
    Refused,
    check_api,
    check_hooks,
    check_requirements,
    component_fault,
    new_manager,
    requirements_on_core,
)
from iqf_core.plugins.policy import CORE, Policy
from iqf_core.plugins.records import PluginRecord, Problem, Status, one_line


def load_plugins(policy: Policy, *, core_version: str | None = None) -> tuple[PluginRecord, ...]:
    """Discover, choose, import and ask every plugin.

    Parameters
    ----------
    policy : Policy
        What it refuses is not imported.
    core_version : str or None, optional
        Version that the plugins' requirements are checked against; None means the installed one.

    Returns
    -------
    tuple of PluginRecord
        One for each entry point, the core's first.

    Raises
    ------
    PluginError
        When iqf-core itself is not installed: its components are found like any other's.
    """
    every = discover()
    version = core_version or next((found.version for found in every if found.distribution == CORE), None)
    if version is None:
        raise PluginError(f"{CORE} is not installed, only on the path: pip install -e <its folder>")
    manager = new_manager()
    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints must not end up in --json
        return tuple(_load(found, policy, version, manager) for found in every)


def _load(found: Found, policy: Policy, version: str, manager: pluggy.PluginManager) -> PluginRecord:
    requirements = requirements_on_core(found.requires)
    record = PluginRecord(
        distribution=found.distribution,
        version=found.version,
        entry_point=found.entry_point,
        value=found.value,
        requirement=", ".join(requirements),
    )
    if reason := policy.refusal(found.distribution):
        return replace(record, status=Status.DISABLED, reason=reason)
    if found.fault:
        return replace(record, status=Status.BROKEN, reason=found.fault)
    try:
        check_requirements(requirements, version)
        module = importlib.import_module(found.value)
        record = replace(record, api=check_api(module))
        check_hooks(module, manager)
        components, problems = _offered(module, record, manager)
    except Refused as refusal:
        return replace(record, status=refusal.status, reason=one_line(str(refusal)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code; it is recorded and reported
        text = "".join(traceback.format_exception(error))
        return replace(record, status=Status.BROKEN, reason=_summary(error), traceback=text)
    return replace(record, components=components, problems=problems)


def _offered(
    module: ModuleType, record: PluginRecord, manager: pluggy.PluginManager
) -> tuple[dict[str, tuple[Component, ...]], tuple[Problem, ...]]:
    """What the hooks of one plugin return, component by component; or nothing of it stays registered."""
    if manager.is_registered(module):
        raise Refused(f"its module {record.value} is already that of plugin {manager.get_name(module)}")
    components: dict[str, tuple[Component, ...]] = {}
    problems: list[Problem] = []
    try:
        manager.register(module, name=f"{record.distribution}:{record.entry_point}")
        for kind, hook in KINDS.items():
            components[kind] = tuple(_sound(kind, _answers(hook, module, manager), problems))
    except BaseException:
        manager.unregister(module)
        raise
    return {kind: offered for kind, offered in components.items() if offered}, tuple(problems)


def _answers(hook: str, module: ModuleType, manager: pluggy.PluginManager) -> Iterator[object]:
    """Call one hook of one plugin; what it returns may be a generator that fails halfway."""
    implementations = [each for each in getattr(manager.hook, hook).get_hookimpls() if each.plugin is module]
    others = manager.get_plugins() - {module}
    answers: list[Any] = manager.subset_hook_caller(hook, remove_plugins=others)()
    if len(answers) < len(implementations):  # pluggy leaves None out
        raise Refused(f"{hook} returned None instead of a list of components")
    for answer in answers:
        if isinstance(answer, str) or not isinstance(answer, Iterable):
            raise Refused(f"{hook} returned {type(answer).__name__} instead of a list of components")
        yield from answer


def _sound(kind: str, offered: Iterable[object], problems: list[Problem]) -> Iterator[Component]:
    """The components that can be used; ``problems`` receives the others."""
    names: set[str] = set()
    for component in offered:
        fault = component_fault(component)
        name = one_line(str(getattr(component, "name", "")))
        if not fault and name in names:
            fault = "the plugin offers this name twice; the first counts"
        if fault:
            problems.append(Problem(kind, name, one_line(fault)))
        elif isinstance(component, Component):
            names.add(name)
            yield component


def _summary(error: BaseException) -> str:
    """First line of an exception's own text, without relying on its ``__str__``."""
    lines = traceback.format_exception_only(error)
    return one_line(next((line for line in lines if not line.startswith(" ")), type(error).__name__))
