"""Variants: a dataset after a modifier, on disk, with a manifest.

A variant is built in a ``.partial`` folder under a lock, image by image, each written atomically and noted
in a journal; only when all is there is the folder renamed. So an interrupted build goes on where it
stopped, a finished one is reused at once, and nothing half-written is ever taken for finished.
"""

from __future__ import annotations

import functools
import logging
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import filelock

from iqf_core.build import Build
from iqf_core.dataset import Dataset, open_dataset
from iqf_core.errors import IqfError, ParameterError, VariantError
from iqf_core.fingerprint import digest_of
from iqf_core.full_scale import doubt_full_scale
from iqf_core.manifest import FILE, Manifest, Recipe
from iqf_core.metrics import ImageMetric
from iqf_core.modifiers import Modifier
from iqf_core.records import Record, grouped
from iqf_core.specs import Spec
from iqf_core.specs import modifier as make_modifier
from iqf_core.storing import Storage
from iqf_core.verification import Verify, drifts, verified
from iqf_core.versions import versions_of

log = logging.getLogger("iqf")

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

    def white_of(self, image: str) -> float | None:
        """Full scale of one of its images: what the modifier made of it, else the source's."""
        return self._whites.get(image, self.white)

    @functools.cached_property
    def _whites(self) -> dict[str, float]:
        rows = () if self.manifest is None else self.manifest.images
        return {row.image: row.white for row in rows if row.white is not None}

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
    """Open a folder as a `Variant` where it has a manifest, else as it is.

    Raises
    ------
    ParameterError
        When another full scale is given than the one that the variant was made with.
    """
    if not (Path(folder) / FILE).is_file():
        return open_dataset(folder, white=white)
    variant = Variant.open(folder)
    if white is None or white == variant.white:
        return variant
    if variant.white is not None:
        raise ParameterError(f"{folder}: was made with white={variant.white:g}, so it cannot be {white:g}")
    return replace(variant, white=white)


def make_variant(
    dataset: Dataset | str | Path,
    modifier: Spec,
    *,
    variants_root: str | Path | None = None,
    storage: Storage = "source",
    seed: int = 0,
    verify: Verify | str | Sequence[Any] | Mapping[str, Any] | None = None,
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
    verify : list of metric or spec, or dict, optional
        Measure these on a sample of the images, before and after, and write it into the manifest:
        ``["snr", "sharpness"]``, or ``{"metrics": […], "sample": 8, "tolerance": 0.05}``. What a modifier
        was asked for (``target_rer``) and lies farther off than tolerated is a warning.
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
    check = None if verify is None else Verify.of(verify)
    metrics = [] if check is None else check.made()
    recipe = recipe_of(source, asked, storage=storage, seed=seed)
    root = Path(variants_root) if variants_root is not None else source.root.absolute().parent
    if root.resolve().is_relative_to(source.images_dir.resolve()):
        raise VariantError(f"{root}: lies among the images of the dataset, which variants would join")
    build = Build(source, asked, recipe, seed, workers, backend, progress)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in _places(root, source, asked, recipe):
            with filelock.FileLock(root / f".{folder.name}.lock"):
                found, began = folder.exists(), time.monotonic()
                manifest = build.at(folder)
                if manifest is not None:
                    took = time.monotonic() - began
                    log.info("variant %s: %s", folder, "reused" if found else f"made in {took:.1f} s")
                if manifest is not None and check is not None:
                    _verify(build, folder, manifest, metrics, check)
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
    identity, folders = places_of(dataset, modifier, variants_root=variants_root, storage=storage, seed=seed)
    for folder in folders:
        manifest = Manifest.load(folder)
        if manifest is not None and manifest.identity == identity:
            return folder
    return None


def places_of(
    dataset: Dataset, modifier: Modifier, *, variants_root: Path | None, storage: Storage, seed: int
) -> tuple[str, list[Path]]:
    """Identity of a variant, and the folders that it may have."""
    recipe = recipe_of(dataset, modifier, storage=storage, seed=seed)
    root = variants_root or dataset.root.absolute().parent
    return recipe.identity, _places(root, dataset, modifier, recipe)


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


def _verify(
    build: Build, folder: Path, manifest: Manifest, metrics: Sequence[ImageMetric], check: Verify
) -> None:
    """Measure before and after what is not measured yet, and write it into the manifest."""
    variant = Variant._of(folder, manifest, build.source)
    pairs = [(row.source, row.image) for row in manifest.images]
    for metric in metrics:
        known = manifest.verified.get(str(metric))
        if known is None or known.sample != check.sample:
            known = verified(
                metric,
                build.source,
                variant,
                pairs,
                build.asked.asked(),
                sample=check.sample,
                workers=build.workers,
            )
            manifest.verified[str(metric)] = known
            manifest.save(folder)
        for drift in drifts(known.values(), check.tolerance):
            log.warning("%s: %s", folder.name, drift)
