"""What a loaded component says of itself: its parameters, its knob, its outputs.

Read from the class as it is, so that pydantic need not be imported here and a plain class will do.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

_PARAMETERS = re.compile(r"^Parameters\n-+\n(.*?)(?=^[^\n]+\n-{3,}\n|\Z)", re.DOTALL | re.MULTILINE)
_LIMITS = {"ge": ">= {}", "gt": "> {}", "le": "<= {}", "lt": "< {}", "multiple_of": "multiple of {}"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a component.

    Parameters
    ----------
    name, type : str
        As a person would write them.
    required : bool
        Whether it has no default.
    default : object
        None when it is required.
    range : str
        Limits that its values are held to; empty when there are none.
    description : str
        One line, from the field or from the class's docstring.
    """

    name: str
    type: str
    required: bool
    default: Any
    range: str
    description: str


def parameters(component: type) -> list[Parameter]:
    """Parameters of a component that is a pydantic model; none for any other class."""
    documented = _documented(component)
    return [
        Parameter(
            name=name,
            type=type_text(field.annotation),
            required=field.is_required(),
            default=None if field.is_required() else field.get_default(call_default_factory=True),
            range=_range([*field.metadata, *_nested_limits(field.annotation)]),
            description=" ".join((field.description or documented.get(name, "")).split()),
        )
        for name, field in getattr(component, "model_fields", {}).items()
    ]


def describe(component: type) -> dict[str, Any]:
    """Everything that a component says of itself, as values for JSON.

    Returns
    -------
    dict
        ``doc`` (without its parameters), ``parameters``, ``knob`` (None without one) and ``outputs``.
    """
    knob = getattr(component, "knob", None)
    outputs = getattr(component, "outputs", ())
    return {
        "doc": _PARAMETERS.sub("", inspect.cleandoc(component.__doc__ or "")).strip(),
        "parameters": [asdict(parameter) for parameter in parameters(component)],
        "knob": _fields(knob) if knob is not None else None,
        "outputs": [_fields(output) for output in outputs] if isinstance(outputs, tuple | list) else [],
    }


def type_text(annotation: Any) -> str:
    """A type as a person would write it.

    Examples
    --------
    >>> type_text(int | None)
    'int | None'
    >>> type_text(typing.Literal["4:4:4", "4:2:0"])
    "'4:4:4' | '4:2:0'"
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_text(arguments[0])
    if origin is typing.Literal:
        return " | ".join(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(type_text, arguments))
    if annotation is Ellipsis:
        return "..."
    if annotation is types.NoneType:
        return "None"
    name = getattr(origin or annotation, "__name__", str(annotation))
    return f"{name}[{', '.join(map(type_text, arguments))}]" if arguments else name


def _range(limits: Iterable[object]) -> str:
    """Limits as text: ``1 to 100``, ``> 0``."""
    found = {
        name: value
        for limit in limits
        for name in _LIMITS
        if (value := getattr(limit, name, None)) is not None
    }
    ends = [f"{found.pop('ge')} to {found.pop('le')}"] if {"ge", "le"} <= found.keys() else []
    return ", ".join([*ends, *(_LIMITS[name].format(value) for name, value in found.items())])


def _nested_limits(annotation: Any) -> Iterator[object]:
    """Limits inside a type, as in ``Annotated[int, Ge(1)] | None``."""
    if typing.get_origin(annotation) is typing.Annotated:
        for extra in annotation.__metadata__:
            yield extra
            yield from getattr(extra, "metadata", ())
    for argument in typing.get_args(annotation):
        yield from _nested_limits(argument)


def _documented(component: type) -> dict[str, str]:
    """Parameter -> text, from the numpydoc section ``Parameters`` of the class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(component.__mro__):
        section = _PARAMETERS.search(inspect.cleandoc(base.__doc__ or ""))
        text = section[1] if section else ""
        entries = re.findall(r"^(\w[\w, ]*?) *(?::[^\n]*)?\n((?:[ \t]+[^\n]*\n?)+)", text, re.MULTILINE)
        found |= {name.strip(): lines for names, lines in entries for name in names.split(",")}
    return found


def _fields(item: Any) -> dict[str, Any]:
    """Fields of a dataclass or pydantic model."""
    if is_dataclass(item) and not isinstance(item, type):
        return asdict(item)
    return dict(item.model_dump()) if hasattr(item, "model_dump") else {"name": str(item)}
