"""``iqf clean``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from iqf_core.cli.completing import study_names, unnamed
from iqf_core.cli.plugins import as_json
from iqf_core.cli.talk import complain, is_quiet, note, say

if TYPE_CHECKING:
    from iqf_core.cleaning import Cleaning, Removable
    from iqf_core.plan import Plan

EXIT_FAILED = 1


@click.command()
@click.argument("study", required=False, shell_complete=study_names)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@as_json
def clean(study: str | None, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Remove the variants that no unfinished run of STUDY (its file, name or folder) needs.

    Unfinished builds of its variants go too, unless a run will go on with them. Datasets, runs and results
    stay, and so does what another unfinished study in the same iqf-runs folder needs. `iqf run` makes again
    what it needs; finished runs are not run again.

    \b
    Examples:
      iqf clean textures --dry-run
      iqf clean textures --yes
      iqf clean study.yaml --dry-run --json
    """
    from iqf_core.cleaning import alone, look
    from iqf_core.jobs import what_changed

    if study is None:
        raise unnamed(" whose variants are to go")
    plan = _plan_of(study)
    if changed := what_changed(plan):
        note(f"Note: {changed}, and what they need is kept")
    with alone(plan):
        found = look(plan)
        if not as_json:
            _show(plan, found)
        agreed = not dry_run and (yes or (bool(found.removable) and _is_agreed(found)))
        removed = _removed(found) if agreed else []
    if as_json:
        _print_json(plan, found, removed, dry_run=dry_run)
    elif agreed and removed:
        say(f"Removed {len(removed)}, {_megabytes(_sum(removed))} freed.")
    elif found.removable:
        say("Nothing was removed.")
    return EXIT_FAILED if agreed and len(removed) < len(found.removable) else 0


def _plan_of(study: str) -> Plan:
    from pathlib import Path

    from iqf_core import Results, open_results
    from iqf_core.cli.study import plan_of
    from iqf_core.errors import ResultsError
    from iqf_core.plan import make_plan
    from iqf_core.results import restored

    if Path(study).suffix.lower() in (".yaml", ".yml"):
        return plan_of(Path(study))
    found = open_results(study)
    if not isinstance(found, Results):
        raise ResultsError(f"{study}: not a study's folder")
    return make_plan(restored(found.folder))


def _show(plan: Plan, found: Cleaning) -> None:
    for kept in found.kept:
        note(f"kept: {kept.folder}: {kept.reason}")
    for one in found.removable:
        kind = "" if one.finished else "  (unfinished build)"
        say(f"{_megabytes(one.size_bytes):>12}  {one.folder}{kind}")
    if found.removable:
        say(f"{_megabytes(_sum(found.removable)):>12}  in {len(found.removable)} folder(s)")
    elif not is_quiet():
        say(f"{plan.study.name}: no variant can go.")


def _is_agreed(found: Cleaning) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError(
            "clean asks before it removes, and stdin is no terminal: give --yes, or --dry-run to look alone"
        )
    return click.confirm(f"Remove {len(found.removable)} folder(s)?", err=True)


def _removed(found: Cleaning) -> list[Removable]:
    from iqf_core.cleaning import remove
    from iqf_core.errors import VariantError

    removed = []
    for one in found.removable:
        try:
            remove(one)
        except VariantError as error:
            complain(f"Error: {error}")
        else:
            removed.append(one)
    return removed


def _print_json(plan: Plan, found: Cleaning, removed: list[Removable], *, dry_run: bool) -> None:
    import json

    gone = {one.folder for one in removed}
    content = {
        "study": plan.study.name,
        "dry_run": dry_run,
        "folders": [
            {
                "folder": str(one.folder),
                "bytes": one.size_bytes,
                "finished": one.finished,
                "removed": one.folder in gone,
            }
            for one in found.removable
        ],
        "removable_bytes": _sum(found.removable),
        "freed_bytes": _sum(removed),
        "kept": [{"folder": str(kept.folder), "reason": kept.reason} for kept in found.kept],
    }
    say(json.dumps(content, indent=1))


def _sum(folders: list[Removable] | tuple[Removable, ...]) -> int:
    return sum(one.size_bytes for one in folders)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
