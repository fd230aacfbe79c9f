"""What is to be asked for where nothing says by what a study is decided."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from iqf_core import ParameterError, Results


class NoCriterion(ParameterError):
    """What decides is not said; the text names what lacks."""


def require(given: Collection[str], results: Results | None = None) -> None:
    """Refuse where what decides is not all said, and name what lacks.

    Parameters
    ----------
    given : collection of str
        Keys of a criterion.
    results : Results or None, optional
        Of the study, for an example that fits it.

    Raises
    ------
    NoCriterion
        When metric or margin lacks.
    """
    lacking = [key for key in ("metric", "margin") if key not in given]
    if lacking:
        options = " and ".join(f"--{key}" for key in lacking)
        raise NoCriterion(
            f"what decides? The study has no `criterion:`, so give {options}, such as "
            f"`{example(results, lacking)}`"
        )


def example(results: Results | None, keys: Collection[str] = ("metric", "margin")) -> str:
    """Options that would decide a study, by a metric that it has."""
    metric = None if results is None else results.quality()
    values = {"metric": shlex.quote(metric or "METRIC"), "margin": "0.03"}
    return " ".join(f"--{key} {values[key]}" for key in keys)
