"""What a law is, and how it is tried: broken, kept, or not to be decided while another one is broken."""

from __future__ import annotations

import itertools
import unittest
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from iqf_core.errors import ParameterError, did_you_mean

Rule = Callable[[Any], None]
"""A law's function: given a case, it raises `BrokenLaw` or returns. Its docstring's first line is the law."""


class BrokenLaw(AssertionError):
    """A component does not do what every component of its kind must do."""


@dataclass(frozen=True)
class Law:
    """One law for one component.

    Parameters
    ----------
    rule : callable
        The law.
    case : object
        The component, and what its author declares of it; its text names it.
    basics : sequence of callable
        Laws without which others cannot be decided, the most basic one first.
    skipped : str, optional
        Why it is not tried.
    """

    rule: Rule = field(repr=False)
    case: Any
    basics: Sequence[Rule] = field(default=(), repr=False)
    skipped: str = ""

    @property
    def name(self) -> str:
        """Name of the law."""
        return self.rule.__name__

    @property
    def says(self) -> str:
        """The law in one sentence."""
        return said(self.rule)

    def check(self) -> None:
        """Try the law.

        Raises
        ------
        BrokenLaw
            Names the law, the component, the image and what was seen.
        unittest.SkipTest
            When its author skips it, or when something went wrong that is the breach of another law.
        """
        if self.skipped:
            raise unittest.SkipTest(f"{self}: {self.skipped}")
        try:
            self.rule(self.case)
        except BrokenLaw as breach:
            raise BrokenLaw(f"{self.case} breaks {self.name} ({self.says}): {breach}") from breach.__cause__
        except Exception as error:
            culprit = self._culprit()
            if culprit is not None:
                raise unittest.SkipTest(f"{self}: cannot be decided while {culprit} is broken") from error
            raise BrokenLaw(f"{self.case} breaks {self.name} ({self.says}): {seen(error)}") from error

    def _culprit(self) -> str | None:
        """The broken law that explains an error here, so that one fault is one failure.

        Only a law that stands before this one among the basics can: no two explain each other.
        """
        for rule in itertools.takewhile(lambda rule: rule is not self.rule, self.basics):
            try:
                rule(self.case)
            except Exception:  # noqa: BLE001 - however it fails: those before it do not
                return rule.__name__
        return None

    def __str__(self) -> str:
        return f"{self.case}-{self.name}"


def seen(error: Exception) -> str:
    """An error in a message, with what was noted of where it happened."""
    notes = "; ".join(getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error}" + (f" ({notes})" if notes else "")


def said(rule: Rule) -> str:
    """First line of a law's docstring, without its full stop."""
    return (rule.__doc__ or "").strip().splitlines()[0].rstrip(".")


def laws_for(
    case: Any,
    rules: Sequence[Rule],
    *,
    applies: Mapping[Rule, Callable[[Any], object]],
    basics: Sequence[Rule],
    skip: Mapping[str, str] | None,
) -> list[Law]:
    """The laws that apply to a case; those to skip carry their reason, and excuse no other.

    Raises
    ------
    ParameterError
        When a law is to be skipped that does not exist, or without a reason.
    """
    reasons = dict(skip or {})
    known = [rule.__name__ for rule in rules]
    for name, reason in reasons.items():
        if name not in known:
            raise ParameterError(f"skip: there is no law {name!r}. {did_you_mean(name, known)}")
        if not reason.strip():
            raise ParameterError(f"skip: say why {name} is skipped")
    held = [rule for rule in basics if rule.__name__ not in reasons]
    return [
        Law(rule, case, held, reasons.get(rule.__name__, ""))
        for rule in rules
        if rule not in applies or applies[rule](case)
    ]


def require_known(name: str, given: Sequence[Any], known: Sequence[Any]) -> None:
    """Raise ParameterError unless all that is declared exists, and something is."""
    strange = [one for one in given if one not in known]
    if strange or not given or isinstance(given, str):
        raise ParameterError(f"{name}={given!r}: name some of {', '.join(map(str, known))}")


def broken(laws: Iterable[Law]) -> list[str]:
    """Names of the laws that are broken: what a test of a deliberately wrong component looks at."""
    found = []
    for law in laws:
        try:
            law.check()
        except BrokenLaw:
            found.append(law.name)
        except unittest.SkipTest:
            continue
    return found
