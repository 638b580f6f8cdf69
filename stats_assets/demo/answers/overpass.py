"""A stand-in of an Overpass server over the invented world: where its database stands, and what it answers then.

Which ways it has is overpass_ways.py's; what its bodies lack at first, world/late_edits.py's. Sockets are in `feed`.
"""

import gzip
import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import RLock

from stats_assets.demo.answers.augmented_diff import write_augmented_diff
from stats_assets.demo.answers.faults import Answer, page
from stats_assets.demo.answers.overpass_ways import REFUSALS, Answered, Asked, Outage, Ways
from stats_assets.demo.world.minute import until
from stats_assets.demo.world.world import World

XML = "application/osm3s+xml"
_TEXT = "text/plain; charset=utf-8"
_MINUTE = timedelta(minutes=1)
_INTO = timedelta(seconds=2)  # minutely files are cut so long after the minute
_QUERY = "runtime error: open64: 0 Success /osm3s_osm_base Dispatcher_Client::request_read_and_idx::"
_PAGES = {
    "stopped": page(
        504, "runtime error: The dispatcher (i.e. the database management system) is turned off."
    ),
    "crashed": page(
        200, "runtime error: open64: 111 Connection refused /overpass/db//osm3s_osm_base Unix_Socket::7"
    ),
    "unreachable": Answer(502, "text/html", b"<html><head><title>502 Bad Gateway</title></head></html>\n"),
    "duplicate": page(200, f"{_QUERY}duplicate_query"),
}
_LIMITED = f"{_QUERY}rate_limited. Please check /api/status for the quota of your IP address."


class Overpass:
    """`now` tells the server's time. `asked`: every request, in order. Safe to use from threads.

    Its database stands at the world's beginning as soon as `now` does; from there it applies one minute's file after
    the other. Until `now` is asked for the first time nothing has befallen it.
    """

    def __init__(self, world: World, ways: Ways, now: Callable[[], datetime]) -> None:
        self.ways = ways
        self.asked: list[Asked] = []
        self._world = world
        self._now = now
        self._base = until(world.first - 1) + _INTO
        self._busy = self._still = self._banned = self._down = self._base
        self._outage: Outage = "stopped"
        self._disk: dict[int, datetime] = {}
        self._poisoned: dict[int, datetime] = {}
        self._queries: dict[int, list[datetime]] = {}
        self._caught: set[int] = set()
        self._recent: deque[datetime] = deque()
        self._proxy: dict[int, tuple[datetime, Answer]] = {}
        self._lock = RLock()

    # What others see of it

    @property
    def base(self) -> datetime:
        """Where its database stands: `osm_base` of what is made now."""
        with self._at_work():
            return self._base

    @property
    def head(self) -> int:
        """The newest sequence that is whole."""
        return _head(self.base)

    @property
    def refusals(self) -> Counter[Answered]:
        """What it refused, by kind, to a client that asked too often."""
        return Counter(asked.answered for asked in self.asked if asked.answered in REFUSALS)

    def final(self, sequence: int) -> bytes:
        """The body once nothing more comes; its osm_base aside. Raises LookupError below the world's first."""
        return gzip.decompress(self._world.augmented_diff(sequence))

    def body(self, sequence: int, base: datetime) -> bytes:
        """What it makes of a sequence when its database stands there."""
        if sequence < self._world.first or until(sequence) - _MINUTE >= base:
            return write_augmented_diff((), base)
        return self.ways.late.body(self.final(sequence), sequence, base)

    # What befalls it

    def stop(self, seconds: float, outage: Outage = "stopped") -> None:
        """From now on it is down so long; then it catches up."""
        with self._at_work() as now:
            self._down, self._outage = now + timedelta(seconds=seconds), outage
            self._still = max(self._still, self._down)

    def stand_still(self, seconds: float) -> None:
        """It answers, but its database gets nothing new."""
        with self._at_work() as now:
            self._still = max(self._still, now + timedelta(seconds=seconds))

    def ban(self, seconds: float) -> None:
        """It refuses its client, whatever that did."""
        with self._at_work() as now:
            self._banned = now + timedelta(seconds=seconds)

    # What it answers

    def answer_status(self) -> Answer:
        with self._at_work() as now:
            answered, answer = self._status(now)
            self.asked.append(Asked(now, None, answered))
            return answer

    def answer_diff(self, sequence: int) -> Answer:
        with self._at_work() as now:
            answered, answer = self._diff(sequence, now)
            self.asked.append(Asked(now, sequence, answered))
            return answer

    def _status(self, now: datetime) -> tuple[Answered, Answer]:
        refused = self._refuse(now)
        if refused is not None:
            return refused
        if now < self._down and (self._outage == "unreachable" or not self.ways.cached):
            empty = Answer(200, _TEXT, b"")
            return self._outage, _PAGES["unreachable"] if self._outage == "unreachable" else empty
        return "head", Answer(200, _TEXT, f"{_head(self._base)}\n".encode())

    def _diff(self, sequence: int, now: datetime) -> tuple[Answered, Answer]:
        kept_at, kept = self._proxy.get(sequence, (None, None))
        if kept_at is not None and kept is not None and _seconds(now, kept_at) < self.ways.proxied:
            return "from proxy", kept
        answered, answer = self._refuse(now) or self._serve(sequence, now)
        if self.ways.proxied and answered in ("whole", "early", "from disk"):
            self._proxy[sequence] = now, answer
        return answered, answer

    def _refuse(self, now: datetime) -> tuple[Answered, Answer] | None:
        """A ban, known to it or new."""
        ban = timedelta(seconds=self.ways.ban_seconds)
        banned = now < self._banned
        if not banned:
            self._recent.append(now)
            while _seconds(now, self._recent[0]) >= self.ways.most_window:
                self._recent.popleft()
            if not self.ways.most or len(self._recent) <= self.ways.most:
                return None
        self._banned = max(self._banned, now + ban)
        left = math.ceil(_seconds(self._banned, now)) if self.ways.retry_after else None
        return "banned" if banned else "too many", page(429, _LIMITED, retry_after=left)

    def _serve(self, sequence: int, now: datetime) -> tuple[Answered, Answer]:
        down = now < self._down
        if down and self._outage == "unreachable":
            return "unreachable", _PAGES["unreachable"]
        if now < self._poisoned.get(sequence, now):
            return "poisoned", Answer(200, XML, b"")
        if sequence in self._disk:
            return "from disk", Answer(200, XML, self.body(sequence, self._disk[sequence]))
        if down:
            return self._outage, _PAGES[self._outage]
        if self._is_duplicate(sequence, now):
            return "duplicate", _PAGES["duplicate"]
        whole = until(sequence) <= self._base
        return "whole" if whole else "early", Answer(200, XML, self.body(sequence, self._base))

    def _is_duplicate(self, sequence: int, now: datetime) -> bool:
        """Whoever was refused once is refused from then on by one query that is not long past."""
        window = self.ways.duplicate_window
        queries = [at for at in self._queries.get(sequence, ()) if _seconds(now, at) < window]
        self._queries[sequence] = [*queries, now]
        if len(queries) < (1 if sequence in self._caught else self.ways.duplicates):
            return False
        self._caught.add(sequence)
        return True

    # How time passes for it

    @contextmanager
    def _at_work(self) -> Iterator[datetime]:
        """Alone, with all files applied that it had the time for."""
        with self._lock:
            now = self._now()
            while (done := self._next_done()) <= now:
                self._base += _MINUTE
                self._busy = done + timedelta(seconds=self.ways.catches_up)
                self._keep(_head(self._base), done)
            yield now

    def _next_done(self) -> datetime:
        """When the next minute's file is applied."""
        there = self._base + _MINUTE - _INTO + timedelta(seconds=self.ways.behind)
        return max(there, self._busy, self._still)

    def _keep(self, sequence: int, now: datetime) -> None:
        """Make the file of its cache, by a query like others': where that is refused the file is empty."""
        if not self.ways.cached:
            return
        for kept in (self._disk, self._poisoned):
            kept.pop(sequence - self.ways.cached, None)
        if self._is_duplicate(sequence, now):
            self._poisoned[sequence] = now + timedelta(seconds=self.ways.poisoned)
        else:
            self._disk[sequence] = self._base


def _head(base: datetime) -> int:
    """The last sequence whose minute was over then."""
    minutes = (base - until(0)) // _MINUTE
    return int(minutes)


def _seconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds()
