"""The one application behind the address: who answers a request, what is written down, what goes wrong."""

from __future__ import annotations

import contextlib
import functools
import io
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Any

from iqf_sagemaker.testing.answers import Answer, ServiceError, json_answer, json_error, query_error, s3_error
from iqf_sagemaker.testing.control import ControlPlane
from iqf_sagemaker.testing.faults import Fault, Faults
from iqf_sagemaker.testing.operations import Call, call_of
from iqf_sagemaker.testing.quotas import Quotas, request_of
from iqf_sagemaker.testing.recording import Request, RequestLog

INSIDE = "X-Iqf-Inside"
"""Header of the service's own requests: they are not written down, and nothing goes wrong with them."""
CHUNK = 65_536


@functools.cache
def moto_application() -> Any:
    """Moto's own application, which knows S3, CloudWatch Logs, IAM, STS; its state is that of the process."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


class Application:
    """A WSGI application.

    Parameters
    ----------
    control : ControlPlane
        Answers SageMaker.
    quotas : Quotas
        Answers Service Quotas.
    faults : Faults
        What is to go wrong.
    log : RequestLog
        What is written down.
    token : str
        Value of the header of the service's own requests.
    """

    def __init__(
        self, control: ControlPlane, quotas: Quotas, faults: Faults, log: RequestLog, token: str
    ) -> None:
        self._control = control
        self._quotas = quotas
        self._faults = faults
        self._log = log
        self._token = token

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("HTTP_" + INSIDE.upper().replace("-", "_")) == self._token:
            return self._pass_on(environ, start_response)
        body = read_body(environ) if not is_for_s3(environ) or "HTTP_TRANSFER_ENCODING" in environ else b""
        call = call_of(environ, body)
        fault = self._faults.take(call)
        if fault is not None and fault.kind == "cut":
            return self._cut(environ, start_response, call, fault)
        answer = self._answer(environ, call, body, fault)
        if answer is None:
            return self._pass_on(environ, self._recording(environ, start_response, call))
        self._record(call, length_of(environ), answer.status, len(answer.body))
        start_response(answer.line, answer.header_list())
        return [answer.body]

    def _answer(self, environ: dict[str, Any], call: Call, body: bytes, fault: Fault | None) -> Answer | None:
        """Return our own answer; None where moto is to give it."""
        if fault is not None and fault.kind == "fail":
            drain(environ)
            return s3_error(fault.status, call.target, head=environ["REQUEST_METHOD"] == "HEAD")
        if fault is not None:
            return json_error(ServiceError("ThrottlingException", "Rate exceeded"))
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        region = region_of(environ)
        if region not in ("", self._control.region) and call.service in ("sts", "sagemaker", "logs"):
            message = (
                f"this server stands for {self._control.region}, and was asked as {region}: leave region out "
                "of the study, or start the server with --region"
            )
            wrong = ServiceError("WrongRegion", message)
            return query_error(wrong) if call.service == "sts" else json_error(wrong)
        try:
            if target.startswith("SageMaker."):
                if "HTTP_AUTHORIZATION" not in environ:
                    raise ServiceError(
                        "MissingAuthenticationTokenException", "Missing Authentication Token", status=403
                    )
                return json_answer(self._control.answer(call.operation, request_of(body)))
            if target == "ServiceQuotasV20190624.ListServiceQuotas":
                return json_answer(self._quotas.list(request_of(body)))
        except ServiceError as error:
            return json_error(error)
        return None

    def _pass_on(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answered: Iterable[bytes] = moto_application()(environ, start_response)
        return answered

    def _recording(self, environ: dict[str, Any], start_response: Any, call: Call) -> Any:
        """Wrap ``start_response``, so that the request is written down before its answer arrives."""

        def started(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            sent = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            sent = 0 if environ["REQUEST_METHOD"] == "HEAD" else sent
            self._record(call, length_of(environ), int(status.split()[0]), sent)
            return start_response(status, headers, *error)

        return started

    def _record(self, call: Call, received: int, status: int, sent: int) -> None:
        self._log.append(
            Request(time.time(), call.service, call.operation, call.target, received, status, sent)
        )

    def _cut(self, environ: dict[str, Any], start_response: Any, call: Call, fault: Fault) -> Iterable[bytes]:
        """Close the connection in the middle: of the request's body, or of the answer's."""
        if environ["REQUEST_METHOD"] != "GET":
            read = drain(environ, fault.after_bytes)
            self._record(call, read, 0, 0)
            hang_up(environ)
            raise ConnectionAbortedError("cut on request")
        self._record(call, 0, 0, fault.after_bytes)
        return cut_short(self._pass_on(environ, start_response), fault.after_bytes, environ)


def region_of(environ: dict[str, Any]) -> str:
    """Region that a request was signed for, empty where it is not signed."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    return scope[2] if len(scope) > 3 else ""


def is_for_s3(environ: dict[str, Any]) -> bool:
    """Whether a request is one of S3, whose bodies are data."""
    return not environ.get("HTTP_X_AMZ_TARGET") and call_of(environ, b"").service == "s3"


def length_of(environ: dict[str, Any]) -> int:
    """Bytes of the body of a request."""
    return int(environ.get("CONTENT_LENGTH") or 0)


def read_body(environ: dict[str, Any]) -> bytes:
    """Read the body, and put it back for whoever is next."""
    whole = "HTTP_TRANSFER_ENCODING" in environ
    body: bytes = environ["wsgi.input"].read() if whole else environ["wsgi.input"].read(length_of(environ))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return body


def drain(environ: dict[str, Any], most: int | None = None) -> int:
    """Read the body, or its first bytes, to no end; return how many."""
    left = length_of(environ) if most is None else min(most, length_of(environ))
    read = 0
    while left > 0 and (chunk := environ["wsgi.input"].read(min(left, CHUNK))):
        read += len(chunk)
        left -= len(chunk)
    return read


def cut_short(answered: Iterable[bytes], after_bytes: int, environ: dict[str, Any]) -> Iterator[bytes]:
    """Give so many bytes of an answer, then close the connection."""
    left = after_bytes
    try:
        for chunk in answered:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                break
    finally:
        close = getattr(answered, "close", None)
        if close is not None:
            close()
    hang_up(environ)
    raise ConnectionAbortedError("cut on request")


def hang_up(environ: dict[str, Any]) -> None:
    """Reset the connection, as a broken network does."""
    connection = environ["werkzeug.socket"]
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
