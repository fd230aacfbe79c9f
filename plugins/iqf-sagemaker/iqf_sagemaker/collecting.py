"""How a training job ended, and what it left."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boto3.exceptions import RetriesExceededError

from iqf_core import ExecutorError, Outcome
from iqf_core.executor import Status
from iqf_sagemaker.aws import AwsError, explained, is_missing
from iqf_sagemaker.redaction import redacted
from iqf_sagemaker.unpacking import unpack

WRAPPED = {"data", "failure", "success"}
"""What lies at the top of an archive that holds all of ``/opt/ml/output`` instead of its ``data`` alone."""
TOO_LONG = {
    "MaxRuntimeExceeded": "timeout after {run} s",
    "MaxWaitTimeExceeded": "no spot capacity: the job waited and ran for {wait} s in all (spot_wait_s)",
}


def outcome_of(found: Mapping[str, Any]) -> Outcome:
    """How a job ended, of what DescribeTrainingJob says.

    Parameters
    ----------
    found : mapping
        The description of a job that is completed, failed or stopped.
    """
    created, modified = found["CreationTime"], found.get("LastModifiedTime", found["CreationTime"])
    started = found.get("TrainingStartTime", created).timestamp()
    ended = found.get("TrainingEndTime", modified).timestamp()
    status, second = found["TrainingJobStatus"], found.get("SecondaryStatus", "")
    if status == "Completed":
        return Outcome(Status.FINISHED, "", 0, started, ended)
    if status == "Failed":
        reason = redacted(found.get("FailureReason", "") or "no reason was given")
        code = re.search(r"ExitCode (-?\d+)", reason)
        said = " ".join(reason.split())
        said = f"exit code {code[1]}: {said}" if code else said
        return Outcome(Status.FAILED, said, int(code[1]) if code else None, started, ended)
    if second in TOO_LONG:
        limits = found.get("StoppingCondition", {})
        run, wait = limits.get("MaxRuntimeInSeconds"), limits.get("MaxWaitTimeInSeconds")
        return Outcome(Status.FAILED, TOO_LONG[second].format(run=run, wait=wait), None, started, ended)
    return Outcome(Status.KILLED, "the training job was stopped", None, started, ended)


def fetch_archive(s3: Any, uri: str, folder: Path, *, limit_bytes: int) -> None:
    """Unpack an archive from S3 into a folder; nothing happens where there is no archive.

    Parameters
    ----------
    s3 : client
        Of boto3.
    uri : str
        ``s3://`` address of a ``.tar.gz``.
    folder : pathlib.Path
        Made where it is not there; what is in it stays.
    limit_bytes : int
        Of all files together; the archive itself may not be larger either.

    Raises
    ------
    ExecutorError
        When it cannot be fetched or is refused: nothing of it is in the folder then.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    with tempfile.TemporaryDirectory(dir=_parent(folder), prefix=".fetched-") as place:
        archive, unpacked = Path(place, Path(key).name), Path(place, "unpacked")
        try:
            size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
            if size > limit_bytes:
                raise ExecutorError(
                    f"{uri}: {size / 1e9:.3g} GB, more than output_limit_gb allows ({limit_bytes / 1e9:g})"
                )
            s3.download_file(bucket, key, str(archive))
        except AwsError as error:
            if is_missing(error):
                return
            raise explained(error, f"{uri}: cannot be fetched") from error
        except RetriesExceededError as error:  # the connection broke, again and again
            raise explained(error, f"{uri}: cannot be fetched") from error
        unpack(archive, unpacked, limit_bytes=limit_bytes)
        top = {entry.name for entry in unpacked.iterdir()}
        source = unpacked / "data" if "data" in top <= WRAPPED and (unpacked / "data").is_dir() else unpacked
        _move(source, folder)


def _move(source: Path, folder: Path) -> None:
    entries = list(source.iterdir())
    if entries:
        folder.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        target = folder / entry.name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        entry.replace(target)


def _parent(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.parent
