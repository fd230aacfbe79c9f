"""Variants: a dataset after a modifier, on disk, with a manifest.

A variant is built in a ``.partial`` folder under a lock, image by image, each written atomically and noted
in a journal; only when all is there is the folder renamed. So an interrupted build goes on where it
stopped, a finished one is reused at once, and nothing half-written is ever taken for finished.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import filelock

from iqf_core import parallel
from iqf_core.dataset import Dataset, open_dataset
from iqf_core.errors import IqfError, ParameterError, VariantError
from iqf_core.fingerprint import digest_of
from iqf_core.full_scale import doubt_full_scale
from iqf_core.image import Image
from iqf_core.manifest import FILE, Manifest, Recipe, StoredImage
from iqf_core.modifiers import ImageModifier, Modified, Modifier
from iqf_core.progress import track
from iqf_core.rates import rates
from iqf_core.records import Move, Record, grouped
from iqf_core.samples import Samples
from iqf_core.specs import Spec
from iqf_core.specs import modifier as make_modifier
from iqf_core.storing import Journal, Storage, Store, TakenNames
from iqf_core.versions import versions_of

JOURNAL = ".iqf-journal"
BUILDING = ".iqf-building"
MAX_LABEL = 120  # characters: file systems allow 255 bytes for a name


@dataclass(frozen=True)
class Variant(Dataset):
    """A dataset after a modifier: `Dataset` with the manifest of how it was made."""

    manifest: Manifest | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Variant:
        """Open a finished variant.

        Raises
        ------
        VariantError
            When the folder is not a variant.
        """
        folder = Path(folder)
        manifest = Manifest.load(folder)
        if manifest is None:
            raise VariantError(f"{folder}: not a finished variant (no {FILE})")
        return cls._of(folder, manifest, None)

    @classmethod
    def _of(cls, folder: Path, manifest: Manifest, source: Dataset | None) -> Variant:
        white = manifest.recipe.white
        dataset = open_dataset(folder, white=white) if source is None else source.laid_in(folder)
        variant = cls(
            **{name: getattr(dataset, name) for name in dataset.__dataclass_fields__}, manifest=manifest
        )
        (name, parameters), *_ = manifest.resolved.items()
        variant.params.update({**(source.params if source else {}), "ds_name": folder.name})
        variant.params.update({"modifier": manifest.label, "modifier_name": name, **manifest.rates})
        variant.params.update({f"{name}.{key}": value for key, value in parameters.items()})
        return variant

    def rates(self) -> dict[str, float]:
        """Rates of its images over the pixels of their sources."""
        return super().rates() if self.manifest is None else dict(self.manifest.rates)

    def _grouped(self, record: Record) -> Record:
        """Record with the group of its source: images cut from one source are of one group."""
        source = self.source_of.get(record.image, record.image)
        found = grouped(record, self.group_pattern, name=source)
        cut = found.group is None and self._pieces[source] > 1
        return replace(found, group=source) if cut else found

    @functools.cached_property
    def _pieces(self) -> Counter[str]:
        return Counter(self.source_of.values())

    @functools.cached_property
    def source_of(self) -> dict[str, str]:
        """Image of the variant -> image of the dataset that it was made of."""
        return {} if self.manifest is None else {row.image: row.source for row in self.manifest.images}


def open_with_manifest(folder: str | Path, *, white: float | None = None) -> Dataset:
    """Open a folder as a `Variant` where it has a manifest, whose full scale then counts, else as it is."""
    if (Path(folder) / FILE).is_file():
        return Variant.open(folder)
    return open_dataset(folder, white=white)


def make_variant(
    dataset: Dataset | str | Path,
    modifier: Spec,
    *,
    variants_root: str | Path | None = None,
    storage: Storage = "source",
    seed: int = 0,
    workers: int | None = None,
    backend: str | None = None,
    progress: bool | None = None,
) -> Variant:
    """Apply a modifier to every image of a dataset, and write the result beside it.

    Parameters
    ----------
    dataset : Dataset, str or pathlib.Path
        Is never written to.
    modifier : Modifier or spec
        As for `iqf_core.modifier`.
    variants_root : str or pathlib.Path, optional
        Where variants are written, when not beside the dataset.
    storage : {"source", "codestream"}, optional
        ``"source"``: pixels, losslessly, in the source's own container and name; an image that came lossy
        keeps a JPEG modifier's codestream, and becomes PNG or TIFF otherwise. ``"codestream"``: the encoded
        file is the image, where there is one and the image has no nodata.
    seed : int, optional
        What stochastic modifiers draw from.
    workers : int, optional
        How many images at once; one per processor unless given.
    backend : str, optional
        joblib backend; threads unless given.
    progress : bool, optional
        Show a bar; by default on a terminal.

    Returns
    -------
    Variant
        Made, or found finished with the same manifest.

    Raises
    ------
    ImageError
        When an image cannot be read or represented; names the file and the remedy. What was done is kept
        and not done again.
    VariantError
        When the folder cannot be written.

    Examples
    --------
    >>> make_variant("scenes", "jpeg(quality=50)").manifest.rates["bits_per_pixel"]  # doctest: +SKIP
    0.92
    """
    if storage not in get_args(Storage):
        raise ParameterError(f"storage={storage!r}: write 'source' or 'codestream'")
    if seed < 0:
        raise ParameterError(f"seed={seed}: a seed is a whole number from 0")
    source = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    asked = make_modifier(modifier)
    recipe = recipe_of(source, asked, storage=storage, seed=seed)
    root = Path(variants_root) if variants_root is not None else source.root.absolute().parent
    build = _Build(source, asked, recipe, seed, workers, backend, progress)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in _places(root, source, asked, recipe):
            with filelock.FileLock(root / f".{folder.name}.lock"):
                manifest = build.at(folder)
            if manifest is not None:
                doubt_full_scale(str(source.root), manifest)
                return Variant._of(folder, manifest, source)
    except PermissionError as error:
        raise VariantError(
            f"{root}: cannot be written ({error}); pass variants_root= to write elsewhere "
            "(--variants-root; variants_root: in a study)"
        ) from error
    except OSError as error:
        if isinstance(error, IqfError):
            raise
        raise VariantError(
            f"{root}: {error}; what was finished is kept, and the same call goes on"
        ) from error
    raise VariantError(
        f"{root}: another variant has the name {_places(root, source, asked, recipe)[-1].name}"
    )


def find_variant(
    dataset: Dataset, modifier: Modifier, *, variants_root: Path | None, storage: Storage, seed: int
) -> Path | None:
    """Folder of the finished variant that `make_variant` would reuse, or None."""
    recipe = recipe_of(dataset, modifier, storage=storage, seed=seed)
    root = variants_root or dataset.root.absolute().parent
    for folder in _places(root, dataset, modifier, recipe):
        manifest = Manifest.load(folder)
        if manifest is not None and manifest.identity == recipe.identity:
            return folder
    return None


def recipe_of(dataset: Dataset, modifier: Modifier, *, storage: Storage, seed: int) -> Recipe:
    """All that determines the pixels of a variant."""
    return Recipe(
        source=dataset.fingerprint,
        images=digest_of(*dataset.images),
        modifier=modifier.spec(),
        versions=versions_of(modifier),
        storage=storage,
        seed=seed if modifier.draws else None,
        white=dataset.white,
    )


def _places(root: Path, source: Dataset, modifier: Modifier, recipe: Recipe) -> list[Path]:
    """Folders for a variant: its plain name, then one with a hash for where that is taken.

    A plain name does not tell seeds, storages and versions apart; with any of them it gets the hash at once.
    """
    plain = re.sub(r"[^\w.+=@-]+", "", modifier.label)
    hashed = f"{source.name}#{plain[:MAX_LABEL]}-{recipe.identity[:8]}"
    if recipe.seed is not None or recipe.storage != "source" or len(plain) > MAX_LABEL:
        return [root / hashed]
    return [root / f"{source.name}#{plain}", root / hashed]


@dataclass(frozen=True)
class _Build:
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
        partial = folder.with_name(folder.name + ".partial")
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
            **manifest.moves(),
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

    def __init__(self, build: _Build, folder: Path) -> None:
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
        work = functools.partial(self._store.attempt, source.images_dir, source.white, modifier)
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
