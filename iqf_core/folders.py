"""What lies in a dataset's folder: where its images are, which files are images, what belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from iqf_core import plugins
from iqf_core.errors import DatasetError
from iqf_core.image import IMAGE_SUFFIXES, is_image

SIDECARS = (".aux.xml", ".ovr", ".msk", ".pgw", ".jgw", ".tfw", ".j2w", ".wld", ".prj")
"""Files that belong to an image beside them."""
MANIFEST, BUILDING = ".iqf-manifest", ".iqf-building"
"""In the folder of a variant: how it was made; and while that goes on, of which recipe. No ``.json`` at their
ends, and hidden: a script that looks for the ground truth must not find them."""
NOT_IMAGES = ("mask", "stats")
"""A folder with one of these in its name is not the folder of images (iquaflow's convention)."""


def with_name(path: Path) -> Path:
    """Path that ends in a name, which a dataset and its variants go by: not ``.`` or ``..``."""
    return path.resolve() if path.name in ("", "..") else path


def find_images_dir(root: Path) -> Path:
    """Folder of the images of a dataset.

    Raises
    ------
    DatasetError
        When there is none, or more than one; says what was looked for and found.
    """
    if not root.is_dir():
        raise DatasetError(
            f"{root}: no such folder; a dataset is a folder that holds images, or one folder of images"
        )
    if is_classes(root) and not candidates(root):
        return root
    folders = [f for f in subfolders(root) if not any(word in f.name.lower() for word in NOT_IMAGES)]
    with_images = [folder for folder in folders if _holds_images(folder, deep=True)]
    if len(with_images) == 1:
        return with_images[0]
    if not with_images and _holds_images(root, deep=False):
        return root
    if not with_images:
        found = ", ".join(sorted(entry.name for entry in root.iterdir())[:8]) or "nothing"
        raise DatasetError(
            f"{root}: no images. Looked for one sub-folder of images (without 'mask' in its name) or images "
            f"in the folder itself; found: {found}"
        )
    found = ", ".join(folder.name for folder in with_images)
    raise DatasetError(
        f"{root}: several folders hold images ({found}). Name one: open one of them, or pass images=; "
        "a folder per class is read as classes when nothing else lies beside the folders"
    )


def subfolders(root: Path) -> list[Path]:
    """Sub-folders that are neither hidden nor variants."""
    return sorted(
        f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".") and not is_variant(f)
    )


def is_variant(folder: Path) -> bool:
    """Whether a folder is a variant, or one that is being built: never a part of the dataset beside it."""
    return any((folder / name).is_file() for name in (MANIFEST, BUILDING))


def candidates(root: Path) -> list[Path]:
    """Files that may hold the ground truth."""
    suffixes = (".json", ".geojson", ".csv")
    return sorted(f for f in root.iterdir() if f.suffix.lower() in suffixes and not f.name.startswith("."))


def is_classes(root: Path) -> bool:
    """Whether the sub-folders are classes, and not parts of a dataset."""
    names = {folder.name.lower() for folder in subfolders(root)}
    parts = {"train", "val", "valid", "validation", "test"}
    masks = any(word in name for name in names for word in NOT_IMAGES)
    return (
        not masks
        and not names & parts
        and plugins.registry().load("formats", "iqf-core:classes")().detect(root)
    )


def _holds_images(folder: Path, *, deep: bool) -> bool:
    files = folder.rglob("*") if deep else folder.glob("*")
    return any(file.is_file() and is_image(file) for file in files)


def list_images(folder: Path, *, flat: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Images of a folder, and the files that are none; without its sub-folders when ``flat``."""
    images, skipped = [], []
    for file in folder.glob("*") if flat else folder.rglob("*"):
        name = file.relative_to(folder).as_posix()
        leads_nowhere = file.is_symlink() and not file.exists()
        if not (file.is_file() or leads_nowhere) or any(part.startswith(".") for part in Path(name).parts):
            continue
        if not name.isprintable() and any("\ud800" <= character <= "\udfff" for character in name):
            raise DatasetError(f"{folder}: the file name {name!a} is not UTF-8; rename the file")
        if file.suffix.lower() in IMAGE_SUFFIXES or is_image(file):
            images.append(name)  # a damaged image is an error when it is read, never skipped
        elif not name.lower().endswith(SIDECARS):
            skipped.append(name)
    return tuple(sorted(images)), tuple(sorted(skipped))


def sidecars(folder: Path, images: Iterable[str]) -> list[str]:
    """Files beside some images that belong to them: georeferences, statistics, overviews."""
    names = {name: PurePosixPath(name) for name in images}
    owners = {*names, *(str(path.with_suffix("")) for path in names.values())}
    found = []
    for parent in {path.parent for path in names.values()}:
        for file in (folder / parent).iterdir():
            name = (parent / file.name).as_posix()
            suffix = next((s for s in SIDECARS if name.lower().endswith(s)), None)
            if suffix and name[: -len(suffix)] in owners:
                found.append(name)
    return sorted(found)
