"""The lines that a job prints, on their way to CloudWatch Logs."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import IO, Any

GROUP = "/aws/sagemaker/TrainingJobs"
LONGEST_BYTES = 262_118
"""Of one event: 256 KiB, less 26 that CloudWatch counts for each."""
BATCH_EVENTS = 10_000
BATCH_BYTES = 1_000_000


class LogStream:
    """One stream of events: that of one start of a job.

    Parameters
    ----------
    logs : client
        Of boto3.
    name : str
        Of the stream.
    """

    def __init__(self, logs: Any, name: str) -> None:
        self._logs = logs
        self._name = name
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, str]] = []
        self._last_ms = 0
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName=name)

    def read(self, pipe: IO[bytes]) -> None:
        """Take lines from a pipe until it ends; empty ones are dropped, as CloudWatch's agent does."""
        with pipe:
            for line in pipe:
                self.write(line.rstrip(b"\r\n"))

    def write(self, line: bytes) -> None:
        """Add a line: several events where it is longer than one may be."""
        with self._lock:
            self._last_ms = max(self._last_ms, time.time_ns() // 1_000_000)
            for start in range(0, len(line), LONGEST_BYTES):
                text = line[start : start + LONGEST_BYTES].decode("utf-8", "replace")
                self._waiting.append((self._last_ms, text))

    def flush(self) -> None:
        """Send what has gathered."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        batch: list[dict[str, Any]] = []
        size = 0
        for moment, text in waiting:
            length = len(text.encode()) + 26
            if batch and (len(batch) == BATCH_EVENTS or size + length > BATCH_BYTES):
                self._put(batch)
                batch, size = [], 0
            batch.append({"timestamp": moment, "message": text})
            size += length
        if batch:
            self._put(batch)

    def _put(self, batch: list[dict[str, Any]]) -> None:
        self._logs.put_log_events(logGroupName=GROUP, logStreamName=self._name, logEvents=batch)
