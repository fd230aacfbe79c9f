"""What the server answers, and the errors of AWS in both of its protocols."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

S3_ERRORS = {
    400: ("BadRequest", "Your request is not valid."),
    403: ("AccessDenied", "Access Denied"),
    404: ("NoSuchKey", "The specified key does not exist."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("SlowDown", "Please reduce your request rate."),
}
"""Code and message by HTTP status, for errors that were asked for."""
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


class ServiceError(Exception):
    """An error that the service answers, by its code; ``str()`` is its message.

    Parameters
    ----------
    code : str
        As AWS names it, such as ``"ValidationException"``.
    message : str
        For people.
    status : int, optional
        Of HTTP.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """Status and reason, as WSGI wants them."""
        return f"{self.status} {REASONS.get(self.status, 'Error')}"

    def header_list(self) -> list[tuple[str, str]]:
        """Headers, with the length of the body."""
        return [*self.headers.items(), ("Content-Length", str(len(self.body)))]


def json_answer(content: Mapping[str, Any], *, status: int = 200) -> Answer:
    """Answer of the JSON 1.1 protocol."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid.uuid4())}
    return Answer(status, json.dumps(content).encode(), headers)


def json_error(error: ServiceError) -> Answer:
    """Error of the JSON 1.1 protocol."""
    return json_answer({"__type": error.code, "message": str(error)}, status=error.status)


def query_error(error: ServiceError) -> Answer:
    """Error of the query protocol, which IAM and STS speak."""
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{error.code}</Code>"
        f"<Message>{escape(str(error))}</Message></Error></ErrorResponse>"
    )
    return Answer(error.status, body.encode(), {"Content-Type": "text/xml"})


def s3_error(status: int, target: str, *, head: bool) -> Answer:
    """Error of S3: XML, and nothing but the status for a HEAD request."""
    code, message = S3_ERRORS.get(status, ("InternalError", S3_ERRORS[500][1]))
    request = uuid.uuid4().hex[:16].upper()
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
        f"<Resource>/{escape(target)}</Resource><RequestId>{request}</RequestId></Error>"
    )
    headers = {"Content-Type": "application/xml", "x-amz-request-id": request}
    return Answer(status, b"" if head else body.encode(), headers)
