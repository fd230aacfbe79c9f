"""The thread in which MLflow is talked to, one call after the other."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Writer:
    """The one thread that talks to MLflow, so that runs do not wait for it.

    It is a daemon: a tracking server that does not answer cannot keep a study from ending.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: list[concurrent.futures.Future[Any]] = []
        self._thread = threading.Thread(target=self._work, name="iqf-mlflow", daemon=True)
        self._thread.start()

    def submit(
        self, call: Callable[Arguments, Answer], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> concurrent.futures.Future[Answer]:
        """Have a function called in that thread, after all that was submitted before."""
        future: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        self._waiting.append(future)

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call(*arguments, **named))
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
                future.set_exception(error)

        self._calls.put(work)
        return future

    def drop(self) -> None:
        """Forget what is not begun: the run folders hold it, and it is delivered next time."""
        for future in self._waiting:
            future.cancel()

    def close(self, *, within_s: float | None = None) -> None:
        """Wait until all is done, or so many seconds."""
        self._calls.put(None)
        self._thread.join(within_s)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
