"""``iqf modify`` and ``iqf measure``: variants and measurements without a study."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iqf_core.cli.completing import component_names
from iqf_core.cli.plugins import as_json
from iqf_core.cli.talk import note, say
from iqf_core.errors import IqfError

if TYPE_CHECKING:
    from iqf_core.dataset import Dataset
    from iqf_core.measuring import Measurements
    from iqf_core.tracing import Traces

NAMED = 3  # values that are named one by one where they are missing

white = click.option("--white", type=float, help="Full scale of the images, as 4095 for 12 bits.")
workers = click.option(
    "--workers", type=click.IntRange(1), help="Images at once [default: one per processor]."
)


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--modifier",
    "-m",
    required=True,
    shell_complete=component_names("modifiers"),
    help="Such as 'jpeg(quality=50)'; a chain with '|'.",
)
@click.option("--storage", type=click.Choice(["source", "codestream"]), default="source", show_default=True)
@click.option(
    "--variants-root", type=click.Path(path_type=Path), help="Where to write, if not beside DATASET."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of modifiers that draw.")
@click.option(
    "--verify",
    multiple=True,
    shell_complete=component_names("metrics"),
    help="Measure this metric before and after, on a sample of images.",
)
@white
@workers
@as_json
def modify(
    dataset: Path,
    modifier: str,
    storage: str,
    variants_root: Path | None,
    seed: int,
    verify: tuple[str, ...],
    white: float | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Make a variant of DATASET, or say that it is there.

    \b
    Examples:
      iqf modify scenes --modifier 'jpeg(quality=50)'
      iqf modify scenes -m 'jpeg2000(ratio=20)' --storage codestream
      iqf modify scenes -m 'jpeg(target_bits_per_pixel=1)' --variants-root /tmp/variants
      iqf modify scenes -m 'noise(target_snr=50)' --verify snr
    """
    import json

    import pandas as pd

    from iqf_core import make_variant, open_dataset
    from iqf_core import metric as make_metric
    from iqf_core.cli.tables import cell_text, show_table

    variant = make_variant(
        open_dataset(dataset, white=white),
        modifier,
        variants_root=variants_root,
        storage="codestream" if storage == "codestream" else "source",
        seed=seed,
        verify=verify or None,
        workers=workers,
    )
    rates = {name: None if math.isnan(value) else value for name, value in variant.rates().items()}
    content = {"folder": str(variant.root), "images": len(variant), "rates": rates}
    changes = {}
    if variant.manifest is not None:
        content["modifier"] = variant.manifest.resolved
        found = [variant.manifest.verified[str(make_metric(spec))] for spec in verify]
        changes = {name: change for one in found for name, change in one.outputs.items()}
    if verify:
        content["verify"] = {name: change.model_dump() for name, change in changes.items()}
    if as_json:
        say(json.dumps(content, indent=1))
        return
    say(f"{variant.root}\n{len(variant)} images")
    for name, value in rates.items():
        if value is not None:
            say(f"{name}: {cell_text(value)}")
    if changes:
        show_table(
            pd.DataFrame([{"verify": name, **change.model_dump()} for name, change in changes.items()])
        )


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--metric",
    "-m",
    "metrics",
    multiple=True,
    required=True,
    shell_complete=component_names("metrics"),
    help="Such as 'basic'; may be repeated.",
)
@click.option("--reference", type=click.Path(path_type=Path), help="Dataset that pair metrics compare with.")
@click.option("--csv", type=click.Path(path_type=Path), help="Write a row per image there.")
@click.option(
    "--edges",
    type=click.Path(path_type=Path),
    help="Write where it was measured there, as GeoJSON, and beside it a PNG of each image.",
)
@white
@workers
@as_json
def measure(
    dataset: Path,
    metrics: tuple[str, ...],
    reference: Path | None,
    csv: Path | None,
    edges: Path | None,
    white: float | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Measure the images of DATASET, and print what they come to.

    \b
    Examples:
      iqf measure scenes --metric basic
      iqf measure scenes --metric basic --csv rows.csv
      iqf measure scenes --metric basic --white 4095 --json
      iqf measure scenes --metric sharpness --edges out.geojson
    """
    from iqf_core import measure as measure_dataset
    from iqf_core.cli.tables import print_json, show_table
    from iqf_core.variant import open_with_manifest

    opened = open_with_manifest(dataset, white=white)
    if csv is not None and not csv.absolute().parent.is_dir():
        raise click.FileError(str(csv), hint="its folder does not exist: make it first")
    traces = None if edges is None else _traces(opened, metrics, edges, workers)
    if traces is not None:
        found = traces.measurements
    else:
        found = measure_dataset(opened, list(metrics), reference=reference, workers=workers)
    if csv is not None:
        try:
            found.to_csv(csv)
        except OSError as error:
            raise click.FileError(str(csv), hint=str(error)) from error
    table = found.aggregate().reset_index()
    if as_json:
        print_json(table)
        return
    measured = table[table["count"] > 0].dropna(axis="columns", how="all")
    if measured.empty:
        say("No image gave a value.")
    else:
        show_table(measured)
    for sentence in _missing(found):
        note(sentence)
    if csv is not None:
        say(f"A row per image: {csv}")
    if edges is not None and traces is not None:
        _show_traces(traces, edges)


def _missing(found: Measurements) -> Iterator[str]:
    """What gave no value, on how many images, and why: a sentence for each reason."""
    images = len(found.rows)
    known = found.reasons.assign(metric=[name.rpartition(".")[0] for name in found.reasons["output"]])
    for (metric, reason), group in known.groupby(["metric", "reason"], sort=False):
        names = list(dict.fromkeys(group["output"]))
        what = ", ".join(names) if len(names) <= NAMED else f"{len(names)} values of {metric}"
        yield f"Not measured: {what}, on {group['image'].nunique()} of {images} images: {reason}"
    reasoned = set(known["output"])
    silent = [name for name in found.outputs if name not in reasoned and found.rows[name].isna().all()]
    if silent and images:
        yield f"Not measured: {', '.join(silent)}, on any image; no reason is known"


def _traces(dataset: Dataset, metrics: tuple[str, ...], target: Path, workers: int | None) -> Traces:
    from iqf_core.tracing import trace

    try:
        return trace(dataset, metrics, target, workers=workers)
    except OSError as error:
        if isinstance(error, IqfError):
            raise
        raise click.FileError(str(target), hint=str(error)) from error


def _show_traces(traces: Traces, target: Path) -> None:
    for text in traces.notes:
        note(text)
    if len(traces.collections) == 1:
        say(f"Where it was measured: {traces.collections[0]}")
    else:
        files = f"{len(traces.collections)} files {target.with_suffix('')}.*{target.suffix}"
        say(f"Where it was measured: {files}, as images differ in their reference system")
    say(f"Pictures of it: {len(traces.pictures)} files {target.with_suffix('')}.*.png")
