"""What changed in a minute: the difference of two snapshots, element by element, as Overpass tells it.

By which rules: docs/augment.md. How it is written is document.py's.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from stats_assets.augment.snapshots import Line, Sides
from stats_assets.augment.store import Snapshot
from stats_assets.augment.versions import KINDS, Kind, Member, Version
from stats_assets.feeds.sequences import covers

Change: TypeAlias = Literal["create", "modify", "delete"]


class Side(NamedTuple):
    """An element before or after, with the places of what it names."""

    version: Version
    sides: Sides
    which: Literal[0, 1]
    """0: before, 1: after."""

    def line(self) -> Line | None:
        """A way's positions; None: one of its nodes was never seen."""
        return self.sides.lines(self.version.id)[self.which]

    def members(self) -> Iterator[tuple[Member, Line | None]]:
        """A relation's members: a way with its line, a node with one position, None where there is none.

        A node that is deleted has none: its last position is for ways that still name it.
        """
        for member in self.version.members:
            if member.kind == "way":
                yield member, self.sides.lines(member.ref)[self.which]
            else:
                spot = self.sides.spots(member.ref)[self.which] if member.kind == "node" else None
                yield member, (spot.position,) if spot and spot.there and spot.position else None


class Action(NamedTuple):
    """One element's change."""

    change: Change
    old: Side | None
    """None: it was not there."""
    new: Side


def minute(sequence: int) -> tuple[int, int]:
    """An augmented diff's (SINCE, UNTIL] in epoch seconds."""
    since, until = covers(sequence)
    return int(since.timestamp()), int(until.timestamp())


def actions(snapshot: Snapshot, sequence: int) -> Iterator[Action]:
    """A minute's actions: nodes, ways, relations, each by id, once.

    The minute must not be settled yet. Memory is bounded by the ids of what changed.
    """
    sides = Sides(snapshot, *minute(sequence))
    try:
        yield from _actions(snapshot, sides)
    finally:
        sides.forget()


def _actions(snapshot: Snapshot, sides: Sides) -> Iterator[Action]:
    ids: dict[Kind, set[int]] = {kind: set() for kind in KINDS}
    for kind, id in snapshot.changed(sides.since, sides.until):
        ids[kind].add(id)
    for node in sorted(ids["node"]):
        if _differ(sides.spots(node)):
            ways, relations = _users(snapshot, "node", node)
            ids["way"].update(ways)
            ids["relation"].update(relations)
        yield from _action(sides, "node", node)
    for way in sorted(ids["way"]):
        if _differ(sides.lines(way)):
            ids["relation"].update(_users(snapshot, "way", way)[1])
        yield from _action(sides, "way", way)
    for relation in sorted(ids["relation"]):
        yield from _action(sides, "relation", relation)


def _users(snapshot: Snapshot, kind: Kind, id: int) -> tuple[Iterable[int], Iterable[int]]:
    """Ways and relations that may name it at either end."""
    settled, pending = snapshot.users(kind, id), snapshot.pending_users(kind, id)
    return {*settled.ways, *pending.ways}, {*settled.relations, *pending.relations}


def _differ(pair: tuple[object, object]) -> bool:
    return pair[0] != pair[1]


def _action(sides: Sides, kind: Kind, id: int) -> Iterator[Action]:
    old, new = sides.versions(kind, id)
    before = Side(old, sides, 0) if old is not None and old.visible else None
    if new is None:
        return
    after = Side(new, sides, 1)
    if before is None:
        if new.visible:
            yield Action("create", None, after)
    elif not new.visible:
        yield Action("delete", before, after)
    elif before.version.version != new.version or _moved(before, after):
        yield Action("modify", before, after)


def _moved(old: Side, new: Side) -> bool:
    """Whether the places of what it names differ, of an element that is the same version on both sides."""
    if old.version.kind == "way":
        return _differ((old.line(), new.line()))
    return any(map(_differ, zip(old.members(), new.members(), strict=True)))
