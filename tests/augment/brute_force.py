"""What augmented diffs must say, from a list of all versions, by two snapshots each: slow, plain, with no other's code.

The rules are docs/feeds.md's (section 2), not the maker's: what is worked out here is compared with what that makes.
"""

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from tests.augment.comparing import Action, Member, Point, Side, read_side

KINDS = ("node", "way", "relation")
Ref = tuple[str, int]


class Written(NamedTuple):
    """A version of an element; `side` has its content without the positions of others.

    not_before: it has no effect earlier, as it came too late; "": it came in time.
    """

    kind: str
    id: int
    side: Side
    not_before: str = ""


class Snapshot:
    """The map at a time: of each element the highest version whose effective time is not later."""

    def __init__(self) -> None:
        self.newest: dict[Ref, Side] = {}
        self.places: dict[int, Point] = {}
        """Of each node the last position that it had, also when it is deleted."""

    def apply(self, kind: str, id: int, side: Side) -> None:
        self.newest[kind, id] = side
        if side.visible and side.position is not None:
            self.places[id] = side.position

    def shown(self, ref: Ref) -> Side | None:
        """As a document shows it; None: never seen."""
        side = self.newest.get(ref)
        if side is None:
            return None
        if not side.visible:
            return side._replace(tags=(), position=None, nodes=(), members=())
        line = zip((node for node, _ in side.nodes), self._line(side), strict=True)
        members = tuple(member._replace(line=self._member(member)) for member in side.members)
        return side._replace(nodes=tuple(line), members=members)

    def _line(self, way: Side) -> tuple[Point | None, ...]:
        """One node that was never seen, and no node has a position."""
        places = tuple(self.places.get(node) for node, _ in way.nodes)
        return (None,) * len(places) if None in places else places

    def _member(self, member: Member) -> tuple[Point | None, ...]:
        """Deleted, never seen, without positions, or a relation: nothing."""
        side = self.newest.get((member.kind, member.ref))
        if side is None or not side.visible or member.kind == "relation":
            return ()
        if member.kind == "node":
            return (side.position,)
        line = self._line(side)
        return () if None in line else line


def differences(versions: Iterable[Written], minutes: Iterable[int]) -> dict[int, list[Action]]:
    """The actions of each minute, by its number; the numbers ascend without a gap."""
    numbers = list(minutes)
    coming = sorted(effective(versions), key=lambda found: found[0])
    snapshot, found, at = Snapshot(), {}, 0
    shown: dict[Ref, Side | None] = {}
    for number in (numbers[0] - 1, *numbers):
        begin = at
        while at < len(coming) and coming[at][0] <= time_of(number + 1):
            written = coming[at][1]
            snapshot.apply(written.kind, written.id, written.side)
            at += 1
        before, shown = shown, {ref: snapshot.shown(ref) for ref in snapshot.newest} if at > begin else shown
        if number in numbers:
            found[number] = list(_actions(before, shown))
    return found


def effective(versions: Iterable[Written]) -> Iterator[tuple[str, Written]]:
    """With the time from when each counts, which never falls from a version to the next."""
    chains: dict[Ref, list[Written]] = defaultdict(list)
    for written in versions:
        chains[written.kind, written.id].append(written)
    for chain in chains.values():
        time = ""
        for written in sorted(chain, key=lambda written: written.side.version):
            time = max(time, written.side.timestamp, written.not_before)
            yield time, written


def _actions(before: dict[Ref, Side | None], after: dict[Ref, Side | None]) -> Iterator[Action]:
    for ref in sorted(after, key=lambda ref: (KINDS.index(ref[0]), ref[1])):
        old, new = before.get(ref), after[ref]
        if new is None or new == old:
            continue
        was_there = old is not None and old.visible
        if new.visible:
            yield Action(*ref, "modify" if was_there else "create", old if was_there else None, new)
        elif was_there:
            yield Action(*ref, "delete", old, new)


def time_of(number: int) -> str:
    """The last second before a minute."""
    return f"{datetime(2012, 9, 12, 6, 55, tzinfo=UTC) + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}"


def read_history(path: Path) -> Iterator[Written]:
    """All versions of a full history, or of a planet."""
    with gzip.open(path) as file:
        for _, element in etree.iterparse(file, tag=KINDS):
            yield Written(element.tag, int(element.get("id")), read_side(element))
            element.clear()


def read_osmchange(packed: bytes) -> list[Written]:
    """All versions of an OsmChange file, in its order."""
    root: Any = etree.fromstring(gzip.decompress(packed))
    elements = [(block.tag != "delete", element) for block in root for element in block]
    return [
        Written(element.tag, int(element.get("id")), read_side(element)._replace(visible=visible))
        for visible, element in elements
    ]


def is_right_order(actions: list[Action]) -> bool:
    """Nodes, ways, relations, each by its id, and each once."""
    keys = [(KINDS.index(action.kind), action.id) for action in actions]
    return all(one < other for one, other in pairwise(keys))
