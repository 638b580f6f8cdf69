"""Augmented diffs of our own making in Dagster, where OSMCHANGE_URL is set: ticks, runs, checks, status."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, Definitions, RunRequest, SensorResult, build_sensor_context
from dagster._core.test_utils import create_run_for_test

from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.store_folder import lock
from stats_assets.database.connection import Connection
from stats_assets.database.ledger.leases import lease
from stats_assets.database.made_diffs import LEASE, made_diffs
from stats_assets.definitions import definitions_of, defs
from stats_assets.feeds.sequences import sequence_of
from stats_assets.monitoring import cloudwatch
from stats_assets.monitoring.cloudwatch import Dagster
from stats_assets.monitoring.problems import problems
from stats_assets.monitoring.status import of as status_of
from stats_assets.monitoring.switches import UNKNOWN
from stats_assets.orchestration import made_diffs_sensor
from stats_assets.orchestration.assets.made_diffs import POOL
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.partitions import key_of
from stats_assets.settings import Settings, load_settings
from stats_assets.streams import MAKER_CHECK_JOB, MAKER_JOB, MAKER_SENSOR
from tests.conftest import Run
from tests.orchestration.graph import graph_of
from tests.osmchange import BEGINS, NUMBER, SmallFeed, node

FIRST = sequence_of(BEGINS) + 1
MADE = AssetKey("made_augmented_diffs")
CHANGING = ("goes_on", "lag", "none_late", "store_and_feed_agree")


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def small(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallFeed:
    """A feed, and settings that follow it."""
    made = SmallFeed(tmp_path / "feed")
    for name, value in environment(made, url).items():
        monkeypatch.setenv(name, value)
    return made


def environment(small: SmallFeed, url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "OSMCHANGE_URL": small.url,
        "PLANET_FILE": str(small.planet),
        "RETRY_FIRST_SECONDS": "0.001",
        "RETRY_MAX_SECONDS": "0.001",
        "CHANGESETS_URL": small.url + "/none",
    }


@pytest.fixture
def made(small: SmallFeed) -> Definitions:
    return definitions_of(load_settings())


def tick(made: Definitions, instance: DagsterInstance, cursor: str | None = None) -> SensorResult:
    repository = made.get_repository_def()
    context = build_sensor_context(instance=instance, cursor=cursor)
    result = repository.get_sensor_def(MAKER_SENSOR)(context)
    assert isinstance(result, SensorResult)
    for request in result.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    for event in result.asset_events or ():
        instance.report_runless_asset_event(event)
    return result


def start(made: Definitions, instance: DagsterInstance, request: RunRequest) -> Any:
    return made.resolve_job_def(MAKER_JOB).execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        raise_on_error=False,
    )


def follow(made: Definitions, instance: DagsterInstance) -> str:
    """Tick and run until nothing is due; why."""
    for _ in range(10):
        result = tick(made, instance)
        if not result.run_requests:
            return said(result)
        assert start(made, instance, result.run_requests[0]).success
    raise AssertionError("it never catches up")


def said(result: SensorResult) -> str:
    return result.skip_reason.skip_message or "" if result.skip_reason else ""


def outcomes(instance: DagsterInstance) -> dict[str, bool]:
    found = {}
    for key in definitions_of(load_settings()).resolve_asset_graph().asset_check_keys:
        if key.name in CHANGING and key.asset_key == AssetKey("osmchange_feed"):
            record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
            assert record is not None
            assert record.event is not None
            assert record.event.dagster_event is not None
            found[key.name] = record.event.dagster_event.asset_check_evaluation_data.passed
    return found


def test_off_nothing_of_it_is_seen_and_on_it_is_the_augmented_diffs_origin(made: Definitions) -> None:
    off, on = graph_of(defs), graph_of(made)
    new = {kind: set(on[kind]) - set(off[kind]) for kind in off}
    assert new == {
        "assets": {"osmchange_feed", "made_augmented_diffs"},
        "checks": {f"osmchange_feed: {name}" for name in (*CHANGING, "store_is_whole")},
        "jobs": {MAKER_JOB, MAKER_CHECK_JOB},
        "sensors": {MAKER_SENSOR},
        "schedules": {"made_augmented_diffs_check"},
    }
    assert on["assets"]["made_augmented_diffs"]["made from"] == ["osmchange_feed"]
    assert on["assets"]["made_augmented_diffs"]["pools"] == [POOL]
    assert on["assets"]["osmchange_feed"]["external"]
    for kind, things in off.items():
        for name, thing in things.items():
            expected = thing
            if name == "augmented_diffs":
                expected = thing | {"made from": ["augmented_diffs_feed", "made_augmented_diffs"]}
            assert on[kind][name] == expected, name
    blocks = on["assets"]["augmented_diffs"]["partitions"]
    assert on["assets"]["made_augmented_diffs"]["partitions"] == blocks


def test_a_tick_and_a_run_and_its_partitions(
    small: SmallFeed, made: Definitions, connection: Connection, tmp_path: Path
) -> None:
    instance = DagsterInstance.local_temp(str(tmp_path))  # the one in memory knows no pools
    small.put(1)
    first = tick(made, instance)
    assert first.cursor is None
    assert [request.partition_key for request in first.run_requests or ()] == [
        key_of(sequence_of(small.time(1)))
    ]
    assert {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}[POOL] == 1
    assert start(made, instance, (first.run_requests or [])[0]).success
    assert tick(made, instance).cursor == str(NUMBER + 1)
    for n in range(2, 150):  # over the borders of blocks
        small.put(n)
    assert (
        follow(made, instance)
        == f"Up to date: {NUMBER + 149} is the feed's newest file, and all to it is read."
    )
    green = {key_of(FIRST + n) for n in range(149)}
    assert len(green) > 1
    assert instance.get_materialized_partitions(MADE) == green
    assert made_diffs(connection).made == FIRST + 148
    assert current_stats().source("augmented_diffs").head() == FIRST + 148


def test_what_a_tick_says_while_a_run_is_at_work_and_after_its_death(
    small: SmallFeed, made: Definitions, instance: DagsterInstance, url: str, connection: Connection
) -> None:
    small.put(1)
    request = (tick(made, instance).run_requests or [])[0]
    run = create_run_for_test(instance, job_name=MAKER_JOB, tags=dict(request.tags))
    assert said(tick(made, instance)) == "A run is at work."  # queued
    instance.report_run_failed(run)
    with lease(connection, url, "another's", LEASE, 0, 0, stale=20):
        assert said(tick(made, instance)) == "A run is at work."
    connection.execute("UPDATE run_leases SET released = false, heartbeat = now() - interval '1 hour'")
    assert tick(made, instance).run_requests
    assert connection.execute("SELECT count(*) FROM run_leases").fetchone() == (0,)


def test_a_preview_leaves_everything_as_it_is(
    small: SmallFeed,
    made: Definitions,
    instance: DagsterInstance,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small.put(1)
    before = made_diffs(connection)._replace(now=BEGINS)
    with monkeypatch.context() as preview:
        preview.setattr(made_diffs_sensor, "is_preview", lambda context: True)
        assert tick(made, instance).run_requests
        assert made_diffs(connection)._replace(now=BEGINS) == before
    follow(made, instance)
    monkeypatch.setattr(made_diffs_sensor, "is_preview", lambda context: True)
    assert said(tick(made, instance)).startswith("A preview: nothing was changed. Up to date")


def test_what_is_wrong_is_said_everywhere(
    small: SmallFeed, made: Definitions, instance: DagsterInstance, run: Run, url: str
) -> None:
    small.put(1)
    follow(made, instance)
    assert outcomes(instance) == {
        "goes_on": True,
        "lag": False,
        "none_late": True,
        "store_and_feed_agree": True,
    }
    small.put(2)
    small.put(3)
    file = small.file(2)
    whole = file.read_bytes()
    file.unlink()
    result = start(made, instance, (tick(made, instance).run_requests or [])[0])
    assert result.success  # the feed's affair
    tick(made, instance)
    assert not outcomes(instance)["goes_on"]
    stats = current_stats()
    maker = status_of(stats, UNKNOWN).maker
    assert maker is not None
    assert (maker.exit_code, maker.sequence, maker.made) == (2, NUMBER + 1, FIRST)
    assert any("no such file" in sentence for sentence in maker.sentences())
    found = problems(status_of(stats, UNKNOWN), Dagster(0.0, 0), [])
    assert "no such file" in found["made_augmented_diffs"].said
    done = run("status", "--json", **environment(small, url))
    told = json.loads(done.stdout)["made_augmented_diffs"]
    assert (told["made"], told["head"]) == (FIRST, NUMBER + 3)
    assert "no such file" in told["trouble"]
    assert "made augmented diffs: " in run("status", **environment(small, url)).stdout
    file.write_bytes(whole)
    follow(made, instance)
    assert outcomes(instance)["goes_on"]
    with LmdbStore(stats.settings.store_folder):
        small.put(4)
        result = start(made, instance, (tick(made, instance).run_requests or [])[0])
        assert not result.success
        maker = status_of(stats, UNKNOWN).maker
        assert maker is not None
        assert any("is open already" in sentence for sentence in maker.sentences())


def test_of_two_addresses_the_other_is_read_where_the_first_is_down(
    small: SmallFeed,
    instance: DagsterInstance,
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = SmallFeed(tmp_path / "another")
    monkeypatch.setenv("OSMCHANGE_URL", f"{small.url} {other.url}")
    made = definitions_of(load_settings())
    edit = node(2, BEGINS + timedelta(seconds=5))
    small.put(1, edit)
    follow(made, instance)
    other.put(1, edit)
    other.put(2)
    (small.folder / "state.txt").unlink()
    connection.execute("UPDATE addresses SET failures = 1")
    connection.execute("UPDATE made_diffs SET asked_at = NULL")
    assert follow(made, instance).startswith("Up to date")
    assert made_diffs(connection).read_from == other.url
    record = instance.get_latest_materialization_event(MADE)
    assert record is not None
    assert record.asset_materialization is not None
    told = record.asset_materialization.metadata
    assert told["url"].value == other.url
    assert "state.txt" in str(told["not_used"].value)
    tick(made, instance)
    maker = status_of(current_stats(), UNKNOWN).maker
    assert maker is not None
    assert [(place.url, place.in_use) for place in maker.addresses] == [
        (small.url, False),
        (other.url, True),
    ]


def test_late_versions_and_other_numbers(
    small: SmallFeed, made: Definitions, instance: DagsterInstance, tmp_path: Path
) -> None:
    for n in range(1, 70):
        small.put(n)
    small.put(70, node(2, BEGINS + timedelta(seconds=5)))
    follow(made, instance)
    assert not outcomes(instance)["none_late"]
    maker = status_of(current_stats(), UNKNOWN).maker
    assert maker is not None
    assert any("node 9 v2" in sentence for sentence in maker.sentences())
    found = status_of(current_stats(), UNKNOWN)
    told = [json.loads(line) for line in cloudwatch.lines("test", found, Dagster(0.0, 0), datetime.now(UTC))]
    [of_maker] = [line for line in told if line.get("Stream") == "osmchange"]
    assert (of_maker["LateVersions"], of_maker["CannotGoOn"]) == (1, 0)
    small.say(3 - NUMBER, small.time(90))  # a feed that began again
    assert "numbers began again" in said(tick(made, instance))
    assert not outcomes(instance)["store_and_feed_agree"]


def test_without_a_planet_it_says_what_to_do(
    small: SmallFeed, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLANET_FILE")
    small.put(1)
    assert "Set PLANET_FILE" in said(tick(definitions_of(load_settings()), instance))
    maker = status_of(current_stats(), UNKNOWN).maker
    assert maker is not None
    assert (maker.word, maker.exit_code) == ("not begun", 2)
    assert any("Set PLANET_FILE" in sentence for sentence in maker.sentences())


def test_without_the_setting_status_has_nothing_of_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert definitions_of(Settings()).get_repository_def().has_sensor_def(MAKER_SENSOR) is False


def test_the_store_is_read_whole_and_damage_is_told(
    small: SmallFeed, made: Definitions, instance: DagsterInstance
) -> None:
    def checked() -> Any:
        return made.resolve_job_def(MAKER_CHECK_JOB).execute_in_process(
            instance=instance, raise_on_error=False
        )

    assert not checked().success  # there is no store yet
    small.put(1)
    follow(made, instance)
    [found] = checked().get_asset_check_evaluations()
    assert found.passed
    folder = current_stats().settings.store_folder
    data = folder / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b'"begins": ', b'"begone": '))
    [found] = checked().get_asset_check_evaluations()
    assert (found.passed, "is damaged" in (found.description or "")) == (False, True)
    held = lock(folder)
    assert not checked().success
    held.close()
