"""From what a person writes to modifiers: names, one-line calls, chains, grids, targets."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from iqf_core.errors import ParameterError, did_you_mean
from iqf_core.modifiers import Chain, ImageModifier, Modifier
from iqf_core.parameters import create, parse_spec, plain
from iqf_core.targets import PREFIX, RateTarget

Spec = str | Mapping[str, Any] | Sequence[Any] | Modifier
"""``"jpeg(quality=50)"``, ``{"jpeg": {"quality": 50}}``, a list of these (a chain), or a modifier."""


def modifier(spec: Spec, **parameters: Any) -> Modifier:
    """Make a modifier of the active plugins.

    Parameters
    ----------
    spec : str, mapping, sequence or Modifier
        A name (``"jpeg"``, or ``"iqf-modifiers-compression:jpeg"`` where two plugins offer one), a call
        (``"jpeg(quality=50)"``), ``{"jpeg": {"quality": 50}}``, or several of these: a chain, also
        written ``"blur(sigma=1) | jpeg(quality=50)"``.
    **parameters
        Parameters, when ``spec`` is a name. Instead of the value of its knob, any modifier that reports
        a coded size takes ``target_bits_per_pixel`` or ``target_ratio``, and ``per_image``.

    Returns
    -------
    Modifier
        Immutable and hashable.

    Raises
    ------
    UnknownComponent, AmbiguousComponent, BrokenComponent
        When the name cannot be resolved to one modifier.
    ParameterError
        When a parameter is unknown or out of its range.

    Examples
    --------
    >>> modifier("identity").label
    'identity'
    """
    made = expand(spec, **parameters)
    if len(made) != 1:
        raise ParameterError(f"{spec!r} is a grid of {len(made)} modifiers; write one value per parameter")
    return made[0]


def expand(spec: Spec, **parameters: Any) -> list[Modifier]:
    """All modifiers of a spec whose parameters may be lists of values to try.

    Parameters
    ----------
    spec : str, mapping, sequence or Modifier
        As for `modifier`. A list as a value is a grid over its entries; a value that is itself a list is
        written as a list in a list.
    **parameters
        As for `modifier`.

    Returns
    -------
    list of Modifier
        The product of all grids, the last one varying fastest.
    """
    if isinstance(spec, Modifier):
        return [spec.replaced(**parameters) if parameters else spec]
    if isinstance(spec, str) and len(parts := _parts_of(spec)) > 1:
        spec = parts
    if isinstance(spec, Sequence) and not isinstance(spec, str):
        _refuse_parameters(parameters)
        return [_chain(steps) for steps in itertools.product(*map(expand, spec))]
    name, written = parse_spec(spec)
    if name == "chain":
        _refuse_parameters({key: value for key, value in written.items() if key != "steps"} | parameters)
        return expand(written.get("steps", ()))
    axes = {key: plain(value) for key, value in {**written, **parameters}.items()}
    empty = [key for key, value in axes.items() if value == []]
    if empty:
        raise ParameterError(f"{name}: {empty[0]} is an empty list: there is nothing to try")
    return [_make(name, point) for point in grid(axes)]


def _parts_of(text: str) -> list[str]:
    """Steps of ``"a | b"``; a bar inside brackets is part of a value."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _refuse_parameters(parameters: Mapping[str, Any]) -> None:
    """A chain has none of its own: each step has its."""
    if parameters:
        raise ParameterError(f"a chain has no parameter {next(iter(parameters))!r}: write it at its step")


def grid(axes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of the values of some axes; a value that is not a list is a single one.

    Examples
    --------
    >>> grid({"quality": [10, 30], "progressive": True})
    [{'quality': 10, 'progressive': True}, {'quality': 30, 'progressive': True}]
    """
    values = [value if isinstance(value, list) else [value] for value in axes.values()]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*values)]


def _chain(steps: Sequence[Modifier]) -> Modifier:
    if not steps:
        raise ParameterError("a chain needs at least one modifier")
    if len(steps) == 1:
        return steps[0]
    return Chain(steps=tuple(map(_of_single_images, steps)))


def _of_single_images(step: Modifier) -> ImageModifier:
    if not isinstance(step, ImageModifier):
        raise ParameterError(f"{step} is no modifier of single images: it cannot be a step or have a target")
    return step


def _make(name: str, parameters: Mapping[str, Any]) -> Modifier:
    aims = {key for key in parameters if key.startswith(PREFIX)} & set(RateTarget.model_fields)
    others = [key for key in parameters if key.startswith(PREFIX) and key not in aims]
    strange = [key for key in others if key not in _fields(name)] if others else []
    if strange:
        hint = did_you_mean(strange[0], [key for key in RateTarget.model_fields if key.startswith(PREFIX)])
        raise ParameterError(f"{name}: no target {strange[0]!r}. {hint}")
    if not aims:
        return create("modifiers", name, parameters, base=Modifier)
    if others:
        raise ParameterError(f"{name}: give {others[0]} or {min(aims)}, not both")
    aims.add("per_image")
    own = {key: value for key, value in parameters.items() if key in aims}
    rest = {key: value for key, value in parameters.items() if key not in aims}
    aimed = _of_single_images(_without_knob(name, rest))
    return RateTarget(modifier=aimed, **own)


def _fields(name: str) -> Collection[str]:
    """Parameters of a modifier: it may have targets of its own."""
    from iqf_core.plugins import registry

    return list(registry().load("modifiers", name).model_fields)


def _without_knob(name: str, parameters: Mapping[str, Any]) -> Modifier:
    """The modifier at the mild end of its knob, refusing a knob beside the target."""
    from iqf_core.plugins import registry

    knob = registry().load("modifiers", name).knob
    if knob is None:
        raise ParameterError(f"{name} has no knob, so a target cannot be searched for it")
    if knob.field in parameters:
        raise ParameterError(
            f"{name}: give {knob.field} or a target, not both: {knob.field} is what is searched"
        )
    mild = round(knob.mild) if knob.integer else float(knob.mild)
    return create("modifiers", name, {**parameters, knob.field: mild}, base=Modifier)
