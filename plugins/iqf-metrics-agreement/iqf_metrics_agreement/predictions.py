"""Reading a task's ``output.json``, and finding the image that each entry is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from iqf_core import Dataset, OutputError
from iqf_core.formats import finder

Unpredicted = Literal["refuse", "wrong"]
NAMES = ("image", "image_filename", "file_name", "filename")
"""Where a record may hold the name of its image."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One prediction.

    Parameters
    ----------
    where : str
        Its index and name, for messages.
    image : str
        Name of the image, as written.
    value : JSON value
        What was predicted: a label, a path, or a record of them.
    """

    where: str
    image: str
    value: Any


def predictions_of(path: Path, dataset: Dataset, *, unpredicted: Unpredicted) -> dict[str, Entry]:
    """Image -> its prediction.

    Parameters
    ----------
    path : pathlib.Path
        A mapping from image to prediction, a list of records that name their image, or a list of paths.
    dataset : Dataset
        Entries may be about images that this view of it leaves out, too.
    unpredicted : {"refuse", "wrong"}
        Whether an image without a prediction is an error, or is left out here.

    Raises
    ------
    OutputError
        When the file cannot be read, an entry names no image of the dataset, two name the same, or an image
        has none; says which is the first.
    """
    find = _found_by(dataset)
    predicted: dict[str, Entry] = {}
    for entry in _entries(path):
        image = find(entry.image)
        if image is None:
            raise OutputError(
                f"{path}: {entry.where}: the dataset {dataset.name} has no image of this name, or several;"
                f" write names as {dataset.images[0]!r}, with or without the suffix"
            )
        if image in predicted:
            raise OutputError(
                f"{path}: {entry.where}: {image!r} was predicted before; write one entry for each"
            )
        predicted[image] = entry
    if unpredicted == "refuse":
        _refuse_gaps(path, dataset.images, predicted)
    return predicted


def _refuse_gaps(path: Path, images: Sequence[str], predicted: dict[str, Entry]) -> None:
    without = [image for image in images if image not in predicted]
    if without:
        raise OutputError(
            f"{path}: no prediction for {len(without)} of {len(images)} images, first {without[0]!r}: predict"
            " them all, or count them as wrong with unpredicted='wrong'"
        )


def _found_by(dataset: Dataset) -> Callable[[str], str | None]:
    """Function from a name as written to the image."""
    find = finder([*dataset.images, *dataset.left_out])

    def found(written: str) -> str | None:
        return next((image for name in _spellings(written) if (image := find(name)) is not None), None)

    return found


def _spellings(written: str) -> Iterator[str]:
    """Yield a name as it stands, then without ``_mask``, which masks may add, then without leading folders.

    At least one folder is kept: where images differ by their folders, the bare name will not do.
    """
    path = PurePosixPath(written.replace("\\", "/"))
    bare = path.stem.removesuffix("_mask")
    paths = [path, path.with_name(bare)] if bare else [path]
    yield from map(str, paths)
    for start in range(1, len(path.parts) - 1):
        yield from (str(PurePosixPath(*one.parts[start:])) for one in paths)


def _entries(path: Path) -> list[Entry]:
    value = _load(path)
    if isinstance(value, dict):
        return [Entry(f"entry {i} ({name!r})", name, one) for i, (name, one) in enumerate(value.items())]
    if not isinstance(value, list):
        raise OutputError(f"{path}: holds neither a list […] nor an object {{…}}; write image -> prediction")
    return [_entry(path, index, one) for index, one in enumerate(value)]


def _entry(path: Path, index: int, one: Any) -> Entry:
    if isinstance(one, str):
        return Entry(f"entry {index} ({one!r})", one, one)
    name = next((one[key] for key in NAMES if key in one), None) if isinstance(one, dict) else None
    if not isinstance(name, str):
        raise OutputError(
            f'{path}: entry {index} names no image; write {{"image_filename": …}}, or one object of image -> '
            "prediction"
        )
    return Entry(f"entry {index} ({name!r})", name, one)


def _load(path: Path) -> Any:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_distinct)
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(f"{path}: not readable as JSON ({error}); write it with json.dump") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Object of its pairs; json would keep the last of two with the same name."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return value
