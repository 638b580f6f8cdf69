"""A transaction of the LMDB store that writes: store.py's Change. Commits and errors are lmdb_store.py's."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from stats_assets.augment.lmdb_snapshot import TALLY, LmdbSnapshot, pending_key
from stats_assets.augment.lmdb_tables import ID, NUMBERS, TIME, USE
from stats_assets.augment.node_groups import BITS, SIZE
from stats_assets.augment.packing import pack
from stats_assets.augment.sealing import sealed
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
        data = sealed(pack(version, self._names))
        self._transaction.put(ID.pack(version.id), data, db=self._tables[f"{version.kind}s"])
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
        self._transaction.put(pending_key(kind, id, number), sealed(bytes(data)), db=self._tables["pending"])
        time = TIME.pack(effective, NUMBERS[kind], id, number)
        self._transaction.put(time, b"", db=self._tables["pending_times"])
        for key in _uses(version):
            self._transaction.put(key, b"", db=self._tables["pending_users"])

    def drop(self, kind: Kind, id: int, version: int) -> None:
        data = self._transaction.pop(pending_key(kind, id, version), db=self._tables["pending"])
        if data is None:
            return
        dropped = self._pending(kind, id, data)
        key = TIME.pack(dropped.effective, NUMBERS[kind], id, version)
        self._transaction.delete(key, db=self._tables["pending_times"])
        for key in _uses(dropped.version):
            self._transaction.delete(key, db=self._tables["pending_users"])

    def put_place(self, place: Place) -> None:
        self._transaction.put(b"place", json.dumps(place._asdict()).encode(), db=self._tables["about"])

    def note(self, noted: Noted) -> None:
        prefix = noted.what.encode() + b"\0"
        number = 0
        with self._transaction.cursor(db=self._tables["noted"]) as cursor:
            beyond = cursor.set_range(prefix + b"\xff" * 9)
            if (cursor.prev() if beyond else cursor.last()) and cursor.key().startswith(prefix):
                (number,) = ID.unpack(cursor.key()[len(prefix) :])
        number += 1
        self._transaction.put(prefix + ID.pack(number), json.dumps(noted).encode(), db=self._tables["noted"])
        if number > NOTED_MAX:
            self._transaction.delete(prefix + ID.pack(number - NOTED_MAX), db=self._tables["noted"])

    def tally(self, what: str, count: int = 1) -> None:
        key = TALLY + what.encode()
        before = int(self._transaction.get(key, b"0", db=self._tables["about"]))
        self._transaction.put(key, str(before + count).encode(), db=self._tables["about"])

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
                self._transaction.put(key, sealed(pack_users(relations)), db=self._tables["way_users"])
            else:
                self._transaction.delete(key, db=self._tables["way_users"])


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
