"""A look into the LMDB store: store.py's Snapshot in a transaction. What is written is lmdb_change.py's."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
from stats_assets.augment.sealing import opened
from stats_assets.augment.settled_nodes import told
from stats_assets.augment.store import Noted, Place
from stats_assets.augment.user_groups import UserGroup, unpack_users
from stats_assets.augment.varints import take
from stats_assets.augment.versions import KINDS, Kind, Pending, Users, Version

if TYPE_CHECKING:
    import lmdb

TALLY = b"tally "


class LmdbSnapshot:
    """What the store had when the transaction began, and what that has written."""

    def __init__(self, transaction: "lmdb.Transaction[bytes]", tables: Tables) -> None:
        self._transaction, self._tables = transaction, tables
        self._names = NameTable(transaction, tables["names"])
        self._nodes = Groups(transaction, tables["nodes"], NodeGroup)
        self._node_users = Groups(transaction, tables["node_users"], UserGroup)

    def place(self) -> Place:
        data = self._transaction.get(b"place", db=self._tables["about"])
        if data is None:
            raise LookupError("nobody has said yet how far this store is")
        return Place(**json.loads(data))

    def settled(self, kind: Kind, id: int) -> Version | None:
        if kind == "node":
            record = self._nodes.get(id >> BITS).get(id & SIZE - 1)
            return told(id, record, self._names) if record else None
        data = self._transaction.get(ID.pack(id), db=self._tables[f"{kind}s"])
        return unpack(kind, id, opened(data), self._names) if data else None

    def users(self, kind: Kind, id: int) -> Users:
        if kind == "node":
            return self._node_users.get(id >> BITS).get(id & SIZE - 1)
        if kind == "relation":
            return Users()
        data = self._transaction.get(ID.pack(id), db=self._tables["way_users"])
        return Users((), unpack_users(opened(data))) if data else Users()

    def chain(self, kind: Kind, id: int) -> tuple[Pending, ...]:
        prefix = ELEMENT.pack(NUMBERS[kind], id)
        found = []
        for _, data in self._beginning("pending", prefix):
            found.append(self._pending(kind, id, data))
        return tuple(found)

    def pending_users(self, kind: Kind, id: int) -> Users:
        found: dict[int, list[int]] = {NUMBERS["way"]: [], NUMBERS["relation"]: []}
        for key, _ in self._beginning("pending_users", ELEMENT.pack(NUMBERS[kind], id)):
            _, _, user_kind, user, _ = USE.unpack(key)
            ids = found[user_kind]
            if not ids or ids[-1] != user:
                ids.append(user)
        return Users(tuple(found[NUMBERS["way"]]), tuple(found[NUMBERS["relation"]]))

    def changed(self, since: int, until: int) -> Iterator[tuple[Kind, int]]:
        found = set()
        with self._transaction.cursor(db=self._tables["pending_times"]) as cursor:
            if cursor.set_range(ID.pack(max(since + 1, 0))):
                for key in cursor.iternext(keys=True, values=False):
                    effective, kind, id, _ = TIME.unpack(key)
                    if effective > until:
                        break
                    found.add((kind, id))
        for kind, id in sorted(found):
            yield KINDS[kind], id

    def noted(self, what: str) -> Iterator[Noted]:
        for _, data in list(self._beginning("noted", what.encode() + b"\0")):
            yield Noted(*json.loads(data))

    def tallies(self) -> dict[str, int]:
        return {key[len(TALLY) :].decode(): int(data) for key, data in self._beginning("about", TALLY)}

    def _pending(self, kind: Kind, id: int, data: bytes) -> Pending:
        data = opened(data)
        effective, at = take(data, 0)
        return Pending(unpack(kind, id, data[at:], self._names), effective)

    def _beginning(self, table: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key begins so, in order."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            if cursor.set_range(prefix):
                for key, data in cursor.iternext():
                    if not key.startswith(prefix):
                        return
                    yield key, data


def pending_key(kind: Kind, id: int, version: int) -> bytes:
    """Of the table `pending`."""
    return PENDING.pack(NUMBERS[kind], id, version)
