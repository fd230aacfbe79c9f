"""What is not understood, and what is not there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from iqf_core.errors import DatasetError
from iqf_core.formats.base import DatasetFormat, Moves
from iqf_core.records import GroundTruth


class OtherJsonFormat(DatasetFormat):
    """Any other JSON or GeoJSON: not understood, and so carried along as it is."""

    name: ClassVar[str] = "json"

    def detect(self, path: Path) -> bool:
        """Whether it is a JSON file."""
        return path.is_file() and path.suffix.lower() in (".json", ".geojson")

    def read(self, path: Path) -> GroundTruth:
        """Nothing is understood."""
        return GroundTruth(())

    def write(self, truth: GroundTruth, path: Path) -> None:
        """Refuse: there is nothing to write from."""
        raise DatasetError(f"{path}: JSON that IQF does not understand can be copied, not written")

    def follow(self, source: Path, target: Path, moves: Moves) -> None:
        """Copy the file."""
        shutil.copyfile(source, target)


class FolderFormat(OtherJsonFormat):
    """Images without ground truth."""

    name: ClassVar[str] = "folder"

    def detect(self, path: Path) -> bool:
        """Never: it is what is left when there is no ground truth."""
        return False
