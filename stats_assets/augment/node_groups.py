"""The newest settled versions of 64 neighbouring nodes as bytes: columns of the fewest bytes that their numbers need.

A number is found without reading the others. Here: bytes. Which group is where, lmdb_snapshot.py knows; who uses the
nodes, user_groups.py.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np

BITS = 6
SIZE = 1 << BITS
OF_METAS = 3
"""The first column that has a row a meta."""
_HEAD = struct.Struct("<QiiIIQI6B2BB")
"""Which of the 64 are there; the least longitude, latitude, version, timestamp, changeset, uid; bytes of each of their
numbers less that; how many metas and extras there are; bytes of an extra's end.

Then columns: longitude, latitude, version and number of the meta of each node; timestamp, changeset, uid of each meta.
Then the extras: which nodes (by place, a byte each), where each ends, and their bytes.
"""


class NodeRecord(NamedTuple):
    """A node in its group. All but longitude and latitude are not negative."""

    longitude: int
    latitude: int
    version: int
    timestamp: int
    changeset: int
    uid: int
    extra: bytes = b""
    """What few nodes have (settled_nodes.py)."""


class NodeGroup:
    """Up to 64 nodes. What is put into it is in `packed()`."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data
        self._put: dict[int, NodeRecord] = {}
        self._there = 0
        if data:
            self._read_head()

    def get(self, slot: int) -> NodeRecord | None:
        """The node at this place, 0 to 63."""
        if slot in self._put:
            return self._put[slot]
        if not self._there >> slot & 1:
            return None
        return self._record((self._there & ((1 << slot) - 1)).bit_count())

    def put(self, slot: int, record: NodeRecord) -> None:
        """In place of what was there."""
        self._put[slot] = record

    def packed(self) -> bytes:
        """All of it as bytes."""
        records = {slot: self._record(place) for place, slot in enumerate(_slots(self._there))} | self._put
        slots = sorted(records)
        *numbers, extra = zip(*(records[slot] for slot in slots), strict=True)
        extras = {place: body for place, body in enumerate(extra) if body}
        self._data, self._put = pack_columns(slots, numbers, extras), {}
        self._read_head()
        return self._data

    def _read_head(self) -> None:
        head = _HEAD.unpack_from(self._data)
        self._there = head[0]
        bases, widths, (metas, self._extras, self._end_width) = head[1:7], head[7:13], head[13:]
        count = self._there.bit_count()
        at = _HEAD.size
        self._columns = []
        for column, (base, width) in enumerate(zip(bases, widths, strict=True)):
            if column == OF_METAS:
                self._which_at = at
                at += count
            self._columns.append((base, at, width))
            at += width * (count if column < OF_METAS else metas + 1)
        self._extras_at = at

    def _record(self, place: int) -> NodeRecord:
        data = self._data
        numbers, row = [], place
        for column, (base, start, width) in enumerate(self._columns):
            if column == OF_METAS:
                row = data[self._which_at + place]
            at = start + row * width
            numbers.append(base + int.from_bytes(data[at : at + width], "little"))
        longitude, latitude, version, timestamp, changeset, uid = numbers
        return NodeRecord(longitude, latitude, version, timestamp, changeset, uid, self._extra(place))

    def _extra(self, place: int) -> bytes:
        if not self._extras:
            return b""
        data, begin = self._data, self._extras_at
        found = data.find(place, begin, begin + self._extras)
        if found < 0:
            return b""
        number, width = found - begin, self._end_width
        ends = begin + self._extras
        bodies = ends + self._extras * width
        at = ends + number * width
        end = int.from_bytes(data[at : at + width], "little")
        start = int.from_bytes(data[at - width : at], "little") if number else 0
        return data[bodies + start : bodies + end]


def pack_columns(slots: Sequence[int], numbers: Sequence[Sequence[int]], extras: dict[int, bytes]) -> bytes:
    """A group of its nodes' numbers, column by column as NodeRecord has them, in the order of ascending slots; extras
    by place in that.
    """
    there = 0
    for slot in slots:
        there |= 1 << slot
    metas: dict[tuple[int, int, int], int] = {}
    times, changesets, uids = numbers[OF_METAS:]
    which = bytes(metas.setdefault(meta, len(metas)) for meta in zip(times, changesets, uids, strict=True))
    of_metas: Iterator[Sequence[int]] = zip(*metas, strict=True)
    least, widths, columns = zip(*map(_column, chain(numbers[:OF_METAS], of_metas)), strict=True)
    bodies = list(extras.values())
    ends = list(accumulate(map(len, bodies)))
    width = _width(ends[-1]) if ends else 0
    head = _HEAD.pack(there, *least, *widths, len(metas) - 1, len(extras), width)
    parts = [head, *columns[:OF_METAS], which, *columns[OF_METAS:]]
    if bodies:
        parts += [bytes(extras), b"".join(end.to_bytes(width, "little") for end in ends), *bodies]
    return b"".join(parts)


def _column(numbers: Sequence[int]) -> tuple[int, int, bytes]:
    """The least of them, bytes of each of their numbers less that, and those."""
    least, most = min(numbers), max(numbers)
    width = _width(most - least)
    if not width:
        return least, 0, b""
    if width == 1:
        return least, 1, bytes([number - least for number in numbers])
    less = np.array(numbers, dtype=np.int64) - least
    return least, width, less.view(np.uint8).reshape(-1, 8)[:, :width].tobytes()


def _width(most: int) -> int:
    return (most.bit_length() + 7) >> 3


def _slots(there: int) -> list[int]:
    return [slot for slot in range(SIZE) if there >> slot & 1]
