"""Dagster's events of all runs in one SQLite database, `history/runs/index.db`; a successful run's in short.

Dagster's own class makes a database for each run besides, 0.2 MB each. Runs that have one from before keep it until
they are pruned. Where the records are, and who may make them, is `storage.py`'s.
"""

import functools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, EventLogEntry, EventLogRecord, EventRecordsFilter
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine

from stats_assets.orchestration.records.packing import packing

PASSING = (
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    DagsterEventType.ENGINE_EVENT,
    DagsterEventType.RESOURCE_INIT_STARTED,
    DagsterEventType.RESOURCE_INIT_SUCCESS,
    DagsterEventType.LOGS_CAPTURED,
    DagsterEventType.STEP_OUTPUT,
)
"""Kinds of events that nobody looks for once the run has succeeded: what it planned, and how it was carried out."""


class EventLog(SqliteEventLogStorage):
    """One database, opened packing. It is made inside `alone`, so by one process at a time.

    whole: it is there, and up to date.
    """

    def __init__(
        self, base_dir: str, alone: Callable[[], AbstractContextManager[None]], *, whole: bool
    ) -> None:
        self._alone = alone
        self._watcher: SqlPollingEventWatcher | None = None
        super().__init__(base_dir)
        if whole:
            self._initialized_dbs.add(INDEX_SHARD_NAME)

    def _initdb(self, engine: Any, for_index_shard: bool = False) -> None:
        with self._alone():
            super()._initdb(engine, for_index_shard)

    @property
    def is_run_sharded(self) -> bool:
        return False

    def _is_of_before(self, run_id: str | None) -> bool:
        return bool(run_id) and Path(self.path_for_shard(str(run_id))).exists()

    def run_connection(self, run_id: str | None = None) -> Any:
        return self._connect(str(run_id) if self._is_of_before(run_id) else INDEX_SHARD_NAME)

    def _engine(self, shard: str) -> Engine:
        return engine_of(self.conn_string_for_shard(shard))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._initialized_dbs:
                self._initdb(self._engine(shard))
                self._initialized_dbs.add(shard)
            with self._engine(shard).begin() as connection:
                yield connection

    def store_event(self, event: EventLogEntry) -> None:
        if self._is_of_before(event.run_id):
            super().store_event(event)
            return
        SqlEventLogStorage.store_event(self, event)
        if event.dagster_event_type == DagsterEventType.RUN_SUCCESS:
            table = SqlEventLogStorageTable.c
            with self.index_connection() as connection:
                connection.execute(
                    SqlEventLogStorageTable.delete().where(
                        table.run_id == event.run_id,
                        table.dagster_event_type.in_([kind.value for kind in PASSING]),
                    )
                )

    def get_event_records(
        self, event_records_filter: EventRecordsFilter, limit: int | None = None, ascending: bool = False
    ) -> Sequence[EventLogRecord]:
        return SqlEventLogStorage.get_event_records(self, event_records_filter, limit, ascending)

    def watch(self, run_id: str, cursor: str | None, callback: Any) -> None:
        # By asking, not by watching the file: it changes with every other run, too.
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Any) -> None:
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)

    def compact(self) -> None:
        """Give back the room that deleted events have left between others. Writers wait for some seconds meanwhile.

        Raises sqlite3.OperationalError when there is no room for a copy, or somebody reads for too long.
        """
        database = sqlite3.connect(
            self.path_for_shard(INDEX_SHARD_NAME), timeout=SQLITE_BUSY_TIMEOUT_SECONDS, isolation_level=None
        )
        with closing(database):
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def dispose(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None


def engine_of(url: str) -> Engine:
    """A database of Dagster's, opened packing: one engine a process and file, whose connections stay open.

    A run asks a hundred times, a code server makes an instance a tick, and opening costs more than asking.
    """
    try:
        file = Path(url.removeprefix("sqlite:///")).stat().st_ino
    except OSError:  # still to be made
        return _engine_of(url)
    return _kept_engine(url, file)


@functools.lru_cache(maxsize=12)
def _kept_engine(url: str, file: int) -> Engine:
    return _engine_of(url)


def _engine_of(url: str) -> Engine:
    waits = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
    return packing(create_engine(url, max_overflow=-1, connect_args=waits))
