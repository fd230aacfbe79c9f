"""``iqf plugins``: what is installed, what it offers, and why one cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import click

from iqf_core.cli.tables import terminal_width
from iqf_core.cli.talk import say
from iqf_core.errors import PluginError, did_you_mean
from iqf_core.plugins import PluginRecord, Status, registry
from iqf_core.plugins.policy import normalised
from iqf_core.plugins.records import one_line, printable

NARROWEST = 24  # characters of a last column beside the others; where there is less, it stands below them

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""The option of every command that lists something."""


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List plugins, and what is wrong with one.

    \b
    Examples:
      iqf plugins
      iqf plugins --json
      iqf plugins show iqf-modifiers-compression
      IQF_DISABLE_PLUGINS=iqf-report iqf plugins
    """
    ctx.obj = as_json
    if ctx.invoked_subcommand is None:
        _list(registry().records, as_json)


@plugins.command("list")
@as_json
@click.pass_obj
def list_(parent_json: bool, as_json: bool) -> None:
    """List plugins: version, interface, status, and what each offers.

    \b
    Examples:
      iqf plugins list
      iqf plugins list --json
    """
    _list(registry().records, as_json or parent_json)


@plugins.command
@click.argument("name")
@as_json
@click.pass_obj
def show(parent_json: bool, name: str, as_json: bool) -> None:
    """Show all that is known of the plugin NAME (as JSON: a list).

    \b
    Examples:
      iqf plugins show iqf-core
      iqf plugins show iqf-modifiers-compression --json
    """
    every = registry().records
    records = [
        record
        for record in every
        if normalised(name) in (normalised(record.distribution), normalised(record.entry_point))
    ]
    if not records:
        known = did_you_mean(name, [record.distribution for record in every])
        raise PluginError(f"no plugin {name!r} is installed. {known}")
    if as_json or parent_json:
        _echo_json(records)
    else:
        say("\n\n".join("\n".join(_details(record)) for record in records))


def columns(rows: Iterable[Sequence[object]], *, indent: int = 0) -> list[str]:
    """Rows of text, aligned; the last column is as long as it is, but goes on below itself on a terminal."""
    cells = [[one_line(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    before = [
        "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        for row in (row[:-1] for row in cells)
    ]
    available = terminal_width()
    lines: list[str] = []
    for head, row in zip(before, cells, strict=True):
        lines += (
            [f"{head}{row[-1]}".rstrip()]
            if available is None
            else _wrapped(head, row[-1], available - indent)
        )
    return [" " * indent + line for line in lines]


def _wrapped(head: str, text: str, available: int) -> list[str]:
    """Text beside its head, or below it where that leaves no room."""
    import textwrap

    if available - len(head) >= NARROWEST:
        return textwrap.wrap(text, available, initial_indent=head, subsequent_indent=" " * len(head)) or [
            head.rstrip()
        ]
    return [
        *textwrap.wrap(head, available, subsequent_indent="    "),
        *textwrap.wrap(text, available, initial_indent="    ", subsequent_indent="    "),
    ]


def _list(records: Sequence[PluginRecord], as_json: bool) -> None:
    if as_json:
        _echo_json(records)
        return
    rows = [
        (record.distribution, record.version, record.api or "-", record.status, _offer(record))
        for record in records
    ]
    say("\n".join(columns([("PLUGIN", "VERSION", "API", "STATUS", "OFFERS"), *rows])))


def _offer(record: PluginRecord) -> str:
    if record.status is not Status.ACTIVE:
        return record.reason
    kinds = [f"{kind}: {', '.join(c.name for c in offered)}" for kind, offered in record.components.items()]
    dropped = (
        [f"{len(record.problems)} dropped (iqf plugins show {record.distribution})"]
        if record.problems
        else []
    )
    return "; ".join([*kinds, *dropped]) or "nothing"


def _details(record: PluginRecord) -> list[str]:
    facts = [
        ("plugin", f"{record.distribution} {record.version}"),
        ("status", f"{record.status}: {record.reason}" if record.reason else record.status),
        ("entry point", f"{record.entry_point} = {record.value}"),
        ("interface", "-" if record.api is None else record.api),
        ("requires", record.requirement or "-"),
    ]
    lines = columns(facts)
    offered = [
        (
            kind,
            component.name,
            component.summary + (f" (needs {component.requires})" if component.requires else ""),
        )
        for kind, components in record.components.items()
        for component in components
    ]
    dropped = [(problem.kind, problem.component or "-", problem.reason) for problem in record.problems]
    for title, rows in (("offers", offered), ("dropped", dropped)):
        lines += ["", f"{title}:", *columns(rows, indent=2)] if rows else []
    lines += ["", printable(record.traceback)] if record.traceback else []
    return lines


def _echo_json(records: Sequence[PluginRecord]) -> None:
    say(json.dumps([record.to_dict() for record in records], indent=2))
