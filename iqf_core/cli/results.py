"""``iqf results`` and ``iqf ui``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iqf_core.cli.completing import component_names, study_names, unnamed
from iqf_core.cli.plugins import as_json
from iqf_core.cli.talk import near, note, say, say_as_it_is
from iqf_core.errors import ParameterError, ResultsError

if TYPE_CHECKING:
    import pandas as pd

    from iqf_core.results import Results

PARTING_S = 5.0  # for MLflow's server to end


@click.command()
@click.argument("name", required=False, shell_complete=study_names)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@as_json
@click.option("--runs", is_flag=True, help="A row per run instead of one per setting.")
@click.option("--failed", is_flag=True, help="The runs that failed, with reason and log.")
@click.option(
    "--metric",
    "-m",
    "metrics",
    multiple=True,
    shell_complete=component_names("metrics"),
    help="Apply a metric to what is stored, first.",
)
def results(
    name: str | None, as_csv: bool, as_json: bool, runs: bool, failed: bool, metrics: tuple[str, ...]
) -> None:
    """Show the results of the study NAME (a name, its folder or its file).

    \b
    Examples:
      iqf results textures
      iqf results textures --runs --csv > runs.csv
      iqf results textures --failed
      iqf results textures --failed --json
      iqf results textures --metric basic --json
    """
    from iqf_core import open_results
    from iqf_core.cli.tables import print_json, show_table
    from iqf_core.results import Results

    if name is None:
        raise unnamed("")
    found = open_results(name)
    if not isinstance(found, Results):
        raise ResultsError(f"{name}: not a study's folder")
    for spec in metrics:
        found.apply(spec)
    if failed:
        _show_failed(found, as_json=as_json)
        return
    table = found.dataframe() if runs else found.summary()
    if as_csv:
        say_as_it_is(table.to_csv(index=False))
    elif as_json:
        print_json(table)
    elif runs and not table.empty:
        show_table(_for_readers(found, table))
    else:
        show_summary(found)


def show_summary(found: Results) -> None:
    """Print the table of settings, and what its reader should know."""
    from iqf_core.cli.tables import show_table, with_spread

    table = found.summary()
    if table.empty:
        say("No run has ended yet.")
        return
    kept, hyper = with_spread(table, _deciding_first(found)), found.hyperparameters()
    columns = [str(name) for name in kept]
    dull = [name for name in columns if _says_nothing(name, kept[name], hyper, columns)]
    show_table(kept.drop(columns=dull))
    for sentence in found.warnings():
        note(f"Note: {sentence}.")


def _deciding_first(found: Results) -> list[str]:
    """Names of the metrics: that of the study's criterion before the others."""
    from iqf_core.criterion import metric_column

    names, asked = found.metrics(), (found.criterion() or {}).get("metric")
    with contextlib.suppress(ParameterError):
        first = metric_column(names, asked) if asked else None
        return sorted(names, key=lambda name: name != first)
    return names


def _for_readers(found: Results, table: pd.DataFrame) -> pd.DataFrame:
    """Runs as people read them: repetitions from 1 as in titles, what decides first, and no keys."""
    metrics = _deciding_first(found)
    others = [str(name) for name in table if name not in metrics and name != "key"]
    shown = table[[*others, *metrics]]
    return shown.assign(repetition=shown["repetition"] + 1) if "repetition" in shown else shown


def _says_nothing(name: str, column: pd.Series[Any], hyper: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether a column is left out on the terminal; CSV and JSON have all of them."""
    if name in ("family", "knob", "bits_per_pixel_band", "fixed_bits_per_pixel") or column.isna().all():
        return True
    if name.startswith("verify."):
        return not name.endswith(".asked") and f"{name.rpartition('.')[0]}.asked" not in columns
    if name == "failed":
        return not column.any()
    return name in hyper and column.nunique(dropna=False) == 1 and len(column) > 1


def _show_failed(found: Results, *, as_json: bool) -> None:
    import json

    from iqf_core.plugins.records import one_line, printable

    ended = [(folder, folder.outcome() or {}) for folder in found.runs()]
    failed = [(folder, outcome) for folder, outcome in ended if outcome.get("status") != "FINISHED"]
    if as_json:
        rows = [
            {
                "title": folder.job().get("title", folder.key),
                "key": folder.key,
                **{name: outcome.get(name) for name in ("status", "reason", "exit_code", "log_tail")},
                "folder": str(folder.path),
            }
            for folder, outcome in failed
        ]
        say(json.dumps(rows, indent=1))
        return
    for folder, outcome in failed:
        say(one_line(f"{folder.job().get('title', folder.key)}: {outcome['reason']}"))
        for line in printable(outcome.get("log_tail", "")).splitlines()[-20:]:
            say(f"    | {line}")
        say(f"    log: {near(folder.log)}" if folder.log.is_file() else f"    folder: {near(folder.path)}")
    if not failed:
        note("No run failed.")
        for sentence in found.unjudged():
            note(f"Note: {sentence}.")


@click.command()
@click.argument("name", required=False, shell_complete=study_names)
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def ui(name: str | None, port: int) -> int:
    """Look at the runs in the browser, in MLflow's own pages.

    \b
    Examples:
      iqf ui
      iqf ui textures --port 5001
    """
    from iqf_core.runfolder import read_json
    from iqf_core.study_file import RUNS_ROOT
    from iqf_core.tracking import default_uri

    uri = default_uri(Path(RUNS_ROOT))
    if name is not None:
        from iqf_core import open_results
        from iqf_core.results import Results

        found = open_results(name)
        if isinstance(found, Results):
            uri = (read_json(found.folder / "study.json") or {}).get("tracking_uri", uri)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise ResultsError(
            f"{uri}: no MLflow database here; `iqf run STUDY` makes it, and delivers finished runs again"
        )
    say(f"MLflow on http://127.0.0.1:{port} (Ctrl-C ends it)")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--port", str(port)]
    return _served([*command, "--workers", "1"])


def _served(command: list[str]) -> int:
    """Run a server until it ends or is interrupted; nothing that it started is left then."""
    from iqf_core.cli.running import interrupted_by_sigterm

    with interrupted_by_sigterm():
        server = subprocess.Popen(command, start_new_session=True)
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(PARTING_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
