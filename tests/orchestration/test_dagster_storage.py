"""Dagster's records on one machine: begun by several processes at once, found broken, looked for from anywhere."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.storage.sqlite import LAST_KNOWN_STAMPED_SQLITE_ALEMBIC_REVISION as OLD
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from stats_assets.orchestration.records.storage import _script, below_root
from stats_assets.root import RecordsError
from tests import dagster_records
from tests.at_once import at_once
from tests.telling import telling

PROJECT = Path(__file__).parents[2]
DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
HEAD = _script().get_current_head()
WATCHER = RemoteInstigatorOrigin(
    RemoteRepositoryOrigin(
        ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="m"), "here"), "repository"
    ),
    "a_sensor",
)
RUN = "11111111-2222-3333-4444-555555555555"


def at(cursor: str) -> SensorInstigatorData:
    return SensorInstigatorData(cursor=cursor)


def works(root: Path) -> tuple[int, int, int]:
    """A look into all three databases, and a write into a run's own."""
    os.environ["DAGSTER_HOME"] = str(root)
    with DagsterInstance.get() as instance:
        instance.report_engine_event("here", DagsterRun("job", RUN))
        counts = (
            instance.get_runs_count(),
            len(instance.all_instigator_state()),
            len(instance.get_dynamic_partitions("none")),
        )
        assert instance.root_directory == str(root / ".dagster")
        assert instance.storage_directory() == str(root / ".dagster/storage")
    return counts


def revisions(root: Path) -> list[list[str]]:
    found = []
    for name in DATABASES:
        with closing(sqlite3.connect(root / ".dagster" / name)) as database:
            found.append([row[0] for row in database.execute("SELECT version_num FROM alembic_version")])
    return found


@pytest.fixture(autouse=True, scope="module")
def _made_anew() -> Iterator[None]:
    """As users' are, not copied as those of other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DagsterSqliteStorage, "from_local", dagster_records.make)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with whole records, in which a sensor's state is kept."""
    root = tmp_path_factory.mktemp("made")
    shutil.copy(PROJECT / "dagster.yaml", root)
    at_once(lambda: works(root))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "a project")


def test_processes_that_begin_the_records_at_once_all_find_them_whole(tmp_path: Path) -> None:
    for number in range(3):
        root = tmp_path / str(number)
        root.mkdir()
        shutil.copy(PROJECT / "dagster.yaml", root)
        assert at_once(*[partial(works, root)] * 4) == [(0, 0, 0)] * 4
        assert revisions(root) == [[HEAD]] * 3
        assert {path.name for path in (root / ".dagster").iterdir()} == {"history", "schedules"}


def stamp(*found: str) -> Callable[[sqlite3.Connection], object]:
    def strike(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM alembic_version")
        database.executemany("INSERT INTO alembic_version VALUES (?)", [(one,) for one in found])

    return strike


STATES: dict[str, Callable[[sqlite3.Connection], object]] = {
    "two heads, as two processes at once left it": stamp(str(HEAD), OLD),
    "an earlier dagster's": stamp(OLD),
    "killed before it was stamped": stamp(),
    "killed before its revision's table was made": lambda database: database.execute("DROP TABLE alembic_version"),
    "killed before its indexes were marked": lambda database: database.executescript(
        "DELETE FROM secondary_indexes; DROP TABLE alembic_version"
    ),
}  # fmt: skip


@pytest.mark.parametrize("state", telling(STATES, *list(STATES)[:2], "killed before its indexes were marked"))
def test_records_that_were_left_broken_are_mended(root: Path, state: str) -> None:
    for name in DATABASES:
        with closing(sqlite3.connect(root / ".dagster" / name)) as database, database:
            STATES[state](database)
    assert at_once(*[lambda: works(root)] * 2) == [(0, 0, 0)] * 2
    assert revisions(root) == [[HEAD]] * 3
    for name in DATABASES:
        with closing(sqlite3.connect(root / ".dagster" / name)) as database:
            assert database.execute("SELECT count(*) FROM secondary_indexes").fetchone()[0] > 0


@pytest.mark.parametrize("name", telling(DATABASES, DATABASES[1]))
def test_records_half_made_are_made(root: Path, name: str) -> None:
    (root / ".dagster/.unfinished/history").mkdir(parents=True)
    for lost in (root / ".dagster" / name).parent.glob(f"{Path(name).name}*"):
        lost.unlink()
    at_once(lambda: works(root))
    assert revisions(root) == [[HEAD]] * 3
    (root / ".dagster" / name).write_bytes(b"")
    for lost in (root / ".dagster" / name).parent.glob(f"{Path(name).name}-*"):
        lost.unlink()
    at_once(lambda: works(root))
    assert revisions(root) == [[HEAD]] * 3


def test_a_later_dagsters_records_are_left_as_they_are_and_a_riddle_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    for found in (["ffffffffffff"], ["ffffffffffff", str(HEAD)]):
        with closing(sqlite3.connect(root / ".dagster" / DATABASES[0])) as database, database:
            stamp(*found)(database)
        if len(found) == 1:
            DagsterInstance.get().dispose()
        else:
            with pytest.raises(RecordsError, match=r"runs\.db says .* several .* move runs\.db away"):
                DagsterInstance.get()
        assert sorted(revisions(root)[0]) == sorted(found)


def test_the_records_are_the_roots_wherever_one_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = root / "docs"
    below.mkdir()
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(below)
    assert below_root(".dagster") == root / ".dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    monkeypatch.chdir("/")
    assert below_root(".dagster") == root / ".dagster"
    assert below_root("/elsewhere") == Path("/elsewhere")
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir("/")
    with pytest.raises(RecordsError, match="set DAGSTER_HOME"):
        below_root(".dagster")


SENSOR = """
import dagster
@dagster.op
def nothing(): ...
@dagster.job
def job(): nothing()
@dagster.sensor(job=job)
def watches(): ...
defs = dagster.Definitions(jobs=[job], sensors=[watches])
"""


@pytest.mark.drill  # Dagster's own command, three times: five seconds
def test_a_sensor_started_from_another_folder_is_the_stacks(root: Path, tmp_path: Path) -> None:
    code = tmp_path / "sensor_definitions.py"
    code.write_text(SENSOR)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def dagster(*words: str, home: Path | None) -> "subprocess.CompletedProcess[str]":
        environment = dict(os.environ) | ({"DAGSTER_HOME": str(home)} if home else {})
        command = [sys.executable, "-m", "dagster", *words]
        return subprocess.run(  # noqa: S603
            command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )

    started = dagster("sensor", "start", "-f", str(code), "watches", home=root)
    assert started.returncode == 0, started.stderr
    os.environ["DAGSTER_HOME"] = str(root)
    try:
        with DagsterInstance.get() as instance:
            assert [state.name for state in instance.all_instigator_state()] == ["watches"]
    finally:
        del os.environ["DAGSTER_HOME"]
    assert list(elsewhere.iterdir()) == []
    refused = dagster("sensor", "start", "-f", str(code), "watches", home=None)
    assert refused.returncode != 0
    assert "DAGSTER_HOME" in refused.stderr


def test_the_settings_are_the_roots_wherever_the_definitions_are_loaded(root: Path, tmp_path: Path) -> None:
    (root / ".env").write_text("POLL_SECONDS=77\n")
    code = "import stats_assets.definitions as d; print(d.poll_seconds, d.load_settings().stats_data_dir.absolute())"
    environment = {name: value for name, value in os.environ.items() if name != "STATS_DATA_DIR"}
    said = subprocess.check_output(  # noqa: S603
        [sys.executable, "-c", code], cwd=tmp_path, env=environment | {"DAGSTER_HOME": str(root)}, text=True
    )
    assert said.strip() == f"77 {root / '.data'}"


def test_a_switch_and_a_cursor_written_at_once_are_both_kept(root: Path) -> None:
    """The daemon and the UI each read a sensor's state, change their part of it, and write all."""

    def look() -> None:
        os.environ["DAGSTER_HOME"] = str(root)
        with DagsterInstance.get() as daemon, DagsterInstance.get() as ui:
            first = InstigatorState(WATCHER, InstigatorType.SENSOR, InstigatorStatus.RUNNING, at("1"))
            daemon.add_instigator_state(first)
            ids = first.instigator_origin_id, first.selector_id

            def now() -> tuple[InstigatorStatus, str | None]:
                state = ui.get_instigator_state(*ids)
                assert state is not None
                assert isinstance(state.instigator_data, SensorInstigatorData)
                return state.status, state.instigator_data.cursor

            in_tick, in_ui = daemon.get_instigator_state(*ids), ui.get_instigator_state(*ids)
            assert in_tick is not None
            assert in_ui is not None
            ui.update_instigator_state(in_ui.with_status(InstigatorStatus.STOPPED))
            daemon.update_instigator_state(in_tick.with_data(at("2")))
            assert now() == (InstigatorStatus.STOPPED, "2")

            in_tick, in_ui = daemon.get_instigator_state(*ids), ui.get_instigator_state(*ids)
            assert in_tick is not None
            assert in_ui is not None
            daemon.update_instigator_state(in_tick.with_data(at("3")))
            ui.update_instigator_state(in_ui.with_status(InstigatorStatus.RUNNING))
            assert now() == (InstigatorStatus.RUNNING, "3")

            in_ui = ui.get_instigator_state(*ids)
            assert in_ui is not None
            ui.update_instigator_state(in_ui.with_data(at("1")))
            assert now() == (InstigatorStatus.RUNNING, "1")

    at_once(look)
