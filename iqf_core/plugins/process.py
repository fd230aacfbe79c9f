"""The one registry of this process: its policy, its making, and what is said about broken plugins."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from iqf_core.errors import PluginError
from iqf_core.plugins.loading import load_plugins
from iqf_core.plugins.lookup import Registry
from iqf_core.plugins.policy import Policy, policy_from_environment
from iqf_core.plugins.records import PluginRecord, Status


@dataclass(slots=True)
class _Process:
    configured: Policy = field(default_factory=Policy)
    registry: Registry | None = None
    loading: bool = False
    reported: set[str] = field(default_factory=set)


_process = _Process()
_lock = threading.RLock()


def configured_policy() -> Policy:
    """The policy that `configure` set last, without that of the environment.

    Examples
    --------
    Require a plugin on top of what is configured already::

        configure(configured_policy() | Policy(require=frozenset({"iqf-metrics-snr>=0.1"})))
    """
    return _process.configured


def configure(policy: Policy) -> None:
    """Set the policy of this process; the environment's is added to it. The registry is made anew."""
    with _lock:
        _process.configured = policy
        _process.registry = None


def registry() -> Registry:
    """The registry of this process, made on the first call.

    Returns
    -------
    Registry
        The same object until `configure` is called.

    Raises
    ------
    PluginError
        When a plugin that the policy requires cannot be used, or the policy disables the core.
    """
    with _lock:
        if _process.loading:
            raise PluginError("a plugin asked for the registry while it was being imported")
        if _process.registry is None:
            _process.registry = _made()
        return _process.registry


def _made() -> Registry:
    policy = policy_from_environment() | _process.configured
    _process.loading = True
    try:
        made = Registry(load_plugins(policy))
    finally:
        _process.loading = False
    for record in made.records:
        _report(record)
    made.check_required(policy.require)
    return made


def _report(record: PluginRecord) -> None:
    """One line on a plugin that cannot be used as its author meant, once per process."""
    name = f"{record.distribution} {record.version}"
    if record.status in (Status.BROKEN, Status.INCOMPATIBLE):
        line = f"plugin {name} is {record.status}: {record.reason}"
    elif record.problems:
        first = record.problems[0]
        count = len(record.problems)
        line = f"plugin {name}: {count} of its components dropped: {first.component}: {first.reason}"
    else:
        return
    if line not in _process.reported:
        _process.reported.add(line)
        import logging

        # Unless the application configured logging, Python's handler of last resort prints the bare line.
        logging.getLogger("iqf").warning("iqf: %s (see: iqf plugins show %s)", line, record.distribution)
