"""How far the invented world has come: its newest sequence, by a clock or by hand."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from stats_assets.demo.world.minute import since, until


class Clock(Protocol):
    """What tells how far the feed is."""

    def head(self) -> int:
        """The newest sequence there is."""
        ...

    def time(self) -> datetime:
        """The time in the world."""
        ...


class ManualClock:
    """Moves when told."""

    def __init__(self, head: int) -> None:
        self._head = head

    def head(self) -> int:
        return self._head

    def time(self) -> datetime:
        """A moment after the minute, when all its files are there."""
        return until(self._head) + timedelta(seconds=2)

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

    def time(self) -> datetime:
        """The time in the world."""
        elapsed = max(0.0, self._now() - self._started) / self._interval
        return until(self._oldest_head) + timedelta(minutes=elapsed)


class PassingClock:
    """The world's time, to the second: it passes when told."""

    def __init__(self, time: datetime) -> None:
        self._time = time

    def time(self) -> datetime:
        return self._time

    def head(self) -> int:
        return int((self._time - since(0)) // timedelta(minutes=1)) - 1

    def pass_time(self, seconds: float) -> datetime:
        self._time += timedelta(seconds=seconds)
        return self._time

    def advance(self, minutes: int = 1) -> int:
        self.pass_time(60 * minutes)
        return self.head()
