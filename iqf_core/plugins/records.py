"""What is known of each plugin, whether it could be loaded or not."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from iqf_core.hookspecs import Component


class Status(enum.StrEnum):
    """Whether a plugin's components can be used."""

    ACTIVE = "active"
    DISABLED = "disabled"
    """By the policy; it was not imported."""
    INCOMPATIBLE = "incompatible"
    """Made for another version of IQF."""
    BROKEN = "broken"
    """It could not be imported, or breaks the rules of the interface."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A component that was dropped while its plugin stayed active.

    Parameters
    ----------
    kind : str
        ``"modifiers"``, ``"metrics"``, ...
    component : str
        Its name, as far as it has one.
    reason : str
        One line.
    """

    kind: str
    component: str
    reason: str


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """What is known of one entry point of the group ``iqf``.

    Parameters
    ----------
    distribution, version : str
        What ``pip list`` shows.
    entry_point, value : str
        Name and module of the entry point.
    status : Status
        Whether it can be used.
    reason : str
        One line that says why it is not active; empty when it is.
    api : int or None
        Its ``IQF_API``; None when it has none or was not imported.
    requirement : str
        Its own requirement on iqf-core, empty when it states none.
    components : mapping of str to tuple of Component
        Kind -> what it offers.
    problems : tuple of Problem
        Components that were dropped.
    traceback : str
        Of what made it broken; empty when no exception did.
    """

    distribution: str
    version: str
    entry_point: str
    value: str
    status: Status = Status.ACTIVE
    reason: str = ""
    api: int | None = None
    requirement: str = ""
    components: Mapping[str, tuple[Component, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    traceback: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)


def printable(text: str) -> str:
    r"""Text of a stranger without what would steer a terminal; line ends are kept.

    Examples
    --------
    >>> printable("red\x1b[31m")
    'red [31m'
    """
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in text.splitlines())


def one_line(text: str, *, longest: int = 300) -> str:
    r"""Text of a stranger in one printable line of at most ``longest`` characters.

    Examples
    --------
    >>> one_line("two\n  lines")
    'two lines'
    """
    line = " ".join(printable(text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
