"""Decisions and pictures for IQF: recommendation, refinement, plots.

Every public name is here, imported on first use, so that looking for plugins costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_report.deciding import Recommendation as Recommendation
    from iqf_report.deciding import decide as decide

_MODULE_OF = {"Recommendation": "deciding", "decide": "deciding"}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
