"""``iqf modifiers``, ``metrics``, ``executors`` and ``formats``: list them, or describe one."""

from __future__ import annotations

import json
from typing import Any

import click

from iqf_core.cli.plugins import as_json, columns
from iqf_core.errors import BrokenComponent
from iqf_core.plugins import Entry, registry
from iqf_core.plugins.records import one_line, printable

_EXAMPLES = {"modifiers": "identity", "metrics": "basic", "executors": "local", "formats": "coco"}


def _command(kind: str) -> click.Command:
    @as_json
    def describe_or_list(name: str | None, as_json: bool) -> None:
        if name is None:
            _list(registry().components(kind), as_json)
        else:
            _describe(registry().resolve(kind, name), as_json)

    return click.command(kind, help=_help(kind))(click.argument("name", required=False)(describe_or_list))


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
        click.echo(json.dumps([_facts(entry) for entry in entries], indent=2))
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
    click.echo("\n".join(columns([("NAME", "PLUGIN", "SUMMARY"), *rows])))


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
        click.echo(json.dumps({**_facts(entry), **facts}, indent=2, default=str))
        return
    lines = [
        f"{entry.name}  ({entry.distribution} {entry.version})",
        "",
        facts["doc"] or entry.component.summary,
    ]
    lines += _parameters(facts["parameters"]) + _knob(facts["knob"]) + _outputs(facts["outputs"])
    lines += _usage(entry, facts["parameters"])
    click.echo(printable("\n".join(lines)))


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
    return ["", f"Knob: {knob['field']}, from {knob['mild']} (least harm) to {knob['harsh']} (most)"]


def _outputs(outputs: list[dict[str, Any]]) -> list[str]:
    if not outputs:
        return []
    titles = ("name", "unit", "better", "range", "description")
    rows = [[_cell(output.get(title)) for title in titles] for output in outputs]
    return ["", *columns([("OUTPUT", "UNIT", "BETTER", "RANGE", "DESCRIPTION"), *rows])]


def _cell(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " to ".join("-" if end is None else f"{end:g}" for end in value)
    return "-" if value in (None, "") else str(value)


def _usage(entry: Entry, parameters: list[dict[str, Any]]) -> list[str]:
    """How to write the component with all its parameters."""
    if entry.kind == "formats":
        return []
    chosen = {p["name"]: f"<{p['name']}>" if p["required"] else p["default"] for p in parameters}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    flow = ", ".join(f"{name}: {json.dumps(value, default=str)}" for name, value in chosen.items())
    call = ", ".join(f"{name}={value!r}" for name, value in chosen.items())
    item = f"{entry.name}: {{{flow}}}" if chosen else entry.name
    written = f'"{entry.name}({call})"' if chosen else entry.name
    key = {"executors": f"executor:\n    {item}"}.get(entry.kind, f"{entry.kind}:\n    - {item}")
    return ["", "In a study:", f"  {key}", "", "On the command line:", f"  {one_line(written)}"]
