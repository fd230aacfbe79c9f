"""What the documentation of the plugin interface says is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import textwrap
from typing import Annotated, Any, Literal

import pydantic
import pytest

import iqf_core.plugins
from iqf_core import hookspecs
from iqf_core.plugins import Policy, Status
from iqf_core.plugins.description import describe, type_text
from iqf_core.plugins.loading import load_plugins
from iqf_core.plugins.records import one_line, printable


@pytest.mark.parametrize(("kind", "hook"), hookspecs.KINDS.items())
def test_the_example_of_each_hook_is_a_complete_plugin(site: Any, kind: str, hook: str) -> None:
    documented = textwrap.dedent(getattr(hookspecs, hook).__doc__.partition("\n")[2])
    example = textwrap.dedent(documented.partition("A complete plugin module::\n")[2])
    site.add("iqf-example", example)
    (record,) = (each for each in load_plugins(Policy()) if each.distribution == "iqf-example")
    assert (record.status, record.problems, list(record.components)) == (Status.ACTIVE, (), [kind])


def test_every_hook_that_is_specified_has_a_kind() -> None:
    specified = {name for name, value in vars(hookspecs).items() if hasattr(value, "iqf_spec")}
    assert specified == set(hookspecs.KINDS.values())


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(iqf_core.plugins.__path__)])
def test_the_examples_in_the_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"iqf_core.plugins.{name}")
    assert doctest.testmod(module).failed == 0


class Blur(pydantic.BaseModel):
    """Gaussian blur.

    Parameters
    ----------
    sigma_px : float
        Standard deviation,
        in pixels.
    rows, columns : int, optional
        Size of the kernel.

    References
    ----------
    Somebody, somewhere.
    """

    sigma_px: float = pydantic.Field(gt=0, le=16)
    rows: int = pydantic.Field(3, ge=1, le=99, multiple_of=2)
    columns: Annotated[int, pydantic.Field(ge=1)] | None = None
    border: Literal["mirror", "wrap"] = pydantic.Field("mirror", description="Beyond the edge.")
    levels: tuple[float, ...] = pydantic.Field(default_factory=tuple)


def test_parameters_are_described_from_fields_and_docstring() -> None:
    titles = ("type", "required", "default", "range", "description")
    found = {p["name"]: tuple(p[title] for title in titles) for p in describe(Blur)["parameters"]}
    assert found == {
        "sigma_px": ("float", True, None, "> 0, <= 16", "Standard deviation, in pixels."),
        "rows": ("int", False, 3, "1 to 99, multiple of 2", "Size of the kernel."),
        "columns": ("int | None", False, None, ">= 1", "Size of the kernel."),
        "border": ("'mirror' | 'wrap'", False, "mirror", "", "Beyond the edge."),
        "levels": ("tuple[float, ...]", False, (), "", ""),
    }
    assert describe(Blur)["doc"] == "Gaussian blur.\n\nReferences\n----------\nSomebody, somewhere."


def test_a_plain_class_has_no_parameters() -> None:
    class Plain:
        """Nothing."""

    assert describe(Plain) == {"doc": "Nothing.", "parameters": [], "knob": None, "outputs": []}
    assert type_text(dict[str, int]) == "dict[str, int]"


def test_nothing_of_a_stranger_steers_the_terminal() -> None:
    hostile = "a\x1b[31mb\rc\x9b2Jd\u202ee\x00\u2028f"
    assert printable(hostile).replace("\n", "").isprintable()
    assert one_line(hostile).isprintable()
    assert one_line("x" * 999).endswith("…")
    assert len(one_line("x" * 999)) == 300
