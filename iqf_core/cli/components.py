"""``iqf modifiers``, ``metrics``, ``executors`` and ``formats``: list them, or describe one."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from iqf_core.cli.completing import component_names
from iqf_core.cli.plugins import as_json, columns
from iqf_core.cli.talk import say
from iqf_core.errors import BrokenComponent
from iqf_core.plugins import Entry, registry
from iqf_core.plugins.records import one_line

_EXAMPLES = {"modifiers": "identity", "metrics": "basic", "executors": "local", "formats": "coco"}


def _command(kind: str) -> click.Command:
    @as_json
    def describe_or_list(name: str | None, as_json: bool) -> None:
        if name is None:
            _list(registry().components(kind), as_json)
        else:
            _describe(registry().resolve(kind, name), as_json)

    return click.command(kind, help=_help(kind))(
        click.argument("name", required=False, shell_complete=component_names(kind))(describe_or_list)
    )


def _help(kind: str) -> str:
    example = _EXAMPLES[kind]
    return (
        f"List the {kind} of all plugins, or describe the one of this NAME.\n\n"
        f"\b\nExamples:\n  iqf {kind}\n  iqf {kind} {example}\n  iqf {kind} iqf-core:{example} --json"
    )


modifiers = _command("modifiers")
metrics = _command("metrics")
executors = _command("executors")
formats = _command("formats")


def _list(entries: tuple[Entry, ...], as_json: bool) -> None:
    if as_json:
        say(json.dumps([_facts(entry) for entry in entries], indent=2))
        return
    names = [entry.name for entry in entries]
    rows = [
        (
            entry.name if names.count(entry.name) == 1 else entry.full_name,
            f"{entry.distribution} {entry.version}",
            entry.component.summary,
        )
        for entry in entries
    ]
    say("\n".join(columns([("NAME", "PLUGIN", "SUMMARY"), *rows])))


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "full_name": entry.full_name,
        "plugin": entry.distribution,
        "version": entry.version,
        "summary": entry.component.summary,
        "target": entry.component.target,
        "requires": entry.component.requires,
    }


def _describe(entry: Entry, as_json: bool) -> None:
    from iqf_core.plugins.description import describe

    component = registry().load(entry.kind, entry.full_name)
    if not isinstance(component, type):
        raise BrokenComponent(f"{entry.full_name}: {entry.component.target} is not a class")
    facts = describe(component)
    if as_json:
        say(json.dumps({**_facts(entry), **facts}, indent=2, default=str))
        return
    lines = [
        f"{entry.name}  ({entry.distribution} {entry.version})",
        "",
        facts["doc"] or entry.component.summary,
    ]
    lines += _parameters(facts["parameters"]) + _knob(facts["knob"]) + _outputs(facts["outputs"])
    lines += _usage(entry, _example(facts["parameters"], facts["knob"]))
    say("\n".join(lines))


def _parameters(parameters: list[dict[str, Any]]) -> list[str]:
    if not parameters:
        return []
    rows = [
        (
            p["name"],
            p["type"],
            "required" if p["required"] else repr(p["default"]),
            p["range"] or "-",
            p["description"],
        )
        for p in parameters
    ]
    return ["", *columns([("PARAMETER", "TYPE", "DEFAULT", "RANGE", "DESCRIPTION"), *rows])]


def _knob(knob: dict[str, Any] | None) -> list[str]:
    if knob is None:
        return []
    return [
        "",
        f"Knob: {knob['field']}, from {knob['mild']} (least harm) to {knob['harsh']} (most)",
        "Instead, where there is a coded size: target_bits_per_pixel or target_ratio, and per_image",
    ]


def _outputs(outputs: list[dict[str, Any]]) -> list[str]:
    if not outputs:
        return []
    titles = ("name", "unit", "better", "low", "high", "description")
    rows = [["-" if output.get(title) is None else output[title] for title in titles] for output in outputs]
    return ["", *columns([("OUTPUT", "UNIT", "BETTER", "LOW", "HIGH", "DESCRIPTION"), *rows])]


def _example(parameters: list[dict[str, Any]], knob: dict[str, Any] | None) -> dict[str, Any]:
    """Parameters to show: the knob and what must be given, or else the defaults."""
    chosen = {p["name"]: p.get("example", f"<{p['name']}>") for p in parameters if p["required"]}
    defaults = {p["name"]: p["default"] for p in parameters if p["default"] is not None}
    if knob is not None:
        chosen[knob["field"]] = defaults.get(knob["field"], _between(knob))
    return chosen or defaults


def _between(knob: dict[str, Any]) -> float:
    """A value inside a knob's range: the geometric mean, where there is one."""
    mild, harsh = knob["mild"], knob["harsh"]
    middle = math.sqrt(mild * harsh) if mild * harsh > 0 else (mild + harsh) / 2
    return round(middle) if knob.get("integer") else float(f"{middle:.2g}")


def _usage(entry: Entry, chosen: dict[str, Any]) -> list[str]:
    """How to write the component in a study and on the command line."""
    if entry.kind == "formats":
        return []
    flow = ", ".join(f"{name}: {json.dumps(value, default=str)}" for name, value in chosen.items())
    call = ", ".join(f"{name}={value!r}" for name, value in chosen.items())
    item = f"{entry.name}: {{{flow}}}" if chosen else entry.name
    written = f'"{entry.name}({call})"' if chosen else entry.name
    key = {"executors": f"executor:\n    {item}"}.get(entry.kind, f"{entry.kind}:\n    - {item}")
    return ["", "In a study:", f"  {key}", "", "On the command line:", f"  {one_line(written)}"]
