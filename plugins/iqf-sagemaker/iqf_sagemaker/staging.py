"""What a job needs, in S3: each content once, under a key made of that content.

A folder lies below ``PREFIX/data/DIGEST/`` as it lies on disk, since a channel is a prefix. Beside it,
written last, ``PREFIX/data/DIGEST.json`` lists what is there: with it, a look costs one listing. Without it,
each object that is there is asked for its digest, and only what is missing is sent.
"""

from __future__ import annotations

import concurrent.futures
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig

from iqf_core import ExecutorError
from iqf_core.fingerprint import digest_of, digests, file_digest
from iqf_core.progress import track
from iqf_core.script import code_files
from iqf_sagemaker.aws import AwsError, explained, is_missing

AT_ONCE = 16
"""Files sent side by side: small images are a matter of round trips, not of bandwidth."""
TRANSFER = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4)
DIGEST = "iqf-digest"
"""Metadata of an object: digest of its content (xxh3, 128 bits)."""
REQUIREMENTS = "requirements.txt"

_staged: set[str] = set()  # what this process has seen to be complete: it is not looked at again


@dataclass(frozen=True)
class Stage:
    """A place in S3 for what jobs need.

    Parameters
    ----------
    s3 : client
        Of boto3.
    bucket, prefix : str
        Where.
    encryption : mapping of str to str
        ``ServerSideEncryption`` and ``SSEKMSKeyId``, as far as they are asked for.
    """

    s3: Any
    bucket: str
    prefix: str
    encryption: Mapping[str, str] = field(default_factory=dict)

    def uri(self, key: str) -> str:
        """``s3://bucket/key``."""
        return f"s3://{self.bucket}/{key}"

    def path(self, *parts: str) -> str:
        """Key below the prefix."""
        return "/".join((*filter(None, [self.prefix.strip("/")]), *parts))

    def folder(self, path: Path) -> str:
        """Have a folder, or one file as if it lay in a folder, in S3.

        Parameters
        ----------
        path : pathlib.Path
            Its hidden files are left out, links are followed.

        Returns
        -------
        str
            ``s3://`` address of the folder, with a slash at its end.

        Raises
        ------
        ExecutorError
            When something cannot be read or sent. What was sent is kept, and not sent again.
        """
        root, names = _files(path)
        known = digests(root, names)
        identity = digest_of(*(f"{name}={digest}" for name, digest in known.items()))
        base = self.path("data", identity)
        place = f"{self.s3.meta.endpoint_url} {self.bucket} {base}"
        if place not in _staged:
            try:
                self._complete(root, known, base)
            except (*AwsError, S3UploadFailedError) as error:
                raise _failed(error, f"{path}: cannot be staged to {self.uri(base)}/") from error
            _staged.add(place)
        return f"{self.uri(base)}/"

    def code(self, script: Path, files: tuple[str, ...]) -> str:
        """Have a script and what belongs to it in S3, as an archive that is the same for the same files.

        Parameters
        ----------
        script : pathlib.Path
            The script.
        files : tuple of str
            Relative to its folder; where empty, all that counts as its code. A ``requirements.txt`` beside
            the script goes with it.

        Returns
        -------
        str
            ``s3://`` address of the ``.tar.gz``.
        """
        folder = script.parent
        names = {*(files or code_files(script)), script.name}
        names |= {REQUIREMENTS} if (folder / REQUIREMENTS).is_file() else set()
        content = _archive(folder, sorted(names))
        digest = hashlib.sha256(content).hexdigest()[:32]
        key = self.path("code", digest, "sourcedir.tar.gz")
        try:
            if self._digest(key, len(content)) != digest:
                self.s3.put_object(
                    Bucket=self.bucket, Key=key, Body=content, Metadata={DIGEST: digest}, **self.encryption
                )
        except AwsError as error:
            raise explained(error, f"{script}: cannot be staged to {self.uri(key)}") from error
        return self.uri(key)

    def _complete(self, root: Path, known: Mapping[str, str], base: str) -> None:
        """Send what is missing of a folder, and say that it is complete."""
        there, marker = self._listed(f"{base}/"), f"{base}.json"
        if self._marked(marker) == there and set(there) == set(known):
            return
        sizes = {name: (root / name).stat().st_size for name in known}

        def send(name: str) -> None:
            key, found = f"{base}/{name}", there.get(name)
            same_size = found is not None and found[0] == sizes[name]
            if not same_size or self._digest(key, sizes[name]) != known[name]:
                self._send(root / name, key, known[name])

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            sent = [pool.submit(send, name) for name in known]
            try:
                done = concurrent.futures.as_completed(sent)
                for one in track(done, total=len(sent), doing=f"staging {root.name}"):
                    one.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        there = self._listed(f"{base}/")
        if {name: size for name, (size, _) in there.items()} != sizes:
            raise ExecutorError(f"{self.uri(base)}/: holds other files than {root}; remove it, and run again")
        body = json.dumps(there, indent=1, sort_keys=True).encode()
        self.s3.put_object(Bucket=self.bucket, Key=marker, Body=body, **self.encryption)

    def _send(self, file: Path, key: str, digest: str) -> None:
        extra = {"Metadata": {DIGEST: digest}, **self.encryption}
        self.s3.upload_file(str(file), self.bucket, key, ExtraArgs=extra, Config=TRANSFER)
        if file_digest(file) != digest:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
            raise ExecutorError(f"{file}: was changed while it was sent; run again when it is at rest")

    def _listed(self, base: str) -> dict[str, list[Any]]:
        """Name below a key -> size and ETag."""
        found: dict[str, list[Any]] = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=base):
            for one in page.get("Contents", []):
                found[one["Key"].removeprefix(base)] = [one["Size"], one["ETag"]]
        return found

    def _marked(self, marker: str) -> dict[str, list[Any]] | None:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=marker)["Body"].read()
            value: dict[str, list[Any]] = json.loads(body)
        except AwsError as error:
            if is_missing(error):
                return None
            raise
        except ValueError:  # damaged: looked through again
            return None
        return value

    def _digest(self, key: str, size: int) -> str | None:
        """Digest that an object of this size says it has; None where there is none."""
        try:
            head = self.s3.head_object(Bucket=self.bucket, Key=key)
        except AwsError as error:
            if is_missing(error):
                return None
            raise
        found: str | None = head.get("Metadata", {}).get(DIGEST)
        return found if head["ContentLength"] == size else None


def forget() -> None:
    """Forget what this process has seen to be staged: another process knows nothing either."""
    _staged.clear()


def _files(path: Path) -> tuple[Path, list[str]]:
    """Folder and names of what is to be sent."""
    if path.is_file():
        return path.parent, [path.name]
    if not path.is_dir():
        raise ExecutorError(f"{path}: is not there, so it cannot be staged")
    names = []
    for parent, folders, files in os.walk(path, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names += [
            Path(parent, name).relative_to(path).as_posix()
            for name in sorted(files)
            if not name.startswith(".")
        ]
    if not names:
        raise ExecutorError(f"{path}: holds no file, so there is nothing to stage")
    return path, names


def _archive(folder: Path, names: list[str]) -> bytes:
    """``.tar.gz`` of some files, without times or owners: the same bytes for the same content."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in names:
            entry = tarfile.TarInfo(name)
            file = folder / name
            entry.size, entry.mode = file.stat().st_size, 0o755 if os.access(file, os.X_OK) else 0o644
            with file.open("rb") as content:
                tar.addfile(entry, content)
    return packed.getvalue()


def _failed(error: BaseException, doing: str) -> ExecutorError:
    """Of what boto3 wraps, what is inside."""
    inner = error.__context__ if isinstance(error, S3UploadFailedError) and error.__context__ else error
    return explained(inner, doing)
