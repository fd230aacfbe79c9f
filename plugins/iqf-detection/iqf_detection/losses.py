"""What a conversion would lose: kept count of, and told."""

from __future__ import annotations

from collections.abc import Mapping


class Losses:
    """Kinds of what the other format cannot say, how often each, and where first."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, what: str, where: str = "") -> None:
        """Note one."""
        count, first = self._found.get(what, (0, where))
        self._found[what] = count + 1, first

    @property
    def counts(self) -> Mapping[str, int]:
        """Kind -> how often."""
        return {what: count for what, (count, _) in self._found.items()}

    def __bool__(self) -> bool:
        return bool(self._found)

    def __str__(self) -> str:
        return "; ".join(_told(what, *found) for what, found in self._found.items())


def _told(what: str, count: int, first: str) -> str:
    if not first:
        return what
    return f"{what} ({first})" if count == 1 else f"{what} ({count:,} times, first in {first})"
