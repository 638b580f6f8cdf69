"""A planet's elements into an empty store, in the order of their ids, and then who uses them, in bounded memory.

Here: rows and tables. Which file, which folder, and that no half store is opened is planet.py's.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stats_assets.augment.lmdb_tables import ID, NameTable, Tables
from stats_assets.augment.node_groups import BITS, SIZE, NodeRecord, pack_columns
from stats_assets.augment.packing import pack
from stats_assets.augment.pairs import Pairs
from stats_assets.augment.settled_nodes import recorded
from stats_assets.augment.user_groups import pack_group, pack_users
from stats_assets.augment.versions import Users, Version

if TYPE_CHECKING:
    import lmdb

ROWS = 100_000
"""Rows that are committed at once."""


class PlanetLoading:
    """A store that is filled: elements sorted, then `finish`. begun: begins a transaction. folder: for pairs."""

    def __init__(self, begun: Callable[[], tuple["lmdb.Transaction[bytes]", Tables]], folder: Path) -> None:
        self._begun = begun
        self._node_users, self._way_users = Pairs(folder, "node_users"), Pairs(folder, "way_users")
        self._group: dict[int, NodeRecord] = {}
        self._number = 0
        self._begin()

    def add(self, version: Version) -> None:
        """The next element: nodes, ways, relations, each by id."""
        if version.kind == "node":
            if version.id >> BITS != self._number:
                self._put_group()
                self._number = version.id >> BITS
            self._group[version.id & SIZE - 1] = recorded(version, self._names)
            return
        self._put_group()
        self._put(f"{version.kind}s", version.id, pack(version, self._names))
        if version.visible:
            self._add_uses(version)

    def finish(self) -> Iterator[int]:
        """Who uses what is written, too. Yields how many pairs were."""
        self._put_group()
        for used, users in self._node_users.sorted(BITS):
            self._put_node_users(used, users)
            yield len(used)
        for used, users in self._way_users.sorted():
            edges = np.flatnonzero(np.diff(used)) + 1
            for ways, relations in zip(np.split(used, edges), np.split(users, edges), strict=True):
                self._put("way_users", int(ways[0]), pack_users(relations.tolist()))
            yield len(used)
        self._transaction.commit()
        self._node_users.close()
        self._way_users.close()

    def abort(self) -> None:
        """What was not committed is not there."""
        self._transaction.abort()

    def _add_uses(self, version: Version) -> None:
        if version.kind == "way":
            self._node_users.add(version.refs, version.id << 1)
            return
        for kind, pairs, user in (
            ("node", self._node_users, version.id << 1 | 1),
            ("way", self._way_users, version.id),
        ):
            pairs.add([member.ref for member in version.members if member.kind == kind], user)

    def _put_node_users(self, used: np.ndarray, users: np.ndarray) -> None:
        """Of whole groups; a user is a way's id times two, or a relation's times two plus one."""
        numbers = used >> BITS
        starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(used)]
        slots, kinds, ids = (used & SIZE - 1).tolist(), (users & 1).tolist(), (users >> 1).tolist()
        for begin, end in pairwise(starts):
            found: dict[int, tuple[list[int], list[int]]] = {}
            for place in range(begin, end):
                slot = slots[place]
                lists = found.get(slot)
                if lists is None:
                    lists = found[slot] = ([], [])
                lists[kinds[place]].append(ids[place])
            group = {slot: Users(tuple(ways), tuple(relations)) for slot, (ways, relations) in found.items()}
            self._put("node_users", int(numbers[begin]), pack_group(group))

    def _put_group(self) -> None:
        if not self._group:
            return
        *numbers, extra = zip(*self._group.values(), strict=True)
        extras = {place: body for place, body in enumerate(extra) if body}
        self._put("nodes", self._number, pack_columns(list(self._group), numbers, extras))
        self._group = {}

    def _put(self, table: str, key: int, data: bytes) -> None:
        self._tables[table].put(ID.pack(key), data, append=True)
        self._rows += 1
        if self._rows >= ROWS:
            self._transaction.commit()
            self._begin()

    def _begin(self) -> None:
        self._transaction, self._tables = self._begun()
        self._names = NameTable(self._tables["names"])
        self._rows = 0
