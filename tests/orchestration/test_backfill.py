"""`stats-assets backfill`: exact at both ends, resumable, seen in Dagster, and of no effect on what is there."""

from collections.abc import Callable, Iterator
from time import time
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus
from dagster._daemon.types import DaemonHeartbeat

from stats_assets.database.connection import Connection
from stats_assets.definitions import defs
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.monitoring import daemon
from stats_assets.orchestration.backfill.backfill import do_backfill
from stats_assets.orchestration.backfill.round import PARTITION_TAG, Outcome, Wanted
from stats_assets.orchestration.partitions import BACKFILL_TAG, BLOCKS, key_of
from stats_assets.settings import Settings
from stats_assets.system import Stats
from tests.conftest import settings_for
from tests.truth import statistics_of

Do = Callable[..., Outcome]


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def feed(world: World) -> Iterator[DemoFeed]:
    with DemoFeed(world, history=120) as served:
        yield served


@pytest.fixture(autouse=True)
def environment(feed: DemoFeed, url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings_for(feed, url, tmp_path / "data")
    for name in Settings.model_fields:
        value = getattr(given, name)
        if value is not None:
            monkeypatch.setenv(name.upper(), str(value))


@pytest.fixture
def do(instance: DagsterInstance, stats: Stats) -> Do:
    def call(start: int, end: int, advance: Callable[[int], None] = lambda done: None) -> Outcome:
        return do_backfill(defs, instance, stats, Wanted("augmented_diffs", start, end), advance)

    return call


def committed(connection: Connection) -> list[int]:
    return [
        n
        for (n,) in connection.execute(
            "SELECT sequence FROM ledger WHERE result = 'committed' ORDER BY 1"
        ).fetchall()
    ]


def numbers(connection: Connection) -> dict[str, Any]:
    found: dict[str, Any] = statistics_of(connection)
    for changeset in found["changesets"].values():
        del changeset["updated_at"]
    return found


def blocks_run(instance: DagsterInstance) -> list[str]:
    return [run.tags[PARTITION_TAG] for run in reversed(list(instance.get_runs()))]


def test_exact_at_both_ends_and_seen_in_dagster(
    world: World, instance: DagsterInstance, connection: Connection, do: Do
) -> None:
    start, end = world.first + 93, world.first + 104
    heard: list[int] = []
    assert do(start, end, heard.append) == Outcome(12, 0, [])
    assert committed(connection) == list(range(start, end + 1))
    assert heard == [7, 12]
    runs = instance.get_runs()
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
    assert len({run.tags[BACKFILL_TAG] for run in runs}) == 1
    keys = [key_of(start), key_of(end)]
    assert sorted(blocks_run(instance)) == keys
    assert sorted(instance.get_dynamic_partitions(BLOCKS["augmented_diffs"].name or "")) == keys
    assert connection.execute("SELECT count(*) FROM statistics_queue").fetchone() == (0,)


@pytest.mark.drill
def test_what_is_there_changes_no_number_and_is_counted_again(
    world: World, instance: DagsterInstance, connection: Connection, do: Do
) -> None:
    do(world.first, world.first + 19)
    before = numbers(connection)
    assert do(world.first, world.first + 19) == Outcome(20, 0, [])
    assert len(instance.get_runs()) == 2
    assert do(world.first + 10, world.first + 19) == Outcome(10, 0, [])
    assert numbers(connection) == before


@pytest.mark.drill
def test_from_the_archive_without_the_network(
    feed: DemoFeed, world: World, connection: Connection, do: Do
) -> None:
    do(world.first, world.first + 19)
    before = numbers(connection)
    connection.execute("DELETE FROM changeset_edits; DELETE FROM ledger; DELETE FROM ledger_blocks")
    feed.stop()
    assert do(world.first, world.first + 19) == Outcome(20, 0, [])
    assert numbers(connection) == before


@pytest.mark.drill
def test_below_the_origin(world: World, connection: Connection, do: Do) -> None:
    origin = world.first + 50
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES ('augmented_diffs', %s, %s)",
        (origin, origin - 1),
    )
    assert do(world.first, world.first + 9).committed == 10
    assert connection.execute("SELECT origin, checkpoint FROM streams").fetchone() == (origin, origin - 1)


def test_ended_in_the_middle_it_goes_on_with_the_rest(
    world: World, instance: DagsterInstance, connection: Connection, do: Do, said: list[str]
) -> None:
    def end(done: int) -> None:
        raise KeyboardInterrupt

    start, last = world.first + 90, world.first + 109
    with pytest.raises(KeyboardInterrupt):
        do(start, last, end)
    assert committed(connection) == list(range(start, start + 10))
    heard: list[int] = []
    assert do(start, last, heard.append) == Outcome(20, 0, [])
    assert blocks_run(instance) == [key_of(start), key_of(last)]
    assert heard == [20]
    assert "1 of 2 blocks are done" in said[-1]
    do(start, last)  # that one was complete: a new one does all again
    assert blocks_run(instance)[2:] == [key_of(start), key_of(last)]


def test_what_failed_is_said_and_done_by_the_same_command(
    feed: DemoFeed, world: World, instance: DagsterInstance, do: Do
) -> None:
    start, bad = world.first + 90, world.first + 102
    broken = feed.faults.put(faults.cut(), stream="augmented_diffs", sequence=bad)
    outcome = do(start, start + 19)
    assert (outcome.committed, outcome.blocks_left) == (19, 1)
    assert [(one.sequence, one.work) for one in outcome.troubles] == [(bad, "waiting")]
    feed.faults.remove(broken)
    assert do(start, start + 19) == Outcome(20, 0, [])
    assert blocks_run(instance) == [key_of(start), key_of(bad), key_of(bad)]


def test_what_the_feed_does_not_have_yet_is_left(feed: DemoFeed, do: Do) -> None:
    outcome = do(feed.head - 1, feed.head + 2)
    assert (outcome.committed, outcome.blocks_left) == (2, 1)


def test_a_daemon_that_goes_away_leaves_nothing_queued_and_the_work_is_done_here(
    world: World, instance: DagsterInstance, do: Do, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(time(), "BACKFILL", "a daemon", []))
    monkeypatch.setattr(daemon, "ALIVE_SECONDS", 2.0)
    assert do(world.first, world.first + 9) == Outcome(10, 0, [])
    assert "is submitted" in said[0]
    assert "gone" in said[1]
    (submitted,) = instance.get_backfills()
    assert submitted.status is BulkActionStatus.CANCELED
    assert instance.get_runs_count(RunsFilter(statuses=[DagsterRunStatus.QUEUED])) == 0
    assert blocks_run(instance) == [key_of(world.first)]
