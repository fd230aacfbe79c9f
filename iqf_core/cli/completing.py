"""``iqf completion``, and what completes arguments; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from iqf_core.cli.talk import say
from iqf_core.plugins import registry
from iqf_core.plugins.records import one_line

SHELLS = ("bash", "zsh", "fish")
RUNS_ROOT = "iqf-runs"
STUDY_FILES = ("*.yaml", "*.yml")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and names of `iqf`.

    \b
    Where it goes:
      eval "$(iqf completion bash)"    in ~/.bashrc
      eval "$(iqf completion zsh)"     in ~/.zshrc, after compinit
      iqf completion fish > ~/.config/fish/completions/iqf.fish

    \b
    Examples:
      iqf completion bash
      iqf completion zsh
      iqf completion fish
    """
    from click.shell_completion import get_completion_class

    from iqf_core.cli import iqf

    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"{shell}: one of {', '.join(SHELLS)}", param_hint="SHELL")
    say(found(iqf, {}, "iqf", "_IQF_COMPLETE").source())


def runs_here() -> list[str]:
    """Names of the studies that were run from here."""
    return [file.parent.name for file in sorted(Path(RUNS_ROOT).glob("*/study.json"))]


def unnamed(purpose: str) -> click.UsageError:
    """That no study was named, and which there are."""
    return click.UsageError(f"name the study{purpose}: {', '.join(runs_here()) or 'none was run from here'}")


def study_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of studies that were run from here, and study files."""
    names = runs_here()
    files = [str(path) for pattern in STUDY_FILES for path in sorted(Path().glob(pattern))]
    known = [CompletionItem(name) for name in [*names, *files] if name.startswith(incomplete)]
    return known or [CompletionItem(incomplete, type="file")]


def component_names(
    kind: str,
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Completion of the names of a kind of component."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [
            CompletionItem(entry.name, help=one_line(entry.component.summary))
            for entry in registry().components(kind)
            if entry.name.startswith(incomplete)
        ]

    return complete
