"""Which plugins may be imported: decided before any of them is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from iqf_core.errors import PluginError

CORE = "iqf-core"
VARIABLE = "IQF_DISABLE_PLUGINS"


def normalised(distribution: str) -> str:
    """Name of a distribution as packaging tools compare it (PEP 503).

    Examples
    --------
    >>> normalised("IQF_Metrics.snr")
    'iqf-metrics-snr'
    """
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


@dataclass(frozen=True, slots=True)
class Policy:
    """Which plugins may be imported, and which must be there.

    Parameters
    ----------
    disable : frozenset of str
        Distributions that are not imported. The core's own components cannot be disabled.
    only_builtin : bool
        Import nothing but the core's own components.
    require : frozenset of str
        Requirements (PEP 508) that must be installed and active: ``"iqf-metrics-snr>=0.1"``.

    Raises
    ------
    PluginError
        When ``disable`` names iqf-core.

    Examples
    --------
    >>> policy = Policy(disable=frozenset({"iqf-b"})) | Policy(only_builtin=True)
    >>> policy.refusal("iqf-a")
    'disabled by --no-plugins'
    """

    disable: frozenset[str] = frozenset()
    only_builtin: bool = False
    require: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = frozenset(map(normalised, self.disable)) - {""}
        if CORE in names:
            raise PluginError(f"{CORE} holds the built-ins and cannot be disabled: take it out of {VARIABLE}")
        object.__setattr__(self, "disable", names)

    def __or__(self, other: Policy) -> Policy:
        """Both: what either disables is disabled, what either requires is required."""
        return Policy(
            disable=self.disable | other.disable,
            only_builtin=self.only_builtin or other.only_builtin,
            require=self.require | other.require,
        )

    def refusal(self, distribution: str) -> str:
        """Why a distribution must not be imported; empty when it may be."""
        name = normalised(distribution)
        if name == CORE:
            return ""
        if name in self.disable:
            return f"disabled by name ({VARIABLE}, or a study's plugins.disable)"
        return "disabled by --no-plugins" if self.only_builtin else ""


def policy_from_environment(environment: Mapping[str, str] | None = None) -> Policy:
    """Policy of ``IQF_DISABLE_PLUGINS=a,b``.

    Parameters
    ----------
    environment : mapping of str to str or None, optional
        None means the process's own.

    Raises
    ------
    PluginError
        When it names iqf-core.
    """
    names = (os.environ if environment is None else environment).get(VARIABLE, "")
    return Policy(disable=frozenset(names.split(",")))
