"""Parametrised things: validated, immutable, hashable, printable, and writable in one line.

`Parametrised` is what modifiers, metrics and executors are made of. `create` turns what a person
writes (``"jpeg(quality=50)"``, ``{"jpeg": {"quality": 50}}``, a name and keywords) into one, found
among the active plugins.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

import pydantic

from iqf_core import plugins
from iqf_core.errors import ParameterError, did_you_mean

Made = TypeVar("Made", bound="Parametrised")


class Parametrised(pydantic.BaseModel):
    """Base of everything that has a name and parameters.

    Subclasses declare ``name`` as a class variable and their parameters as annotated fields. Unknown
    parameters, wrong types (``True`` is not a number) and values out of range raise `ParameterError`;
    instances compare and hash by value.
    """

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )

    name: ClassVar[str]

    def __init__(self, /, **parameters: Any) -> None:
        frozen = {name: _freeze(plain(value)) for name, value in parameters.items()}
        try:
            super().__init__(**frozen)
        except pydantic.ValidationError as error:
            raise ParameterError(self._explain(error)) from error
        try:
            hash(self)
        except TypeError as error:
            raise ParameterError(f"{self.name}: {error}; use a tuple instead of a list or set") from error

    @classmethod
    def _explain(cls, error: pydantic.ValidationError) -> str:
        lines = []
        for fault in error.errors():
            field = ".".join(map(str, fault["loc"]))
            if fault["type"] == "extra_forbidden":
                lines.append(f"no parameter {field!r}. {did_you_mean(field, cls.model_fields)}")
            elif fault["type"] == "missing":
                lines.append(f"parameter {field!r} is missing")
            elif not field:
                lines.append(fault["msg"].removeprefix("Value error, "))
            else:
                reason = fault["msg"].removeprefix("Value error, ")
                reason = reason[:1].lower() + reason[1:]
                lines.append(f"{field}={fault['input']!r}: {reason}")
        return f"{getattr(cls, 'name', cls.__name__)}: " + "; ".join(lines)

    def replaced(self, **changes: Any) -> Self:
        """Copy with some parameters changed, validated again."""
        return type(self)(**{**self._fields(), **changes})

    def parameters(self) -> dict[str, Any]:
        """Parameters that differ from their defaults, as JSON values."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        required = [name for name, field in type(self).model_fields.items() if field.is_required()]
        return {**{name: self.model_dump(mode="json")[name] for name in required}, **values}

    @property
    def label(self) -> str:
        """Short name for folders, tables and columns: the name and the parameters that are not defaults."""
        return labelled(self.name, self.parameters())

    def spec(self) -> dict[str, Any]:
        """``{name: parameters}``: what a study file would say; `create` gives back an equal object."""
        return {self.name: self.parameters()}

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).model_fields}

    def __str__(self) -> str:
        return called(self.name, self.parameters())


def labelled(name: str, parameters: Mapping[str, Any]) -> str:
    """``name-a1-b2``."""
    return "-".join([name, *(f"{key}{_short(value)}" for key, value in parameters.items())])


def called(name: str, parameters: Mapping[str, Any]) -> str:
    """``name(a=1, b=2)``: what `parse_call` reads."""
    inner = ", ".join(f"{key}={_freeze(value)!r}" for key, value in parameters.items())
    return f"{name}({inner})" if inner else name


def plain(value: Any) -> Any:
    """Value as Python's own: a NumPy scalar as a number, an array as a list."""
    return value.tolist() if type(value).__module__ == "numpy" and hasattr(value, "tolist") else value


def _freeze(value: Any) -> Any:
    """Lists become tuples, so that parameters read from YAML or JSON can be hashed."""
    return tuple(map(_freeze, value)) if isinstance(value, list) else value


def _short(value: Any) -> str:
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, list | tuple):
        return "x".join(map(_short, value))
    return str(value)


def parse_call(text: str) -> tuple[str, dict[str, Any]]:
    """Name and parameters of ``"name"`` or ``"name(a=1, b='x')"``.

    Parameters
    ----------
    text : str
        Values are Python literals; nothing is evaluated.

    Returns
    -------
    name : str
        May be a full name, ``"distribution:name"``.
    parameters : dict
        Keyword -> value.

    Raises
    ------
    ParameterError
        When the text is neither.

    Examples
    --------
    >>> parse_call("jpeg(quality=50)")
    ('jpeg', {'quality': 50})
    """
    name, bracket, inner = text.strip().partition("(")
    if not bracket:
        return name.strip(), {}
    problem = f"cannot read {text!r}: write it as name(parameter=value, …), text values in quotes"
    try:
        call = ast.parse(f"f({inner}", mode="eval").body
        values = {str(k.arg): ast.literal_eval(k.value) for k in _keywords(call)}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ParameterError(problem) from error
    return name.strip(), values


def _keywords(call: ast.expr) -> list[ast.keyword]:
    """Keywords of a plain call ``f(a=1, b=2)``; anything else is a ValueError."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise ValueError("not a plain call with keywords")
    names = [keyword.arg for keyword in call.keywords]
    if None in names or len(set(names)) != len(names):
        raise ValueError("a parameter without a name, or given twice")
    return call.keywords


def parse_spec(spec: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and parameters of a one-line call or of ``{name: parameters}``.

    Raises
    ------
    ParameterError
        When it is neither.
    """
    if isinstance(spec, str):
        return parse_call(spec)
    if isinstance(spec, Mapping) and len(spec) == 1:
        name, parameters = next(iter(spec.items()))
        if parameters is None or isinstance(parameters, Mapping):
            return str(name), {str(key): value for key, value in (parameters or {}).items()}
    raise ParameterError(
        f"cannot read {json.dumps(spec, default=str)}: write a name, name(parameter=value) "
        "or {name: {parameter: value}}"
    )


def create(kind: str, name: str, parameters: Mapping[str, Any], *, base: type[Made]) -> Made:
    """Make one component of the active plugins.

    Parameters
    ----------
    kind : {"modifiers", "metrics", "executors"}
        What it is.
    name : str
        Bare name or ``distribution:name``.
    parameters : mapping
        Its parameters.
    base : type
        What it must be.

    Raises
    ------
    PluginError
        When no plugin, or more than one, offers it, or it cannot be loaded.
    ParameterError
        When a parameter is wrong.
    """
    made: Made = plugins.registry().load(kind, name, base=base)(**parameters)
    return made
