"""A table of LMDB in a transaction, each value with a check sum of its key and itself. LMDB has none of its own, and a
disk's fault has to be told, not taken for an edit.

Here: rows. Which tables there are is lmdb_tables.py's.
"""

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import lmdb

_BYTES = 2


class Torn(Exception):
    """A row that is not what was written: one of 65,536 such is not found out."""


class SealedTable:
    """Rows by key. Raises Torn where one is read that is not what was written."""

    def __init__(self, transaction: "lmdb.Transaction[bytes]", handle: Any) -> None:
        self._transaction, self._handle = transaction, handle

    def end(self) -> None:
        """It can't be asked any more, and holds nothing."""
        del self._transaction

    def get(self, key: bytes) -> bytes | None:
        """The value; None: no such row."""
        data = self._transaction.get(key, db=self._handle)
        return None if data is None else _opened(key, data)

    def put(self, key: bytes, data: bytes = b"", *, append: bool = False) -> None:
        """In place of what was there. append: the key is beyond all others."""
        self._transaction.put(key, data + _sum(key, data), db=self._handle, append=append)

    def delete(self, key: bytes) -> None:
        """Also where there is none."""
        self._transaction.delete(key, db=self._handle)

    def beginning(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key begins so, in order. Nothing may be written until the last was taken."""
        for key, data in self.since(prefix):
            if not key.startswith(prefix):
                return
            yield key, data

    def since(self, first: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows from this key on, in order. Nothing may be written until the last was taken."""
        with self._transaction.cursor(db=self._handle) as cursor:
            if cursor.set_range(first):
                for key, data in cursor.iternext():
                    yield key, _opened(key, data)

    def last(self, prefix: bytes) -> bytes | None:
        """The last key that begins so, none of which goes on with eight bytes of FF."""
        with self._transaction.cursor(db=self._handle) as cursor:
            beyond = cursor.set_range(prefix + b"\xff" * 8)
            there = cursor.prev() if beyond else cursor.last()
            return cursor.key() if there and cursor.key().startswith(prefix) else None

    def __len__(self) -> int:
        """Rows, as the table itself says."""
        return int(self._transaction.stat(self._handle)["entries"])

    def checked(self, after: bytes = b"") -> Iterator[bytes]:
        """Reads all rows beyond this key, and yields their keys.

        Raises Torn if one is not what was written, or not in its place, or, where all were read, not there.
        """
        count, before = 0, after
        for key, _ in self.since(after + b"\0" if after else after):
            if key <= before:
                raise Torn("a row is not in its place")
            count, before = count + 1, key
            yield key
        if not after and count != len(self):
            raise Torn("a table has more or fewer rows than it says")


def _opened(key: bytes, data: bytes) -> bytes:
    body = data[:-_BYTES]
    if _sum(key, body) != data[-_BYTES:]:
        raise Torn(f"a row of {len(data)} bytes has another check sum")
    return body


def _sum(key: bytes, data: bytes) -> bytes:
    return (zlib.crc32(data, zlib.crc32(key)) & 0xFFFF).to_bytes(_BYTES, "little")
