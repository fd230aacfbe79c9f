"""Laws of the values that a metric gives, whatever it measures."""

from __future__ import annotations

import fnmatch
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import SupportsFloat

from iqf_core.metrics import Metric, Missing, Output
from iqf_core.testing.law import BrokenLaw, seen

Values = Mapping[str, float]


def require_outputs(metric: Metric, values: object, told: str) -> None:
    """Exactly the declared outputs, each a number."""
    if not isinstance(values, Mapping):
        raise BrokenLaw(f"it gave {type(values).__name__}, not a mapping ({told})")
    declared = {output.name for output in metric.outputs}
    unsaid, lacking = sorted(values.keys() - declared), sorted(declared - values.keys())
    if unsaid or lacking:
        message = [f"gave {unsaid}, which it does not declare"] * bool(unsaid)
        message += [f"did not give {lacking}; where it cannot be said, give Missing"] * bool(lacking)
        raise BrokenLaw(f"{'; '.join(message)} ({told})")
    strange = [name for name, value in values.items() if not isinstance(value, SupportsFloat)]
    if strange:
        raise BrokenLaw(f"{strange[0]}={values[strange[0]]!r} is no number ({told})")


def require_range(metric: Metric, values: Values, told: str) -> None:
    """Each value inside what its output declares; NaN is another law's."""
    for output in metric.outputs:
        value = float(values[output.name])
        if not math.isnan(value) and not output.low <= value <= output.high:
            bounds = f"{output.low:g} to {output.high:g}"
            raise BrokenLaw(f"{output.name}={value!r} lies outside its declared {bounds} ({told})")


def require_reasons(values: Values, told: str) -> None:
    """Each NaN a `Missing` that says why."""
    for name, value in values.items():
        if not math.isnan(float(value)):
            continue
        if not isinstance(value, Missing) or not value.reason.strip():
            raise BrokenLaw(f"{name} is NaN without a reason: give Missing(reason) ({told})")


def require_missing(metric: Metric, values: Values, always: Sequence[str], told: str) -> None:
    """Every output missing but those that an empty image has too."""
    for output in metric.outputs:
        value = values[output.name]
        if not listed(output.name, always) and not math.isnan(float(value)):
            raise BrokenLaw(
                f"{output.name}={float(value)!r} where nothing can be measured; if it has a value there too,"
                f" declare always=[{output.name!r}] ({told})"
            )


def listed(name: str, patterns: Sequence[str]) -> bool:
    """Whether an output is among those that its author lists; ``*`` stands for any text."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def require_equal(found: Values, expected: Values, message: str, *, relative: float = 0.0) -> None:
    """Equal values, NaN to NaN."""
    for name, value in expected.items():
        first, second = float(value), float(found[name])
        same = math.isclose(first, second, rel_tol=relative, abs_tol=relative)
        if not same and not (math.isnan(first) and math.isnan(second)):
            raise BrokenLaw(f"{message}: {name} is {second!r}, not {first!r}")


def goodness(output: Output, value: float) -> float:
    """Value as a number that is larger where it is better."""
    return float(value) if output.better == "higher" else -float(value)


@contextmanager
def strictly(told: str) -> Iterator[None]:
    """Turn warnings into errors, and say in every error what was measured."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except Exception as error:
        error.add_note(told)
        raise


@contextmanager
def errors_are_breaches(told: str) -> Iterator[None]:
    """Turn every warning and every error into a broken law."""
    try:
        with strictly(told):
            yield
    except Exception as error:
        raise BrokenLaw(seen(error)) from error
