"""A look into the LMDB store: store.py's Snapshot in a transaction. What is written is lmdb_change.py's."""

import json
from collections.abc import Iterator

from stats_assets.augment.lmdb_tables import (
    ELEMENT,
    ID,
    NUMBERS,
    PENDING,
    TIME,
    USE,
    Groups,
    NameTable,
    Tables,
)
from stats_assets.augment.node_groups import BITS, SIZE, NodeGroup
from stats_assets.augment.packing import unpack
from stats_assets.augment.settled_nodes import told
from stats_assets.augment.store import Noted, Place
from stats_assets.augment.user_groups import UserGroup, unpack_users
from stats_assets.augment.varints import take
from stats_assets.augment.versions import KINDS, Kind, Pending, Users, Version

TALLY = b"tally "


class LmdbSnapshot:
    """What the store had when the transaction began, and what that has written."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._names = NameTable(tables["names"])
        self._nodes = Groups(tables["nodes"], NodeGroup)
        self._node_users = Groups(tables["node_users"], UserGroup)

    def place(self) -> Place:
        data = self._tables["about"].get(b"place")
        if data is None:
            raise LookupError("nobody has said yet how far this store is")
        return Place(**json.loads(data))

    def settled(self, kind: Kind, id: int) -> Version | None:
        if kind == "node":
            record = self._nodes.get(id >> BITS).get(id & SIZE - 1)
            return told(id, record, self._names) if record else None
        data = self._tables[f"{kind}s"].get(ID.pack(id))
        return unpack(kind, id, data, self._names) if data else None

    def users(self, kind: Kind, id: int) -> Users:
        if kind == "node":
            return self._node_users.get(id >> BITS).get(id & SIZE - 1)
        if kind == "relation":
            return Users()
        data = self._tables["way_users"].get(ID.pack(id))
        return Users((), unpack_users(data)) if data else Users()

    def chain(self, kind: Kind, id: int) -> tuple[Pending, ...]:
        prefix = ELEMENT.pack(NUMBERS[kind], id)
        found = []
        for _, data in self._tables["pending"].beginning(prefix):
            found.append(self._pending(kind, id, data))
        return tuple(found)

    def pending_users(self, kind: Kind, id: int) -> Users:
        found: dict[int, list[int]] = {NUMBERS["way"]: [], NUMBERS["relation"]: []}
        for key, _ in self._tables["pending_users"].beginning(ELEMENT.pack(NUMBERS[kind], id)):
            _, _, user_kind, user, _ = USE.unpack(key)
            ids = found[user_kind]
            if not ids or ids[-1] != user:
                ids.append(user)
        return Users(tuple(found[NUMBERS["way"]]), tuple(found[NUMBERS["relation"]]))

    def changed(self, since: int, until: int) -> Iterator[tuple[Kind, int]]:
        found = set()
        for key, _ in self._tables["pending_times"].since(ID.pack(max(since + 1, 0))):
            effective, kind, id, _ = TIME.unpack(key)
            if effective > until:
                break
            found.add((kind, id))
        for kind, id in sorted(found):
            yield KINDS[kind], id

    def noted(self, what: str) -> Iterator[Noted]:
        for _, data in list(self._tables["noted"].beginning(what.encode() + b"\0")):
            yield Noted(*json.loads(data))

    def tallies(self) -> dict[str, int]:
        return {key[len(TALLY) :].decode(): int(data) for key, data in self._tables["about"].beginning(TALLY)}

    def _pending(self, kind: Kind, id: int, data: bytes) -> Pending:
        effective, at = take(data, 0)
        return Pending(unpack(kind, id, data[at:], self._names), effective)


def pending_key(kind: Kind, id: int, version: int) -> bytes:
    """Of the table `pending`."""
    return PENDING.pack(NUMBERS[kind], id, version)
