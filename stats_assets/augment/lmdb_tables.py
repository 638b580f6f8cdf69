"""A store's tables and their keys, and groups of 64 read through a bounded memory of them.

Keys are big-endian, so that they lie in the order of their numbers. What the values are is said where they are packed.
"""

import struct
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from stats_assets.augment.sealed_table import SealedTable
from stats_assets.augment.versions import KINDS, Kind

TABLES = (
    "about", "names", "nodes", "node_users", "ways", "way_users", "relations",
    "pending", "pending_times", "pending_users", "noted",
)  # fmt: skip
Tables = dict[str, SealedTable]
"""Those of a transaction, by name."""

ID = struct.Struct(">Q")
ELEMENT = struct.Struct(">BQ")
PENDING = struct.Struct(">BQI")
TIME = struct.Struct(">QBQI")
"""Of a pending version: effective, kind, id, version."""
USE = struct.Struct(">BQBQI")
"""Of a pending version: kind and id of what it names, its own kind, id, version."""
NUMBERS: dict[Kind, int] = {kind: number for number, kind in enumerate(KINDS)}
GROUPS_MAX = 5_000
"""So many groups of a table are remembered: up to some 50 MB."""


class Packed(Protocol):
    """A group: its bytes are what it was made of, and what was put into it."""

    def packed(self) -> bytes: ...


Group = TypeVar("Group", bound=Packed)


class Groups(Generic[Group]):
    """A table of groups in a transaction, those that were asked for last in memory."""

    def __init__(self, table: SealedTable, made: Callable[[bytes], Group]) -> None:
        self._table, self._made = table, made
        self._groups: dict[int, Group] = {}
        self._changed: set[int] = set()

    def get(self, number: int) -> Group:
        """The group; an empty one where none is."""
        group = self._groups.get(number)
        if group is None:
            if len(self._groups) >= GROUPS_MAX:
                self.flush()
                self._groups.clear()
            group = self._groups[number] = self._made(self._table.get(ID.pack(number)) or b"")
        return group

    def changing(self, number: int) -> Group:
        """The group, to be put into."""
        group = self.get(number)
        self._changed.add(number)
        return group

    def flush(self) -> None:
        """What was put into groups is in the transaction."""
        for number in sorted(self._changed):
            data = self._groups[number].packed()
            if data:
                self._table.put(ID.pack(number), data)
            else:
                self._table.delete(ID.pack(number))
        self._changed.clear()


class NameTable:
    """User names by uid in a transaction. What a uid has there stays: what has another name keeps it itself."""

    _MAX = 100_000

    def __init__(self, table: SealedTable) -> None:
        self._table = table
        self._names: dict[int, str | None] = {}

    def of(self, uid: int) -> str | None:
        """None: it has none."""
        return self._names[uid] if uid in self._names else self._read(uid)[1]

    def learned(self, uid: int, user: str | None) -> str | None:
        """What the table has of it; this, if it had nothing of it yet."""
        if uid in self._names:
            return self._names[uid]
        there, name = self._read(uid)
        if not there:
            self._table.put(ID.pack(uid), b"" if user is None else b"=" + user.encode())
            name = self._names[uid] = user
        return name

    def _read(self, uid: int) -> tuple[bool, str | None]:
        data = self._table.get(ID.pack(uid))
        if data is None:
            return False, None
        if len(self._names) >= self._MAX:
            self._names.clear()
        name = self._names[uid] = data[1:].decode() if data else None
        return True, name
