"""Facts that are away, as runs, commands and checks meet them: refused with the reason, and nobody's attempt."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stats_assets.database.connection import Connection, DatabaseUnreachable
from stats_assets.database.facts.fact_partitions import SEQUENCES, name_of
from stats_assets.database.facts.ranges import range_of
from stats_assets.database.ledger import ledger
from stats_assets.database.migrations import migrate
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.feed_head import known_of
from stats_assets.ingest.mode import BY_HAND
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report, RunFailed
from stats_assets.orchestration.stream_checks import evaluate
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import Run
from tests.telling import telling
from tests.truth import statistics_of

DIFFS: Stream = "augmented_diffs"
MINUTES = 7
HOW = ("detached", "detached concurrently", "dropped", "truncated", "restored without them")


@pytest.fixture
def minutes() -> int:
    return MINUTES


@pytest.fixture
def go(stats: Stats) -> Callable[..., Report]:
    return lambda start, end, **how: run_range(
        stats.work("augmented_diffs"), stats.url, f"run-{uuid.uuid4()}", start, end, **how
    )


@pytest.fixture
def first(world: World, connection: Connection, feed: DemoFeed, go: Callable[..., Report]) -> int:
    """Some minutes are counted and applied, and two are not yet; the first sequence of their range."""
    first = range_of(world.first)
    assert range_of(feed.head) == first
    go(world.first, feed.head - 2)
    apply_queue(connection)
    return first


def take_away(connection: Connection, first: int, how: str) -> None:
    edits, parts = name_of("changeset_edits", first), name_of("changeset_edits_countries", first)
    connection.execute(
        {
            "detached": f"ALTER TABLE changeset_edits DETACH PARTITION {edits}",
            "detached concurrently": f"ALTER TABLE changeset_edits DETACH PARTITION {edits} CONCURRENTLY",
            "dropped": f"DROP TABLE {edits}, {parts}",
            "truncated": f"TRUNCATE {edits}",
            "restored without them": f"DROP TABLE {edits}, {parts}",
        }[how].encode()
    )
    if how == "restored without them":  # by a dump of before anything was noted of them
        connection.execute("UPDATE ledger SET facts = NULL, country_facts = NULL")


def attach(connection: Connection, first: int) -> None:
    name = name_of("changeset_edits", first)
    connection.execute(
        f"ALTER TABLE changeset_edits ATTACH PARTITION {name}"
        f" FOR VALUES FROM ({first}) TO ({first + SEQUENCES})".encode()
    )


def numbers(connection: Connection) -> dict[str, Any]:
    found: dict[str, Any] = statistics_of(connection)
    for changeset in found["changesets"].values():
        del changeset["updated_at"]
    return found


@pytest.mark.parametrize("how", telling(HOW, "detached concurrently", "restored without them"))
def test_a_run_over_them_fetches_nothing_and_charges_nobody(
    first: int, world: World, feed: DemoFeed, connection: Connection, go: Callable[..., Report], how: str
) -> None:
    before = numbers(connection)
    take_away(connection, first, how)
    feed.requests.clear()
    report = go(world.first, feed.head, mode=BY_HAND)
    assert (report.committed, report.lasting, len(report.failed), report.left) == (0, MINUTES, MINUTES, 0)
    assert not [one for one in feed.requests if one.stream == DIFFS and one.sequence is not None]
    with pytest.raises(
        RunFailed, match=rf"The facts of {first} to {first + 99_999} are away: \w+ is [^.]*\.$"
    ):
        report.raise_if_failed()
    counted, new = ledger.rows(connection, DIFFS, [world.first, feed.head])
    assert (counted.result, counted.work, counted.done, counted.attempts) == ("committed", "idle", True, 0)
    assert (new.result, new.work, new.done, new.attempts) == ("none", "waiting", False, 0)
    apply_queue(connection)
    assert numbers(connection) == before


def test_what_waited_is_counted_once_they_are_back(
    first: int, world: World, feed: DemoFeed, connection: Connection, go: Callable[..., Report]
) -> None:
    take_away(connection, first, "detached")
    go(world.first, feed.head)
    attach(connection, first)
    connection.execute("UPDATE ledger SET not_before = now() - interval '1 s' WHERE work = 'waiting'")
    report = go(world.first, feed.head)
    assert (report.committed, report.failed) == (2, {})
    apply_queue(connection)
    after = numbers(connection)
    assert go(world.first, feed.head, mode=BY_HAND).committed == MINUTES
    apply_queue(connection)
    assert numbers(connection) == after


def test_a_detach_in_the_midst_of_a_run_is_no_sequences_failure(
    first: int, world: World, feed: DemoFeed, connection: Connection, stats: Stats
) -> None:
    work = stats.work("augmented_diffs")

    def detach(sequence: int, *others: Any) -> Any:
        if sequence == feed.head:
            take_away(connection, first, "detached")
        return body(sequence, *others)

    body = work.source.fetch
    vars(work.source)["fetch"] = detach
    report = run_range(work, stats.url, "run", world.first, feed.head)
    assert (report.committed, list(report.failed)) == (1, [feed.head])
    assert "no partition for them is attached" in report.failed[feed.head]
    assert ledger.rows(connection, DIFFS, [feed.head])[0].attempts == 0


def test_without_the_table_itself_nothing_is_tried(
    first: int,
    world: World,
    feed: DemoFeed,
    connection: Connection,
    go: Callable[..., Report],
    run: Run,
    url: str,
) -> None:
    before = numbers(connection)
    connection.execute("ALTER TABLE changeset_edits RENAME TO aside")
    with pytest.raises(DatabaseUnreachable, match="there is no table changeset_edits "):
        go(world.first, feed.head)
    for command in ("verify", "rebuild"):
        refused = run(command, DATABASE_URL=url)
        assert refused.returncode == 2
        assert "there is no table changeset_edits in this database" in refused.stderr
    assert migrate(url) is not None
    assert numbers(connection) == before
    connection.execute("ALTER TABLE aside RENAME TO changeset_edits")
    assert run("verify", DATABASE_URL=url).returncode == 0


@pytest.mark.parametrize("how", telling(HOW, "truncated"))
def test_commands_say_what_they_could_not_look_at(
    first: int, world: World, feed: DemoFeed, connection: Connection, stats: Stats, run: Run, how: str
) -> None:
    before = numbers(connection)
    take_away(connection, first, how)
    settings = {"DATABASE_URL": stats.url, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}
    (told,) = json.loads(run("status", "--json", **settings).stdout)["facts_away"]
    assert (told["first"], told["last"], told["accepted"]) == (first, first + 99_999, False)
    said = run("status", **settings).stdout
    assert f"The facts of {first} to {first + 99_999} are away: {told['reason']}." in said
    verified = run("verify", **settings)
    assert verified.returncode == 1
    assert "All that could be looked at is equal" in verified.stderr
    assert "changesets rest on facts that are away" in verified.stderr
    resumed = json.loads(run("verify", "--seconds", "0", "--json", **settings).stdout)
    resumed = json.loads(run("verify", "--resume", "--json", **settings).stdout)
    assert (resumed["differences"], resumed["whole"], resumed["away"] > 0) == ([], True, True)
    rebuilt = run("rebuild", **settings)
    assert rebuilt.returncode == 1
    assert "0 differences mended" in rebuilt.stderr
    check = evaluate(
        stats, connection, "augmented_diffs", feed.head, known_of(connection, stats.source(DIFFS), DIFFS)
    )["facts_are_here"]
    assert not check.passed
    assert run("facts", **settings).returncode == 1
    assert run("facts", "--accept", str(world.first), **settings).returncode == 0
    assert "It is meant so." in run("status", **settings).stdout
    assert evaluate(
        stats, connection, "augmented_diffs", feed.head, known_of(connection, stats.source(DIFFS), DIFFS)
    )["facts_are_here"].passed
    assert run("verify", **settings).returncode == 0
    assert run("facts", "--accept", "5", **settings).returncode == 2
    assert numbers(connection) == before


def test_a_backfill_over_them_is_refused_at_once(
    first: int, world: World, feed: DemoFeed, connection: Connection, stats: Stats, run: Run, tmp_path: Path
) -> None:
    take_away(connection, first, "truncated")
    (tmp_path / "dagster.yaml").write_text("# stats-assets\n")
    settings = {"DATABASE_URL": stats.url, "OVERPASS_URL": feed.url, "DAGSTER_HOME": str(tmp_path)}
    span = ("--start", str(first - 5), "--end", str(world.first))
    refused = run("backfill", "--stream", DIFFS, *span, **settings)
    assert refused.returncode == 1
    assert f"The facts of {first} to" in refused.stderr
    assert "Nothing was begun" in refused.stderr


@pytest.mark.parametrize("how", telling(HOW[2:], "dropped"))
def test_facts_that_are_given_up_are_counted_anew_and_the_sums_stay_until_then(
    first: int,
    world: World,
    feed: DemoFeed,
    connection: Connection,
    stats: Stats,
    run: Run,
    go: Callable[..., Report],
    how: str,
) -> None:
    before = numbers(connection)
    take_away(connection, first, how)
    assert run("facts", "--recount", str(world.first), DATABASE_URL=stats.url).returncode == 0
    half = world.first + 3
    assert go(world.first, half, mode=BY_HAND).committed == 4
    apply_queue(connection)
    assert numbers(connection) == before
    assert go(half + 1, feed.head - 2, mode=BY_HAND).failed == {}
    rebuilt = run("rebuild", DATABASE_URL=stats.url)
    assert (rebuilt.returncode, numbers(connection)) == (0, before)
    assert run("facts", DATABASE_URL=stats.url).returncode == 0
    assert connection.execute(
        "SELECT DISTINCT state FROM fact_ranges WHERE first = %s", (first,)
    ).fetchall() == [("here",)]
