"""Conversion between COCO, DOTA and GeoJSON, and the command ``iqf convert``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iqf_core.errors import DatasetError, ParameterError, did_you_mean

if TYPE_CHECKING:
    from iqf_core import Dataset, GroundTruth
    from iqf_core.dataset import Source

FORMATS = ("coco", "dota", "geojson")
SUFFIXES = {"coco": (".json",), "geojson": (".geojson", ".json")}


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written.

    Parameters
    ----------
    path : pathlib.Path
        A file, or DOTA's folder.
    images, objects : int
        How many.
    lost : mapping of str to int
        What the other format cannot say -> how often; empty unless that was allowed.
    """

    path: Path
    images: int
    objects: int
    lost: Mapping[str, int]


def convert(dataset: Dataset, to: str, path: str | Path, *, allow_loss: bool = False) -> Conversion:
    """Write the objects of a dataset's ground truth in another format.

    Every image of the dataset is in it. Coordinates are in pixels, and in GeoJSON in the world where the
    image is georeferenced, since that is how IQF reads them there. Identifiers are given anew, those of
    categories aside; GeoJSON keeps what COCO says of the whole as members of the collection.

    Parameters
    ----------
    dataset : Dataset
        With one ground truth in COCO, DOTA or GeoJSON.
    to : {"coco", "dota", "geojson"}
        Another of these.
    path : str or pathlib.Path
        Where, a ``.json``, ``.geojson`` or folder (``labelTxt``); must not be there yet.
    allow_loss : bool, optional
        Leave out what the other format cannot say: holes (filled), masks of run lengths (their box is kept),
        polygons of other than four corners in DOTA (the smallest rotated rectangle), attributes, groups, …

    Returns
    -------
    Conversion
        What was written.

    Raises
    ------
    DatasetError
        Naming what would be lost; and when there is not one such ground truth, or the path is taken.
    ParameterError
        When there is no such format.

    Examples
    --------
    >>> convert(iqf_core.open_dataset("scenes"), "coco", "scenes.json")  # doctest: +SKIP
    """
    from iqf_detection.losses import Losses
    from iqf_detection.neutral import neutral
    from iqf_detection.written import WRITERS

    if to not in FORMATS:
        raise ParameterError(f"no conversion to {to!r}. {did_you_mean(to, FORMATS)}")
    target, source = _free(Path(path), to), _source(dataset)
    if source.format.name == to:
        raise DatasetError(f"{source.path}: is of the format {to} already")
    losses = Losses()
    truth = WRITERS[to](neutral(dataset, source, losses), dataset, losses)
    if losses and not allow_loss:
        raise DatasetError(
            f"{source.path}: {to} cannot say: {losses}. To leave it out: --allow-loss (allow_loss=True)"
        )
    _write(truth, to, target)
    return Conversion(target, len(truth.records), sum(len(r.things) for r in truth.records), losses.counts)


def _free(path: Path, to: str) -> Path:
    if path.exists():
        raise DatasetError(f"{path}: is there already; remove it or name another")
    suffixes = SUFFIXES.get(to, ())
    if suffixes and path.suffix.lower() not in suffixes:
        raise DatasetError(f"{path}: a ground truth in {to} is a file that ends in {' or '.join(suffixes)}")
    return path


def _source(dataset: Dataset) -> Source:
    fit = [source for source in dataset.sources if source.format.name in FORMATS]
    if len(fit) == 1:
        return fit[0]
    found = ", ".join(f"{source.path.name} ({source.format.name})" for source in dataset.sources) or "none"
    needed = f"{dataset.root}: one ground truth in {', '.join(FORMATS)} is needed; found: {found}"
    raise DatasetError(f"{needed}; name it with --annotations (open_dataset(…, annotations=…))")


def _write(truth: GroundTruth, to: str, path: Path) -> None:
    """Write under another name first, so that nothing half-written is taken for the whole."""
    from iqf_core import DatasetFormat
    from iqf_core.plugins import registry
    from iqf_detection.dota import DotaFormat

    made = (
        DotaFormat() if to == "dota" else registry().load("formats", f"iqf-core:{to}", base=DatasetFormat)()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    if partial.is_dir():
        shutil.rmtree(partial)
    made.write(truth, partial)
    partial.rename(path)


@click.command("convert")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(FORMATS), required=True, help="Format to write.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), required=True, help="File, or DOTA's folder."
)
@click.option(
    "--annotations", type=click.Path(path_type=Path), help="Ground truth, if not the one of DATASET."
)
@click.option("--allow-loss", is_flag=True, help="Leave out what the format cannot say.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    dataset: Path, to: str, output: Path, annotations: Path | None, allow_loss: bool, as_json: bool
) -> None:
    """Write the boxes and polygons of DATASET in another format.

    What that format cannot say is an error that names it.

    \b
    Examples:
      iqf convert scenes --to dota -o labelTxt --allow-loss
      iqf convert scenes --to geojson -o annotations.geojson --allow-loss --json
      iqf convert scenes --annotations labelTxt --to coco -o annotations.json
    """
    from iqf_core import open_dataset
    from iqf_core.cli.talk import say

    done = convert(open_dataset(dataset, annotations=annotations), to, output, allow_loss=allow_loss)
    content = {"path": str(done.path), "format": to, "images": done.images, "objects": done.objects}
    if as_json:
        say(json.dumps({**content, "lost": dict(done.lost)}, indent=1))
        return
    say(f"{done.path}\n{done.objects} objects in {done.images} images")
    for what, count in done.lost.items():
        say(f"lost: {what} ({count})")
