"""A backup by PostgreSQL's own pg_dump and pg_restore: all is exact in the copy, and what was left out is said."""

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from stats_assets.database.connection import connect
from stats_assets.database.facts.fact_partitions import name_of
from stats_assets.database.facts.ranges import range_of
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.embedded_postgres.place import _binaries
from stats_assets.ingest.mode import BY_HAND
from stats_assets.ingest.run import run_range
from stats_assets.system import Stats
from tests.conftest import Run, database, settings_for
from tests.telling import telling
from tests.truth import statistics_of

Restored = Callable[..., str]


@pytest.fixture
def minutes() -> int:
    return 5


@pytest.fixture
def first(world: World, feed: DemoFeed, stats: Stats) -> int:
    """All minutes but the last two are counted and applied; the first sequence of their range."""
    count(stats, world.first, feed.head - 2)
    return range_of(world.first)


@pytest.fixture
def restored(server: str, url: str, tmp_path: Path) -> Iterator[Restored]:
    """Dump the test's database with these options, restore it into a new one; its URL."""
    with database(server, "template1") as copy:

        def dump_and_restore(*options: str) -> str:
            pg("pg_dump", "-Fc", "-f", str(tmp_path / "dump"), *options, "-d", url)
            pg("pg_restore", "--exit-on-error", "-d", copy, str(tmp_path / "dump"))
            return copy

        yield dump_and_restore


def pg(program: str, *arguments: str) -> None:
    """The server's own: another major version's might refuse."""
    path = _binaries() / program
    if not path.exists():
        pytest.skip(f"the embedded PostgreSQL has no {program}")
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


def count(stats: Stats, start: int, end: int) -> None:
    report = run_range(stats.work("augmented_diffs"), stats.url, f"run-{uuid.uuid4()}", start, end)
    assert (report.failed, report.left) == ({}, 0)
    with connect(stats.url) as connection:
        apply_queue(connection)


def numbers(url: str) -> dict[str, Any]:
    with connect(url) as connection:
        found: dict[str, Any] = statistics_of(connection)
    for changeset in found["changesets"].values():
        del changeset["updated_at"]
    return found


def test_all_is_exact_after_a_restore_and_the_stream_goes_on(
    first: int, url: str, feed: DemoFeed, stats: Stats, restored: Restored, run: Run, tmp_path: Path
) -> None:
    copy = restored()
    assert numbers(copy) == numbers(url)
    for command in ("migrate", "verify", "facts"):
        done = run(command, DATABASE_URL=copy)
        assert done.returncode == 0, done.stderr
    status = run(
        "status", "--json", DATABASE_URL=copy, OVERPASS_URL=feed.url, CHANGESETS_URL=feed.changesets_url
    )
    assert json.loads(status.stdout)["facts_away"] == []
    assert run("sql", "SELECT count(*) FROM changesets", DATABASE_URL=copy).returncode == 0
    other = Stats(settings_for(feed, copy, tmp_path / "other"))
    for one in (stats, other):
        count(one, feed.head - 1, feed.head)
    assert numbers(copy) == numbers(url)
    verified = json.loads(run("verify", "--json", DATABASE_URL=copy).stdout)
    assert (verified["differences"], verified["whole"], verified["away"]) == ([], True, 0)


LEFT_OUT = {
    "the edits' rows": ("--exclude-table-data", "changeset_edits_{}"),
    "the countries' rows": ("--exclude-table-data", "changeset_edits_countries_{}"),
    "all rows": ("--exclude-table-data", "changeset_edits*_{}"),
    "the edits": ("--exclude-table", "changeset_edits_{}"),
    "the countries": ("--exclude-table", "changeset_edits_countries_{}"),
    "all": ("--exclude-table", "changeset_edits*_{}"),
}


@pytest.mark.parametrize(
    ("what", "noted"),
    telling(
        product(LEFT_OUT, (True, False)),
        ("all rows", True),
        ("the countries' rows", False),
        ("the edits", False),
    ),
)
def test_facts_that_a_dump_left_out_are_away(
    first: int,
    world: World,
    url: str,
    feed: DemoFeed,
    stats: Stats,
    restored: Restored,
    run: Run,
    tmp_path: Path,
    what: str,
    noted: bool,
) -> None:
    if not noted:  # what was there is known by the ledger alone
        with connect(url) as connection:
            connection.execute("UPDATE fact_ranges SET edits = false, countries = false")
    option, pattern = LEFT_OUT[what]
    copy = restored(option, pattern.format(f"{first:09d}"))
    before = numbers(url)
    assert numbers(copy) == before
    settings = {"DATABASE_URL": copy, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}
    assert run("migrate", **settings).returncode == 0
    said = run("status", **settings).stdout
    assert f"The facts of {first} to {first + 99_999} are away: changeset_edits" in said
    rebuilt = run("rebuild", **settings)
    assert rebuilt.returncode == 1
    assert "0 differences mended" in rebuilt.stderr
    verified = json.loads(run("verify", "--json", **settings).stdout)
    assert (verified["differences"], verified["away"] > 0) == ([], True)
    other = Stats(settings_for(feed, copy, tmp_path / "other"))
    report = run_range(
        other.work("augmented_diffs"), copy, f"run-{uuid.uuid4()}", world.first, feed.head, mode=BY_HAND
    )
    assert (report.committed, len(report.failed)) == (0, feed.head - world.first + 1)
    with connect(copy) as connection:
        apply_queue(connection)
        tables = [name_of(table, first) for table in ("changeset_edits", "changeset_edits_countries")]
        there = connection.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s)", (tables,)
        ).fetchall()
    assert numbers(copy) == before
    gone = {"the edits": 1, "the countries": 1, "all": 2}.get(what, 0)
    assert len(there) == 2 - gone  # nothing made them again
