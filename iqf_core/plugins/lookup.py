"""Find a component by name among the active plugins, and import it when it is first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from iqf_core.errors import (
    AmbiguousComponent,
    BrokenComponent,
    MissingDependency,
    PluginError,
    UnknownComponent,
    did_you_mean,
)
from iqf_core.hookspecs import KINDS, Component
from iqf_core.plugins.policy import normalised
from iqf_core.plugins.records import PluginRecord, Status


@dataclass(frozen=True, slots=True)
class Entry:
    """A component and the plugin that offers it.

    Parameters
    ----------
    kind : str
        ``"modifiers"``, ``"metrics"``, ``"executors"``, ``"formats"`` or ``"commands"``.
    distribution, version : str
        Of the plugin.
    component : Component
        What it offers.
    """

    kind: str
    distribution: str
    version: str
    component: Component

    @property
    def name(self) -> str:
        """Bare name."""
        return self.component.name

    @property
    def full_name(self) -> str:
        """``distribution:name``, which no other plugin can offer."""
        return f"{self.distribution}:{self.component.name}"


class Registry:
    """The components of all active plugins, and what is known of the others.

    Parameters
    ----------
    records : iterable of PluginRecord
        As `load_plugins` returns them.
    """

    def __init__(self, records: Iterable[PluginRecord]) -> None:
        self.records = tuple(records)
        self._entries: dict[str, tuple[Entry, ...]] = {
            kind: tuple(
                Entry(kind, record.distribution, record.version, component)
                for record in self.records
                for component in record.components.get(kind, ())
            )
            for kind in KINDS
        }
        self._loaded: dict[Entry, Any] = {}

    def components(self, kind: str) -> tuple[Entry, ...]:
        """Every component of a kind, sorted by name and plugin; nothing is imported.

        Parameters
        ----------
        kind : {"modifiers", "metrics", "executors", "formats", "commands"}
            What to list.
        """
        if kind not in KINDS:
            raise PluginError(f"there is no kind of component {kind!r}. {did_you_mean(kind, KINDS)}")
        return tuple(sorted(self._entries[kind], key=lambda entry: (entry.name, entry.distribution)))

    def resolve(self, kind: str, name: str) -> Entry:
        """The one component that a name means.

        Parameters
        ----------
        kind : {"modifiers", "metrics", "executors", "formats", "commands"}
            What to look for.
        name : str
            ``distribution:name``, or the bare name while exactly one active plugin offers it.

        Raises
        ------
        UnknownComponent
            With close matches, and the plugins that are not active and might offer it.
        AmbiguousComponent
            With the full names of all that offer it.
        """
        distribution, _, bare = name.rpartition(":")
        entries = [
            entry
            for entry in self.components(kind)
            if entry.name == bare
            and (not distribution or normalised(entry.distribution) == normalised(distribution))
        ]
        if len(entries) == 1:
            return entries[0]
        if not entries:
            raise UnknownComponent(self._unknown(kind, name, distribution))
        names = " or ".join(repr(entry.full_name) for entry in entries)
        raise AmbiguousComponent(f"several plugins offer the {kind[:-1]} {bare!r}: write {names}")

    def load(self, kind: str, name: str, *, base: type | None = None) -> Any:
        """Import a component, the first time that it is used.

        Parameters
        ----------
        kind : {"modifiers", "metrics", "executors", "formats", "commands"}
            What to look for.
        name : str
            As for `resolve`.
        base : type or None, optional
            What the component must be a subclass or an instance of.

        Returns
        -------
        object
            What the component's target names.

        Raises
        ------
        PluginError
            As `resolve`; `MissingDependency` when an optional requirement is not installed,
            `BrokenComponent` when the import fails in another way or gives something else than ``base``.
        """
        entry = self.resolve(kind, name)
        if entry not in self._loaded:
            self._loaded[entry] = load_target(entry)
        found = self._loaded[entry]
        if base is not None and not (
            isinstance(found, base) or (isinstance(found, type) and issubclass(found, base))
        ):
            raise _broken(entry, f"it is no {base.__name__}")
        return found

    def entry_of(self, item: object) -> Entry | None:
        """Which plugin offers a class, or the class of an object; None when none does.

        Also answers for classes that the user imported directly.
        """
        wanted = item if isinstance(item, type) else type(item)
        every = (entry for kind in KINDS for entry in self._entries[kind])
        return next((entry for entry in every if _in_memory(entry) is wanted), None)

    def inactive(self, distribution: str = "") -> str:
        """Sentence on the plugins that are not active, or on one of them; empty when all are."""
        wanted = [
            f"{record.distribution} ({record.status}: {record.reason})"
            for record in self.records
            if record.status is not Status.ACTIVE
            and (not distribution or normalised(record.distribution) == normalised(distribution))
        ]
        return f"Not active, and might offer it: {'; '.join(wanted)}." if wanted else ""

    def check_required(self, requirements: Iterable[str]) -> None:
        """Make sure that plugins are installed and active.

        Parameters
        ----------
        requirements : iterable of str
            PEP 508: ``"iqf-metrics-snr>=0.1"``.

        Raises
        ------
        PluginError
            Naming each that is not, what is wrong with it, and the ``pip install`` that helps.
        """
        faults = [fault for text in sorted(requirements) if (fault := self._requirement_fault(text))]
        if faults:
            raise PluginError("required plugins cannot be used: " + "; ".join(faults))

    def _requirement_fault(self, text: str) -> str:
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            return f"{text!r} is not a requirement ({error})"
        name = normalised(requirement.name)
        records = [record for record in self.records if normalised(record.distribution) == name]
        if not records:
            return f"{text} is not installed (pip install '{text}')"
        for record in records:
            if not requirement.specifier.contains(record.version, prereleases=True):
                return f"{text} is asked for, {record.version} is installed (pip install '{text}')"
            if record.status is not Status.ACTIVE:
                return f"{record.distribution} {record.version} is {record.status}: {record.reason}"
        return ""

    def _unknown(self, kind: str, name: str, distribution: str) -> str:
        bare = name.rpartition(":")[2]
        known = self.components(kind)
        names = [entry.full_name if distribution else entry.name for entry in known]
        parts = [f"no active plugin offers the {kind[:-1]} {name!r}. {did_you_mean(name, names)}"]
        parts += [
            f"{record.distribution} offers it, but it was dropped: {problem.reason}."
            for record in self.records
            for problem in record.problems
            if (problem.kind, problem.component) == (kind, bare)
        ]
        return " ".join([*parts, self.inactive(distribution)]).strip()


def load_target(entry: Entry) -> Any:
    """Import what the target of a component names.

    Raises
    ------
    MissingDependency
        When a module is missing and the component declares what it requires.
    BrokenComponent
        When it fails in any other way.
    """
    module, _, attributes = entry.component.target.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except ImportError as error:
        own = (error.name or "").partition(".")[0] == module.partition(".")[0]
        if own or not entry.component.requires:
            raise _broken(entry, f"{type(error).__name__}: {error}") from error
        needs = entry.component.requires
        message = f"the {entry.kind[:-1]} {entry.full_name!r} needs {needs}: pip install '{needs}' ({error})"
        raise MissingDependency(message, name=error.name) from error
    except (Exception, SystemExit) as error:
        raise _broken(entry, f"{type(error).__name__}: {error}") from error
    return found


def _broken(entry: Entry, reason: str) -> BrokenComponent:
    who = f"{entry.distribution} {entry.version}".strip()
    return BrokenComponent(
        f"{who} offers the {entry.kind[:-1]} {entry.name!r}, "
        f"but {entry.component.target} cannot be loaded: {reason}"
    )


def _in_memory(entry: Entry) -> object:
    """What a target names if it has been imported; None otherwise."""
    module, _, attributes = entry.component.target.partition(":")
    found: object = sys.modules.get(module)
    for attribute in attributes.split("."):
        found = vars(found).get(attribute) if hasattr(found, "__dict__") else None
    return found
