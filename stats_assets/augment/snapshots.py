"""An element at a time: which of its versions is in force, where a node is, which line a way draws.

Which version belongs to which time is decided when it comes (window.py); what the two sides of a minute make of it is
difference.py's.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from stats_assets.augment.store import Snapshot
from stats_assets.augment.versions import Kind, Pending, Position, Version

Line: TypeAlias = tuple[Position, ...]
SPOTS, LINES = 200_000, 2_000
"""So many are remembered of a minute, whatever its size."""


def at(time: int, settled: Version | None, chain: Iterable[Pending]) -> Version | None:
    """The version in force at a time that is not before the settled one's; None: not seen yet.

    A deleted node has the last position that is known (docs/augment.md).
    """
    now = settled
    for pending in chain:
        if pending.effective > time:
            break
        version = pending.version
        now = version if version.visible else version._replace(position=now.position if now else None)
    return now


class Spot(NamedTuple):
    """Where a node is, or was before it was deleted."""

    position: Position | None
    """None: it was deleted before it was seen."""
    there: bool


class Sides:
    """The elements at a minute's two ends, (old, new): each method gives both.

    since: at or after the end of what is settled.
    """

    def __init__(self, snapshot: Snapshot, since: int, until: int) -> None:
        self._snapshot, self.since, self.until = snapshot, since, until
        self.spots = lru_cache(SPOTS)(self._spots)
        self.lines = lru_cache(LINES)(self._lines)

    def forget(self) -> None:
        """What is remembered of nodes and lines: else it would stay until Python looks for cycles."""
        self.spots.cache_clear()
        self.lines.cache_clear()

    def versions(self, kind: Kind, id: int) -> tuple[Version | None, Version | None]:
        """As it is at either end, deleted or not; None: not seen yet."""
        settled, chain = self._snapshot.settled(kind, id), self._snapshot.chain(kind, id)
        return at(self.since, settled, chain), at(self.until, settled, chain)

    def _spots(self, node: int) -> tuple[Spot | None, Spot | None]:
        """None: not seen yet."""
        old, new = self.versions("node", node)
        return old and Spot(old.position, old.visible), new and Spot(new.position, new.visible)

    def _lines(self, way: int) -> tuple[Line | None, Line | None]:
        """The positions of a way's nodes; None: it is not there, or one of them was never seen."""
        old, new = self.versions("way", way)
        before = self._line(old, 0)
        after = self._line(new, 1)
        return before, (before if before == after else after)

    def _line(self, way: Version | None, side: int) -> Line | None:
        if way is None or not way.visible:
            return None
        spots = (self.spots(ref)[side] for ref in way.refs)
        line = tuple(spot.position for spot in spots if spot and spot.position)
        return line if line and len(line) == len(way.refs) else None
