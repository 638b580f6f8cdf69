"""A transaction of the LMDB store that writes: store.py's Change. Commits and errors are lmdb_store.py's."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from stats_assets.augment.lmdb_snapshot import TALLY, LmdbSnapshot, pending_key
from stats_assets.augment.lmdb_tables import ID, NUMBERS, TIME, USE
from stats_assets.augment.node_groups import BITS, SIZE
from stats_assets.augment.packing import pack
from stats_assets.augment.settled_nodes import recorded
from stats_assets.augment.store import Noted, Place
from stats_assets.augment.user_groups import pack_users
from stats_assets.augment.varints import put
from stats_assets.augment.versions import Kind, Pending, Users, Version

NOTED_MAX = 1000
NAMED: tuple[Kind, ...] = ("node", "way")
"""Kinds that are named by others and asked for by that."""
Changed = Callable[[Users, Version], Users]
ChangeUsers = Callable[[Iterable[int], Version, Changed], None]


def named(version: Version, kind: Kind) -> set[int]:
    """The nodes, or ways, that a version names; nothing if it is deleted."""
    if not version.visible:
        return set()
    members = {member.ref for member in version.members if member.kind == kind}
    return members | set(version.refs) if kind == "node" else members


class LmdbChange(LmdbSnapshot):
    """What is written is in the transaction after `flush`."""

    def flush(self) -> None:
        """All that was written is in the transaction."""
        self._nodes.flush()
        self._node_users.flush()

    def settle(self, version: Version) -> None:
        before = self.settled(version.kind, version.id)
        if not version.visible:
            last = version.position or (before.position if before else None)
            version = version._replace(tags=(), refs=(), members=(), position=last)
        if version.kind == "node":
            group = self._nodes.changing(version.id >> BITS)
            group.put(version.id & SIZE - 1, recorded(version, self._names))
            return
        data = pack(version, self._names)
        self._tables[f"{version.kind}s"].put(ID.pack(version.id), data)
        changes: tuple[tuple[Kind, ChangeUsers], ...] = (
            ("node", self._change_node_users),
            ("way", self._change_way_users),
        )
        for kind, change in changes:
            old = named(before, kind) if before else set()
            new = named(version, kind)
            change(old - new, version, _without)
            change(new - old, version, _with)

    def keep(self, pending: Pending) -> None:
        version, effective = pending
        kind, id, number = version.kind, version.id, version.version
        self.drop(kind, id, number)
        data = bytearray()
        put(data, effective)
        data += pack(version, self._names)
        self._tables["pending"].put(pending_key(kind, id, number), bytes(data))
        time = TIME.pack(effective, NUMBERS[kind], id, number)
        self._tables["pending_times"].put(time)
        for key in _uses(version):
            self._tables["pending_users"].put(key)

    def drop(self, kind: Kind, id: int, version: int) -> None:
        own = pending_key(kind, id, version)
        data = self._tables["pending"].get(own)
        if data is None:
            return
        self._tables["pending"].delete(own)
        dropped = self._pending(kind, id, data)
        key = TIME.pack(dropped.effective, NUMBERS[kind], id, version)
        self._tables["pending_times"].delete(key)
        for key in _uses(dropped.version):
            self._tables["pending_users"].delete(key)

    def put_place(self, place: Place) -> None:
        self._tables["about"].put(b"place", json.dumps(place._asdict()).encode())

    def note(self, noted: Noted) -> None:
        table, prefix = self._tables["noted"], noted.what.encode() + b"\0"
        last = table.last(prefix)
        number = 1 + (ID.unpack(last[len(prefix) :])[0] if last else 0)
        table.put(prefix + ID.pack(number), json.dumps(noted).encode())
        table.delete(prefix + ID.pack(max(number - NOTED_MAX, 0)))

    def tally(self, what: str, count: int = 1) -> None:
        key = TALLY + what.encode()
        before = int(self._tables["about"].get(key) or 0)
        self._tables["about"].put(key, b"%d" % (before + count))

    def _change_node_users(self, nodes: Iterable[int], user: Version, changed: Changed) -> None:
        slots = defaultdict(list)
        for node in nodes:
            slots[node >> BITS].append(node & SIZE - 1)
        for number, places in slots.items():
            group = self._node_users.changing(number)
            for place in places:
                group.put(place, changed(group.get(place), user))

    def _change_way_users(self, ways: Iterable[int], user: Version, changed: Changed) -> None:
        for way in ways:
            relations = changed(self.users("way", way), user).relations
            key = ID.pack(way)
            if relations:
                self._tables["way_users"].put(key, pack_users(relations))
            else:
                self._tables["way_users"].delete(key)


def _with(users: Users, user: Version) -> Users:
    if user.kind == "way":
        return users._replace(ways=tuple(sorted({*users.ways, user.id})))
    return users._replace(relations=tuple(sorted({*users.relations, user.id})))


def _without(users: Users, user: Version) -> Users:
    if user.kind == "way":
        return users._replace(ways=tuple(way for way in users.ways if way != user.id))
    return users._replace(relations=tuple(each for each in users.relations if each != user.id))


def _uses(version: Version) -> Iterator[bytes]:
    """Keys of the table `pending_users`."""
    own = NUMBERS[version.kind], version.id, version.version
    for kind in NAMED:
        for id in sorted(named(version, kind)):
            yield USE.pack(NUMBERS[kind], id, *own)
