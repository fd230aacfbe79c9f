"""Building a variant: image by image, each written atomically and noted in a journal."""

from __future__ import annotations

import functools
import itertools
import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iqf_core import parallel
from iqf_core.dataset import Dataset
from iqf_core.errors import VariantError
from iqf_core.folders import BUILDING
from iqf_core.image import Image
from iqf_core.manifest import Manifest, Recipe, StoredImage
from iqf_core.modifiers import ImageModifier, Modified, Modifier
from iqf_core.progress import track
from iqf_core.rates import rates
from iqf_core.records import Move
from iqf_core.samples import Samples
from iqf_core.storing import Journal, Store, TakenNames

JOURNAL = ".iqf-journal"
PARTIAL = ".partial"


@dataclass(frozen=True)
class Build:
    """The making of one variant."""

    source: Dataset
    asked: Modifier
    recipe: Recipe
    seed: int
    workers: int | None
    backend: str | None
    progress: bool | None

    def at(self, folder: Path) -> Manifest | None:
        """Manifest of the variant in this folder, made if need be; None when another variant is there."""
        if folder.exists():
            manifest = Manifest.load(folder)
            if manifest is None or manifest.identity != self.recipe.identity:
                return None
            damage = manifest.damage(self.source.images_dir_in(folder))
            if damage:
                raise VariantError(
                    f"{folder}: was changed since it was made: {damage}; "
                    "remove the folder, and it is made again"
                )
            return manifest
        partial = partial_of(folder)
        self._start(partial)
        manifest = Manifest.load(partial) or self._make(partial)
        for name in (JOURNAL, BUILDING):
            (partial / name).unlink(missing_ok=True)
        partial.rename(folder)
        return manifest

    def _make(self, partial: Path) -> Manifest:
        """Make what is not there yet; the manifest comes last, and says that all is there."""
        samples = Samples(self.source.images, self.source.read, self.seed, self.workers)
        resolved = self.asked.resolve(samples)
        writer = VariantWriter(self, partial)
        resolved.apply_dataset(self.source, writer)
        manifest = self._manifest(resolved, writer.finished())
        moves: dict[str, Sequence[Move]] = {
            **{name: [] for name in (*self.source.images, *self.source.left_out)},
            **{
                name: [replace(move, left_of=resolved.left_of) for move in became]
                for name, became in manifest.moves().items()
            },
        }
        for truth in self.source.sources:
            truth.format.follow(truth.path, partial / truth.path.name, moves)
        manifest.save(partial)
        return manifest

    def _start(self, partial: Path) -> None:
        """Go on with what an interrupted build of the same recipe left; throw away what another left."""
        marker = partial / BUILDING
        if marker.is_file() and marker.read_text() == self.recipe.identity:
            for unfinished in partial.rglob(".*.tmp"):
                unfinished.unlink(missing_ok=True)
        elif not self._is_finished(partial):
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            marker.write_text(self.recipe.identity)

    def _is_finished(self, partial: Path) -> bool:
        """Whether only the renaming is left to do."""
        manifest = Manifest.load(partial)
        return manifest is not None and manifest.identity == self.recipe.identity

    def _manifest(self, resolved: Modifier, images: list[StoredImage]) -> Manifest:
        return Manifest(
            recipe=self.recipe,
            identity=self.recipe.identity,
            label=self.asked.label,
            family=self.asked.family,
            knob=resolved.knob_value,
            resolved=resolved.spec(),
            rates=rates(_by_source(images)),
            images=sorted(images, key=lambda row: row.image),
        )


def partial_of(folder: Path) -> Path:
    """Where a variant is built before it has its folder."""
    return folder.with_name(folder.name + PARTIAL)


def _by_source(images: Iterable[StoredImage]) -> list[dict[str, float]]:
    """Rows for the rates: what a source became adds up, its pixels count once."""
    sources: dict[str, list[dict[str, float]]] = {}
    for image in images:
        sources.setdefault(image.source, []).append(image.measured)
    sums = ("bytes", "fixed_bits_per_pixel")
    return [
        {**rows[0], **{key: sum(row.get(key, math.nan) for row in rows) for key in sums}}
        for rows in sources.values()
    ]


class VariantWriter:
    """Receives the images of a variant while it is built.

    Attributes
    ----------
    pending : list of str
        Images of the source that an interrupted build has not finished.
    """

    def __init__(self, build: Build, folder: Path) -> None:
        source = build.source
        self._build = build
        self._journal = Journal(folder / JOURNAL)
        inner = source.images_dir_in(folder)
        inner.mkdir(parents=True, exist_ok=True)
        self._store = Store(inner, build.recipe.storage, TakenNames.of(source.images), build.seed)
        self._done = self._journal.read()
        self._rows = {row.image: row for rows in self._done.values() for row in rows}
        self.pending = [name for name in source.images if name not in self._done]

    def add_each(self, source: Dataset, modifier: ImageModifier) -> None:
        """Modify and write every pending image by itself, in parallel."""
        work = functools.partial(self._store.attempt, source, modifier)
        failures: list[Exception] = []
        until_one_fails = itertools.takewhile(lambda _: not failures, self.pending)
        rows = parallel.unordered(
            work, until_one_fails, workers=self._build.workers, backend=self._build.backend
        )
        doing = f"{source.name}: {modifier}"
        for row in track(rows, total=len(self.pending), doing=doing, show=self._build.progress):
            if isinstance(row, Exception):
                failures.append(row)  # what is under way is still finished and kept
            else:
                self._note(row.source, [row])
        if failures:
            raise failures[0]

    def add(self, source_name: str, source: Image, images: Iterable[tuple[str, Modified]]) -> None:
        """Write all that one image of the source became: none, one or many, under their new names.

        What an interrupted build has finished is passed over.

        Raises
        ------
        VariantError
            When two images have one name.
        """
        if source_name in self._done:
            return
        rows = [self._store.put(source_name, source, modified, self._free(name)) for name, modified in images]
        self._note(source_name, rows)

    def finished(self) -> list[StoredImage]:
        """Rows of all images written, by this build or by the one that was interrupted.

        Raises
        ------
        VariantError
            When there is none.
        """
        if not self._rows:
            raise VariantError(f"{self._build.asked} made no image of {self._build.source.root}")
        return list(self._rows.values())

    def _free(self, name: str) -> str:
        if name in self._rows:
            raise VariantError(f"{self._build.asked} made two images with the name {name}")
        return name

    def _note(self, source_name: str, rows: list[StoredImage]) -> None:
        for row in rows:
            self._rows[self._free(row.image)] = row
        self._journal.note(source_name, rows)
