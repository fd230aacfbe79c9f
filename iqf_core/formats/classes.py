"""Classes: one label per image."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from iqf_core.errors import DatasetError
from iqf_core.folders import is_variant
from iqf_core.formats.base import DatasetFormat, Moves
from iqf_core.image import is_image
from iqf_core.records import GroundTruth, Record


class ClassesFormat(DatasetFormat):
    """A class for each image: a folder per class, or a CSV with ``image_filename``, ``label``, ``group``."""

    name: ClassVar[str] = "classes"
    image_columns: ClassVar[tuple[str, ...]] = ("image_filename", "file_name", "filename", "image")
    label_columns: ClassVar[tuple[str, ...]] = ("label", "class_id", "class", "category")

    def detect(self, path: Path) -> bool:
        """Whether it is such a CSV, or a folder whose sub-folders hold the images."""
        if path.is_file() and path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
                return self._columns(next(csv.reader(file), [])) is not None
        return path.is_dir() and "mask" not in path.name.lower() and self._is_folder_per_class(path)

    def read(self, path: Path) -> GroundTruth:
        """Read the labels, as text."""
        if path.is_dir():
            files = sorted(file for file in path.rglob("*.*") if file.is_file() and is_image(file))
            names = [file.relative_to(path).as_posix() for file in files]
            return GroundTruth(tuple(Record(name, label=name.split("/")[0]) for name in names))
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                return self._read_csv(path, csv.DictReader(file))
        except (UnicodeDecodeError, csv.Error) as error:
            raise DatasetError(f"{path}: not a CSV in UTF-8 ({error})") from error

    def write(self, truth: GroundTruth, path: Path) -> None:
        """Write the CSV with its own columns; folders need nothing written."""
        if "columns" not in truth.header:
            return
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, truth.header["columns"], lineterminator="\n")
            table.writeheader()
            for record in truth.records:
                table.writerow({**record.extras, truth.header["image"]: record.image})

    def follow(self, source: Path, target: Path, moves: Moves) -> None:
        """Follow the CSV; a folder per class is followed by the images themselves."""
        if source.is_file():
            super().follow(source, target, moves)

    def _read_csv(self, path: Path, table: csv.DictReader[str]) -> GroundTruth:
        header = list(table.fieldnames or [])
        columns = self._columns(header)
        if columns is None:
            raise DatasetError(f"{path}: needs a column 'image_filename' and a column 'label'")
        records = []
        labels: dict[str, str | None] = {}
        for row in table:
            if None in row or None in row.values():
                raise DatasetError(
                    f"{path}: line {table.line_num} has not the {len(header)} fields of the header"
                )
            record = self._record(row, columns)
            if not record.label:
                raise DatasetError(f"{path}: line {table.line_num}: {record.image!r} has no label")
            other = labels.setdefault(record.image, record.label)
            if other != record.label:
                raise DatasetError(
                    f"{path}: line {table.line_num}: {record.image!r} is {record.label!r} here, and was "
                    f"{other!r} before"
                )
            records.append(record)
        return GroundTruth(tuple(records), {"columns": header, "image": columns[0]})

    def _columns(self, header: Sequence[str]) -> tuple[str, str] | None:
        image = next((name for name in self.image_columns if name in header), None)
        label = next((name for name in self.label_columns if name in header), None)
        return (image, label) if image and label else None

    @staticmethod
    def _record(row: Mapping[str, str], columns: tuple[str, str]) -> Record:
        label, group = row[columns[1]].strip(), (row.get("group") or "").strip()
        return Record(row[columns[0]].strip(), label=label, group=group or None, extras=row)

    @staticmethod
    def _is_folder_per_class(path: Path) -> bool:
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        folders = [entry for entry in entries if entry.is_dir() and not is_variant(entry)]
        loose = any(entry.is_file() and is_image(entry) for entry in entries)
        return len(folders) > 1 and not loose and all(any(map(is_image, f.glob("*.*"))) for f in folders)
