"""Where Dagster keeps its records on one machine: SQLite below the project's root, wherever Dagster is called from.

`dagster.yaml` names these classes, so every program of Dagster's comes by here: the storage is made, mended and
upgraded by one process at a time. Dagster's own class looks, then makes: of two that begin at once both stamp the
schema's revision, not the same, and from then on every command fails (dagster's issue 27390).
"""

import contextlib
import functools
import io
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from dagster._core.scheduler.instigation import InstigatorState
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION
from dagster._core.storage.sqlite import LAST_KNOWN_STAMPED_SQLITE_ALEMBIC_REVISION, create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine

from stats_assets.linux import locked_folder
from stats_assets.orchestration.records.events import EventLog, engine_of
from stats_assets.root import RecordsError, find_project_root

_PARTS = ("history", "schedules")
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_UNFINISHED = ".unfinished"
_held = threading.local()


def below_root(folder: str) -> Path:
    """An absolute folder as it is, another below DAGSTER_HOME, else the project's root, never the current folder.

    Raises RecordsError when there is neither.
    """
    home = os.environ.get("DAGSTER_HOME")
    root = Path(home).expanduser() if home else find_project_root()
    if root is None and not Path(folder).is_absolute():
        raise RecordsError(
            f"dagster.yaml has Dagster's records in {folder}, relative to the project's root, and neither "
            f"{Path.cwd()} nor a folder above it is that. Change into the project's folder, or set DAGSTER_HOME to it."
        )
    return (root or Path("/")) / folder


class LocalStorage(DagsterSqliteStorage):
    """Runs, events, ticks in SQLite, packed; whole when it is open. `base_dir`: as below_root."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        folder = below_root(base_dir)
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            _make(folder)
            outdated = [path for name in _DATABASES if _is_outdated(path := folder / name)]
            if outdated:  # seldom: a tick makes an instance, and Dagster's own looks cost 70 ms of CPU
                super().__init__(str(folder), inst_data)
            self._open(folder, inst_data, whole=not outdated)
            if outdated:
                self._upgrade()

    def _open(self, folder: Path, inst_data: ConfigurableClassData | None, *, whole: bool) -> None:
        """As Dagster's own constructor, which would look at each database once more. whole: they are up to date."""
        self.base_dir, self._inst_data = str(folder), inst_data
        self._run_storage = _Runs(create_db_conn_string(str(folder / "history"), "runs"))
        self._schedule_storage = _Ticks(
            create_db_conn_string(str(folder / "schedules"), "schedules"), folder / "schedules"
        )
        self._event_log_storage = EventLog(
            str(folder / "history" / "runs"), lambda: _alone(folder), whole=whole
        )
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "LocalStorage":  # what dagster calls; its own goes around this class
        return cls(config_value["base_dir"], inst_data)

    def _upgrade(self) -> None:
        """As `dagster instance migrate` and `reindex`; what was done already is left out."""
        with contextlib.redirect_stdout(sys.stderr):
            for storage in (self._run_storage, self._schedule_storage):
                storage.upgrade()
                storage.migrate()
                storage.optimize()
            self._event_log_storage.upgrade()
            self._event_log_storage.reindex_events()
            self._event_log_storage.reindex_assets()


class _Packed:
    """One engine a storage, opened packing, where Dagster makes one for each connection."""

    _conn_string: str

    @functools.cached_property
    def _engine(self) -> Engine:
        return engine_of(self._conn_string)

    @contextlib.contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection


class _Runs(_Packed, SqliteRunStorage):
    pass


class _Ticks(_Packed, SqliteScheduleStorage):
    """Of a sensor's state only what a thread has changed since it read it is written; the rest stays as it is now.

    Dagster reads the state, changes a part of it and writes all of it. So the beginning and the end of a tick would
    undo a switch that was made just then in the UI, and the switch would undo the tick's cursor.
    """

    def __init__(self, conn_string: str, folder: Path) -> None:
        super().__init__(conn_string)
        self._folder = folder
        self._read = threading.local()

    def get_instigator_state(self, origin_id: str, selector_id: str) -> InstigatorState | None:
        state = super().get_instigator_state(origin_id, selector_id)
        self._read.__dict__[selector_id] = state
        return state

    def update_instigator_state(self, state: InstigatorState) -> InstigatorState:
        read = self._read.__dict__.get(state.selector_id)
        with locked_folder(self._folder):
            now = super().get_instigator_state(state.instigator_origin_id, state.selector_id)
            if read is not None and now is not None:
                if state.status == read.status:
                    state = state.with_status(now.status)
                if state.instigator_data == read.instigator_data and now.instigator_data is not None:
                    state = state.with_data(now.instigator_data)
            return super().update_instigator_state(state)


class Artifacts(LocalArtifactStorage):
    """What assets without a store of their own return. `base_dir`: as below_root."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "Artifacts":
        return cls(str(below_root(config_value["base_dir"])), inst_data)


class ComputeLogs(LocalComputeLogManager):
    """What ticks log: a file for each tick that logs something. No file for what a run prints, which goes to the code
    server's output: what a run has to say are events. `base_dir`: as below_root.
    """

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "ComputeLogs":
        return cls(
            **{**config_value, "base_dir": str(below_root(config_value["base_dir"]))}, inst_data=inst_data
        )

    @contextlib.contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        yield CapturedLogContext(log_key)

    @contextlib.contextmanager
    def open_log_stream(self, log_key: Sequence[str], io_type: ComputeIOType) -> Iterator[IO[Any] | None]:
        said = io.StringIO()
        yield said
        if said.getvalue():
            with super().open_log_stream(log_key, io_type) as file:
                if file is not None:
                    file.write(said.getvalue())

    def prune(self, before: datetime) -> None:
        """Delete what was logged before then."""
        for path in Path(self._base_dir).rglob("*"):
            with contextlib.suppress(OSError):  # deleted by another, or a folder that is not empty
                if path.stat().st_mtime < before.timestamp():
                    path.rmdir() if path.is_dir() else path.unlink()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Inside, this thread alone of the whole machine makes something in the folder; it may enter again."""
    inside: set[Path] = _held.__dict__.setdefault("folders", set())
    if folder in inside:
        yield
        return
    with locked_folder(folder):
        inside.add(folder)
        try:
            yield
        finally:
            inside.remove(folder)


def _make(folder: Path) -> None:
    """Make the parts that aren't there; under another name until they are whole, as this process may be killed."""
    missing = [part for part in _PARTS if not (folder / part).exists()]
    if not missing:
        return
    unfinished = folder / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    DagsterSqliteStorage.from_local(str(unfinished)).dispose()
    for part in missing:
        (unfinished / part).rename(folder / part)
    shutil.rmtree(unfinished)


@functools.cache
def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", ALEMBIC_SCRIPTS_LOCATION)
    return ScriptDirectory.from_config(config)


def read_revisions() -> None:
    """Read Dagster's list of revisions, 90 files, for this process and its forks. No database is opened."""
    _script().get_current_head()


def _is_outdated(database: Path) -> bool:
    """Whether the database has to be brought to the newest revision. A later dagster's is left as it is.

    Where an earlier race has left several revisions, the oldest is kept: the steps from there do only what isn't done.
    """
    script = _script()
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection:
        try:
            found = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
        except sqlite3.OperationalError:  # no table: it was killed while it was made
            found = []
        if found == [script.get_current_head()]:
            return database.name == "runs.db" and not _has_table(
                connection, "instance_info"
            )  # it is made last
        try:
            script.get_revisions(found)
        except CommandError:
            if len(found) < 2:
                return False
            raise RecordsError(
                f"{database} says that it is at several revisions at once ({', '.join(found)}), of which this dagster "
                "does not know all: two processes began it at the same time. Start with the dagster that made it, "
                f"or move {database.name} away: Dagster begins a new one, without what was in it."
            ) from None
        if len(found) > 1:
            with connection:
                connection.execute("DELETE FROM alembic_version")
                connection.execute(
                    "INSERT INTO alembic_version VALUES (?)", (LAST_KNOWN_STAMPED_SQLITE_ALEMBIC_REVISION,)
                )
    return True


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchall())
