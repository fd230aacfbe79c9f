"""What a loaded component says of itself: its parameters, its knob, its outputs.

Read from the class as it is, so that pydantic need not be imported here and a plain class will do.
"""

from __future__ import annotations

import inspect
import math
import re
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import asdict, is_dataclass
from typing import Any

_PARAMETERS = re.compile(r"^Parameters\n-+\n(.*?)(?=^[^\n]+\n-{3,}\n|\Z)", re.DOTALL | re.MULTILINE)
_LIMITS = {"ge": ">= {}", "gt": "> {}", "le": "<= {}", "lt": "< {}", "multiple_of": "multiple of {}"}


def describe(component: type) -> dict[str, Any]:
    """Everything that a component says of itself, as values for JSON.

    Returns
    -------
    dict
        ``doc`` (without its parameters); ``parameters``, each with name, type, required, default, range
        and description; ``knob`` (None without one); ``outputs``.
    """
    documented = _documented(component)
    knob = getattr(component, "knob", None)
    outputs = getattr(component, "outputs", ())
    return {
        "doc": _PARAMETERS.sub("", inspect.cleandoc(component.__doc__ or "")).strip(),
        "parameters": [
            _parameter(name, field, documented.get(name, ""))
            for name, field in getattr(component, "model_fields", {}).items()
        ],
        "knob": _fields(knob) if knob is not None else None,
        "outputs": [_fields(output) for output in outputs] if isinstance(outputs, tuple | list) else [],
    }


def _parameter(name: str, field: Any, documented: str) -> dict[str, Any]:
    required = field.is_required()
    return {
        "name": name,
        "type": type_text(field.annotation),
        "required": required,
        "default": None if required else field.get_default(call_default_factory=True),
        "range": _range([*field.metadata, *_nested_limits(field.annotation)]),
        "description": " ".join((field.description or documented).split()),
        **({"example": field.examples[0]} if field.examples else {}),
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
    """Fields of a dataclass or pydantic model; an infinite number becomes None, as JSON has none."""
    if is_dataclass(item) and not isinstance(item, type):
        fields = asdict(item)
    else:
        fields = dict(item.model_dump()) if hasattr(item, "model_dump") else {"name": str(item)}
    return {name: None if value in (math.inf, -math.inf) else value for name, value in fields.items()}
