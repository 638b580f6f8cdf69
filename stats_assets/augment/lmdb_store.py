"""The store of what is now, in LMDB: store.py's Store. One environment in one folder, which one process has open.

Here: opening, room, commits. What is in a transaction: lmdb_snapshot.py, lmdb_change.py; LMDB's errors: lmdb_errors.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import lmdb

from stats_assets.augment.lmdb_change import LmdbChange
from stats_assets.augment.lmdb_errors import ANEW, meaning
from stats_assets.augment.lmdb_snapshot import LmdbSnapshot
from stats_assets.augment.lmdb_tables import TABLES, Tables
from stats_assets.augment.planet_loading import PlanetLoading
from stats_assets.augment.sealed_table import SealedTable, Torn
from stats_assets.augment.store_errors import (
    StoreDamaged,
    StoreError,
    StoreMissing,
    StoreOfOtherFormat,
)
from stats_assets.augment.store_folder import DATA, FORMAT, LOCK, READERS, holds_store, lock, require_local

ROOM = 1 << 36
"""Addresses that a transaction finds free, at least: 64 GB. They cost neither memory nor disk."""
CHECKED = 1 << 24
"""Up to so many bytes a store is checked whole when it is opened."""
_FORMAT = b"format"


class Row(NamedTuple):
    """A row that was checked."""

    table: str
    key: bytes
    rows: int
    """How many were, with it."""


BEGINNING = Row(TABLES[0], b"", 0)
ASKED = 1_000
"""So many rows lie between two questions whether it is enough."""


class LmdbStore:
    """The store in this folder, which has to be there; with create=True it is made if nothing is.

    Raises StoreError: see store_errors.py. room: addresses that are kept free (for tests).
    synced=False only while it is loaded, under a name that nobody opens.
    """

    def __init__(self, folder: Path, *, create: bool = False, synced: bool = True, room: int = ROOM) -> None:
        self.folder, self._room = folder, room
        self._snapshots = 0
        try:
            require_local(folder)
            made = _is_made(folder, create=create)
            self._lock = lock(folder)
        except OSError as error:
            raise StoreError(
                f"The store {folder} can't be opened: {error.strerror} ({error.filename})."
            ) from error
        try:
            # Of a process that was killed, or of another machine; nobody else can have it open.
            (folder / READERS).unlink(missing_ok=True)
            with self._told():
                self._open(made=made, synced=synced)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Another process may open it then."""
        self._environment.close()
        self._lock.close()

    @contextmanager
    def reading(self) -> Iterator[LmdbSnapshot]:
        """A consistent look. Raises StoreDamaged where what is looked at is not what was written."""
        self._snapshots += 1
        tables: Tables = {}
        try:
            with self._told(), self._environment.begin() as transaction:
                tables = self._tables(transaction)
                yield LmdbSnapshot(tables)
        finally:
            self._snapshots -= 1
            # Its reader's slot, of which there are 126, is free when nobody holds the transaction: whoever still has
            # the look, as a cycle that waits for Python's collector, must not.
            for table in tables.values():
                table.end()

    @contextmanager
    def changing(self) -> Iterator[LmdbChange]:
        """All of it is kept, synced, when the block ends; nothing of it when that raises (StoreFull, too)."""
        self._make_room()
        with self._told(), self._environment.begin(write=True) as transaction:
            change = LmdbChange(self._tables(transaction))
            yield change
            change.flush()

    @contextmanager
    def loading(self) -> Iterator[PlanetLoading]:
        """An empty store is filled. What was committed when the block raises is half a store: to be removed."""
        with self._told():
            rows = PlanetLoading(self._begun, self.folder)
            try:
                yield rows
            except OSError as error:
                rows.abort()
                raise self._meaning(error) from error
            except BaseException:
                rows.abort()
                raise

    def check(self, since: Row = BEGINNING, enough: Callable[[Row], bool] = lambda row: False) -> Row | None:
        """Reads all of it, or what is beyond a row; None: it came to the end. Raises StoreDamaged.

        What is read is checked each time; that something is not there any more is only seen so, and only in a table
        that is read whole. enough: is asked now and then whether to end, with the row that was read last.
        """
        rows = since.rows
        with self._told(), self._environment.begin() as transaction:
            for name, table in self._tables(transaction).items():
                if TABLES.index(name) < TABLES.index(since.table):
                    continue
                for key in table.checked(since.key if name == since.table else b""):
                    rows += 1
                    if not rows % ASKED and enough(row := Row(name, key, rows)):
                        return row
        return None

    @property
    def rows(self) -> int:
        """How many rows `check` reads."""
        with self._told(), self._environment.begin() as transaction:
            return sum(len(table) for table in self._tables(transaction).values())

    def sync(self) -> None:
        """All that was committed is on the disk."""
        with self._told():
            self._environment.sync(True)

    @property
    def size(self) -> int:
        """What its pages take on the disk, those that are free to be used again included."""
        return (self._environment.info()["last_pgno"] + 1) * int(self._environment.stat()["psize"])

    def _tables(self, transaction: "lmdb.Transaction[bytes]") -> Tables:
        return {name: SealedTable(transaction, handle) for name, handle in self._handles.items()}

    def _begun(self) -> "tuple[lmdb.Transaction[bytes], Tables]":
        transaction = self._environment.begin(write=True)
        return transaction, self._tables(transaction)

    def _open(self, *, made: bool, synced: bool) -> None:
        data = self.folder / DATA
        length = data.stat().st_size if made else 0
        self._environment = lmdb.open(
            str(self.folder),
            map_size=length + self._room,
            max_dbs=len(TABLES),
            create=not made,
            sync=synced,
            metasync=synced,
            readahead=False,
        )
        try:
            if made and length < self.size:
                raise StoreDamaged(
                    f"The store {self.folder} is damaged: its file {DATA} has {length:,} bytes, and {self.size:,} were"
                    f" written. {ANEW}"
                )
            if made:
                self._require_format()
            self._handles = {name: self._environment.open_db(name.encode()) for name in TABLES}
            if not made:
                with self._environment.begin(write=True) as transaction:
                    self._tables(transaction)["about"].put(_FORMAT, b"%d" % FORMAT)
            if self.size <= CHECKED:
                self.check()
        except BaseException:
            self._environment.close()
            raise

    def _require_format(self) -> None:
        with self._environment.begin() as transaction:
            if transaction.get(b"about") is None:
                raise StoreMissing(
                    f"{self.folder / DATA} is no store of ours. Give another folder; nothing in it was changed."
                )
        about = self._environment.open_db(b"about", create=False)
        with self._environment.begin() as transaction:
            found = (SealedTable(transaction, about).get(_FORMAT) or b"?").decode(errors="replace")
        if found != str(FORMAT):
            raise StoreOfOtherFormat(
                f"The store {self.folder} has format {found}, this version reads {FORMAT}. Use the one that made it,"
                f" or load anew: {ANEW[0].lower()}{ANEW[1:]}"
            )

    def _make_room(self) -> None:
        """The map has room for a transaction. It can't grow while somebody looks."""
        free = self._environment.info()["map_size"] - self.size
        if free < self._room and not self._snapshots:
            self._environment.set_mapsize(self.size + 2 * self._room)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What LMDB and the bytes complain of, as a sentence."""
        try:
            yield
        except (lmdb.Error, Torn) as error:
            raise self._meaning(error) from error

    def _meaning(self, error: lmdb.Error | OSError | Torn) -> StoreError:
        return meaning(error, self.folder, self._room)


def _is_made(folder: Path, *, create: bool) -> bool:
    """Whether a store is there. Raises StoreMissing where there is none, or no place for one."""
    if holds_store(folder):
        return True
    if not create:
        raise StoreMissing(
            f"There is no store in {folder}. Load a planet first (`stats-assets augment --planet FILE --store DIR`)."
        )
    if folder.exists() and any(each.name not in (LOCK, READERS) for each in folder.iterdir()):
        raise StoreMissing(
            f"{folder} is not empty, and no store is in it. Give a folder of its own; nothing in it was changed."
        )
    folder.mkdir(parents=True, exist_ok=True)
    return False
