"""A knob that depends on the setting: sigma of a Gaussian, radius of a disc, length of a motion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from iqf_core import Knob


class _KnobOf:
    def __init__(self, usual: Knob, choose: Callable[[Any], Knob | None]) -> None:
        self._usual = usual
        self._choose = choose

    def __get__(self, setting: Any, owner: Any = None) -> Knob | None:
        return self._usual if setting is None else self._choose(setting)


def knob_of(usual: Knob, choose: Callable[[Any], Knob | None]) -> Knob | None:
    """Class variable ``knob`` of a modifier whose settings differ in the parameter along which harm grows.

    Parameters
    ----------
    usual : Knob
        What the class answers.
    choose : callable
        Setting -> its own knob, or None when it has none.
    """
    return cast("Knob | None", _KnobOf(usual, choose))
