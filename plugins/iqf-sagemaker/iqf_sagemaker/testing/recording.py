"""The requests that the server has answered, in memory and as lines of a file; nothing secret is in them."""

from __future__ import annotations

import dataclasses
import json
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it was answered.

    Parameters
    ----------
    time : float
        Of the answer, seconds since the epoch.
    service : str
        Such as ``"s3"``, ``"sagemaker"``, ``"logs"``, ``"iam"``, ``"servicequotas"``.
    operation : str
        Such as ``"PutObject"``.
    target : str
        ``bucket/key`` for S3; else the job, role, or log stream.
    bytes : int
        Of the body of the request; where the connection was cut, as many as were read.
    status : int
        Of HTTP; 0 where the connection was cut.
    sent : int
        Bytes of the body of the answer, as far as its headers say.
    """

    time: float
    service: str
    operation: str
    target: str
    bytes: int
    status: int
    sent: int = 0


class RequestLog:
    """Requests in the order of their answers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        path.write_bytes(b"")

    def append(self, request: Request) -> None:
        """Keep one request."""
        line = json.dumps(dataclasses.asdict(request)) + "\n"
        with self._lock:
            self._requests.append(request)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)

    def all(self) -> list[Request]:
        """Return the requests so far; the list is the caller's."""
        with self._lock:
            return list(self._requests)
