"""Runs that a person starts in Dagster's UI: what the launchpad offers, what they are called, and what is said of one
that was terminated.
"""

from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterExecutionInterruptedError,
    DagsterInstance,
    RunRequest,
    TableMetadataValue,
)
from dagster._core.snap import JobSnap

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.owners import OWNERS
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.sequence_loop import Runner
from stats_assets.monitoring import status as standing
from stats_assets.orchestration.assets.streaming import MOST
from stats_assets.orchestration.partitions import BLOCKS, is_by_hand, key_of
from stats_assets.streams import STREAMS, Stream
from stats_assets.system import Stats
from tests.orchestration.test_stream_sensor import DIFFS, environment, instance, ranges, start, tick  # noqa: F401 - fixtures
from tests.telling import drill


@pytest.fixture
def minutes() -> int:
    return 12


@pytest.mark.parametrize("stream", STREAMS)
def test_the_launchpads_scaffold_has_start_and_end(stream: Stream) -> None:
    # As the webserver makes it, of the fields' defaults.
    schema = JobSnap.from_job_def(defs.resolve_job_def(f"{stream}_job")).config_schema_snapshot
    [fields] = [
        {field.name: field for field in one.fields or ()}
        for one in schema.all_config_snaps_by_key.values()
        if {"late", "from_feed"} <= {field.name for field in one.fields or ()}
    ]
    assert {name: field.default_value_as_json_str for name, field in fields.items()} == {
        "start": "0",
        "end": str(MOST),
        "from_feed": "false",
        "late": "false",
    }
    assert all(field.description for field in fields.values())


def tags_of(instance: DagsterInstance, run_id: str) -> dict[str, str]:  # noqa: F811
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return {
        name.removeprefix("stats_assets/"): value
        for name, value in run.tags.items()
        if name.startswith("stats_assets/")
    }


def test_a_run_by_hand_carries_what_the_sensors_do_and_is_none_of_them(
    world: World,
    instance: DagsterInstance,  # noqa: F811
    connection: Connection,
) -> None:
    key = key_of(world.first)
    instance.add_dynamic_partitions(BLOCKS[DIFFS].name or "", [key])
    (request,) = tick(instance).run_requests or ()
    assert not is_by_hand(request.tags)
    live = start(instance, request)
    hand = start(instance, RunRequest(partition_key=key))
    backfilled = start(instance, RunRequest(partition_key=key, tags={"dagster/backfill": "b"}))
    unbound = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        partition_key=key,
        asset_selection=list(defs.resolve_job_def(f"{DIFFS}_job").asset_layer.selected_asset_keys),
    )
    block = {"stream": DIFFS, "start": str(world.first), "end": str(world.first + 99)}
    assert tags_of(instance, live.run_id)["kind"] == "live"
    assert tags_of(instance, hand.run_id) == block | {"kind": "by hand"}
    assert tags_of(instance, backfilled.run_id) == block | {"kind": "backfill"}
    assert tags_of(instance, unbound.run_id) == block | {"kind": "by hand"}
    held = connection.execute("SELECT run_id, by_hand FROM run_leases").fetchall()
    assert dict(held) == {
        live.run_id: False,
        **{one.run_id: True for one in (hand, backfilled, unbound)},
    }


def test_a_run_by_hand_that_waits_in_the_queue_stops_no_tick(
    world: World,
    feed: DemoFeed,
    instance: DagsterInstance,  # noqa: F811
) -> None:
    key = key_of(world.first)
    instance.add_dynamic_partitions(BLOCKS[DIFFS].name or "", [key])
    job = defs.resolve_job_def(f"{DIFFS}_job")
    made = instance.create_run_for_job(job, tags={**job.run_tags, "dagster/partition": key})
    assert made.tags["stats_assets/stream"] == DIFFS
    assert is_by_hand(made.tags)
    assert ranges(tick(instance)) == [(world.first, feed.head)]


@pytest.mark.parametrize("by_hand", [True, drill(False)])
def test_a_terminated_run_says_what_was_done_and_how_to_go_on(
    by_hand: bool,
    world: World,
    feed: DemoFeed,
    instance: DagsterInstance,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Runner.one

    def terminated(runner: Runner, taken: Any) -> None:
        if taken.sequence == world.first + 5:
            raise DagsterExecutionInterruptedError
        one(runner, taken)

    monkeypatch.setattr(Runner, "one", terminated)
    (request,) = tick(instance).run_requests or ()
    if by_hand:
        request = RunRequest(partition_key=request.partition_key)
    assert not start(instance, request).success
    (run,) = instance.get_runs(limit=1)
    logged = [entry.user_message for entry in instance.all_logs(run.run_id)]
    [said] = [message for message in logged if "terminated" in message and "committed" in message]
    first = world.first
    assert f"5 of {feed.head - first + 1} sequences of" in said
    assert f"were committed: {first}..{first + 4}; 7 are left, from {first + 5} on" in said
    assert ("materialize the partition again" if by_hand else "by itself") in said


def test_the_statistics_say_how_old_they_are_and_go_stale_as_the_facts_do(
    instance: DagsterInstance,  # noqa: F811
) -> None:
    (request,) = tick(instance).run_requests or ()
    assert start(instance, request).success
    graph = defs.resolve_asset_graph()
    policy = graph.get(AssetKey("changeset_edits")).freshness_policy
    assert policy is not None
    for view in (owner.view for owner in OWNERS.values()):
        assert graph.get(AssetKey(view)).freshness_policy == policy
        event = instance.get_latest_materialization_event(AssetKey(view))
        assert event is not None
        assert event.asset_materialization is not None
        metadata = event.asset_materialization.metadata
        assert float(metadata["augmented_diffs_lag_seconds"].value) > 0  # type: ignore[arg-type]
        assert "changesets_lag_seconds" not in metadata  # that stream never began


def test_who_has_most_edits_is_a_table_whose_cells_are_plain(
    instance: DagsterInstance,  # noqa: F811
    connection: Connection,
) -> None:
    """Names are no Markdown there: they are shown as they are, whatever they hold."""
    (request,) = tick(instance).run_requests or ()
    assert start(instance, request).success
    nasty = "*a*|</b>_c_"
    connection.execute(
        "UPDATE users SET name = %s WHERE id = (SELECT owner_id FROM aggregates WHERE owner = 'user' AND"
        " member_id = 0 ORDER BY edits DESC, owner_id LIMIT 1)",
        (nasty,),
    )
    assert defs.resolve_job_def("statistics_job").execute_in_process(instance=instance).success
    event = instance.get_latest_materialization_event(AssetKey("user_statistics"))
    assert event is not None
    assert event.asset_materialization is not None
    table = event.asset_materialization.metadata["most_edits"]
    assert isinstance(table, TableMetadataValue)
    rows: list[Any] = [record.data for record in table.records]
    assert [column.name for column in table.schema.columns] == ["name", "edits", "changesets"]
    assert rows[0]["name"] == nasty
    edits = [row["edits"] for row in rows]
    assert edits == sorted(edits, reverse=True)
    assert len(rows) > 1


def test_a_file_of_unions_or_milestones_that_is_broken_is_seen(
    instance: DagsterInstance,  # noqa: F811
    stats: Stats,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it said before goes on counting; a check, the run's log and `status` say so until it is mended."""

    def outcome() -> tuple[bool, str, tuple[str, ...]]:
        assert defs.resolve_job_def("statistics_job").execute_in_process(instance=instance).success
        [record] = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).values()
        assert record.event is not None and record.event.dagster_event is not None
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        with_files = Stats(
            stats.settings.model_copy(update={"unions_file": unions, "milestones_file": milestones})
        )
        return evaluation.passed, evaluation.description or "", standing.of(with_files).warnings

    key = AssetCheckKey(AssetKey("hashtag_statistics"), "files_can_be_used")
    unions, milestones = tmp_path / "unions.yaml", tmp_path / "milestones.yaml"
    unions.write_text("hotosm-*: [hotosm-*]\n")
    milestones.write_text("days: {metric: days, levels: [1]}\n")
    monkeypatch.setenv("UNIONS_FILE", str(unions))
    monkeypatch.setenv("MILESTONES_FILE", str(milestones))
    assert outcome() == (True, "", ())
    unions.write_text("hotosm-*: [\n")
    milestones.write_text("days: {metric: dayz, levels: [1]}\n")
    passed, said, warned = outcome()
    assert not passed
    for words in ("unions.yaml:2", "milestones.yaml:1", "until UNIONS", "until MILESTONES"):
        assert words in said.replace("\\", "")
        assert any(words in one for one in warned)
