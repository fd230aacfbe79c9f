"""Families: settings that differ along one knob alone, from mild to harsh."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iqf_core import Knob, Modifier, ParameterError
from iqf_core import modifier as make_modifier
from iqf_core.errors import IqfError, did_you_mean


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a study: a variant under one choice of hyper-parameters.

    Parameters
    ----------
    variant : str
        Label.
    spec : mapping or None
        Of the modifier; None for the reference.
    knob : float or None
        Value of the knob that was used.
    hyperparameters : tuple of (str, value)
        Options of the script.
    ran : bool, optional
        Whether any run of it has ended, well or not.
    """

    variant: str
    spec: Mapping[str, Any] | None
    knob: float | None
    hyperparameters: tuple[tuple[str, Any], ...]
    ran: bool = True


@dataclass(frozen=True, slots=True)
class Family:
    """Settings along one knob, all else alike.

    Parameters
    ----------
    name : str
        Of the modifier or chain, with what tells it from others of that name.
    kind : str
        Name of the modifier or chain alone.
    reference : Setting
        The untouched images under the same hyper-parameters.
    settings : tuple of Setting
        From mild to harsh: an order that no outcome has a part in.
    part : int
        Which step of a chain it is that orders them; 0 for a modifier by itself.
    options : str
        Its hyper-parameters, those alone that differ within the study.
    """

    name: str
    kind: str
    reference: Setting
    settings: tuple[Setting, ...]
    part: int = 0
    options: str = ""

    @property
    def knob(self) -> Knob | None:
        """The knob that orders the settings, None where there is none or a target takes its place."""
        parts = [self._parts(setting)[self.part] for setting in self.settings]
        return None if any(part.knob_value is None for part in parts) else parts[0].knob

    def value_of(self, setting: Setting) -> float:
        """Value of the knob."""
        value = self._parts(setting)[self.part].knob_value
        return float("nan") if value is None else value

    def at(self, value: float) -> Modifier:
        """The modifier or chain with another value of the knob."""
        parts = self._parts(self.settings[0])
        changed = parts[self.part].with_knob(value)
        steps = [changed if index == self.part else part for index, part in enumerate(parts)]
        return steps[0] if len(steps) == 1 else make_modifier([one.spec() for one in steps])

    def _parts(self, setting: Setting) -> tuple[Modifier, ...]:
        return make_modifier(dict(setting.spec or {})).parts()


def families_of(settings: Sequence[Setting]) -> list[Family]:
    """Sort settings into families, each with the reference that it is held against.

    A setting without a knob is a family of its own. Of a chain of which several knobs vary, each choice of
    all but the last is a family.
    """
    references = {one.hyperparameters: one for one in settings if one.spec is None}
    found: dict[tuple[Any, ...], list[tuple[float, Setting]]] = {}
    kinds: dict[tuple[Any, ...], str] = {}
    varying, differing = _varying(settings), _differing(settings)
    for one in settings:
        if one.spec is None or one.hyperparameters not in references:
            continue
        modifier = _made(one.spec)
        if modifier is None:
            continue
        key, harm = _placed(modifier, one, varying)
        found.setdefault((one.hyperparameters, *key), []).append((harm, one))
        kinds[(one.hyperparameters, *key)] = modifier.family
    families = []
    for key, members in found.items():
        ordered = tuple(setting for _, setting in sorted(members, key=lambda pair: pair[0]))
        options = " ".join(f"{name}={value}" for name, value in key[0] if name in differing)
        name = _named(kinds[key], key, kinds, ordered, options)
        families.append(Family(name, kinds[key], references[key[0]], ordered, varying[kinds[key]], options))
    return families


def unplaced(settings: Sequence[Setting]) -> list[str]:
    """Modifiers and chains whose plugin is not here now: nothing says what is mild of them."""
    lost = [one.spec for one in settings if one.spec is not None and _made(one.spec) is None]
    return list(dict.fromkeys(map(_kind_of, lost)))


def _kind_of(spec: Mapping[str, Any]) -> str:
    """Name of a modifier, or names of a chain, by the spec alone."""
    ((name, parameters),) = spec.items()
    return "+".join(map(_kind_of, parameters["steps"])) if name == "chain" else str(name)


def _differing(settings: Sequence[Setting]) -> set[str]:
    """Hyper-parameters of more than one value."""
    values: dict[str, set[str]] = {}
    for one in settings:
        for name, value in one.hyperparameters:
            values.setdefault(name, set()).add(str(value))
    return {name for name, found in values.items() if len(found) > 1}


def chosen(families: Sequence[Family], asked: Sequence[str]) -> list[Family]:
    """Families of these names or kinds, all where none is asked for.

    Raises
    ------
    ParameterError
        When there is none at all, or none of a name.
    """
    if not families:
        raise ParameterError(
            "nothing to decide on: the results hold no modified setting with a reference (`reference: true`) "
            "beside it"
        )
    known = [name for one in families for name in (one.name, one.kind)]
    for name in asked:
        if name not in known:
            raise ParameterError(f"families: no family {name!r}. {did_you_mean(name, known)}")
    return [one for one in families if not asked or one.name in asked or one.kind in asked]


def _made(spec: Mapping[str, Any]) -> Modifier | None:
    try:
        return make_modifier(dict(spec))
    except IqfError:  # its plugin is no longer there: nothing says what is mild and what is harsh
        return None


def _varying(settings: Sequence[Setting]) -> dict[str, int]:
    """Kind of modifier or chain -> index of the last part whose knob differs between its settings."""
    values: dict[str, list[list[float | None]]] = {}
    for one in settings:
        modifier = None if one.spec is None else _made(one.spec)
        if modifier is not None:
            values.setdefault(modifier.family, []).append([part.knob_value for part in modifier.parts()])
    found = {}
    for kind, rows in values.items():
        differing = [index for index, column in enumerate(zip(*rows, strict=True)) if len(set(column)) > 1]
        found[kind] = differing[-1] if differing else len(rows[0]) - 1
    return found


def _placed(
    modifier: Modifier, setting: Setting, varying: Mapping[str, int]
) -> tuple[tuple[Any, ...], float]:
    """What a family has in common, and how harsh this setting of it is."""
    parts = modifier.parts()
    index = varying[modifier.family]
    part = parts[index]
    others = [one.spec() for number, one in enumerate(parts) if number != index]
    knob = part.knob
    if knob is None:
        return (modifier.family, repr([one.spec() for one in parts])), 0.0
    own = {key: value for key, value in part.parameters().items() if key != knob.field}
    value = part.knob_value if part.knob_value is not None else setting.knob
    if part.knob_value is None:  # a target differs from setting to setting; the knob that was found orders
        own = {key: None if key.startswith("target_") else value for key, value in own.items()}
    if (
        value is None
    ):  # a target that cannot be met is harsh; where one will lie that has not run is not known
        harm = math.inf if setting.ran else -math.inf
    else:
        harm = value if knob.harsh > knob.mild else -value
    return (modifier.family, index, repr(sorted(own.items())), repr(others)), harm


def _named(
    kind: str,
    key: tuple[Any, ...],
    kinds: Mapping[tuple[Any, ...], str],
    members: Sequence[Setting],
    options: str,
) -> str:
    """Kind; where there are several of it, with what tells them apart."""
    twins = [one for one, name in kinds.items() if name == kind]
    if len(twins) == 1:
        return kind
    alone = sum(one[0] == key[0] for one in twins) == 1
    return f"{kind} ({options})" if alone else f"{kind} ({members[0].variant} {options}".rstrip() + " …)"
