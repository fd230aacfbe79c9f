"""Variants: a dataset after a modifier, on disk, with a manifest.

A variant is built in a ``.partial`` folder under a lock, image by image, each written atomically and noted
in a journal; only when all is there is the folder renamed. So an interrupted build goes on where it
stopped, a finished one is reused at once, and nothing half-written is ever taken for finished.
"""

from __future__ import annotations

import functools
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import filelock

from iqf_core import parallel
from iqf_core.dataset import Dataset, open_dataset
from iqf_core.errors import ImageError, IqfError, UnsupportedImage, VariantError
from iqf_core.fingerprint import digest_of
from iqf_core.image import Image, lossless_suffix, write_codestream, write_image
from iqf_core.manifest import FILE, Manifest, Recipe, StoredImage
from iqf_core.modifiers import ImageModifier, Modified, Modifier
from iqf_core.progress import track
from iqf_core.rates import image_size, rates
from iqf_core.samples import Samples, generator_for
from iqf_core.specs import Spec
from iqf_core.specs import modifier as make_modifier
from iqf_core.versions import versions_of

Storage = Literal["source", "codestream"]
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
        inner = None
        if source is not None:
            inner = folder if source.images_dir == source.root else folder / source.images_dir.name
        dataset = open_dataset(folder, images=inner, white=manifest.recipe.white)
        variant = cls(
            **{name: getattr(dataset, name) for name in dataset.__dataclass_fields__}, manifest=manifest
        )
        (name, parameters), *_ = manifest.resolved.items()
        variant.params.update({**(source.params if source else {}), "ds_name": folder.name})
        variant.params.update({"modifier": manifest.label, "modifier_name": name, **manifest.rates})
        variant.params.update({f"{name}.{key}": value for key, value in parameters.items()})
        return variant if source is None else replace(variant, group_pattern=source.group_pattern)

    def rates(self) -> dict[str, float]:
        """Rates of its images over the pixels of their sources."""
        return super().rates() if self.manifest is None else dict(self.manifest.rates)

    @property
    def source_of(self) -> dict[str, str]:
        """Image of the variant -> image of the dataset that it was made of."""
        return {} if self.manifest is None else {row.image: row.source for row in self.manifest.images}


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
    source = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    asked = make_modifier(modifier)
    recipe = recipe_of(source, asked, storage=storage, seed=seed)
    root = Path(variants_root) if variants_root is not None else source.root.resolve().parent
    build = _Build(source, asked, recipe, seed, workers, backend, progress)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in _places(root, source, asked, recipe):
            with filelock.FileLock(root / f".{folder.name}.lock"):
                manifest = build.at(folder)
            if manifest is not None:
                return Variant._of(folder, manifest, source)
    except PermissionError as error:
        raise VariantError(
            f"{root}: cannot be written ({error}); pass variants_root= to write elsewhere"
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
    root = variants_root or dataset.root.resolve().parent
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
            return manifest if manifest and manifest.identity == self.recipe.identity else None
        partial = folder.with_name(folder.name + ".partial")
        self._start(partial)
        samples = Samples(self.source.images, self.source.read, self.seed, self.workers)
        resolved = self.asked.resolve(samples)
        writer = VariantWriter(self, partial)
        resolved.apply_dataset(self.source, writer)
        manifest = self._manifest(resolved, writer.finished())
        for truth in self.source.sources:
            truth.format.follow(truth.path, partial / truth.path.name, manifest.moves())
        (partial / JOURNAL).unlink(missing_ok=True)
        (partial / BUILDING).unlink()
        manifest.save(partial)
        partial.rename(folder)
        return manifest

    def _start(self, partial: Path) -> None:
        """Go on with what an interrupted build of the same recipe left; throw away what another left."""
        marker = partial / BUILDING
        if not marker.is_file() or marker.read_text() != self.recipe.identity:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            marker.write_text(self.recipe.identity)

    def _manifest(self, resolved: Modifier, images: list[StoredImage]) -> Manifest:
        return Manifest(
            recipe=self.recipe,
            identity=self.recipe.identity,
            label=self.asked.label,
            family=self.asked.family,
            knob=resolved.knob_value,
            resolved=resolved.spec(),
            rates=rates(_sized_once(images)),
            images=sorted(images, key=lambda row: row.image),
        )


def _sized_once(images: Iterable[StoredImage]) -> list[dict[str, float]]:
    """Rows for the rates, in which a source that became many images counts its pixels once."""
    seen: set[str] = set()
    rows = []
    for row in sorted(images, key=lambda row: row.image):
        sizes = {} if row.source not in seen else dict.fromkeys(image_size(0, 0, 0, 0), 0.0)
        rows.append({**row.measured, **sizes})
        seen.add(row.source)
    return rows


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
        self._journal = folder / JOURNAL
        self._rows = _read_journal(self._journal)
        inner = folder if source.images_dir == source.root else folder / source.images_dir.name
        inner.mkdir(parents=True, exist_ok=True)
        self._store = _Store(inner, build.recipe.storage, _shared_stems(source.images), build.seed)
        done = {row.source for row in self._rows}
        self.pending = [name for name in source.images if name not in done]

    def add_each(self, source: Dataset, modifier: ImageModifier) -> None:
        """Modify and write every pending image by itself, in parallel."""
        work = functools.partial(self._store.make, source, modifier)
        rows = parallel.unordered(
            work, self.pending, workers=self._build.workers, backend=self._build.backend
        )
        doing = f"{source.name}: {modifier}"
        for row in track(rows, total=len(self.pending), doing=doing, show=self._build.progress):
            self._note([row])

    def add(self, source_name: str, source: Image, images: Iterable[tuple[str, Modified]]) -> None:
        """Write all that one image of the source became: none, one or many, under their new names."""
        self._note([self._store.put(source_name, source, modified, name) for name, modified in images])

    def finished(self) -> list[StoredImage]:
        """Rows of all images written, by this build or by the one that was interrupted."""
        return list(self._rows)

    def _note(self, rows: list[StoredImage]) -> None:
        self._rows += rows
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write("".join(row.model_dump_json() + "\n" for row in rows))


def _read_journal(path: Path) -> list[StoredImage]:
    """Rows of a journal; a last line that was cut short is not there."""
    if not path.is_file():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    path.write_text(whole + "\n" if whole else "", encoding="utf-8")
    return [StoredImage.model_validate_json(line) for line in whole.splitlines()]


@dataclass(frozen=True)
class _Store:
    """Where and how the images of a variant are written; can be sent to another process."""

    folder: Path
    storage: Storage
    rivals: frozenset[str]
    seed: int

    def make(self, source: Dataset, modifier: ImageModifier, name: str) -> StoredImage:
        """Read, modify and write one image."""
        image = source.read(name)
        try:
            modified = modifier.modify(image, rng=generator_for(self.seed, modifier.name, name))
            return self.put(name, image, modified, name)
        except ImageError as error:
            raise type(error)(f"{source.path(name)}: {error}") from error

    def put(self, source_name: str, source: Image, modified: Modified, name: str) -> StoredImage:
        """Write one image, as codestream or as pixels."""
        as_codestream = self._keeps_codestream(source, modified)
        if as_codestream:
            kept = (
                source.encoding is not None and source.encoding.format == "JPEG" and modified.suffix == ".jpg"
            )
            stored = name if kept else self._free_name(name, modified.suffix)
            write_codestream(self._place(stored), modified.codestreams[0], source)
            size = source
        else:
            size = modified.decoded()
            stored = self._write_pixels(name, source, _placed(source, size, modified))
        return StoredImage(
            image=stored,
            source=source_name,
            width=size.width,
            height=size.height,
            affine=None if modified.affine is None else tuple(modified.affine)[:6],
            georeferenced=source.geo is not None and source.geo.crs is not None,
            stored="codestream" if as_codestream else "pixels",
            measured=_measured(modified, source, size),
        )

    def _keeps_codestream(self, source: Image, modified: Modified) -> bool:
        single = len(modified.codestreams) == 1 and bool(modified.suffix)
        if not single or source.nodata is not None or modified.affine is not None:
            return False
        from_jpeg = source.encoding is not None and source.encoding.format == "JPEG"
        return self.storage == "codestream" or (from_jpeg and modified.suffix == ".jpg")

    def _write_pixels(self, name: str, source: Image, image: Image) -> str:
        suffix = PurePosixPath(name).suffix.lower()
        if source.encoding is not None and source.encoding.format == "JPEG":
            stored = self._free_name(name, lossless_suffix(image))
        elif suffix in (".png", ".tif", ".tiff", ".jp2"):
            stored = name
        else:
            stored = self._free_name(name, lossless_suffix(image))
        try:
            write_image(self._place(stored), image)
        except UnsupportedImage:
            if stored.endswith(".tif"):
                raise
            stored = self._free_name(name, ".tif")
            write_image(self._place(stored), image)
        return stored

    def _free_name(self, name: str, suffix: str) -> str:
        """Name with another suffix, appended where replacing it would meet another image's name."""
        path = PurePosixPath(name)
        if path.suffix.lower() == suffix:
            return name
        return name + suffix if str(path.with_suffix("")) in self.rivals else str(path.with_suffix(suffix))

    def _place(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _shared_stems(names: Iterable[str]) -> frozenset[str]:
    """Names without suffix that several images share."""
    stems = Counter(str(PurePosixPath(name).with_suffix("")) for name in names)
    return frozenset(stem for stem, count in stems.items() if count > 1)


def _placed(source: Image, image: Image, modified: Modified) -> Image:
    """Image whose georeference followed its pixels."""
    if modified.affine is None or source.geo is None or image.geo is not source.geo:
        return image
    return replace(image, geo=source.geo.moved(modified.affine))


def _measured(modified: Modified, source: Image, after: Image) -> dict[str, float]:
    """What the modifier measured, with the sizes that rates are counted against.

    Where nothing was coded, the fixed-length size of the result is the one honest number.
    """
    size = image_size(source.width, source.height, source.bands, source.bits_per_sample)
    measured = {**size, **modified.measured}
    if "bytes" not in measured:
        bits = after.bits_per_sample * after.bands * after.width * after.height
        measured.setdefault("fixed_bits_per_pixel", bits / size["source_pixels"])
    return {key: float(value) for key, value in measured.items() if math.isfinite(value)}
