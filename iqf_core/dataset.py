"""A dataset: a folder holding a folder of images, with its ground truth beside it."""

from __future__ import annotations

import functools
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from iqf_core import plugins
from iqf_core.errors import DatasetError, PluginError
from iqf_core.fingerprint import digest_of, digests
from iqf_core.folders import (
    MANIFEST,
    candidates,
    find_images_dir,
    is_classes,
    list_images,
    sidecars,
    subfolders,
    with_name,
)
from iqf_core.formats import DatasetFormat, finder
from iqf_core.image import IMAGE_SUFFIXES, Image, probe_image, read_image
from iqf_core.rates import image_size, rates
from iqf_core.records import GroundTruth, Record, grouped
from iqf_core.splits import split_names

__all__ = ["Dataset", "DatasetFormat", "GroundTruth", "Record", "Source", "open_dataset"]

log = logging.getLogger("iqf")


@dataclass(frozen=True)
class Source:
    """Ground truth on disk: a file or folder, and the format that reads it."""

    path: Path
    format: DatasetFormat


@dataclass(frozen=True)
class Dataset:
    """Images and what is known of them.

    Parameters
    ----------
    root : pathlib.Path
        The dataset's folder: what a script receives.
    images_dir : pathlib.Path
        Folder of the images.
    images : tuple of str
        Files relative to ``images_dir``, sorted, with ``/``.
    sources : tuple of Source
        Ground truth beside the images.
    params : dict, optional
        What is logged of the dataset, ``ds_name`` first; may be extended.
    white : float or None, optional
        Full scale of its images where the files do not say (4095 for 12 bits in uint16).
    group_pattern : str or None, optional
        Regular expression that finds an image's group in its name.
    skipped : tuple of str, optional
        Files beside the images that are not images.
    left_out : tuple of str, optional
        Images of the folder that are not of this view of it.
    """

    root: Path
    images_dir: Path
    images: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    params: dict[str, Any] = field(default_factory=dict, compare=False)
    white: float | None = None
    group_pattern: str | None = None
    skipped: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.params.setdefault("ds_name", self.root.name)

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.root.name

    def __len__(self) -> int:
        return len(self.images)

    def path(self, image: str) -> Path:
        """File of one of its images."""
        return self.images_dir / image

    def read(self, image: str) -> Image:
        """Read one of its images, with its full scale."""
        return read_image(self.path(image), white=self.white_of(image))

    def white_of(self, image: str) -> float | None:
        """Full scale of one of its images, None where its file says so."""
        return self.white

    @functools.cached_property
    def records(self) -> tuple[Record, ...]:
        """A record for each image, in the order of ``images``.

        Raises
        ------
        DatasetError
            When the ground truth cannot be read.
        """
        known: dict[str, Record] = {name: Record(name) for name in self.images}
        find = finder([*self.images, *self.left_out])
        for source in self.sources:
            for record in source.format.read(source.path).records:
                name = find(record.image)
                if name is not None and name in known:
                    known[name] = known[name].merged(replace(record, image=name))
        return tuple(self._grouped(record) for record in known.values())

    def _grouped(self, record: Record) -> Record:
        found = grouped(record, self.group_pattern)
        scene = self._scenes.get(record.image)
        return replace(found, group=scene) if found.group is None and scene else found

    @functools.cached_property
    def _scenes(self) -> dict[str, str]:
        """Image -> the one that it was cut from, where the folder is a variant that says so."""
        manifest = self.root / MANIFEST
        if not manifest.is_file():
            return {}
        rows = json.loads(manifest.read_bytes()).get("images", [])
        pieces = Counter(row["source"] for row in rows)
        return {row["image"]: row["source"] for row in rows if pieces[row["source"]] > 1}

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of the names and contents of images, their sidecars, and ground truth."""
        images = digests(self.images_dir, [*self.images, *sidecars(self.images_dir, self.images)])
        truth = [
            name
            for source in self.sources
            if source.path != self.images_dir
            for name in _files_of(self.root, source.path)
        ]
        others = digests(self.root, truth)
        words = [f"{name}={digest}" for name, digest in [*images.items(), *others.items()]]
        inner = "" if self.images_dir == self.root else self.images_dir.name
        return digest_of(f"white={self.white}", f"images in {inner}", *words)

    def rates(self) -> dict[str, float]:
        """Rates of the files as they were delivered: their size on disk over their pixels.

        An uncompressed TIFF has its raw rate, a JPEG that of its codestream and headers.
        """
        rows = []
        for name in self.images:
            info = probe_image(self.path(name))
            white = self.white_of(name) or info.white
            bits = math.ceil(math.log2(white + 1)) if white else 8 * np.dtype(info.dtype).itemsize
            size = image_size(info.width, info.height, info.bands, bits)
            rows.append({**size, "bytes": self.path(name).stat().st_size})
        return rates(rows)

    def subset(self, names: Sequence[str]) -> Dataset:
        """The same folder with fewer images.

        Raises
        ------
        DatasetError
            When an image is not of this dataset.
        """
        unknown = sorted(set(names) - set(self.images))
        if unknown:
            raise DatasetError(f"{self.root}: no image {unknown[0]!r} in this dataset")
        kept = set(names)
        left_out = {*self.images, *self.left_out} - kept
        return replace(
            self,
            images=tuple(sorted(kept)),
            left_out=tuple(sorted(left_out)),
            params=dict(self.params),
        )

    def images_dir_in(self, folder: Path) -> Path:
        """Return the folder of images of a dataset that lies in another folder as this one in its own."""
        return folder if self.images_dir == self.root else folder / self.images_dir.name

    def laid_in(self, folder: Path) -> Dataset:
        """Return what lies in another folder in the way that this dataset lies in its own."""
        images_dir = self.images_dir_in(folder)
        in_folders = any("/" in name for name in self.images)
        names, _ = list_images(images_dir, flat=images_dir == folder and not in_folders)
        places = [
            images_dir if source.path == self.images_dir else folder / source.path.name
            for source in self.sources
        ]
        sources = tuple(
            Source(place, source.format)
            for place, source in zip(places, self.sources, strict=True)
            if place.exists()
        )
        return Dataset(folder, images_dir, names, sources, white=self.white, group_pattern=self.group_pattern)

    def split(self, fractions: Mapping[str, float], *, seed: int = 0) -> dict[str, Dataset]:
        """Split into parts that keep groups together and classes in proportion.

        Parameters
        ----------
        fractions : mapping of str to float
            Part -> fraction, such as ``{"train": 0.6, "val": 0.2, "test": 0.2}``; must add up to 1.
        seed : int, optional
            The same seed gives the same parts.

        Returns
        -------
        dict of str to Dataset
            Views of this dataset. An image without a group is a group of its own.

        Raises
        ------
        DatasetError
            When the fractions do not add up or a part would be empty.
        """
        parts = split_names(self.records, fractions, seed=seed, where=str(self.root))
        return {part: self.subset(names) for part, names in parts.items()}


def open_dataset(
    path: str | Path | None = None,
    *,
    images: str | Path | None = None,
    annotations: str | Path | None = None,
    white: float | None = None,
    group: str | None = None,
) -> Dataset:
    r"""Open a folder as a dataset.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        Folder that holds one folder of images (any name without "mask") and its ground truth: COCO JSON,
        GeoJSON, a folder of masks, classes (a CSV, or a folder per class), any other JSON, or none.
        Images directly in the folder will do too.
    images : str or pathlib.Path, optional
        The folder of images, where it is elsewhere or not to be guessed.
    annotations : str or pathlib.Path, optional
        The ground truth, likewise.
    white : float, optional
        Full scale of the images where the files do not say: 4095 for 12 bits in uint16.
    group : str, optional
        Regular expression that finds an image's group (scene) in its name; its first parentheses, if any,
        are the group.

    Returns
    -------
    Dataset
        What is no image is in ``skipped``, and logged.

    Raises
    ------
    DatasetError
        When there is no image, or more than one way to read the folder; says what was looked for and found.

    Examples
    --------
    >>> open_dataset("scenes", group=r"(tile\d+)_")  # doctest: +SKIP
    """
    if path is None and images is None:
        raise DatasetError("open_dataset needs a path, or images= (and annotations=)")
    _require_pattern(group)
    root = None if path is None else with_name(Path(path))
    images_dir = find_images_dir(root or Path()) if images is None else with_name(Path(images))
    if not images_dir.is_dir():
        raise DatasetError(f"{images_dir}: no such folder of images")
    if root is None:
        root = with_name(images_dir.parent)
    elif images_dir.resolve() == root.resolve():
        images_dir = root
    names, skipped = list_images(images_dir, flat=images_dir == root and not is_classes(root))
    if annotations is None:
        sources = _find_sources(root, images_dir)
    else:
        sources = (_recognise(Path(annotations)),)
        skipped = tuple(name for name in skipped if images_dir / name != Path(annotations))
    if images_dir == root:
        skipped = tuple(s for s in skipped if all(images_dir / s != source.path for source in sources))
    if skipped:
        shown = ", ".join(skipped[:3]) + (", …" if len(skipped) > 3 else "")
        log.warning("%s: %d file(s) are not images and were skipped: %s", images_dir, len(skipped), shown)
    if not names:
        raise DatasetError(f"{images_dir}: no image found (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
    return Dataset(root, images_dir, names, sources, white=white, group_pattern=group, skipped=skipped)


def _require_pattern(group: str | None) -> None:
    try:
        re.compile(group or "")
    except re.error as error:
        raise DatasetError(f"group={group!r} is no regular expression: {error}") from error


def _formats() -> list[DatasetFormat]:
    """Every format of the active plugins; what understands less comes last."""
    registry = plugins.registry()
    last = ["iqf-core:json", "iqf-core:folder"]
    names = [entry.full_name for entry in registry.components("formats")]
    formats = []
    for name in sorted(set(names) - set(last)) + last:
        try:
            formats.append(registry.load("formats", name, base=DatasetFormat)())
        except PluginError as error:  # a stranger's format must not keep anybody from opening a dataset
            log.warning("the format %s is passed over: %s", name, error)
    return formats


def _recognise(path: Path) -> Source:
    if not path.exists():
        raise DatasetError(f"{path}: no such ground truth")
    known = _formats()
    for candidate in known:
        if candidate.detect(path):
            return Source(path, candidate)
    raise DatasetError(f"{path}: ground truth of no known format ({', '.join(f.name for f in known)})")


def _find_sources(root: Path, images_dir: Path) -> tuple[Source, ...]:
    words = ("mask", "label")
    folders = [
        f for f in subfolders(root) if f != images_dir and any(word in f.name.lower() for word in words)
    ]
    places = [*candidates(root), *folders, images_dir]
    known = _formats()
    sources = []
    for place in places:
        fitting = next((candidate for candidate in known if candidate.detect(place)), None)
        if fitting is not None:
            sources.append(Source(place, fitting))
    _refuse_rivals(root, sources)
    return tuple(sources)


def _refuse_rivals(root: Path, sources: Sequence[Source]) -> None:
    """Two files of one format about the same images: which one counts cannot be guessed."""
    by_format: dict[str, list[str]] = {}
    for source in sources:
        by_format.setdefault(source.format.name, []).append(source.path.name)
    for name, files in by_format.items():
        if len(files) > 1 and name not in ("json", "classes"):
            raise DatasetError(
                f"{root}: {len(files)} ground truths of format {name} ({', '.join(files)}); pass "
                "annotations= to name the one that counts"
            )


def _files_of(root: Path, path: Path) -> list[str]:
    """Files of a ground truth relative to the dataset's folder, for its fingerprint."""
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    base = root.resolve()
    return [_relative(file.resolve(), base) for file in files]


def _relative(file: Path, base: Path) -> str:
    return file.relative_to(base).as_posix() if file.is_relative_to(base) else str(file)
