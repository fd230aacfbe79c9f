"""Where and how the images of a variant are written, and the journal of what is written."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from iqf_core.contract import placed
from iqf_core.dataset import Dataset
from iqf_core.errors import ImageError, UnsupportedImage, VariantError
from iqf_core.full_scale import largest_sample
from iqf_core.image import Image, lossless_suffix, write_codestream, write_image
from iqf_core.manifest import StoredImage
from iqf_core.modifiers import ImageModifier, Modified
from iqf_core.rates import image_size
from iqf_core.samples import generator_for

Storage = Literal["source", "codestream"]


class Journal:
    """What an interrupted build has finished: a line of JSON for each image of the source.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, list[StoredImage]]:
        """Image of the source -> what it became; what follows a torn or damaged line is cut off."""
        done: dict[str, list[StoredImage]] = {}
        if not self._path.is_file():
            return done
        data = self._path.read_bytes()
        sound = 0
        for line in data.split(b"\n")[:-1]:
            try:
                entry = json.loads(line)
                rows = [StoredImage.model_validate(row) for row in entry["images"]]
                done.setdefault(entry["source"], []).extend(rows)
            except (ValueError, TypeError, KeyError):
                break
            sound += len(line) + 1
        if sound < len(data):
            with self._path.open("r+b") as file:
                file.truncate(sound)
        return done

    def note(self, source: str, rows: Sequence[StoredImage]) -> None:
        """Add a line."""
        entry = {"source": source, "images": [row.model_dump(mode="json") for row in rows]}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


@dataclass(frozen=True)
class TakenNames:
    """What an image that gets another suffix could meet.

    Parameters
    ----------
    stems : frozenset of str
        Names without suffix that several images share.
    doubled : frozenset of str
        Names that are another image's with a suffix more.
    """

    stems: frozenset[str]
    doubled: frozenset[str]

    @classmethod
    def of(cls, images: Iterable[str]) -> TakenNames:
        """Names among the images of a dataset."""
        names = set(images)
        bare = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
        shared = {stem for stem, count in Counter(bare.values()).items() if count > 1}
        return cls(frozenset(shared), frozenset(name for name, stem in bare.items() if stem in names))


@dataclass(frozen=True)
class Store:
    """Writes the images of a variant; can be sent to another process.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of images.
    storage : {"source", "codestream"}
        What the files hold.
    names : TakenNames
        Of the images of the source.
    seed : int
        What stochastic modifiers draw from.
    """

    folder: Path
    storage: Storage
    names: TakenNames
    seed: int

    def attempt(self, source: Dataset, modifier: ImageModifier, name: str) -> StoredImage | Exception:
        """Make one image, or return what went wrong, so that others under way are not lost with it."""
        try:
            return self.make(source, modifier, name)
        except Exception as error:  # noqa: BLE001 - raised by the caller
            return error

    def make(self, source: Dataset, modifier: ImageModifier, name: str) -> StoredImage:
        """Read, modify and write one image."""
        path = source.path(name)
        image = source.read(name)
        try:
            # Seeding a generator takes as long as reading a header: only where something is drawn.
            rng = generator_for(self.seed, modifier.name, name) if modifier.draws else None
            modified = modifier.modify(image, rng=rng)
            return self.put(name, image, modified, name)
        except (ImageError, VariantError) as error:
            raise type(error)(f"{path}: {error}") from error
        except (OSError, MemoryError):  # of this machine, not of this image
            raise
        except Exception as error:
            raise VariantError(f"{path}: {modifier} failed: {type(error).__name__}: {error}") from error

    def put(self, source_name: str, source: Image, modified: Modified, name: str) -> StoredImage:
        """Write one image, as codestream or as pixels."""
        as_codestream = self._keeps_codestream(source, modified)
        if as_codestream:
            kept = _is_from_jpeg(source) and modified.suffix == ".jpg"
            stored = name if kept else self._free_name(name, modified.suffix)
            size = modified.like or source
            write_codestream(self._place(stored), modified.codestreams[0], size)
        else:
            size = modified.decoded()
            stored = self._write_pixels(name, source, placed(source, size, modified.affine))
        return StoredImage(
            image=stored,
            source=source_name,
            width=size.width,
            height=size.height,
            affine=None if modified.affine is None else tuple(modified.affine)[:6],
            georeferenced=source.geo is not None and source.geo.crs is not None,
            stored="codestream" if as_codestream else "pixels",
            file_bytes=self._place(stored).stat().st_size,
            white=None if size.white == source.white else size.white,
            measured=_measured(modified, source, size),
        )

    def _keeps_codestream(self, source: Image, modified: Modified) -> bool:
        single = len(modified.codestreams) == 1 and bool(modified.suffix)
        if not single or source.nodata is not None or modified.affine is not None:
            return False
        return self.storage == "codestream" or (_is_from_jpeg(source) and modified.suffix == ".jpg")

    def _write_pixels(self, name: str, source: Image, image: Image) -> str:
        suffix = PurePosixPath(name).suffix.lower()
        stays = suffix in (".png", ".tif", ".tiff", ".jp2") and not _is_from_jpeg(source)
        stored = name if stays else self._free_name(name, lossless_suffix(image))
        try:
            write_image(self._place(stored), image)
        except UnsupportedImage:
            if stored.endswith(".tif"):
                raise
            stored = self._free_name(name, ".tif")
            write_image(self._place(stored), image)
        return stored

    def _free_name(self, name: str, suffix: str) -> str:
        """Name with another suffix, appended where replacing it could meet another image's name."""
        path = PurePosixPath(name)
        if path.suffix.lower() == suffix:
            return name
        bare = str(path.with_suffix(""))
        free = name + suffix if bare in self.names.stems else bare + suffix
        while free in self.names.doubled:
            free += suffix
        return free

    def _place(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _is_from_jpeg(image: Image) -> bool:
    return image.encoding is not None and image.encoding.format == "JPEG"


def _measured(modified: Modified, source: Image, after: Image) -> dict[str, float]:
    """What the modifier measured, with the sizes that rates are counted against.

    Where nothing was coded, the fixed-length size of the result is the one honest number.
    """
    size = image_size(source.width, source.height, source.bands, source.bits_per_sample)
    measured = {**size, **largest_sample(source), **modified.measured}
    if "bytes" not in measured:
        bits = after.bits_per_sample * after.bands * after.width * after.height
        measured.setdefault("fixed_bits_per_pixel", bits / size["source_pixels"])
    return {key: float(value) for key, value in measured.items() if math.isfinite(value)}
