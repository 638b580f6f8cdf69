"""Far behind a directory: a run of the sensor's has several blocks, and each of them is seen and counted as ever."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import stream_rows
from stats_assets.database.ledger.commit import commit as ledger_commit
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest import sequence_loop
from stats_assets.orchestration.partitions import key_of
from stats_assets.orchestration.wakes import moments
from stats_assets.settings import Settings
from tests.conftest import settings_for
from tests.orchestration.test_stream_sensor import DIFFS, follow, ranges, start, tick
from tests.truth import differences, statistics_of, truth_of

SENSOR = "augmented_diffs_stream"


@pytest.fixture(scope="module")
def world() -> World:
    """Its first block has 25 sequences."""
    return World(first=World().first + 75)


@pytest.fixture
def minutes() -> int:
    return 45


@pytest.fixture
def instance(
    feed: DemoFeed, world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    """The stream follows the feed's directory, one run at a time."""
    given = settings_for(feed, url, tmp_path / "data", augmented_diffs_url=feed.augmented_diffs_url)
    for name in Settings.model_fields:
        if (value := getattr(given, name)) is not None:
            monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("AUGMENTED_DIFFS_START", str(world.first))
    monkeypatch.setenv("CHANGESETS_START", str(world.changesets_first))
    monkeypatch.setenv("MAX_PARALLEL_RUNS", "1")
    with DagsterInstance.ephemeral() as made:
        yield made


def greens(instance: DagsterInstance) -> set[str]:
    bodies, facts = (
        instance.get_materialized_partitions(AssetKey(name))
        for name in ("augmented_diffs", "changeset_edits")
    )
    assert bodies == facts
    return set(facts)


def test_one_run_has_both_blocks_and_each_turns_green(
    feed: DemoFeed, world: World, instance: DagsterInstance
) -> None:
    first, second = world.first, world.first + 25
    result = tick(instance)
    assert ranges(result) == [(first, feed.head)]
    both = [key_of(first), key_of(second)]
    assert instance.get_dynamic_partitions("augmented_diffs_blocks") == both
    [request] = result.run_requests or ()
    feed.advance(1)  # the run learns of it: there is more to do
    done = start(instance, request)
    assert done.success
    assert greens(instance) == set(both)
    events = [
        event.step_materialization_data.materialization
        for event in done.all_events
        if event.is_step_materialization
    ]
    told = [one for one in events if one.asset_key == AssetKey("changeset_edits")]
    assert [one.partition for one in told] == [*both, both[0]], (
        "its own partition has the whole run's figures"
    )
    [shown] = [one.metadata for one in told if one.partition == key_of(second)]
    assert shown["sequences"].value == 20
    assert shown["block_done"].value == "20 of 100"
    after = tick(instance, result.cursor)
    assert after.cursor == str(second - 1)
    assert ranges(after) == [(feed.head, feed.head)]


def test_a_run_that_dies_in_its_second_block_leaves_the_rest_to_the_next(
    feed: DemoFeed,
    world: World,
    instance: DagsterInstance,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = world.first + 25
    commit = ledger_commit

    def dies(connection: Connection, run_id: str, stream: str, taken: Any, *rest: Any, **named: Any) -> Any:
        if taken.sequence == second + 3:
            raise KeyboardInterrupt
        return commit(connection, run_id, stream, taken, *rest, **named)

    result = tick(instance)
    assert ranges(result) == [(world.first, feed.head)]
    [request] = result.run_requests or ()
    with monkeypatch.context() as patch:
        patch.setattr(sequence_loop, "commit", dies)
        assert not start(instance, request).success
    assert stream_rows.blocks(connection, DIFFS, second - 100) == {second - 100: 25, second: 3}
    assert greens(instance) == {key_of(world.first)}

    again = tick(instance, result.cursor)
    assert ranges(again) == [(second + 3, feed.head)]
    [request] = again.run_requests or ()
    assert start(instance, request).success
    assert greens(instance) == {key_of(world.first), key_of(second)}
    follow(instance, "changesets")
    assert follow(instance, cursor=again.cursor) == str(feed.head)
    assert differences(truth_of(feed.url), statistics_of(connection)) == []


def test_a_run_that_is_over_while_more_is_due_tells_its_sensor(
    feed: DemoFeed, world: World, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGMENTED_DIFFS_START", str(feed.head))
    result = tick(instance)
    [request] = result.run_requests or ()
    assert start(instance, request).success
    assert not moments(instance, [SENSOR]), "nothing more is due"
    feed.advance(3)
    [request] = tick(instance, str(feed.head - 3)).run_requests or ()
    feed.advance(1)
    tick(instance, str(feed.head - 4))  # learns of the new head
    assert start(instance, request).success
    assert len(moments(instance, [SENSOR])[SENSOR]) >= 1
