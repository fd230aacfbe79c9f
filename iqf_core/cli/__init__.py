"""The command ``iqf``: a table of commands, each imported when it is invoked.

Exit codes: 0 done, 1 some runs failed, 2 wrong usage or input, 70 a defect, 130 interrupted.
A command returns its exit code, or nothing. ``--quiet``, ``--verbose`` and ``--debug`` stand before a
command or after it.
"""

from __future__ import annotations

import copy
import io
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import click
from click.shell_completion import CompletionItem

from iqf_core.cli.talk import complain, note, say, talking
from iqf_core.errors import IqfError, UnknownComponent, did_you_mean
from iqf_core.hookspecs import Component
from iqf_core.plugins import Policy, Status, configure, configured_policy, registry
from iqf_core.plugins.lookup import Entry, load_target
from iqf_core.plugins.records import one_line

COMMANDS = {
    "demo": ("iqf_core.cli.demo:demo", "Run the demonstration study"),
    "plan": ("iqf_core.cli.study:plan", "Show what a study would run, and at what cost"),
    "run": ("iqf_core.cli.study:run", "Run a study, or go on with it"),
    "task": ("iqf_core.cli.study:task", "Run a script once on one dataset"),
    "results": ("iqf_core.cli.results:results", "Show the table of a study's runs"),
    "clean": ("iqf_core.cli.cleaning:clean", "Remove variants that a study no longer needs"),
    "ui": ("iqf_core.cli.results:ui", "Look at the runs in the browser (MLflow)"),
    "modify": ("iqf_core.cli.images:modify", "Make a variant of a dataset"),
    "measure": ("iqf_core.cli.images:measure", "Measure the images of a dataset"),
    "modifiers": ("iqf_core.cli.components:modifiers", "List modifiers, or describe one"),
    "metrics": ("iqf_core.cli.components:metrics", "List metrics, or describe one"),
    "executors": ("iqf_core.cli.components:executors", "List executors, or describe one"),
    "formats": ("iqf_core.cli.components:formats", "List dataset formats, or describe one"),
    "plugins": ("iqf_core.cli.plugins:plugins", "List plugins, and what is wrong with one"),
    "completion": ("iqf_core.cli.completing:completion", "Print what makes a shell complete iqf"),
}
"""Command -> its target and its line in the help."""


@dataclass(slots=True)
class Session:
    """What the global options say, and which clashes of names were reported."""

    debug: bool = False
    loudness: set[str] = field(default_factory=set)
    clashes: set[str] = field(default_factory=set)


class Commands(click.Group):
    """The commands of the core and of the plugins, imported when invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands; those of plugins never replace the core's."""
        return [*COMMANDS, *_offered(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name in COMMANDS:
            target, summary = COMMANDS[cmd_name]
            component = Component(cmd_name, target, summary)
            found = load_target(Entry("commands", "iqf-core", "", component))
            return _with_global_options(found) if isinstance(found, click.Command) else None
        entry = _offered(ctx).get(cmd_name)
        name = entry.full_name if entry else cmd_name
        command: click.Command = registry().load("commands", name, base=click.Command)
        return _with_global_options(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with close matches."""
        try:
            return super().resolve_command(ctx, args)
        except UnknownComponent as error:
            hint = did_you_mean(args[0], self.list_commands(ctx))
            inactive = registry().inactive()
            message = f"there is no command {args[0]!r}. {hint} {inactive}"
            raise click.UsageError(message.strip(), ctx) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command without importing any, or an option of ``iqf`` itself."""
        summaries = {name: summary for name, (_, summary) in COMMANDS.items()}
        summaries |= {name: one_line(entry.component.summary) for name, entry in _offered(ctx).items()}
        known = [
            CompletionItem(name, help=text) for name, text in summaries.items() if name.startswith(incomplete)
        ]
        return known + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])
        offered = _offered(ctx)
        if offered:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(
                    [(name, one_line(entry.component.summary)) for name, entry in offered.items()]
                )


def _offered(ctx: click.Context) -> dict[str, Entry]:
    """Commands of plugins, under their full names where the bare one is taken."""
    entries = registry().components("commands")
    offering = Counter(entry.name for entry in entries)
    session = ctx.ensure_object(Session)
    for entry in entries:
        if entry.name in COMMANDS and entry.full_name not in session.clashes:
            session.clashes.add(entry.full_name)
            offer = f"plugin {entry.distribution} offers a command {entry.name!r}"
            note(f"iqf: {offer}, which is the core's: call it {entry.full_name}")
    return {
        entry.name if entry.name not in COMMANDS and offering[entry.name] == 1 else entry.full_name: entry
        for entry in entries
    }


def _with_global_options(command: click.Command) -> click.Command:
    """The command, and those below it, with the options that may stand after them too."""
    known = copy.copy(command)
    taken = {name for param in command.params for name in param.opts}
    known.params = [*command.params, *(option for option in _LOUDNESS if not taken & set(option.opts))]
    if isinstance(known, click.Group):
        known.commands = {name: _with_global_options(below) for name, below in known.commands.items()}
    return known


def _set_loudness(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    session = ctx.find_root().ensure_object(Session)
    session.debug |= parameter.name == "debug"
    session.loudness.add(str(parameter.name))
    if {"quiet", "verbose"} <= session.loudness:
        raise click.UsageError("--quiet and --verbose contradict each other: give one of them", ctx)
    logging.getLogger("iqf").setLevel(min(LEVELS[name] for name in session.loudness))


def _set_no_plugins(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        before = configured_policy()
        configure(before | Policy(only_builtin=True))
        ctx.call_on_close(lambda: configure(before))


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        for record in registry().records:
            status = "" if record.status is Status.ACTIVE else f" ({record.status})"
            say(one_line(f"{record.distribution} {record.version}{status}"))
        ctx.exit()


def _flag(name: str, help_text: str, callback: object, *, hidden: bool = False) -> click.Option:
    return click.Option(
        [name],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        help=help_text,
        callback=callback,
        hidden=hidden,
    )


LEVELS = {"quiet": logging.ERROR, "verbose": logging.INFO, "debug": logging.DEBUG}
_LOUDNESS_HELP = {
    "quiet": "Print errors and the result alone.",
    "verbose": "Print more: what is reused, what is made, how long it takes.",
    "debug": "Print more still, and show where an error comes from.",
}
_LOUDNESS = [_flag(f"--{name}", text, _set_loudness, hidden=True) for name, text in _LOUDNESS_HELP.items()]
"""As they stand after a command: hidden in its help, which is about the command."""

iqf = Commands(
    name="iqf",
    help="""How far may imagery be degraded before the job done with it suffers?

    \b
    Examples:
      iqf demo
      iqf plan study.yaml
      iqf run study.yaml --parallel 2
      iqf results textures
      iqf modify scenes --modifier 'jpeg(quality=50)'
      iqf run --help
    """,
    epilog="--quiet, --verbose and --debug may stand after the command too. "
    "Exit codes: 0 done, 1 some runs failed, 2 wrong usage or input, 70 a defect, 130 interrupted.",
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        _flag("--no-plugins", "Use the core's own components only.", _set_no_plugins),
        *(_flag(f"--{name}", text, _set_loudness) for name, text in _LOUDNESS_HELP.items()),
        _flag("--version", "Show the version of the core and of every plugin.", _show_version),
    ],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``iqf``.

    Parameters
    ----------
    arguments : sequence of str or None, optional
        None means those of the process.

    Returns
    -------
    int
        The exit code.
    """
    with talking():
        return _main(arguments, Session())


def _main(arguments: Sequence[str] | None, session: Session) -> int:
    try:
        code = iqf.main(args=arguments, prog_name="iqf", standalone_mode=False, obj=session)
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt) as error:
        standing = error.__cause__ or error  # click turns a KeyboardInterrupt into an Abort
        complain(f"Interrupted. {standing}".rstrip())
        return 130
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        return _failed(session, error, shown.getvalue().rstrip("\n"), 2)
    except (IqfError, OSError) as error:
        return _failed(session, error, f"Error: {error}", 2)
    except Exception as error:  # noqa: BLE001 - the outermost frame: shown, and told by the exit code
        text = one_line(f"{type(error).__name__}: {error}")
        return _failed(
            session, error, f"Error: a defect, not your input: {text} (iqf --debug shows where)", 70
        )


def _failed(session: Session, error: Exception, message: str, code: int) -> int:
    if session.debug:
        import traceback

        complain("".join(traceback.format_exception(error)))
    complain(message)
    return code
