"""What is written down of a variant: how it was made, and what was measured on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic
from affine import Affine

from iqf_core.errors import VariantError
from iqf_core.fingerprint import digest_of
from iqf_core.folders import MANIFEST
from iqf_core.records import Move
from iqf_core.verification import Verified

FILE = MANIFEST
SCHEMA = 1


class StoredImage(pydantic.BaseModel):
    """One image of a variant.

    Attributes
    ----------
    image, source : str
        File names in the variant and in the dataset.
    width, height : int
        Size in pixels.
    affine : tuple of float or None
        Map from old to new pixel coordinates, as in the affine package; None when pixels stayed.
    georeferenced : bool
        Whether the source has a coordinate system.
    stored : {"pixels", "codestream"}
        What the file holds.
    file_bytes : int or None
        Size of the file: tells whether it was damaged since.
    white : float or None
        Full scale, where the modifier changed it; None: that of the source.
    measured : dict of str to float
        Sizes of the source, coded bytes, times, and what the modifier reported.
    """

    image: str
    source: str
    width: int
    height: int
    affine: tuple[float, float, float, float, float, float] | None = None
    georeferenced: bool = False
    stored: Literal["pixels", "codestream"] = "pixels"
    file_bytes: int | None = None
    white: float | None = None
    measured: dict[str, float] = {}

    def move(self) -> Move:
        """What became of the source, for the ground truth to follow."""
        affine = None if self.affine is None else Affine(*self.affine)
        return Move(self.image, self.width, self.height, affine, self.georeferenced)


class Recipe(pydantic.BaseModel):
    """All that determines a variant's pixels.

    Attributes
    ----------
    source : str
        Fingerprint of the dataset.
    images : str
        Digest of the names of the images that were taken.
    modifier : dict
        Spec as it was asked for.
    versions : dict of str to str
        Plugins, codecs and decoders.
    storage : {"source", "codestream"}
        What the files hold.
    seed : int or None
        None when the modifier draws nothing.
    white : float or None
        Full scale where it was given.
    """

    source: str
    images: str
    modifier: dict[str, Any]
    versions: dict[str, str]
    storage: Literal["source", "codestream"]
    seed: int | None = None
    white: float | None = None

    @property
    def identity(self) -> str:
        """Digest of the recipe: variants of one identity hold the same pixels."""
        return digest_of(f"schema {SCHEMA}", self.model_dump_json())


class Manifest(pydantic.BaseModel):
    """The manifest of a variant.

    Attributes
    ----------
    schema_version : int
        Of this file.
    recipe : Recipe
        All that determines the pixels.
    identity : str
        Digest of the recipe.
    label, family : str
        Of the modifier.
    knob : float or None
        Value of the modifier's knob, after a search where a target was asked for.
    resolved : dict
        Spec that was applied: the same as asked for but for searched targets.
    rates : dict of str to float or None
        Rates of the dataset.
    images : list of StoredImage
        Sorted by name.
    verified : dict of str to Verified
        Metric -> what it said of a sample of the images before and after.
    """

    model_config = pydantic.ConfigDict(ser_json_inf_nan="constants")

    schema_version: int = SCHEMA
    recipe: Recipe
    identity: str
    label: str
    family: str
    knob: float | None
    resolved: dict[str, Any]
    rates: dict[str, float]
    images: list[StoredImage]
    verified: dict[str, Verified] = {}

    @classmethod
    def load(cls, folder: Path) -> Manifest | None:
        """Manifest of a variant's folder, None when there is none.

        Raises
        ------
        VariantError
            When the file is damaged or of a newer schema.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_bytes())
            if isinstance(content, dict) and content.get("schema_version", SCHEMA) > SCHEMA:
                newer = content["schema_version"]
                raise VariantError(f"{path}: written by a newer iqf-core (schema {newer})")
            return cls.model_validate(content)
        except (ValueError, TypeError) as error:
            raise VariantError(
                f"{path}: damaged manifest; remove the variant's folder and make it again"
            ) from error

    def save(self, folder: Path) -> None:
        """Write it into the variant's folder."""
        hidden = folder / f"{FILE}.tmp"
        hidden.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        hidden.replace(folder / FILE)

    def damage(self, images_dir: Path) -> str:
        """The first image that is not there, or not of the size it was written with; empty when all are."""
        for row in self.images:
            try:
                size = (images_dir / row.image).stat().st_size
            except FileNotFoundError:
                return f"{row.image} is missing"
            if row.file_bytes is not None and size != row.file_bytes:
                return f"{row.image} has {size:,} bytes instead of {row.file_bytes:,}"
        return ""

    def moves(self) -> Mapping[str, list[Move]]:
        """Image of the dataset -> what it became."""
        moves: dict[str, list[Move]] = {}
        for stored in self.images:
            moves.setdefault(stored.source, []).append(stored.move())
        return moves
