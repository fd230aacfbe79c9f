"""Archives of strangers: what is harmless arrives, what is not leaves nothing behind."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from iqf_core import ExecutorError
from iqf_sagemaker.unpacking import unpack

LIMIT = 1_000_000
Change = Callable[[tarfile.TarInfo], None]


def entry(name: str, content: bytes = b"", **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in changes.items():
        setattr(member, key, value)
    return member, content


def archive(folder: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = folder / "output.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for member, content in entries:
            tar.addfile(member, io.BytesIO(content))
    return path


def test_files_folders_and_links_inside_arrive(tmp_path: Path) -> None:
    made = archive(
        tmp_path,
        entry("results.json", b"{}"),
        entry("deep/down", b"x"),
        entry("link", type=tarfile.SYMTYPE, linkname="deep/down"),
        entry("deep/up", type=tarfile.SYMTYPE, linkname="../results.json"),
        entry("hard", type=tarfile.LNKTYPE, linkname="results.json"),
    )
    unpack(made, tmp_path / "here", limit_bytes=LIMIT)
    found = {
        str(path.relative_to(tmp_path / "here")): path.read_bytes()
        for path in (tmp_path / "here").rglob("*")
        if path.is_file()
    }
    assert found == {"results.json": b"{}", "deep/down": b"x", "link": b"x", "deep/up": b"{}", "hard": b"{}"}


@pytest.mark.parametrize(
    ("hostile", "said"),
    [
        (entry("../../x", b"x"), "lies outside the folder"),
        (entry("deep/../../x", b"x"), "lies outside the folder"),
        (entry("/tmp/x", b"x"), "lies outside the folder"),
        (entry("..\\x", b"x"), "lies outside the folder"),
        (entry("link", type=tarfile.SYMTYPE, linkname="../secret"), "links out of the folder"),
        (entry("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "links out of the folder"),
        (entry("link", type=tarfile.LNKTYPE, linkname="../secret"), "links out of the folder"),
        (entry("pipe", type=tarfile.FIFOTYPE), "neither a file, a folder nor a link"),
        (entry("disk", type=tarfile.BLKTYPE), "neither a file, a folder nor a link"),
    ],
)
def test_what_leads_out_is_refused_and_nothing_is_kept(
    tmp_path: Path, hostile: tuple[tarfile.TarInfo, bytes], said: str
) -> None:
    (tmp_path / "secret").write_text("mine")
    place = tmp_path / "deep" / "place"
    place.mkdir(parents=True)
    made = archive(tmp_path, entry("results.json", b"{}"), hostile)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ExecutorError, match=said):
        unpack(made, place / "here", limit_bytes=LIMIT)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "secret").read_text() == "mine"


def test_a_chain_of_links_does_not_lead_out(tmp_path: Path) -> None:
    """Each link is harmless by its words; together they would climb."""
    made = archive(
        tmp_path,
        entry("a/b/c/", type=tarfile.DIRTYPE),
        entry("a/b/c/up", type=tarfile.SYMTYPE, linkname="../.."),
        entry("a/b/c/up/out", type=tarfile.SYMTYPE, linkname="../../.."),
        entry("a/out/x", b"x"),
    )
    with pytest.raises(ExecutorError):
        unpack(made, tmp_path / "here", limit_bytes=LIMIT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output.tar.gz"]


def test_ten_gigabytes_of_zeros_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "output.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("zeros")
        member.size = 10_000_000_000
        tar.fileobj.write(member.tobuf())  # type: ignore[union-attr] - the body is never read
    with pytest.raises(
        ExecutorError, match=r"more than 0.001 GB when unpacked, at 'zeros'; raise output_limit_gb"
    ):
        unpack(path, tmp_path / "here", limit_bytes=LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["output.tar.gz"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00cut"])
def test_what_is_no_archive_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "output.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ExecutorError, match=r"output.tar.gz: cannot be unpacked"):
        unpack(path, tmp_path / "here", limit_bytes=LIMIT)
    assert not (tmp_path / "here").exists()
