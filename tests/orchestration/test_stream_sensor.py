"""The sensors and runs in Dagster, on an instance of their own: ticks, cursors, ranges, and what a person sees."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SensorResult,
    SkipReason,
    build_sensor_context,
)
from dagster._core.test_utils import create_run_for_test

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import ledger, pauses, seeking, stream_rows
from stats_assets.database.ledger.due_again import retry
from stats_assets.database.ledger.leases import lease, leases
from stats_assets.database.statistics.applier import queued
from stats_assets.definitions import defs
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.monitoring import status as standing
from stats_assets.orchestration.partitions import BLOCKS, LATE_TAG, key_of
from stats_assets.settings import Settings
from stats_assets.streams import STREAM_TAG, STREAMS, Stream
from stats_assets.system import Stats
from tests.conftest import MINUTES, settings_for
from tests.telling import telling
from tests.truth import differences, statistics_of, truth_of

REPOSITORY = defs.get_repository_def()
DIFFS: Stream = "augmented_diffs"


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(autouse=True)
def environment(feed: DemoFeed, url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    follow_it(feed, url, tmp_path, monkeypatch)


def follow_it(feed: DemoFeed, url: str, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings_for(feed, url, folder / "data")
    for name in (*Settings.model_fields,):
        value = getattr(given, name)
        if value is not None:
            monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("AUGMENTED_DIFFS_START", str(feed.world.first))
    monkeypatch.setenv("CHANGESETS_START", str(feed.world.changesets_first))


def tick(instance: DagsterInstance, cursor: str | None = None, stream: str = DIFFS) -> SensorResult:
    """One tick, carried out as the daemon does: keys are added, nothing is started."""
    context = build_sensor_context(instance=instance, cursor=cursor, repository_def=REPOSITORY)
    result = REPOSITORY.get_sensor_def(f"{stream}_stream")(context)
    assert isinstance(result, SensorResult)
    for request in result.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def ranges(result: SensorResult) -> list[tuple[int, int]]:
    configs = [request.run_config["ops"] for request in result.run_requests or ()]
    return [(part["config"]["start"], part["config"]["end"]) for ops in configs for part in ops.values()]


def start(instance: DagsterInstance, request: RunRequest, stream: str = DIFFS) -> Any:
    job = defs.resolve_job_def(f"{stream}_job")
    return job.execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        run_config=dict(request.run_config),
        tags=dict(request.tags),
        raise_on_error=False,
    )


def follow(instance: DagsterInstance, stream: str = DIFFS, cursor: str | None = None) -> str:
    """Tick and run until nothing is due; the last cursor."""
    for _ in range(20):
        result = tick(instance, cursor, stream)
        cursor = result.cursor
        for request in result.run_requests or ():
            assert start(instance, request, stream).success
        if not result.run_requests:
            return str(cursor)
    raise AssertionError("it never catches up")


def follow_patiently(instance: DagsterInstance, cursor: str | None = None) -> str:
    """Tick and run until nothing is due, though runs fail and pause the stream for milliseconds."""
    quiet = 0
    for _ in range(40):
        result = tick(instance, cursor)
        cursor = result.cursor
        for request in result.run_requests or ():
            start(instance, request)
        quiet = 0 if result.run_requests else quiet + 1
        if quiet == 3:
            return str(cursor)
        time.sleep(0.01)
    raise AssertionError(f"it never ends, at {cursor}")


def said(result: SensorResult) -> str:
    return result.skip_reason.skip_message or "" if result.skip_reason else ""


@pytest.fixture
def border() -> int:
    """The first sequence of the second block of `by_the_border`'s feed."""
    return World().first + 100


@pytest.fixture
def by_the_border(
    border: int, url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DemoFeed]:
    """Another feed, which begins a few minutes before a block ends and has got some minutes into the next."""
    with DemoFeed(World(first=border - 8), history=MINUTES + 8) as served:
        follow_it(served, url, tmp_path, monkeypatch)
        yield served


def test_from_nothing_to_the_truth_with_both_streams(
    by_the_border: DemoFeed, border: int, instance: DagsterInstance, connection: Connection
) -> None:
    feed = by_the_border  # two blocks behind
    # a tick's cursor stops where a block ends that it did not find whole
    assert follow(instance) == str(border - 1)
    assert follow(instance, cursor=str(border - 1)) == str(feed.head)
    assert follow(instance, "changesets") == str(feed.changesets_head)
    assert queued(connection) == 0
    assert differences(truth_of(feed.url), statistics_of(connection)) == []
    keys = [f"{border - 100:09d}", f"{border:09d}"]
    assert instance.get_dynamic_partitions("augmented_diffs_blocks") == keys
    feed.advance(5)
    follow(instance, cursor=str(feed.head - 5))
    follow(instance, "changesets")
    assert differences(truth_of(feed.url), statistics_of(connection)) == []


def test_a_tick_requests_exact_ranges_by_block_and_a_cursor_moves_only_over_what_is_done(
    by_the_border: DemoFeed, border: int, instance: DagsterInstance, connection: Connection
) -> None:
    feed = by_the_border
    first = tick(instance)
    assert first.cursor == str(border - 9)
    assert ranges(first) == [(border - 8, border - 1), (border, feed.head)]
    again = tick(instance, first.cursor)  # nothing was started: a requested run is not a finished one
    assert again.cursor == first.cursor
    requests = list(again.run_requests or ())
    assert {request.run_key for request in requests}.isdisjoint(r.run_key for r in first.run_requests or ())
    assert requests[0].partition_key == f"{border - 100:09d}"
    assert start(instance, requests[1]).success  # the later block ends first
    assert tick(instance, first.cursor).cursor == first.cursor
    assert start(instance, requests[0]).success
    assert tick(instance, first.cursor).cursor == str(border - 1)
    assert tick(instance, str(border - 1)).cursor == str(feed.head)


def test_the_checkpoint_mirrors_the_stored_cursor(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    cursor = follow(instance)
    tick(instance, cursor)
    mirror: dict[str, int] = dict(
        connection.execute("SELECT proc_name, sequence FROM checkpoints").fetchall()
    )
    assert mirror["ChangesetStatsUpdater"] == int(cursor) == feed.head
    row = connection.execute("SELECT origin, checkpoint FROM streams WHERE stream = %s", (DIFFS,)).fetchone()
    assert row == (world.first, feed.head)


def test_status_has_the_cursor_of_the_last_tick_though_no_other_comes_to_mirror_it(
    feed: DemoFeed, stats: Stats, instance: DagsterInstance, connection: Connection
) -> None:
    tick(instance, follow(instance))
    feed.advance(1)
    assert follow(instance, cursor=str(feed.head - 1)) == str(feed.head)
    # Here the sensor is switched off.
    mirrored = connection.execute("SELECT sequence FROM checkpoints").fetchone()
    assert mirrored == (feed.head - 1,)
    assert standing.of(stats).streams[DIFFS].cursor == feed.head
    # A seek back is what counts from its tick on.
    seeking.request_seek(connection, DIFFS, feed.head - 3)
    tick(instance, str(feed.head))
    assert standing.of(stats).streams[DIFFS].cursor == feed.head - 3


def test_with_dagsters_storage_lost_it_goes_on_from_the_checkpoint(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    tick(instance, follow(instance))
    connection.execute("UPDATE streams SET lease_until = now()")
    feed.advance(3)
    with DagsterInstance.ephemeral() as fresh:
        result = tick(fresh)
        assert ranges(result) == [(feed.head - 2, feed.head)]
        assert result.cursor == str(feed.head - 3)


@pytest.mark.drill
def test_a_database_taken_over_from_osmesa_goes_on_from_its_checkpoints(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    connection.execute("INSERT INTO checkpoints VALUES ('ChangesetStatsUpdater', %s)", (feed.head - 4,))
    assert ranges(tick(instance)) == [(feed.head - 3, feed.head)]


def test_a_cursor_set_back_does_the_range_again_and_changes_no_number(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    tick(instance, follow(instance))
    before = statistics_of(connection)
    result = tick(instance, str(world.first + 5))
    assert result.cursor == str(world.first + 5)
    assert ranges(result) == [(world.first + 6, feed.head)]
    follow(instance, cursor=result.cursor)
    after = statistics_of(connection)
    assert {k: v for k, v in after.items() if k != "changesets"} == {
        k: v for k, v in before.items() if k != "changesets"
    }
    assert stream_rows.blocks(connection, "augmented_diffs", 0) == {world.first: MINUTES}


@pytest.mark.drill
def test_a_cursor_set_back_is_seen_though_the_checkpoint_lags_behind_it(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    follow(instance)  # the last cursor is stored, and not mirrored yet
    result = tick(instance, str(feed.head - 2))
    assert result.cursor == str(feed.head - 2)
    assert ranges(result) == [(feed.head - 1, feed.head)]


def test_a_takeover_whose_tick_died_is_no_rewind(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    stored = follow(instance)
    tick(instance, stored)
    feed.advance(5)
    with DagsterInstance.ephemeral() as other:
        connection.execute("UPDATE streams SET lease_until = now()")
        tick(other, follow(other))
    connection.execute("UPDATE streams SET lease_until = now()")
    for _ in range(2):  # the first one's cursor was never stored
        result = tick(instance, stored)
        assert (result.cursor, ranges(result)) == (str(feed.head), [])
    feed.advance(1)
    assert follow(instance, cursor=result.cursor) == str(feed.head)


@pytest.mark.drill
def test_a_cursor_set_below_the_origin_stops_there(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    tick(instance, follow(instance))
    result = tick(instance, "0")
    assert result.cursor == str(world.first - 1)
    assert ranges(result) == [(world.first, feed.head)]


@pytest.mark.drill
def test_a_seek_back_does_the_range_again(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    cursor = follow(instance)
    tick(instance, cursor)
    seeking.request_seek(connection, DIFFS, world.first + 5)
    result = tick(instance, cursor)
    assert (result.cursor, ranges(result)) == (str(world.first + 5), [(world.first + 6, feed.head)])
    # This tick's cursor was never stored, as its process died: the checkpoint counts.
    assert tick(instance, cursor).cursor == str(world.first + 5)


def test_a_seek_forward_skips_and_a_tick_that_died_is_no_rewind(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    begun = tick(instance)
    assert begun.cursor == str(world.first - 1)
    seeking.request_seek(connection, DIFFS, world.first + 6)
    assert tick(instance, begun.cursor).cursor == str(world.first + 6)
    result = tick(instance, begun.cursor)
    assert (result.cursor, ranges(result)) == (str(world.first + 6), [(world.first + 7, feed.head)])
    cursor = follow(instance, cursor=result.cursor)
    assert cursor == str(feed.head)
    row = stream_rows.stream_of(connection, DIFFS)
    assert row is not None
    assert (row.origin, row.seek_to) == (world.first, None)
    results = connection.execute("SELECT result, count(*) FROM ledger GROUP BY 1 ORDER BY 1").fetchall()
    assert results == [("committed", MINUTES - 7), ("skipped", 7)]


def test_a_seek_before_the_first_tick_is_where_the_stream_begins(
    feed: DemoFeed, instance: DagsterInstance, connection: Connection
) -> None:
    seeking.request_seek(connection, DIFFS, feed.head - 3)
    assert ranges(tick(instance)) == [(feed.head - 2, feed.head)]


def test_the_stream_does_not_wait_for_a_run_by_hand_on_its_block(
    feed: DemoFeed, world: World, url: str, instance: DagsterInstance, connection: Connection
) -> None:
    with lease(connection, url, "a backfill", DIFFS, world.first, world.first + 99, stale=20, by_hand=True):
        ledger.take(connection, "a backfill", DIFFS, range(world.first, world.first + 6))
        assert ranges(tick(instance)) == [(world.first + 6, feed.head)]


def test_a_run_by_hand_that_died_is_reported_though_the_streams_are_off(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    run = create_run_for_test(instance, job_name="__ASSET_JOB", status=DagsterRunStatus.STARTED)
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence, heartbeat, by_hand)"
        " VALUES (%s, %s, %s, %s, now() - interval '30 s', true)",
        (run.run_id, DIFFS, world.first, feed.head),
    )
    REPOSITORY.get_sensor_def("statistics_queue")(build_sensor_context(instance=instance))
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status == DagsterRunStatus.FAILURE
    assert leases(connection, DIFFS) == []


def test_what_a_run_is_about_to_do_is_not_requested_again(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    (request,) = tick(instance).run_requests or ()
    create_run_for_test(
        instance, job_name="augmented_diffs_job", tags=dict(request.tags), status=DagsterRunStatus.NOT_STARTED
    )
    result = tick(instance)
    assert not result.run_requests
    assert f"{world.first}..{feed.head}" in said(result)


def test_a_dead_run_is_reported_and_its_range_is_requested_again(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    (request,) = tick(instance).run_requests or ()
    run = create_run_for_test(
        instance, job_name="augmented_diffs_job", tags=dict(request.tags), status=DagsterRunStatus.STARTED
    )
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence, heartbeat)"
        " VALUES (%s, %s, %s, %s, now() - interval '30 s')",
        (run.run_id, DIFFS, world.first, feed.head),
    )
    connection.execute("UPDATE run_leases SET heartbeat = now()")
    ledger.take(connection, run.run_id, DIFFS, [world.first, world.first + 1])
    assert not tick(instance).run_requests
    connection.execute("UPDATE run_leases SET heartbeat = now() - interval '30 s'")
    result = tick(instance)
    assert ranges(result) == [(world.first, feed.head)]
    dead = instance.get_run_by_id(run.run_id)
    assert dead is not None
    assert dead.status == DagsterRunStatus.FAILURE
    assert leases(connection, DIFFS) == []
    assert all(row.suspect for row in ledger.rows(connection, DIFFS, [world.first, world.first + 1]))


def test_a_run_that_dagster_knows_to_have_failed_is_not_waited_for(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    (request,) = tick(instance).run_requests or ()
    run = create_run_for_test(
        instance, job_name="augmented_diffs_job", tags=dict(request.tags), status=DagsterRunStatus.FAILURE
    )
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence) VALUES (%s, %s, %s, %s)",
        (run.run_id, DIFFS, world.first, feed.head),
    )
    assert ranges(tick(instance)) == [(world.first, feed.head)]
    assert leases(connection, DIFFS) == []


def test_a_run_that_never_started_is_given_up_after_the_start_limit(
    feed: DemoFeed, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = tick(instance).run_requests or ()
    create_run_for_test(
        instance, job_name="augmented_diffs_job", tags=dict(request.tags), status=DagsterRunStatus.STARTING
    )
    assert not tick(instance).run_requests
    monkeypatch.setenv("START_LIMIT_SECONDS", "0.000001")
    assert len(tick(instance).run_requests or ()) == 1


def test_another_instance_waits_and_says_so(
    feed: DemoFeed, instance: DagsterInstance, connection: Connection
) -> None:
    tick(instance)
    with DagsterInstance.ephemeral() as other:
        result = tick(other)
        assert not result.run_requests
        assert "Another Dagster instance" in said(result)
        connection.execute("UPDATE streams SET lease_until = now() - interval '1 s'")
        assert tick(other).run_requests


def test_two_ticks_at_once_one_waits(
    feed: DemoFeed, instance: DagsterInstance, connection: Connection
) -> None:
    with stream_rows.driving(connection, DIFFS, "somebody", timedelta(0)):
        assert "Another tick" in said(tick(instance))


def test_a_head_that_is_unknown_is_said_with_the_url_and_costs_nothing(
    feed: DemoFeed, instance: DagsterInstance
) -> None:
    cursor = tick(instance).cursor
    feed.faults.put(faults.empty(), path="/api/augmented_diff_status")
    result = tick(instance, cursor)
    assert result.cursor == cursor
    assert f"{feed.url}/api/augmented_diff_status" in said(result)
    feed.stop()
    assert feed.url in said(tick(instance, cursor))


def test_no_start_and_no_head_waits(
    feed: DemoFeed, instance: DagsterInstance, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUGMENTED_DIFFS_START")
    feed.stop()
    result = tick(instance)
    assert result.cursor is None
    assert feed.url in said(result)
    feed.start()
    assert tick(instance).cursor == str(feed.head - 1)  # from the head on


def test_a_paused_stream_says_why_and_until_when(
    feed: DemoFeed, instance: DagsterInstance, connection: Connection
) -> None:
    tick(instance)
    pauses.pause(connection, "augmented_diffs", "http://feed: status 504.", None)
    result = tick(instance)
    assert not result.run_requests
    assert "http://feed: status 504. Next try at" in said(result)


def test_start_beyond_the_head_waits_for_it(
    feed: DemoFeed, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGMENTED_DIFFS_START", str(feed.head + 5))
    result = tick(instance)
    assert (result.cursor, result.run_requests or []) == (str(feed.head + 4), [])
    assert str(feed.head) in said(result)
    feed.advance(5)
    assert ranges(tick(instance, result.cursor)) == [(feed.head, feed.head)]


def test_a_cursor_that_is_no_number_is_not_used(feed: DemoFeed, instance: DagsterInstance) -> None:
    cursor = follow(instance)
    tick(instance, cursor)
    assert tick(instance, "yesterday").cursor == cursor


def test_by_hand_without_config_the_whole_block_is_counted_again(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    follow(instance)
    before = statistics_of(connection)["users"]
    job = defs.resolve_job_def("augmented_diffs_job")
    result = job.execute_in_process(instance=instance, partition_key=f"{world.first:09d}")
    metadata = {
        key: value.value
        for key, value in result.get_asset_materialization_events()[0].materialization.metadata.items()
    }
    assert metadata["sequences"] == MINUTES
    assert metadata["block_done"] == f"{MINUTES} of 100"
    assert statistics_of(connection)["users"] == before
    assert {
        "start",
        "end",
        "bytes",
        "actions",
        "features",
        "changesets",
        "mb_per_second",
    } <= {*metadata}


def test_a_config_outside_its_partition_is_refused_in_words(
    feed: DemoFeed, world: World, instance: DagsterInstance
) -> None:
    instance.add_dynamic_partitions("augmented_diffs_blocks", [f"{world.first:09d}"])
    config = {"ops": {DIFFS: {"config": {"start": 5, "end": 7}}}}
    request = RunRequest(partition_key=f"{world.first:09d}", run_config=config)
    result = start(instance, request)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    assert "leave no sequence of partition" in failure.event_specific_data.user_failure_data.description


@pytest.mark.parametrize("key", telling(("6543200", "006543250", "a block"), "006543250"))
def test_a_partition_that_a_person_added_wrongly_is_refused_in_words(
    key: str, instance: DagsterInstance
) -> None:
    instance.add_dynamic_partitions("augmented_diffs_blocks", [key])
    result = start(instance, RunRequest(partition_key=key))
    assert not result.success
    (failure,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    assert "006543200" in failure.event_specific_data.user_failure_data.description


def test_a_failed_run_says_which_url_what_came_and_what_happens_next(
    feed: DemoFeed, world: World, instance: DagsterInstance
) -> None:
    (request,) = tick(instance).run_requests or ()
    feed.faults.put(faults.status(429, retry_after=31), path="/api/augmented_diff[?]*")
    result = start(instance, request)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    description = failure.event_specific_data.user_failure_data.description
    assert f"{feed.url}/api/augmented_diff?id={world.first}" in description
    assert "429" in description
    assert "goes on by itself" in description


def test_checks_report_a_change_once(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    events = {event.check_name: event.passed for event in tick(instance).asset_events or ()}  # type: ignore[union-attr]
    assert events == {
        "lag": False,
        "no_quarantine": True,
        "no_holes": True,
        "all_readable": True,
        "none_flagged": True,
        "same_definitions": True,
        "facts_are_here": True,
    }


def test_a_quarantine_warns_and_after_a_day_is_an_error_each_reported_once(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    bad = world.first + 3
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=bad)

    def reported(cursor: str | None) -> list[tuple[bool, str]]:
        """As the daemon stores what a tick reports."""
        events = [
            event
            for event in tick(instance, cursor).asset_events or ()
            if isinstance(event, AssetCheckEvaluation)
        ]
        for event in events:
            instance.report_runless_asset_event(event)
        return [(e.passed, e.severity.value) for e in events if e.check_name == "no_quarantine"]

    assert reported(None) == [(True, "WARN")]
    cursor = follow_patiently(instance)
    assert reported(cursor) == [(False, "WARN")]
    assert reported(cursor) == []
    records = instance.fetch_observations(AssetKey("changeset_edits"), limit=1).records
    assert records[0].asset_observation is not None
    assert records[0].partition_key == key_of(bad)
    assert "1 quarantined" in str(records[0].asset_observation.metadata["block_done"].value)
    connection.execute("UPDATE ledger SET given_up_at = given_up_at - interval '26 h'")
    assert reported(cursor) == [(False, "ERROR")]
    assert reported(cursor) == []
    feed.faults.clear()
    retry(connection, DIFFS)
    cursor = follow_patiently(instance, cursor)
    assert reported(cursor) == [(True, "WARN")]


def test_the_queue_sensor_starts_the_statistics_when_work_is_left(
    feed: DemoFeed, instance: DagsterInstance, connection: Connection
) -> None:
    def drain() -> Any:
        context = build_sensor_context(instance=instance, repository_def=REPOSITORY)
        return REPOSITORY.get_sensor_def("statistics_queue")(context)

    assert isinstance(drain(), SkipReason)
    connection.execute("INSERT INTO statistics_queue (changeset_id) VALUES (1)")
    assert len(drain().run_requests) == 1
    create_run_for_test(instance, job_name="statistics_job", status=DagsterRunStatus.STARTED)
    assert isinstance(drain(), SkipReason)


def test_the_names_that_others_rely_on() -> None:
    assert {key.to_user_string() for key in REPOSITORY.assets_defs_by_key} == {
        *("augmented_diffs_feed", "changesets_feed"),
        *("augmented_diffs", "changeset_edits", "changeset_updates", "changeset_metadata"),
        *("user_statistics", "hashtag_statistics", "country_statistics", "hashtag_user_statistics"),
        *("user_days", "hashtag_days", "country_days", "checkpoints", "statistics_verification"),
    }
    assert {sensor.name for sensor in REPOSITORY.sensor_defs} == {
        *("augmented_diffs_stream", "changesets_stream", "statistics_queue")
    }
    for job in REPOSITORY.get_all_jobs():
        whole = [node.name for node in job.nodes if "all_is_exact" in node.name]
        assert bool(whole) == (job.name in ("verification_job", "__ASSET_JOB")), job.name
    jobs = {job.name for job in REPOSITORY.get_all_jobs()}
    assert {"augmented_diffs_job", "changesets_job", "statistics_job"} <= jobs
    assert [BLOCKS[stream].name for stream in STREAMS] == [
        "augmented_diffs_blocks",
        "changesets_blocks",
    ]
    assert STREAM_TAG == "stats_assets/stream"


def test_a_released_range_is_free_while_its_run_does_the_statistics(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    (request,) = tick(instance).run_requests or ()
    run = create_run_for_test(
        instance, job_name="augmented_diffs_job", tags=dict(request.tags), status=DagsterRunStatus.STARTED
    )
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence, released) VALUES (%s, %s, %s, %s, true)",
        (run.run_id, DIFFS, world.first, feed.head),
    )
    assert ranges(tick(instance)) == [(world.first, feed.head)]


def test_a_dead_run_of_the_statistics_does_not_block_the_queue(
    feed: DemoFeed, instance: DagsterInstance, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("START_LIMIT_SECONDS", "0.000001")
    connection.execute("INSERT INTO statistics_queue (changeset_id) VALUES (1)")
    dead = create_run_for_test(instance, job_name="statistics_job", status=DagsterRunStatus.STARTED)
    context = build_sensor_context(instance=instance, repository_def=REPOSITORY)
    result = REPOSITORY.get_sensor_def("statistics_queue")(context)
    assert isinstance(result, SensorResult)
    assert len(result.run_requests or ()) == 1
    found = instance.get_run_by_id(dead.run_id)
    assert found is not None
    assert found.status == DagsterRunStatus.FAILURE


@pytest.mark.drill
def test_another_instances_old_cursor_is_no_rewind(
    feed: DemoFeed, world: World, instance: DagsterInstance, connection: Connection
) -> None:
    tick(instance, follow(instance))
    connection.execute("UPDATE streams SET lease_until = now() - interval '1 s'")
    with DagsterInstance.ephemeral() as other:
        result = tick(other, str(world.first + 3))
        assert result.cursor == str(feed.head)
        assert not result.run_requests


def test_late_work_is_requested_once_and_nothing_waits_for_it(
    feed: DemoFeed,
    world: World,
    instance: DagsterInstance,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SETTLE_SECONDS", "0")
    cursor = follow(instance)
    unsettled = "UPDATE ledger SET settled_at = NULL, fetched_at = now() - interval '3 h'"
    connection.execute(unsettled)
    (request,) = tick(instance, cursor).run_requests or ()
    assert (request.tags[LATE_TAG], request.tags["dagster/priority"]) == ("true", "-10")
    assert start(instance, request).success
    assert not tick(instance, cursor).run_requests
    connection.execute(unsettled)
    (request,) = tick(instance, cursor).run_requests or ()
    create_run_for_test(
        instance, job_name="augmented_diffs_job", tags=dict(request.tags), status=DagsterRunStatus.STARTED
    )
    feed.advance(1)
    assert ranges(tick(instance, cursor)) == [(feed.head, feed.head)]  # of the same block, and nothing late
