"""Old runs go, and what they have materialized stays; two years of runs grow by a row a block and asset."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.test_utils import create_run_for_test, instance_for_test

from stats_assets.database.facts import edits
from stats_assets.database.facts.edits import forget_errors
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.fetch import StreamWork
from stats_assets.ingest.run import run_range
from stats_assets.orchestration.jobs import retention_job
from stats_assets.orchestration.partitions import BLOCKS, key_of
from stats_assets.orchestration.records.retention import prune_runs
from stats_assets.settings import Settings
from stats_assets.system import Stats
from tests.conftest import settings_for

ASSETS = [AssetKey(name) for name in ("augmented_diffs", "changeset_edits")]


@pytest.fixture
def feed(world: World) -> Iterator[DemoFeed]:
    with DemoFeed(world, history=620) as served:
        yield served


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def instance(home: Path) -> Iterator[DagsterInstance]:
    """As on one machine."""
    home.mkdir()
    ours = {
        "module": "stats_assets.orchestration.records.storage",
        "class": "LocalStorage",
        "config": {"base_dir": str(home)},
    }
    with instance_for_test(temp_dir=str(home), overrides={"storage": {"custom": ours}}) as made:
        yield made


@pytest.fixture(autouse=True)
def environment(feed: DemoFeed, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings_for(feed, url, tmp_path / "data")
    for name in Settings.model_fields:
        value = getattr(given, name)
        if value is not None:
            monkeypatch.setenv(name.upper(), str(value))


def materialize(instance: DagsterInstance, first: int, start: int, end: int) -> str:
    instance.add_dynamic_partitions(BLOCKS["augmented_diffs"].name or "", [key_of(first)])
    result = defs.resolve_job_def("augmented_diffs_job").execute_in_process(
        instance=instance,
        partition_key=key_of(first),
        run_config={"ops": {"augmented_diffs": {"config": {"start": start, "end": end}}}},
    )
    assert result.success
    return result.run_id


def counts(home: Path) -> Counter[str]:
    """Rows of every table of Dagster's, and files."""
    found: Counter[str] = Counter()
    for path in home.rglob("*.db"):
        found["files"] += 1
        with closing(sqlite3.connect(path)) as database:
            for (table,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall():
                found[table] += database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608
    return found


def test_a_partition_stays_green_when_its_runs_go(
    feed: DemoFeed, world: World, instance: DagsterInstance, home: Path
) -> None:
    runs = [materialize(instance, world.first, world.first + n, world.first + n) for n in range(3)]
    before = {asset: instance.get_latest_materialization_event(asset) for asset in ASSETS}
    assert prune_runs(instance, datetime.now(UTC) + timedelta(minutes=1)) == len(runs)
    assert instance.get_run_records() == []
    for asset, event in before.items():
        after = instance.get_latest_materialization_event(asset)
        assert event is not None
        assert after is not None
        assert event.asset_materialization is not None
        assert after.asset_materialization is not None
        assert after.run_id == ""
        kept = dict(after.asset_materialization.metadata)
        assert kept.pop("materialized_at").value == pytest.approx(event.timestamp)
        assert kept == event.asset_materialization.metadata
        assert instance.get_materialized_partitions(asset) == {key_of(world.first)}
    assert not [path for run in runs for path in home.rglob(f"*{run}*")]


def test_what_is_not_old_or_not_finished_stays(instance: DagsterInstance) -> None:
    create_run_for_test(instance, status=DagsterRunStatus.STARTED)
    done = create_run_for_test(instance, status=DagsterRunStatus.SUCCESS)
    assert prune_runs(instance, datetime.now(UTC) - timedelta(days=1)) == 0
    assert prune_runs(instance, datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert not instance.has_run(done.run_id)
    assert instance.get_runs_count(RunsFilter(statuses=[DagsterRunStatus.STARTED])) == 1


@pytest.mark.drill
def test_two_years_of_runs_grow_by_a_row_a_block_and_asset(
    feed: DemoFeed, world: World, instance: DagsterInstance, home: Path
) -> None:
    """In small: each day has a block of its own and two runs; what ended before yesterday is pruned."""
    kept, nights = [], [datetime.now(UTC)]
    for day in range(4):
        for n in range(2):
            minute = world.first + day * 3 + n
            materialize(instance, world.first + day * 100, minute + day * 97, minute + day * 97)
        nights.append(datetime.now(UTC))
        prune_runs(instance, nights[-2])
        kept.append(counts(home))
    for before, after in pairwise(kept[1:]):
        assert after - before == Counter(event_logs=2, dynamic_partitions=1)


def test_the_archive_keeps_what_is_young(stats: Stats, feed: DemoFeed, world: World) -> None:
    work: StreamWork = stats.work("augmented_diffs")
    run_range(work, stats.url, "run", world.first, world.first + 29)
    bodies = sorted((stats.settings.stats_data_dir / "archive" / "augmented_diffs").rglob("*.gz"))
    assert len(bodies) == 30
    old = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    for body in bodies[:10]:
        os.utime(body, (old, old))
    assert work.archive.prune(datetime.now(UTC) - timedelta(days=7)) == 10
    assert [body.exists() for body in bodies] == [False] * 10 + [True] * 20
    assert work.archive.prune(datetime.now(UTC) - timedelta(days=7)) == 0


def test_replaced_bodies_are_kept_for_a_month_and_so_many_errors_also_where_the_archive_is_for_ever(
    stats: Stats,
    feed: DemoFeed,
    world: World,
    instance: DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work: StreamWork = stats.work("augmented_diffs")
    run_range(work, stats.url, "run", world.first, world.first + 2)
    folder = stats.settings.stats_data_dir / "archive" / "augmented_diffs"
    bodies = sorted(folder.rglob("*.gz"))
    kept = [
        Path(work.archive.put_replaced(n, tmp_path / str(n))) for n in range(world.first, world.first + 3)
    ]
    assert [file.relative_to(folder).parts[0] for file in kept] == ["replaced"] * 3
    for days, file in zip((29, 31, 400), kept, strict=True):
        then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        os.utime(file, (then, then))
        os.utime(bodies[0], (then, then))
    monkeypatch.setattr(edits, "ERRORS_KEPT", 5)
    with stats.connect() as connection:
        connection.execute(
            "TRUNCATE errors; INSERT INTO errors (sequence, type, id, ordinal, reason)"
            " SELECT minute, kind, 8 - kind, 0, 'broken'"
            " FROM generate_series(1, 4) AS minute, generate_series(1, 2) AS kind"
        )
    assert retention_job.execute_in_process(instance=instance).success
    with stats.connect() as connection:
        left = connection.execute("SELECT sequence, type FROM errors ORDER BY 1, 2").fetchall()
        assert left == [(2, 2), (3, 1), (3, 2), (4, 1), (4, 2)]
        assert forget_errors(connection) == 0
    assert [file.exists() for file in kept] == [True, False, False]
    assert [body.exists() for body in bodies] == [True] * 3
