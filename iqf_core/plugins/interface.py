"""What a plugin must be to be let in: its requirement, its interface number, its hooks, its components.

pluggy's ``register`` refuses neither an unknown hook nor a parameter with a default, and accepts
wrappers, which could change what other plugins offer; so hooks are inspected here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pluggy

from iqf_core.errors import did_you_mean
from iqf_core.hookspecs import API_VERSION, KINDS, OLDEST_API, PROJECT, Component
from iqf_core.plugins.policy import CORE, normalised
from iqf_core.plugins.records import Status

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_PATH = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_TARGET = re.compile(f"{_PATH}:{_PATH}")


class Refused(Exception):
    """A plugin breaks a rule; the message is the reason of its record."""

    def __init__(self, reason: str, status: Status = Status.BROKEN) -> None:
        super().__init__(reason)
        self.status = status


def requirements_on_core(requires: Sequence[str]) -> list[str]:
    """Those requirements of a distribution that name iqf-core."""
    names = (re.match(r"[\w.-]*", text.strip()) for text in requires)
    return [text for text, name in zip(requires, names, strict=True) if name and normalised(name[0]) == CORE]


def check_requirements(requirements: Sequence[str], version: str) -> None:
    """Refuse a distribution that asks for another version of the core.

    The base version counts too: the specifier ``>=0.1,<0.2`` would reject ``0.1.0.dev3``.
    """
    if not requirements:
        return
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import Version

    versions = {version, Version(version).base_version}
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise Refused(f"its requirement {text!r} cannot be read", Status.INCOMPATIBLE) from error
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not any(requirement.specifier.contains(each, prereleases=True) for each in versions):
            raise Refused(f"needs {text}; this is {CORE} {version}", Status.INCOMPATIBLE)


def check_api(module: ModuleType) -> int:
    """The plugin's ``IQF_API``, refused when it is not an integer inside the supported window."""
    if not hasattr(module, "IQF_API"):
        raise Refused(f"{module.__name__} states no interface: it needs IQF_API = {API_VERSION}")
    api = module.IQF_API
    if type(api) is not int:  # True is an int too, and no version
        raise Refused(f"IQF_API must be a whole number, not {api!r}")
    if not OLDEST_API <= api <= API_VERSION:
        remedy = f"upgrade {CORE}" if api > API_VERSION else "upgrade the plugin"
        window = f"interfaces {OLDEST_API} to {API_VERSION}"
        raise Refused(f"written for interface {api}; this {CORE} has {window}: {remedy}", Status.INCOMPATIBLE)
    return api


def check_hooks(module: ModuleType, manager: pluggy.PluginManager) -> None:
    """Refuse a module with a hook that IQF would not call as its author expects."""
    for attribute in dir(module):
        options: Any = manager.parse_hookimpl_opts(module, attribute)
        function = inspect.getattr_static(module, attribute)
        if options is not None:
            _check_hook(options.get("specname") or attribute, function, options)
        elif attribute in KINDS.values() and inspect.isfunction(function):
            raise Refused(f"{attribute} lacks the decorator @hookimpl")


def _check_hook(hook: str, function: Any, options: dict[str, Any]) -> None:
    if hook not in KINDS.values():
        if options.get("optionalhook"):
            return
        raise Refused(f"unknown hook {hook!r}. {did_you_mean(hook, KINDS.values())}")
    if options.get("wrapper") or options.get("hookwrapper"):
        raise Refused(f"{hook} is a wrapper: a plugin may not change what others offer")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise Refused(f"{hook} is asynchronous")
    parameters = list(inspect.signature(function).parameters)
    if parameters:  # no hook of this interface has any
        raise Refused(f"{hook} takes no parameters, but has {', '.join(parameters)}")


def component_fault(component: object) -> str:
    """What is wrong with a component; empty when nothing is.

    Examples
    --------
    >>> component_fault(Component("jpeg", "iqf_x.jpeg", "JPEG"))
    "target 'iqf_x.jpeg' is not of the form package.module:attribute"
    """
    if not isinstance(component, Component):
        return f"not a Component: {type(component).__name__}"
    texts = (component.name, component.target, component.summary, component.requires)
    if not all(isinstance(text, str) for text in texts):
        return "name, target, summary and requires must be text"
    if not _NAME.fullmatch(component.name):
        return f"name {component.name!r} may hold lower case, digits, _ and - only"
    if not _TARGET.fullmatch(component.target):
        return f"target {component.target!r} is not of the form package.module:attribute"
    return ""


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks of IQF."""
    from iqf_core import hookspecs

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager
