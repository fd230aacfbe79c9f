"""What the service does with S3 for a job: data down, archives and checkpoints up."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


class TransferError(Exception):
    """Something could not be brought down or up; ``str()`` begins with who is to blame, as a reason does."""


def parse_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def list_prefix(s3: Any, uri: str) -> list[str]:
    """Keys that begin with the prefix, without markers of folders; none where there is no such bucket."""
    from botocore.exceptions import ClientError

    bucket, prefix = parse_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    try:
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return []
        raise
    return [key for key in keys if not key.endswith("/")]


def download_prefix(s3: Any, uri: str, folder: Path, check: Callable[[], None]) -> int:
    """Bring down every object below a prefix, and say how many.

    Parameters
    ----------
    s3 : client
        Of boto3.
    uri : str
        ``s3://bucket/prefix``. What follows the prefix, or its last part, is the path of a file.
    folder : pathlib.Path
        Where they go.
    check : callable
        Called before each; what it raises ends the download.

    Raises
    ------
    TransferError
        When a key is no path below the folder, or is both a file and a folder.
    """
    from botocore.exceptions import ClientError

    bucket, prefix = parse_uri(uri)
    keys = list_prefix(s3, uri)
    for key in keys:
        check()
        rest = key[len(prefix) :]
        whole_part = prefix.endswith("/") or rest.startswith("/") or not prefix
        relative = rest.lstrip("/") if whole_part else key[prefix.rfind("/") + 1 :]
        path = folder / relative
        if ".." in Path(relative).parts:
            raise TransferError(f"ClientError: Data download failed: the S3 key {key} is no path below {uri}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, key, str(path))
        except ClientError as error:  # it went after it was listed
            raise TransferError(f"ClientError: Data download failed: s3://{bucket}/{key}: {error}") from error
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            message = (
                "ClientError: Failed to download data. Please check your s3 objects and ensure that there is "
                f"no object that is both a folder as well as a file. ({key})"
            )
            raise TransferError(message) from error
    return len(keys)


def unpack(s3: Any, uri: str, folder: Path) -> None:
    """Bring down an archive ``.tar.gz`` and unpack it.

    Raises
    ------
    TransferError
        When it is not there, or is no such archive.
    """
    from botocore.exceptions import ClientError

    bucket, key = parse_uri(uri)
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            archive.extractall(folder, filter="data")
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        said = f"An error occurred ({status}) when calling the HeadObject operation: Not Found"
        message = f"AlgorithmError: framework error: \nbotocore.exceptions.ClientError: {said}, exit code: 1"
        raise TransferError(message) from error
    except (tarfile.TarError, OSError, EOFError) as error:
        message = f"AlgorithmError: framework error: \n{type(error).__name__}: {error}, exit code: 1"
        raise TransferError(message) from error


def upload_archive(s3: Any, folder: Path, uri: str) -> None:
    """Put the contents of a folder at ``uri`` as a ``.tar.gz``.

    Raises
    ------
    TransferError
        When the bucket is gone.
    """
    from botocore.exceptions import ClientError

    archive = folder.parent / f".{folder.name}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)
    bucket, key = parse_uri(uri)
    try:
        with archive.open("rb") as file:
            s3.put_object(Bucket=bucket, Key=key, Body=file)
    except ClientError as error:
        raise TransferError(f"ClientError: Artifact upload failed: {error}") from error
    finally:
        archive.unlink(missing_ok=True)


class Checkpoints:
    """A folder that goes to S3 as it grows, and came from there.

    Parameters
    ----------
    s3 : client
        Of boto3.
    folder : pathlib.Path
        On the job's side.
    uri : str
        ``s3://bucket/prefix`` on the other.
    """

    def __init__(self, s3: Any, folder: Path, uri: str) -> None:
        self._s3 = s3
        self._folder = folder
        self._uri = uri.rstrip("/") + "/"
        self._seen: dict[Path, tuple[int, int]] = {}

    def down(self, check: Callable[[], None]) -> None:
        """Bring down what an earlier start has left there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        download_prefix(self._s3, self._uri, self._folder, check)
        self._changed()

    def up(self) -> None:
        """Bring up what has changed; what was deleted stays in S3, as it does there."""
        from botocore.exceptions import ClientError

        bucket, prefix = parse_uri(self._uri)
        for path in self._changed():
            try:
                content = path.read_bytes()
                self._s3.put_object(
                    Bucket=bucket, Key=prefix + path.relative_to(self._folder).as_posix(), Body=content
                )
            except (
                OSError,
                ClientError,
            ):  # the script has moved it; or the bucket is gone: tried again if it changes
                self._seen.pop(path, None)

    def _changed(self) -> list[Path]:
        changed = []
        for path in sorted(self._folder.rglob("*")):
            try:
                state = path.stat()
                is_file = path.is_file()
            except OSError:
                continue
            mark = (state.st_mtime_ns, state.st_size)
            if is_file and self._seen.get(path) != mark:
                self._seen[path] = mark
                changed.append(path)
        return changed
