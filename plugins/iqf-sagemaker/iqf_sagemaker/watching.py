"""How often a job is looked at, and what is borne with: what is paid for is not given up lightly."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from iqf_core import ExecutorError
from iqf_core.executor import State
from iqf_sagemaker.aws import client, is_expired, is_passing
from iqf_sagemaker.logs import LogFollower

log = logging.getLogger("iqf")

SILENT_S = 86_400.0
"""For which AWS may be out of reach, or credentials expired, before a job is given up."""
REMIND_S = 600.0
"""Between two warnings of that."""
GROWTH, JITTER = 1.25, 0.2
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Patience:
    """With errors that may be gone at the next try."""

    silent_since: float | None = None
    next_word: float = 0.0

    def bear(self, error: ExecutorError) -> None:
        """Take an error as one that passes, and say so every ten minutes.

        Raises
        ------
        ExecutorError
            The error, when it will not pass, or has lasted for a day.
        """
        cause, now = error.__cause__, time.monotonic()
        if cause is None or not (is_passing(cause) or is_expired(cause)):
            raise error
        if is_expired(cause):
            client.cache_clear()  # renewed ones are read by a new client
        self.silent_since = now if self.silent_since is None else self.silent_since
        if now - self.silent_since > SILENT_S:
            raise error
        if now >= self.next_word:
            self.next_word = now + REMIND_S
            log.warning("%s; the job is taken to run, and is asked after again", error)

    def answered(self) -> None:
        """AWS has answered: begin anew."""
        self.silent_since, self.next_word = None, 0.0


@dataclass(slots=True)
class Watch:
    """What this process knows of a job.

    Parameters
    ----------
    log : LogFollower
        Of the job.
    pause_s, most_s : float
        Seconds until the second look, and at most.
    """

    log: LogFollower
    pause_s: float
    most_s: float
    patience: Patience
    next_look: float = 0.0
    missed: int = 0
    end: State | None = None

    def is_due(self) -> bool:
        """Whether it is time for a look; if so, the next is later than this one was."""
        now = time.monotonic()
        if now < self.next_look:
            return False
        spread = 1 + JITTER * (secrets.randbelow(2001) / 1000 - 1)
        self.next_look = now + self.pause_s * spread
        self.pause_s = min(self.most_s, self.pause_s * GROWTH)
        return True


def patiently(ask: Callable[[], Answer], pause_s: float) -> Answer:
    """Answer of AWS, however long it takes.

    Parameters
    ----------
    ask : callable
        Raises `ExecutorError`.
    pause_s : float
        Seconds before the second attempt; longer each time, up to a minute.

    Raises
    ------
    ExecutorError
        When it will not pass, or has lasted for a day.
    """
    patience = Patience()
    while True:
        try:
            return ask()
        except ExecutorError as error:
            patience.bear(error)
        time.sleep(pause_s)
        pause_s = min(60.0, pause_s * 2)
