"""A look at a tick changes nothing: previews, by the webserver's schema, against dumps of all that is kept."""

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    SensorEvaluationContext,
    SensorResult,
    build_sensor_context,
)
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from psycopg import sql

from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import ledger, seeking, stream_rows
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.preview import is_preview
from stats_assets.settings import Settings
from stats_assets.system import Stats

REPOSITORY = defs.get_repository_def()
DIFFS = "augmented_diffs"
EVALUATION = (
    "evaluationResult { cursor skipReason error { message } dynamicPartitionsRequests { partitionKeys }"
    " runRequests { runKey runConfigYaml tags { key value } } }"
)
SENSOR = f"""
mutation ($selector: SensorSelector!, $cursor: String) {{
  sensorDryRun(selectorData: $selector, cursor: $cursor) {{ ... on DryRunInstigationTick {{ {EVALUATION} }} }}
}}"""
NEXT = f"""
query ($selector: SensorSelector!) {{
  sensorOrError(sensorSelector: $selector) {{ ... on Sensor {{ nextTick {{ {EVALUATION} }} }} }}
}}"""
SCHEDULE = f"""
mutation ($selector: ScheduleSelector!, $at: Float) {{
  scheduleDryRun(selectorData: $selector, timestamp: $at) {{ ... on DryRunInstigationTick {{ {EVALUATION} }} }}
}}"""

Dump = Callable[[], dict[str, Any]]
Preview = Callable[..., dict[str, Any]]


@pytest.fixture
def minutes() -> int:
    return 10


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home")) as made:
        made.run_storage.get_run_storage_id()  # type: ignore[attr-defined] # made by who first asks, as the daemon does
        yield made


@pytest.fixture(autouse=True)
def environment(stats: Stats, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        value = getattr(stats.settings, name)
        if value is not None:
            monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("AUGMENTED_DIFFS_START", str(world.first))
    monkeypatch.setenv("CHANGESETS_START", str(world.changesets_first))
    current_stats().reader("augmented_diffs")  # its regions become countries


@pytest.fixture
def asked(instance: DagsterInstance) -> Iterator[Callable[..., dict[str, Any]]]:
    """The webserver's answer to a query, the code in this process."""
    from dagster_graphql.test.utils import (
        execute_dagster_graphql,
    )  # half a second, which no other worker need take

    target = LoadableTargetOrigin(executable_path=sys.executable, module_name="stats_assets.definitions")
    origin = InProcessCodeLocationOrigin(target, location_name="here")
    with WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as process:

        def ask(query: str, **variables: Any) -> dict[str, Any]:
            answer = execute_dagster_graphql(process.create_request_context(), query, variables)
            return dict(answer.data)

        yield ask


@pytest.fixture
def preview(asked: Callable[..., dict[str, Any]]) -> Preview:
    def ask(sensor: str = f"{DIFFS}_stream", cursor: str | None = None) -> dict[str, Any]:
        selector = {
            "repositoryLocationName": "here",
            "repositoryName": "__repository__",
            "sensorName": sensor,
        }
        found: dict[str, Any] = asked(SENSOR, selector=selector, cursor=cursor)["sensorDryRun"]
        result: dict[str, Any] = found["evaluationResult"]
        assert result["error"] is None, result["error"]
        return result

    return ask


@pytest.fixture
def dump(url: str, tmp_path: Path) -> Dump:
    """All that the database, Dagster's storage and the archive hold."""

    def made() -> dict[str, Any]:
        found: dict[str, Any] = {}
        with connect(url) as other:
            tables = other.execute(
                "SELECT c.oid::regclass::text, c.relname FROM pg_class AS c WHERE c.relkind IN ('r', 'p')"
                " AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
            ).fetchall()
            for name, table in tables:
                rows = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(table))
                found[name] = other.execute(rows).fetchall()
        for path in sorted((tmp_path / "home").rglob("*")):
            if path.suffix == ".db":
                with closing(sqlite3.connect(path)) as database:
                    found[str(path)] = list(database.iterdump())
            elif path.is_file() and not path.name.endswith(("-journal", "-wal", "-shm")):
                found[str(path)] = path.read_bytes()
        return found

    return made


def tick(instance: DagsterInstance, cursor: str | None = None) -> SensorResult:
    context = build_sensor_context(instance=instance, cursor=cursor, repository_def=REPOSITORY)
    result = REPOSITORY.get_sensor_def(f"{DIFFS}_stream")(context)
    assert isinstance(result, SensorResult)
    return result


def begun(instance: DagsterInstance, stats: Stats, world: World, feed: DemoFeed) -> str:
    """Done to five before the head, the cursor stored and mirrored; the cursor."""
    tick(instance)
    run_range(stats.work("augmented_diffs"), stats.url, "begun", world.first, feed.head - 5)
    cursor = tick(instance, str(world.first - 1)).cursor
    assert tick(instance, cursor).cursor == cursor == str(feed.head - 5)
    return str(cursor)


def configs(result: dict[str, Any]) -> list[str]:
    return [request["runConfigYaml"] for request in result["runRequests"] or ()]


def test_a_stream_that_has_not_begun(preview: Preview, dump: Dump, world: World, feed: DemoFeed) -> None:
    before = dump()
    for _ in range(2):
        result = preview()
        assert result["cursor"] == str(world.first - 1)
        [config] = configs(result)
        assert f"start: {world.first}\n" in config
        assert f"end: {feed.head}\n" in config
        assert result["dynamicPartitionsRequests"] == [{"partitionKeys": [f"{world.first:09d}"]}]
        assert preview("changesets_stream")["runRequests"]
    assert dump() == before
    assert before["streams"] == []


def test_a_rewind_by_the_previews_own_cursor(
    preview: Preview, dump: Dump, instance: DagsterInstance, stats: Stats, world: World, feed: DemoFeed
) -> None:
    cursor = begun(instance, stats, world, feed)
    before = dump()
    result = preview(cursor=str(world.first + 3))
    assert result["cursor"] == str(world.first + 3)
    assert f"start: {world.first + 4}\n" in configs(result)[0]  # as if all above were due again
    assert f"start: {feed.head - 4}\n" in configs(preview(cursor=cursor))[0]
    assert preview(cursor="yesterday")["cursor"] == cursor  # what is logged is stored, too: not by a look
    assert dump() == before


def test_what_a_seek_would_do(
    preview: Preview,
    dump: Dump,
    instance: DagsterInstance,
    stats: Stats,
    world: World,
    feed: DemoFeed,
    connection: Connection,
) -> None:
    cursor = begun(instance, stats, world, feed)
    for wanted in (world.first + 3, feed.head - 1):
        seeking.request_seek(connection, "augmented_diffs", wanted)
        before = dump()
        result = preview(cursor=cursor)
        assert result["cursor"] == str(wanted)
        assert f"start: {wanted + 1}\n" in configs(result)[0]
        assert dump() == before


def test_nothing_to_do_says_that_it_is_a_preview_and_the_warning(
    preview: Preview, dump: Dump, instance: DagsterInstance, stats: Stats, world: World, feed: DemoFeed
) -> None:
    begun(instance, stats, world, feed)
    run_range(stats.work("augmented_diffs"), stats.url, "rest", world.first, feed.head)
    cursor = tick(instance, str(feed.head - 5)).cursor
    before = dump()
    assert preview(cursor=cursor)["skipReason"].startswith("A preview: nothing was changed. Up to date")
    ahead = preview(cursor=str(feed.head + 1000))
    assert (ahead["cursor"], ahead["runRequests"] or []) == (str(feed.head), [])
    assert f"The cursor {feed.head + 1000} is ahead of what the database has done" in ahead["skipReason"]
    assert dump() == before


def test_dead_runs_stay_as_they_are(
    preview: Preview,
    dump: Dump,
    instance: DagsterInstance,
    stats: Stats,
    world: World,
    feed: DemoFeed,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("START_LIMIT_SECONDS", "0.000001")
    (request,) = tick(instance).run_requests or ()
    states = (DagsterRunStatus.STARTED, DagsterRunStatus.STARTING)
    run, _ = (
        create_run_for_test(instance, job_name=f"{DIFFS}_job", tags=dict(request.tags), status=status)
        for status in states
    )
    by_hand = create_run_for_test(instance, job_name="__ASSET_JOB", status=DagsterRunStatus.STARTED)
    create_run_for_test(instance, job_name="statistics_job", status=DagsterRunStatus.STARTED)
    for one in (run, by_hand):
        connection.execute(
            "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence) VALUES (%s, %s, %s, %s)",
            (one.run_id, DIFFS, world.first, feed.head),
        )
        ledger.take(connection, one.run_id, DIFFS, [world.first, world.first + 1])
    connection.execute("UPDATE run_leases SET heartbeat = now() - interval '30 s'")
    connection.execute("INSERT INTO statistics_queue (changeset_id) VALUES (1)")
    before = dump()
    assert f"start: {world.first}\n" in configs(preview())[0]  # as if they had been given up
    assert len(preview("statistics_queue")["runRequests"]) == 1
    assert dump() == before
    tick(instance)
    after = instance.get_run_by_id(run.run_id)
    assert after is not None
    assert after.status == DagsterRunStatus.FAILURE


def test_what_the_queue_would_start(
    preview: Preview,
    dump: Dump,
    instance: DagsterInstance,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "The queue is empty" in preview("statistics_queue")["skipReason"]
    connection.execute("INSERT INTO statistics_queue (changeset_id) VALUES (1)")
    monkeypatch.setenv("START_LIMIT_SECONDS", "0.000001")
    create_run_for_test(instance, job_name="statistics_job", status=DagsterRunStatus.STARTED)
    before = dump()
    assert len(preview("statistics_queue")["runRequests"]) == 1
    monkeypatch.setenv("START_LIMIT_SECONDS", "60")
    said = "A preview: nothing was changed. 1 changed changesets are queued; a run of statistics_job"
    assert preview("statistics_queue")["skipReason"].startswith(said)
    assert dump() == before


def test_while_another_tick_holds_the_stream_and_while_a_run_holds_its_rows(
    preview: Preview,
    dump: Dump,
    instance: DagsterInstance,
    stats: Stats,
    world: World,
    feed: DemoFeed,
    url: str,
) -> None:
    cursor = begun(instance, stats, world, feed)
    before = dump()
    with connect(url) as other, other.transaction():
        other.execute("SELECT FROM streams FOR UPDATE")
        assert "Another tick of augmented_diffs is at work" in preview(cursor=cursor)["skipReason"]
    with connect(url) as other, other.transaction():
        other.execute("SELECT FROM ledger FOR UPDATE")
        assert "ask again in a moment" in preview(cursor=str(world.first + 3))["skipReason"]
    assert dump() == before


def test_another_instance_drives_it(
    preview: Preview, dump: Dump, stats: Stats, world: World, feed: DemoFeed
) -> None:
    with DagsterInstance.ephemeral() as other:
        begun(other, stats, world, feed)
    before = dump()
    assert "Another Dagster instance drives" in preview()["skipReason"]
    assert dump() == before


def test_a_role_that_may_only_select(
    preview: Preview,
    instance: DagsterInstance,
    stats: Stats,
    world: World,
    feed: DemoFeed,
    connection: Connection,
) -> None:
    cursor = begun(instance, stats, world, feed)
    connection.execute("REVOKE INSERT, UPDATE ON streams FROM CURRENT_USER")
    assert "may not try what a tick does" in preview(cursor=cursor)["skipReason"]


def test_the_next_tick_and_the_schedules(asked: Callable[..., dict[str, Any]], dump: Dump) -> None:
    where = {"repositoryLocationName": "here", "repositoryName": "__repository__"}
    before = dump()
    for sensor in REPOSITORY.sensor_defs:
        asked(NEXT, selector={**where, "sensorName": sensor.name})
    for schedule in REPOSITORY.schedule_defs:
        answer = asked(SCHEDULE, selector={**where, "scheduleName": schedule.name}, at=time.time())
        assert len(answer["scheduleDryRun"]["evaluationResult"]["runRequests"]) == 1
    assert dump() == before


@pytest.mark.parametrize(
    ("repository", "log_key", "expected"),
    [
        ("__repository__", ["__repository__", "a_stream", "4711"], False),  # the daemon's
        ("__repository__", None, True),  # Dagster makes one up
        ("__repository__", ["__repository__", "a_stream", "20260101_000000"], True),
        (None, None, False),  # made in code
    ],
)
def test_a_tick_is_what_the_daemon_names(
    repository: str | None, log_key: list[str] | None, expected: bool
) -> None:
    context = SensorEvaluationContext(
        None, repository_name=repository, log_key=log_key, sensor_name="a_stream" if repository else None
    )
    assert is_preview(context) is expected


def test_streams_that_are_looked_at_before_they_begin_begin_where_they_would_have(
    preview: Preview, instance: DagsterInstance, world: World, connection: Connection
) -> None:
    preview(cursor="12")
    assert stream_rows.stream_of(connection, "augmented_diffs") is None
    assert tick(instance).cursor == str(world.first - 1)
