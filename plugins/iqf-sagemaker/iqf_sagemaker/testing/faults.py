"""Faults that a test asks for, each for a number of requests."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from iqf_sagemaker.testing.operations import Call


@dataclass(slots=True)
class Fault:
    """What goes wrong, with which requests, how often.

    Parameters
    ----------
    kind : str
        ``"fail"``, ``"cut"`` or ``"throttle"``.
    operations : tuple of str
        Any of these; empty for every one.
    key : str
        Part of the target.
    times : int
        Requests that are still to be hit.
    status : int, optional
        Of HTTP, to fail with.
    after_bytes : int, optional
        Of a body, after which the connection is cut.
    """

    kind: str
    operations: tuple[str, ...]
    key: str
    times: int
    status: int = 0
    after_bytes: int = 0

    def hits(self, call: Call) -> bool:
        """Whether the request is one of those."""
        of_s3 = call.service == "s3"
        if self.kind == "throttle" and call.service in ("iam", "sts"):
            return False  # their protocol has another form of it
        named = not self.operations or call.operation in self.operations
        return self.times > 0 and of_s3 == (self.kind != "throttle") and named and self.key in call.target


class Faults:
    """The faults that are still to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Ask for one more."""
        with self._lock:
            self._faults.append(fault)

    def take(self, call: Call) -> Fault | None:
        """Return the first that hits the request, and count it; None when all is well."""
        with self._lock:
            for fault in self._faults:
                if fault.hits(call):
                    fault.times -= 1
                    return fault
        return None
