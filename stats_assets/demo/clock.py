"""How far the invented world has come: its newest sequence, by a clock or by hand."""

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    def head(self) -> int:
        """The newest sequence there is."""
        ...


class ManualClock:
    """Moves when told."""

    def __init__(self, head: int) -> None:
        self._head = head

    def head(self) -> int:
        return self._head

    def advance(self, minutes: int = 1) -> int:
        self._head += minutes
        return self._head


class SteadyClock:
    """`history` sequences at `started` (epoch seconds), one more every `interval` seconds of real time."""

    def __init__(
        self, first: int, history: int, interval: float, started: float, now: Callable[[], float] = time.time
    ) -> None:
        self._oldest_head = first + history - 1
        self._interval = interval
        self._started = started
        self._now = now

    def head(self) -> int:
        return self._oldest_head + max(0, int((self._now() - self._started) / self._interval))
