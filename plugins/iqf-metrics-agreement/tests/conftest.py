"""Datasets with labels and with masks, and predictions of them, from seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import iqf_core as iqf

CLASSES = ("field", "forest", "water", "3")


def write_gray(path: Path, pixels: np.ndarray[Any, Any], **more: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    iqf.write_image(path, iqf.Image.from_array(pixels, **more))


@pytest.fixture
def labelled(tmp_path: Path) -> Callable[..., iqf.Dataset]:
    """Write images with a label each, in groups of two."""

    def made(labels: list[str], *, name: str = "scenes") -> iqf.Dataset:
        root = tmp_path / name
        rows = ["image_filename,label,group"]
        for number, label in enumerate(labels):
            write_gray(root / "images" / f"s{number}.png", np.full((4, 4), number % 200, np.uint8))
            rows.append(f"s{number}.png,{label},g{number // 2}")
        (root / "labels.csv").write_text("\n".join(rows) + "\n")
        return iqf.open_dataset(root)

    return made


@pytest.fixture
def masked(tmp_path: Path) -> Callable[..., iqf.Dataset]:
    """Write images with the given masks."""

    def made(*masks: np.ndarray[Any, Any], suffix: str = ".png", **more: Any) -> iqf.Dataset:
        root = tmp_path / "scenes"
        for number, mask in enumerate(masks):
            write_gray(root / "images" / f"s{number}.png", np.zeros(mask.shape[:2], np.uint8))
            write_gray(root / "images_mask" / f"s{number}{suffix}", mask, **more)
        return iqf.open_dataset(root, group=r"s\d")

    return made


@pytest.fixture
def output(tmp_path: Path) -> Callable[..., Path]:
    """Write ``output.json``, and masks beside it."""

    def made(value: Any, **masks: np.ndarray[Any, Any]) -> Path:
        folder = tmp_path / "output"
        folder.mkdir(exist_ok=True)
        for name, mask in masks.items():
            write_gray(folder / "masks" / f"{name}.png", mask)
        path = folder / "output.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return made
