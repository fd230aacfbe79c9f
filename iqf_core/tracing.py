"""Measuring a dataset and showing where: a row per image, its places as GeoJSON, a picture of each image."""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iqf_core import parallel
from iqf_core.dataset import Dataset
from iqf_core.errors import MissingDependency, ParameterError
from iqf_core.image import Image
from iqf_core.measuring import Measurements, tabulate
from iqf_core.metrics import ImageMetric, Metric, MetricSpec, Missing, Trace
from iqf_core.metrics import metric as make_metric
from iqf_core.progress import track


@dataclass(frozen=True)
class Traces:
    """What was measured, and what was written of it.

    Parameters
    ----------
    measurements : Measurements
        As `measure` gives them.
    collections : tuple of pathlib.Path
        The GeoJSON: one file, or one of each image where their coordinates differ in kind.
    pictures : tuple of pathlib.Path
        The PNGs.
    notes : tuple of str
        Pictures that could not be drawn, and why.
    """

    measurements: Measurements
    collections: tuple[Path, ...]
    pictures: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """What one metric gave of one image: features, one a line of a file, and the rest of their collection."""

    stem: str
    members: str
    lines: Path


@dataclass
class _Traced:
    """What one image gave."""

    values: dict[str, float] = field(default_factory=dict)
    parts: list[_Part] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def trace(
    dataset: Dataset,
    metrics: Sequence[MetricSpec],
    target: str | Path,
    *,
    workers: int | None = None,
    progress: bool | None = None,
) -> Traces:
    """Measure every image of a dataset once, and write where it was measured.

    Parameters
    ----------
    dataset : Dataset
        What to measure.
    metrics : sequence of metric or spec
        Image metrics, at least one of which has a `ImageMetric.trace`.
    target : str or pathlib.Path
        The GeoJSON to write: a feature per place, with the properties ``image`` and ``metric`` and those of
        the metric. Where images differ in reference system, or only some have one, one file of each image
        instead: ``target.image.geojson``. Pictures lie beside it: ``target.image.png``.
    workers, progress
        As in `measure`.

    Returns
    -------
    Traces
        An image that cannot be read, or measured, has its reason in the measurements: never an exception.

    Raises
    ------
    ParameterError
        When no metric has places, ``target`` lies in the dataset or is not named as GeoJSON; before
        anything is measured.
    OSError
        When files cannot be written. Each is there as a whole or not at all.
    """
    made = _checked([make_metric(spec) for spec in metrics])
    target = Path(target)
    _refuse(dataset, target)
    stems = _stems(dataset.images)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:

        def work(numbered: tuple[int, str]) -> tuple[int, _Traced]:
            index, name = numbered
            room = Path(folder, str(index))
            room.mkdir()
            return index, _traced(dataset, name, made, target.with_suffix(f".{stems[name]}.png"), room)

        found = parallel.unordered(work, enumerate(dataset.images), workers=workers)
        doing = f"{dataset.name}: {', '.join(str(one) for one in made)}"
        by_index = dict(track(found, total=len(dataset), doing=doing, show=progress))
        traced = [by_index[index] for index in range(len(dataset))]
        collections = _collect([part for one in traced for part in one.parts], target, Path(folder))
    keys = [(record.image, record.group) for record in dataset.records]
    return Traces(
        tabulate(keys, [one.values for one in traced], made),
        collections,
        tuple(picture for one in traced for picture in one.pictures),
        tuple(note for one in traced for note in one.notes),
    )


def _checked(metrics: Sequence[Metric]) -> list[ImageMetric]:
    """The metrics, each once; an error where none has places, and names two of one label."""
    made = list(dict.fromkeys(metrics))
    images = [one for one in made if isinstance(one, ImageMetric)]
    if len(images) < len(made) or not any(_has_places(one) for one in images):
        without = ", ".join(str(one) for one in made if one not in images or not _has_places(one))
        raise ParameterError(f"{without}: has no places that it could show; measure it without them")
    labels = [one.label for one in images]
    for label in labels:
        if labels.count(label) > 1:
            raise ParameterError(f"two metrics have the name {label}: measure them one after the other")
    return images


def _has_places(metric: ImageMetric) -> bool:
    return type(metric).trace is not ImageMetric.trace


def _refuse(dataset: Dataset, target: Path) -> None:
    """Say before anything is measured that the files cannot be written there."""
    if target.suffix.lower() not in (".geojson", ".json"):
        raise ParameterError(f"{target}: it will hold GeoJSON: give it the suffix .geojson")
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    parent = target.parent.resolve()
    if parent == dataset.root.resolve() or parent.is_relative_to(dataset.images_dir.resolve()):
        raise ParameterError(f"{target}: lies in the dataset, which it would change; write it elsewhere")


def _stems(images: Sequence[str]) -> dict[str, str]:
    """Image -> what its files are called: its stem, or all of its name where others have that stem."""
    alike = Counter(Path(name).stem.casefold() for name in images)
    stems: dict[str, str] = {}
    taken = {stem for stem, count in alike.items() if count == 1}
    for name in images:
        stem = Path(name).stem
        if alike[stem.casefold()] > 1:
            stem = name.replace("/", "_")
            while stem.casefold() in taken:
                stem += "_"
            taken.add(stem.casefold())
        stems[name] = stem
    return stems


def _traced(
    dataset: Dataset, name: str, metrics: Sequence[ImageMetric], picture: Path, room: Path
) -> _Traced:
    """Measure one image by each metric; ``room`` is a folder for what is not finished."""
    found = _Traced()
    try:
        image = dataset.read(name)
    except Exception as error:  # noqa: BLE001 - one unreadable image is a NaN with its reason, not the end
        for one in metrics:
            _keep(found, one, one.missing(_said(error)))
        picture.unlink(missing_ok=True)
        return found
    alone = sum(_has_places(one) for one in metrics) == 1
    for one in metrics:
        path = picture if alone else picture.with_suffix(f".{one.label}.png")
        _trace_one(found, one, image, name, path, room)
    return found


def _trace_one(found: _Traced, one: ImageMetric, image: Image, name: str, picture: Path, room: Path) -> None:
    """Add what one metric gives of one image."""
    picture.unlink(missing_ok=True)  # that of an earlier run would be taken for this one's
    try:
        trace = one.trace(image)
        encoded = None if trace is None else _encoded(trace, name, one.label)
        _keep(found, one, one.measure(image) if trace is None else trace.values)
    except Exception as error:  # noqa: BLE001 - a metric may fail in any way; the reason goes into the table
        _keep(found, one, one.missing(_said(error)))
        return
    if trace is None or encoded is None:
        return
    part = _Part(picture.stem, encoded[0], room / f"{len(found.parts)}.lines")
    part.lines.write_text(encoded[1], encoding="utf-8")
    found.parts.append(part)
    _draw(found, trace, name, picture, room / "picture.png")


def _draw(found: _Traced, trace: Trace, name: str, picture: Path, unfinished: Path) -> None:
    try:
        trace.draw(unfinished)
    except (MissingDependency, OSError):
        raise  # as it would for every other image
    except Exception as error:  # noqa: BLE001 - what was measured stands without its picture
        found.notes.append(f"{name}: no picture: {_said(error)}")
        return
    unfinished.replace(picture)
    found.pictures.append(picture)


def _keep(found: _Traced, one: Metric, values: Mapping[str, float]) -> None:
    sound = {
        name: value for name, value in values.items() if isinstance(value, Missing) or not math.isnan(value)
    }
    complete = {**one.missing("the metric gave no value"), **sound}
    found.values |= {f"{one.label}.{output.name}": complete[output.name] for output in one.outputs}


def _encoded(trace: Trace, image: str, label: str) -> tuple[str, str]:
    """Members of the collection but its features, and the features one a line, as strict JSON."""
    members = {key: value for key, value in trace.features.items() if key != "features"}
    lines = []
    for feature in trace.features["features"]:
        properties = {**feature["properties"], "image": image, "metric": label}
        lines.append(json.dumps({**feature, "properties": properties}, allow_nan=False))
    return json.dumps(members, allow_nan=False), ",\n".join(lines)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _collect(parts: Sequence[_Part], target: Path, folder: Path) -> tuple[Path, ...]:
    """Write one file of all parts, or one of each where their coordinates differ in kind."""
    each = [target.with_name(f"{part.stem}{target.suffix}") for part in parts]
    if len({part.members for part in parts}) > 1:
        for part, path in zip(parts, each, strict=True):
            _write_collection([part], path, folder)
        target.unlink(missing_ok=True)
        return tuple(each)
    _write_collection(parts, target, folder)
    for path in each:
        path.unlink(missing_ok=True)  # of an earlier run
    return (target,)


def _write_collection(parts: Sequence[_Part], path: Path, folder: Path) -> None:
    members = json.loads(parts[0].members) if parts else {"type": "FeatureCollection"}
    head = json.dumps(members)[:-1]
    unfinished = folder / "collection"
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(f'{head}, "features": [\n')
        separator = ""
        for part in parts:
            lines = part.lines.read_text(encoding="utf-8")
            if lines:
                file.write(separator + lines)
                separator = ",\n"
        file.write("\n]}\n")
    unfinished.replace(path)
