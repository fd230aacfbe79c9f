"""Settings that a study asks for, whether or not anything has been run of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from iqf_core import Results
from iqf_core.errors import IqfError
from iqf_core.parameters import parse_spec
from iqf_core.runrow import cell_of, column_of
from iqf_core.specs import expand, grid
from iqf_report.families import Setting

REFERENCE = "reference"
Variant = tuple[str, Mapping[str, Any] | None, float | None]
"""Label, spec and value of the knob."""


def wanted(results: Results) -> list[Setting]:
    """Settings that the study's file asks for, in its order.

    An entry whose plugin is missing now stands as one setting: nothing tells how many it is.
    """
    study = results.origin()["study"]
    cells = [
        tuple((column_of(name), cell_of(value)) for name, value in point.items())
        for point in grid(study.get("hyperparameters") or {})
    ]
    variants: list[Variant] = [(REFERENCE, None, None)] if study.get("reference") else []
    for spec in study.get("modifiers") or []:
        variants += _variants(spec)
    return [
        Setting(variant, spec, knob, cell, ran=False) for variant, spec, knob in variants for cell in cells
    ]


def _variants(spec: Any) -> Iterator[Variant]:
    try:
        for one in expand(spec):
            yield one.label, one.spec(), one.knob_value
    except IqfError:
        yield str(spec), _as_mapping(spec), None


def _as_mapping(spec: Any) -> Mapping[str, Any]:
    """A spec that cannot be made, in the form of one that was."""
    if isinstance(spec, str) and "|" in spec:
        spec = [step.strip() for step in spec.split("|")]
    if isinstance(spec, Sequence) and not isinstance(spec, str):
        return {"chain": {"steps": list(map(_as_mapping, spec))}}
    name, parameters = parse_spec(spec)
    return {name: parameters}
