"""Plugins: discovered, loaded in isolation, and looked up by name.

A plugin is an installed distribution with an entry point in the group ``iqf`` (`iqf_core.hookspecs`
shows a complete one). `registry` gives the components of those that are active, and a record of each.
"""

from __future__ import annotations

from iqf_core.plugins.lookup import Entry, Registry
from iqf_core.plugins.policy import Policy, policy_from_environment
from iqf_core.plugins.process import configure, configured_policy, registry
from iqf_core.plugins.records import PluginRecord, Problem, Status

__all__ = [
    "Entry",
    "PluginRecord",
    "Policy",
    "Problem",
    "Registry",
    "Status",
    "configure",
    "configured_policy",
    "policy_from_environment",
    "registry",
]
