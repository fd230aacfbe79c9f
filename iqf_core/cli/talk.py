"""What the commands say: how much is the user's choice, and no stranger's text steers the terminal.

A result goes to stdout. Everything else goes to stderr through the logger ``iqf``, whose level follows
``--quiet``, ``--verbose`` and ``--debug``: a `note` is a warning, a `detail` is information.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from iqf_core.plugins.records import one_line, printable

log = logging.getLogger("iqf")
LINE = 2000  # characters of one line: a path may be long, a note may not fill the screen


class _Lines(logging.Handler):
    """Prints the bare line on stderr, as Python does where nobody configured logging."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            click.echo(one_line(record.getMessage(), longest=LINE), err=True)
        except Exception:  # noqa: BLE001 - logging's own contract: what fails here is told by logging
            self.handleError(record)


@contextlib.contextmanager
def talking() -> Iterator[None]:
    """Print what is logged while a command runs; afterwards logging is as it was."""
    handler, level = _Lines(), log.level
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def is_quiet() -> bool:
    """Whether only errors and results are wanted."""
    return not log.isEnabledFor(logging.WARNING)


def near(path: Path) -> Path:
    """The path from the current folder where it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def say(text: object) -> None:
    """Print a part of the result on stdout."""
    click.echo(printable(str(text)))


def note(text: object) -> None:
    """Print on stderr what is worth a line, unless ``--quiet``."""
    log.warning("%s", text)


def detail(text: object) -> None:
    """Print on stderr what is of interest with ``--verbose`` alone."""
    log.info("%s", text)


def complain(text: object) -> None:
    """Print an error on stderr, always."""
    click.echo(printable(str(text)), err=True)


def say_as_it_is(text: str) -> None:
    """Print CSV on stdout: to the letter into a file or pipe, without control characters on a terminal."""
    click.echo(printable(text) + "\n" if sys.stdout.isatty() else text, nl=False)
