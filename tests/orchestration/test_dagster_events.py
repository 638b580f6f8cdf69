"""Dagster's records kept small: packed, all runs in one database, successful ones' in short; the logs of ticks."""

import hashlib
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    EventLogEntry,
    Failure,
    MaterializeResult,
    asset,
    job,
    materialize,
    op,
)
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from stats_assets.orchestration.records.events import PASSING, EventLog
from stats_assets.orchestration.records.packing import MARK, WORDS, pack, unpack
from stats_assets.orchestration.records.storage import ComputeLogs
from tests.drills.waiting import PATIENCE

PROJECT = Path(__file__).parents[2]
PASSING_NAMES = {kind.value for kind in PASSING}
LONG = "ß" * 300
"""Not JSON of Dagster's."""


@asset
def facts() -> MaterializeResult[None]:
    return MaterializeResult(metadata={"long": LONG})


@op
def fails() -> None:
    print("printed by a run")
    raise Failure("no")


@job
def failing() -> None:
    fails()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("events")
    shutil.copy(PROJECT / "dagster.yaml", home)
    return home


@pytest.fixture
def instance(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(root))) as made:
        yield made


def kinds(instance: DagsterInstance, run: str) -> list[str]:
    return [
        record.event_log_entry.dagster_event.event_type_value
        for record in instance.get_records_for_run(run).records
        if record.event_log_entry.dagster_event is not None
    ]


def cells(root: Path) -> Iterator[object]:
    """Every value in Dagster's databases, as SQLite has it."""
    for path in (root / ".dagster").rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                    yield from row


def test_the_words_are_as_ever() -> None:
    """Whoever changes them can't read what was packed before: give the new ones another MARK, and keep these."""
    assert hashlib.sha256(WORDS.read_bytes()).hexdigest() == (
        "4de2226dbc655f12a0cc9f8f6861dde1d0e39896edbca30a02296bff72ffc729"
    )


@pytest.mark.parametrize(
    "value", [None, 1, 1.5, b"bytes", b"", "", "short", LONG, '{"__class__": 1}', "{" * 500]
)
def test_what_is_no_json_of_dagsters_is_left_as_it_is(value: object) -> None:
    assert pack(value) is value
    assert unpack(value) is value


def test_what_is_packed_comes_back_and_what_is_broken_is_an_error() -> None:
    text = '{"__class__": "EventLogEntry", "dagster_event": "' + "späße 𝄞\\n" * 99 + '"}'
    packed = pack(text)
    assert len(packed) < len(text.encode()) / 8
    assert unpack(packed) == text
    with pytest.raises(zlib.error):
        unpack(MARK + b"broken")


def test_a_successful_runs_events_are_kept_in_short_and_a_failed_runs_all(
    instance: DagsterInstance, root: Path
) -> None:
    result = materialize([facts], instance=instance, tags={"long": LONG})
    assert not PASSING_NAMES & set(kinds(instance, result.run_id))
    assert {"STEP_START", "ASSET_MATERIALIZATION", "STEP_SUCCESS", "PIPELINE_SUCCESS"} <= set(
        kinds(instance, result.run_id)
    )
    latest = instance.get_latest_materialization_event(AssetKey("facts"))
    assert latest is not None
    assert latest.run_id == result.run_id
    assert [run.run_id for run in instance.get_runs()] == [result.run_id]
    assert instance.get_run_by_id(result.run_id).tags["long"] == LONG  # type: ignore[union-attr]
    failed = failing.execute_in_process(instance=instance, raise_on_error=False)
    assert {"ENGINE_EVENT", "STEP_FAILURE", "PIPELINE_FAILURE"} <= set(kinds(instance, failed.run_id))
    changes = instance.fetch_run_status_changes(DagsterEventType.RUN_SUCCESS, limit=10).records
    assert [change.run_id for change in changes] == [result.run_id]
    assert [path.name for path in (root / ".dagster/history/runs").glob("*.db")] == ["index.db"]
    long = [value for value in cells(root) if isinstance(value, str) and len(value) > 1000]
    assert long == []


def test_compacting_leaves_what_is_kept(instance: DagsterInstance, root: Path) -> None:
    run = materialize([facts], instance=instance).run_id
    before = kinds(instance, run)
    storage, file = instance.event_log_storage, root / ".dagster/history/runs/index.db"
    assert isinstance(storage, EventLog)
    for _ in range(60):
        storage.store_event(entry(DagsterRun("job", "31111111-2222-3333-4444-555555555555"), LONG * 99))
    storage.delete_events("31111111-2222-3333-4444-555555555555")
    storage.compact()
    assert file.stat().st_size < 500_000
    assert kinds(instance, run) == before


def test_a_runs_database_of_before_is_read_and_gone_on_with(instance: DagsterInstance, root: Path) -> None:
    run = DagsterRun("job", "11111111-2222-3333-4444-555555555555", status=DagsterRunStatus.STARTED)
    storage = instance.event_log_storage
    assert isinstance(storage, EventLog)
    earlier = SqliteEventLogStorage(str(root / ".dagster/history/runs"))
    earlier.register_instance(instance)
    earlier.store_event(entry(run, "before"))
    storage.store_event(entry(run, "after"))
    said = [
        record.event_log_entry.user_message for record in instance.get_records_for_run(run.run_id).records
    ]
    assert said == ["before", "after"]
    instance.delete_run(run.run_id)
    assert instance.get_records_for_run(run.run_id).records == []


def entry(run: DagsterRun, message: str) -> EventLogEntry:
    return EventLogEntry(None, 10, message, run.run_id, 1.0)  # type: ignore[no-untyped-call]


def test_watchers_are_told(instance: DagsterInstance) -> None:
    run = DagsterRun("job", "21111111-2222-3333-4444-555555555555")
    told = Event()
    instance.watch_event_logs(run.run_id, None, lambda event, cursor: told.set())
    instance.event_log_storage.store_event(entry(run, "hello"))
    assert told.wait(PATIENCE)


def test_only_ticks_that_say_something_have_a_log_and_old_ones_go(tmp_path: Path) -> None:
    logs = ComputeLogs(str(tmp_path))
    for tick in ("1", "2"):
        with logs.open_log_stream(["sensor", tick], ComputeIOType.STDERR) as stream:
            assert stream is not None
            if tick == "2":
                stream.write("a warning\n")
    with logs.capture_logs(["run", "compute_logs", "step"]):
        print("printed")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_text() for path in files] == ["a warning\n"]
    assert logs.get_log_data(["sensor", "2"]).stderr == b"a warning\n"
    logs.prune(datetime.now(UTC) - timedelta(days=1))
    assert files[0].exists()
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in tmp_path.rglob("*"):
        os.utime(path, (old, old))
    logs.prune(datetime.now(UTC) - timedelta(days=1))
    assert not files[0].exists()
