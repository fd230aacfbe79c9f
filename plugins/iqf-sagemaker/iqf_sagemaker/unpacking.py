"""Unpacking an archive of a stranger: nothing outside the folder, no links out, a limit of size."""

from __future__ import annotations

import os
import posixpath
import shutil
import tarfile
from pathlib import Path

from iqf_core import ExecutorError

MOST_FILES = 200_000


def unpack(archive: Path, folder: Path, *, limit_bytes: int) -> None:
    """Unpack a ``.tar.gz`` into a new folder; whatever is wrong with it, there is no folder then.

    Files, folders, and links to what lies in the archive are taken; devices and pipes are not. Owners are
    ignored, and permissions are the user's own.

    Parameters
    ----------
    archive : pathlib.Path
        The file.
    folder : pathlib.Path
        Must not exist.
    limit_bytes : int
        Of all its files together, unpacked: a small archive can hold terabytes of zeros.

    Raises
    ------
    ExecutorError
        Naming the archive, and the entry that is refused.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            _extract(tar, archive, partial, limit_bytes)
        partial.rename(folder)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ExecutorError(f"{archive.name}: cannot be unpacked ({error}); nothing of it is kept") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _extract(tar: tarfile.TarFile, archive: Path, folder: Path, limit_bytes: int) -> None:
    size = count = 0
    while (member := tar.next()) is not None:  # one by one: an index of all could be a bomb of its own
        count, size = count + 1, size + max(0, member.size)
        if size > limit_bytes:
            raise ExecutorError(
                f"{archive.name}: more than {limit_bytes / 1e9:g} GB when unpacked, at {member.name!r}; "
                "raise output_limit_gb if that is meant"
            )
        if count > MOST_FILES:
            raise ExecutorError(
                f"{archive.name}: more than {MOST_FILES:,} entries; write fewer, larger files"
            )
        if why := _refusal(member):
            raise ExecutorError(f"{archive.name}: {member.name!r} is refused: {why}; nothing of it is kept")
        tar.extract(member, folder, set_attrs=False, filter="data")
    root = os.path.realpath(folder)
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            real = os.path.realpath(Path(parent, name))
            if os.path.commonpath((root, real)) != root:
                raise ExecutorError(
                    f"{archive.name}: {name!r} leads out of the folder; nothing of it is kept"
                )


def _refusal(member: tarfile.TarInfo) -> str:
    if _leaves(member.name):
        return "it lies outside the folder"
    if member.isfile() or member.isdir():
        return ""
    if not (member.issym() or member.islnk()):
        return "it is neither a file, a folder nor a link"
    base = posixpath.dirname(member.name) if member.issym() else ""
    return "it links out of the folder" if _leaves(member.linkname, base) else ""


def _leaves(name: str, base: str = "") -> bool:
    if posixpath.isabs(name) or "\\" in name or (len(name) > 1 and name[1] == ":"):
        return True
    return posixpath.normpath(posixpath.join(base, name)).split("/")[0] == ".."
