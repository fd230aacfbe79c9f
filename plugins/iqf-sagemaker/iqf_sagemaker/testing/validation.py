"""Requests held against botocore's model of SageMaker: also the limits that a client does not look at."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from iqf_sagemaker.testing.answers import ServiceError

FAILED = "failed to satisfy constraint:"
_CLASSES = {"L": r"\w", "N": r"\d", "Z": r"\s", "Alnum": "a-zA-Z0-9"}


def validate(request: Any, shape: Any) -> None:
    """Refuse a request that does not keep to its shape, as the service does.

    Parameters
    ----------
    request : object
        As decoded from JSON.
    shape : botocore.model.Shape
        Of the operation's input.

    Raises
    ------
    ServiceError
        ``ValidationException``, with every constraint that is broken.
    """
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(request, shape)
    broken = list(_broken(request, shape, "")) if isinstance(request, dict) else []
    if broken:
        plural = "s" if len(broken) > 1 else ""
        message = f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}"
        raise ServiceError("ValidationException", message)
    if report.has_errors():
        raise ServiceError("ValidationException", report.generate_report())


def _broken(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Sentences about what is wrong with a value, and with what it holds; wrong types are told elsewhere."""
    kind = shape.type_name
    for constraint in _constraints(value, shape):
        shown = value if isinstance(value, str | int | float) else _java(value)
        yield f"Value '{shown}' at '{path}' {FAILED} {constraint}"
    if kind == "structure" and isinstance(value, dict):
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{_join(path, name)}' {FAILED} Member must not be null"
        for name in value.keys() & shape.members.keys():
            yield from _broken(value[name], shape.members[name], _join(path, name))
    elif kind == "list" and isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _broken(item, shape.member, f"{path}.{number}.member")
    elif kind == "map" and isinstance(value, dict):
        for key, item in value.items():
            for constraint in _constraints(key, shape.key):
                yield f"Value '{key}' at '{path}' {FAILED} Map keys must satisfy constraint: [{constraint}]"
            for constraint in _constraints(item, shape.value):
                yield f"Value '{item}' at '{path}' {FAILED} Map value must satisfy constraint: [{constraint}]"


def _constraints(value: Any, shape: Any) -> Iterator[str]:
    """What the value itself must satisfy and does not, in the service's words."""
    kind, limits = shape.type_name, shape.metadata
    if kind == "string" and isinstance(value, str):
        yield from _bounds(len(value), limits, "have length")
        if limits.get("enum") and value not in limits["enum"]:
            yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"
        if "pattern" in limits and not compiled(limits["pattern"]).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {limits['pattern']}"
    elif kind in ("list", "map") and isinstance(value, list | dict):
        yield from _bounds(len(value), limits, "have length")
    elif kind in ("integer", "long", "float", "double") and isinstance(value, int | float):
        yield from _bounds(value, limits, "have value")


def _bounds(size: float, limits: dict[str, Any], verb: str) -> Iterator[str]:
    if size < limits.get("min", size):
        yield f"Member must {verb} greater than or equal to {limits['min']}"
    if size > limits.get("max", size):
        yield f"Member must {verb} less than or equal to {limits['max']}"


def _join(path: str, name: str) -> str:
    inner = name[:1].lower() + name[1:]
    return f"{path}.{inner}" if path else inner


def _java(value: Any) -> str:
    """Show a list or map as the service does."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_java, value)) + "]"
    return str(value)


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern of the model: Java's, whose classes such as ``\p{L}`` Python's lacks.

    Parameters
    ----------
    pattern : str
        Classes of characters stand within brackets there, so letters become ``\w``, which is a little more.
    """
    for name, characters in _CLASSES.items():
        pattern = pattern.replace(rf"\p{{{name}}}", characters)
    return re.compile(pattern)
