"""The log of a training job, from CloudWatch into the run's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from iqf_sagemaker.aws import AwsError, explained, is_missing, is_passing
from iqf_sagemaker.redaction import redacted

GROUP = "/aws/sagemaker/TrainingJobs"
LIMIT_BYTES = 64_000_000


class LogFollower:
    """Brings what a job has printed since the last look; credentials in it are hidden.

    It begins at the beginning: whoever re-attaches to a job writes its whole log anew.

    Parameters
    ----------
    logs : callable
        Gives a client of CloudWatch Logs; asked each time, as credentials may be renewed.
    name : str
        Of the job.
    path : pathlib.Path
        The file; what it holds is replaced.
    """

    def __init__(self, logs: Callable[[], Any], name: str, path: Path) -> None:
        self._logs, self._name, self._path = logs, name, path
        self._tokens: dict[str, str] = {}
        self._size = 0
        self._said = ""
        path.write_bytes(b"")

    def fetch(self) -> int:
        """Append what is new; the number of lines.

        A log that cannot be read is no reason to stop a job that is paid for: the file says why.
        """
        try:
            return sum(self._fetch_stream(stream) for stream in self._streams())
        except AwsError as error:
            if not is_missing(error) and not is_passing(error):
                self._say(f"[{explained(error, f'the log in {GROUP} cannot be read')}]")
            return 0

    def _streams(self) -> list[str]:
        """The job's streams: one for each instance, and for each start after an interruption."""
        found: list[dict[str, Any]] = []
        logs = self._logs()
        pages = logs.get_paginator("describe_log_streams")
        try:
            for page in pages.paginate(logGroupName=GROUP, logStreamNamePrefix=f"{self._name}/"):
                found += page["logStreams"]
        except logs.exceptions.ResourceNotFoundException:  # nothing was printed yet
            return []
        return [one["logStreamName"] for one in sorted(found, key=lambda one: one.get("creationTime", 0))]

    def _fetch_stream(self, stream: str) -> int:
        count = 0
        while self._size < LIMIT_BYTES:
            token = self._tokens.get(stream)
            given = {} if token is None else {"nextToken": token}
            page = self._logs().get_log_events(
                logGroupName=GROUP, logStreamName=stream, startFromHead=True, **given
            )
            lines = [redacted(event["message"]).rstrip("\n") for event in page["events"]]
            self._append("".join(f"{line}\n" for line in lines))
            self._tokens[stream] = page["nextForwardToken"]
            count += len(lines)
            if page["nextForwardToken"] == token or not lines:
                return count
        self._say(f"[longer than {LIMIT_BYTES / 1e6:g} MB: the rest is in {GROUP}, stream {stream}]")
        return count

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._append(f"{text}\n")

    def _append(self, text: str) -> None:
        data = text.encode("utf-8", errors="replace")
        self._size += len(data)
        if data:
            with self._path.open("ab") as file:
                file.write(data)
