"""What is due once more though it is done: bodies read again when settled, daily tries, and `retry`."""

import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, build_sensor_context
from psycopg.sql import SQL, Identifier

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import heads, ledger
from stats_assets.database.ledger.doubts import doubts
from stats_assets.database.ledger.due_again import BATCH, late, retry
from stats_assets.database.ledger.ledger import LedgerRow
from stats_assets.database.ledger.stream_rows import troubled
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest import feed_head
from stats_assets.ingest import run as runs
from stats_assets.ingest.fetch import StreamWork
from stats_assets.ingest.mode import BY_HAND, LATE
from stats_assets.ingest.read import settled_to
from stats_assets.ingest.run_result import Report
from stats_assets.ingest.tick import Range, State, decide
from stats_assets.monitoring import cloudwatch, status
from stats_assets.orchestration import stream_checks, stream_sensor
from stats_assets.orchestration.partitions import LATE_TAG
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import MINUTES, Run
from tests.truth import differences, statistics_of, truth_of

DIFFS: Stream = "augmented_diffs"


def go(work: StreamWork, url: str, feed: DemoFeed, world: World, **how: Any) -> Report:
    return runs.run_range(work, url, f"run-{uuid.uuid4()}", world.first, world.first + MINUTES - 1, **how)


@pytest.fixture
def fresh(stats: Stats) -> StreamWork:
    """The server is no further than the world's minutes: nothing is settled, whatever the clock says."""
    return replace(stats.work(DIFFS), settle_seconds=3900)


@pytest.fixture
def later(stats: Stats, feed: DemoFeed, connection: Connection) -> Callable[[], StreamWork]:
    """When an hour (here it is a minute) has passed: the server is so much further, and a tick has seen it."""

    def pass_an_hour() -> StreamWork:
        feed.advance(1)
        heads.saw(connection, DIFFS, feed.head, None, source=stats.source(DIFFS).url)
        return replace(stats.work(DIFFS), settle_seconds=60)

    return pass_an_hour


def due(connection: Connection, feed: DemoFeed) -> list[int]:
    return late(connection, DIFFS, feed.head + BATCH)


def column(connection: Connection, name: str) -> dict[int, Any]:
    query = SQL("SELECT sequence, {} FROM ledger WHERE stream = 'augmented_diffs' ORDER BY 1").format(
        Identifier(name)
    )
    return dict(connection.execute(query).fetchall())


def test_what_became_fuller_or_shorter_meanwhile_is_replaced(
    feed: DemoFeed,
    world: World,
    stats: Stats,
    fresh: StreamWork,
    later: Callable[[], StreamWork],
    connection: Connection,
) -> None:
    ends = {"augmented_diffs": feed.head, "changesets": feed.changesets_head}
    fuller = range(world.first, feed.head + 1, 3)
    for sequence in range(world.first, feed.head + 1):
        fault = faults.thinner(0.3) if sequence in fuller else _with_one_more
        if sequence % 3 != (world.first + 2) % 3:
            feed.faults.put(fault, stream=DIFFS, sequence=sequence, times=1)
    go(fresh, stats.url, feed, world)
    actions = column(connection, "actions")
    runs.run_range(stats.work("changesets"), stats.url, "c", world.changesets_first, feed.changesets_head)
    apply_queue(connection)
    assert differences(truth_of(feed.url, **ends), statistics_of(connection))
    assert due(connection, feed) == list(actions)
    work = later()
    report = go(work, stats.url, feed, world, mode=LATE)
    assert report.verdicts["unchanged"] >= MINUTES // 3
    assert report.verdicts["committed"] == MINUTES - report.verdicts["unchanged"] > MINUTES // 3
    assert None not in column(connection, "settled_at").values()
    assert due(connection, feed) == []
    fewer = {n for n, now in column(connection, "actions").items() if now < actions[n]}
    assert {n for n, tally in column(connection, "tally").items() if tally} == fewer != set()
    kept = list(Path(stats.settings.archive, DIFFS, "replaced").rglob("*.gz"))
    assert len(kept) == report.verdicts["committed"]
    apply_queue(connection)
    assert differences(truth_of(feed.url, **ends), statistics_of(connection)) == []
    archived = go(work, stats.url, feed, world, mode=BY_HAND)  # what is kept is the last body
    assert archived.verdicts["committed"] == MINUTES
    apply_queue(connection)
    assert differences(truth_of(feed.url, **ends), statistics_of(connection)) == []
    # What is flagged heals by command.
    assert set(retry(connection, DIFFS)) == fewer == set(late(connection, DIFFS, None))
    assert go(work, stats.url, feed, world, mode=LATE).verdicts == {"unchanged": len(fewer)}
    assert doubts(connection, DIFFS, 5).flagged == 0
    assert late(connection, DIFFS, None) == []


def _with_one_more(answer: faults.Answer) -> faults.Answer:
    more = (
        b'<action type="create"><node id="987654321" version="1" timestamp="2026-11-22T00:00:01Z" uid="31" user="a"'
        b' changeset="2" lat="1" lon="2"><tag k="highway" v="crossing"/></node></action>\n</osm>'
    )
    return replace(answer, body=answer.body.replace(b"</osm>", more))


def test_the_same_old_answer_is_asked_for_ever_more_rarely_and_then_left_flagged(
    feed: DemoFeed,
    world: World,
    stats: Stats,
    fresh: StreamWork,
    later: Callable[[], StreamWork],
    connection: Connection,
) -> None:
    """As by a proxy before the server that keeps its answers for hours."""
    go(fresh, stats.url, feed, world)
    work = later()
    for sequence in range(world.first, feed.head):  # a second past its minute
        age = 60 * (feed.head - sequence) + 1
        feed.faults.put(faults.early_base(age), stream=DIFFS, sequence=sequence)
    for rereads in (1, 2, 3):
        assert len(due(connection, feed)) == MINUTES
        assert go(work, stats.url, feed, world, mode=LATE).verdicts == {"unchanged": MINUTES}
        assert set(column(connection, "rereads").values()) == {rereads}
        assert due(connection, feed) == []
        connection.execute("UPDATE ledger SET reread_at = reread_at - interval '59 min'")
        if rereads < 2:
            assert len(due(connection, feed)) == MINUTES  # the second pause is an hour
        connection.execute("UPDATE ledger SET reread_at = reread_at - interval '1 min 1 s'")
    assert None not in column(connection, "settled_at").values()
    assert doubts(connection, DIFFS, 5).flagged == MINUTES
    feed.faults.clear()
    assert len(retry(connection, DIFFS)) == MINUTES
    assert go(work, stats.url, feed, world, mode=LATE).verdicts == {"unchanged": MINUTES}
    assert doubts(connection, DIFFS, 5).flagged == 0
    assert set(column(connection, "rereads").values()) == {0}


def test_a_body_from_years_to_come_is_flagged_and_any_later_one_wins(
    feed: DemoFeed, world: World, stats: Stats, later: Callable[[], StreamWork], connection: Connection
) -> None:
    bad = world.first + 3
    cut = faults.thinner()
    to_come = faults.early_base(-80 * 366 * 86_400)
    feed.faults.put(to_come, stream=DIFFS, sequence=bad)
    go(stats.work(DIFFS), stats.url, feed, world)
    found = doubts(connection, DIFFS, 5)
    assert [n for n, _ in found.newest] == [bad]
    assert "the server's clock is wrong" in found.newest[0][1]
    assert column(connection, "settled_at")[bad] is None
    feed.faults.clear()
    feed.faults.put(cut, stream=DIFFS, sequence=bad)  # of the server's own time again, and with other content
    retry(connection, DIFFS, [bad])
    go(later(), stats.url, feed, world, mode=LATE)
    assert column(connection, "osm_base")[bad] is not None
    assert column(connection, "settled_at")[bad] is not None


def test_a_server_that_catches_up_hands_out_what_is_not_settled(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    """The minutes are long over by the clock; the server's data reached only seconds beyond each."""
    work = stats.work(DIFFS)
    assert work.settle_seconds == 3900
    go(work, stats.url, feed, world)
    assert set(column(connection, "settled_at").values()) == {None}
    assert late(connection, DIFFS, settled_to(work.source, 3900, feed.head)) == []
    assert settled_to(work.source, 3900, feed.head) == feed.head - 65
    assert settled_to(work.source, 3901, feed.head) == feed.head - 66
    assert settled_to(work.source, 3900, None) is None


def test_a_re_read_that_fails_touches_no_result_and_is_tried_again(
    feed: DemoFeed,
    world: World,
    stats: Stats,
    fresh: StreamWork,
    later: Callable[[], StreamWork],
    connection: Connection,
) -> None:
    go(fresh, stats.url, feed, world)
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=world.first + 4, times=1)
    go(later(), stats.url, feed, world, mode=LATE)
    (row,) = ledger.rows(connection, DIFFS, [world.first + 4])
    assert (row.result, row.work, row.done, row.attempts) == ("committed", "waiting", True, 1)
    assert retry(connection, DIFFS) == [world.first + 4]
    assert go(later(), stats.url, feed, world, mode=LATE).verdicts == {"unchanged": 1}
    assert column(connection, "work")[world.first + 4] == "idle"


def test_minutes_are_read_again_by_the_batch(
    feed: DemoFeed, world: World, stats: Stats, fresh: StreamWork, connection: Connection
) -> None:
    go(fresh, stats.url, feed, world)
    assert late(connection, DIFFS, world.first + BATCH - 1) == []
    assert late(connection, DIFFS, world.first + BATCH) == list(range(world.first, feed.head + 1))
    assert late(connection, DIFFS, None) == []
    # But the last ones do not wait for ever.
    assert late(connection, DIFFS, feed.head, batch=0) == list(range(world.first, feed.head + 1))
    few = world.first + 3
    connection.execute("UPDATE heads SET moved_at = now() - interval '29 min'")
    assert late(connection, DIFFS, few) == []
    connection.execute("UPDATE heads SET moved_at = now() - interval '31 min'")
    assert late(connection, DIFFS, few) == [*range(world.first, few + 1)]
    connection.execute("DELETE FROM heads")
    connection.execute("UPDATE ledger SET fetched_at = fetched_at - interval '121 min'")
    assert late(connection, DIFFS, few) == [*range(world.first, few + 1)]


def test_the_bodies_of_a_directory_are_settled_at_once(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    directory = Stats(stats.settings.model_copy(update={"augmented_diffs_url": feed.augmented_diffs_url}))
    go(directory.work(DIFFS), stats.url, feed, world)
    assert None not in column(connection, "settled_at").values()


def test_what_was_given_up_is_tried_again_after_a_day_and_heals(
    feed: DemoFeed, world: World, stats: Stats, later: Callable[[], StreamWork], connection: Connection
) -> None:
    bad = world.first + 7
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=bad)
    for _ in range(4):
        go(later(), stats.url, feed, world)
    assert [n for n, _ in troubled(connection, DIFFS, "quarantined")] == [bad]
    assert due(connection, feed) == []
    again = "UPDATE ledger SET not_before = not_before - interval '23 h 59 min' WHERE work = 'quarantined'"
    connection.execute(again)
    assert due(connection, feed) == []
    connection.execute(
        "UPDATE ledger SET not_before = not_before - interval '1 min' WHERE work = 'quarantined'"
    )
    assert due(connection, feed) == [bad]
    go(later(), stats.url, feed, world, mode=LATE)
    assert [n for n, _ in troubled(connection, DIFFS, "quarantined")] == [bad]
    assert due(connection, feed) == []  # for another day
    feed.faults.clear()
    retry(connection, DIFFS, [bad])
    assert go(later(), stats.url, feed, world, mode=LATE).verdicts == {"committed": 1}
    assert troubled(connection, DIFFS, "quarantined") == []


def test_a_feed_that_fails_a_late_run_pauses_no_stream(
    feed: DemoFeed,
    world: World,
    stats: Stats,
    fresh: StreamWork,
    later: Callable[[], StreamWork],
    connection: Connection,
) -> None:
    go(fresh, stats.url, feed, world)
    feed.faults.put(faults.status(504), path="/api/augmented_diff[?]*")
    report = go(later(), stats.url, feed, world, mode=LATE)
    assert (report.committed, report.failed, report.left) == (0, {}, MINUTES)
    assert connection.execute("SELECT count(*) FROM streams WHERE paused_until IS NOT NULL").fetchone() == (
        0,
    )
    feed.faults.put(faults.status(504), path="*status*")
    connection.execute("DELETE FROM heads")
    report = go(later(), stats.url, feed, world, mode=LATE)
    assert (report.committed, bool(report.ended_early)) == (0, True)
    assert connection.execute("SELECT count(*) FROM streams WHERE pauses > 0").fetchone() == (0,)
    feed.faults.clear()
    assert go(later(), stats.url, feed, world, mode=LATE).committed == MINUTES


def state(slots: int, **others: Any) -> State:
    rows: Callable[..., Any] = lambda wanted: {  # noqa: E731
        block: [LedgerRow(block + i, "none", "idle", False, 0, 0, False, None, None) for i in range(100)]
        for block in wanted
    }
    given: dict[str, Any] = {
        "cursor": 299,
        "head": 299,
        "in_flight": (),
        "blocks": {},
        "held": {},
        "rows": rows,
    }
    return State(now=datetime.now(UTC), slots=slots, **(given | others))


def test_late_work_comes_last_a_block_at_a_time() -> None:
    assert decide(state(1, late=(120, 150, 230))).late == Range(120, 150)
    assert decide(state(0, late=(120,))).late is None
    busy = decide(state(1, late=(120,), head=305))
    assert (list(busy.requests), busy.late) == ([Range(300, 305)], None)
    both = decide(state(2, late=(120,), head=305))
    assert (list(both.requests), both.late) == ([Range(300, 305)], Range(120, 120))


def test_a_tick_asks_for_nothing_late_while_the_feed_fails(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    """Each tick began another late run, through all of an outage in which nothing new was due."""
    go(stats.work(DIFFS), stats.url, feed, world)
    connection.execute("UPDATE ledger SET flagged = 'x'")
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)"
        " ON CONFLICT (stream) DO UPDATE SET origin = excluded.origin, checkpoint = excluded.checkpoint",
        (DIFFS, world.first, feed.head),
    )
    retry(connection, DIFFS)

    def asked_for() -> list[str]:
        with DagsterInstance.ephemeral() as instance:
            connection.execute("UPDATE streams SET instance_id = NULL")
            context = build_sensor_context(instance=instance, cursor=str(feed.head))
            result: Any = stream_sensor.tick(context, stats, DIFFS)
        return [request.tags[LATE_TAG] for request in result.run_requests or ()]

    assert asked_for() == ["true"]
    feed.faults.put(faults.status(504), path="/api/augmented_diff[?]*")
    go(stats.work(DIFFS), stats.url, feed, world, mode=LATE)
    assert asked_for() == []
    connection.execute("UPDATE asked SET asked_at = asked_at - interval '301 s'")
    assert asked_for() == ["true"]


def test_retry_by_command(
    run: Run, feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    bad = world.first + 5
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=bad)
    runs.run_range(stats.work(DIFFS), stats.url, "run", world.first, feed.head)
    nothing = run("retry", "--stream", "changesets", DATABASE_URL=stats.url)
    assert (nothing.returncode, "Nothing of changesets waits" in nothing.stderr) == (0, True)
    due = run("retry", DATABASE_URL=stats.url)
    assert due.returncode == 0
    assert f"1 sequences of augmented_diffs are due: {bad}." in due.stderr
    wrong = run("retry", "--stream", DIFFS, "--sequence", str(bad + 1), DATABASE_URL=stats.url)
    assert wrong.returncode == 1
    assert f"{bad + 1} of augmented_diffs neither waits" in wrong.stderr
    assert run("retry", "--sequence", "7", DATABASE_URL=stats.url).returncode == 2


def test_what_is_flagged_is_seen_and_heals_by_command(
    run: Run,
    feed: DemoFeed,
    world: World,
    stats: Stats,
    fresh: StreamWork,
    later: Callable[[], StreamWork],
    connection: Connection,
    tmp_path: Path,
) -> None:
    shorter, other = world.first + 3, world.first + 5
    for sequence in (shorter, other):
        feed.faults.put(_with_one_more, stream=DIFFS, sequence=sequence, times=1)
    go(fresh, stats.url, feed, world)
    work = later()
    go(work, stats.url, feed, world, mode=LATE)
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    given = {
        "DATABASE_URL": stats.url,
        "OVERPASS_URL": feed.url,
        "CHANGESETS_URL": feed.changesets_url,
        "SETTLE_SECONDS": "60",
        "RETRY_FIRST_SECONDS": "0.001",
    }

    def flagged() -> tuple[list[int], bool, int]:
        """What `--json`, the check and the metrics say of it."""
        said = json.loads(run("status", "--json", **given).stdout)["streams"][DIFFS]
        feed_now = feed_head.known_of(connection, stats.source(DIFFS), DIFFS)
        check = stream_checks.evaluate(stats, connection, DIFFS, feed.head, feed_now)["none_flagged"]
        named = sorted(map(int, said["doubts"]))
        assert len(named) == said["flagged"]
        assert all(str(n) in (check.description or "") for n in named)
        told = cloudwatch.lines("c", status.of(stats), cloudwatch.Dagster(None, 0), datetime.now(UTC))
        (line,) = [one for one in map(json.loads, told) if one.get("Stream") == DIFFS]
        return named, check.passed, line["Flagged"]

    assert flagged() == ([shorter, other], False, 2)
    shown = run("status", **given).stdout
    assert f"2 flagged. To read them again: stats-assets retry --stream {DIFFS}" in shown
    assert f"{shorter}: a later body, which counts now, has" in shown

    asked = run("retry", "--stream", DIFFS, "--sequence", str(shorter), **given)
    assert f"1 sequences of {DIFFS} are due: {shorter}." in asked.stderr
    assert go(work, stats.url, feed, world, mode=LATE).verdicts == {"unchanged": 1}
    assert flagged() == ([other], False, 1)
    span = ("--start", str(other), "--end", str(other))
    archived = run("backfill", "--stream", DIFFS, *span, **given, ARCHIVE_URI=stats.settings.archive)
    assert archived.returncode == 0, archived.stderr
    assert flagged() == ([other], False, 1)  # the archive says nothing new of it
    assert run("backfill", "--stream", DIFFS, *span, "--from-feed", **given).returncode == 0
    assert flagged() == ([], True, 0)


def test_what_a_backfill_asked_for_before_the_feeds_first_file_becomes_a_hole(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    """No tick comes by below the origin: it waited for ever, and `retry` did not help either."""
    stream: Stream = "changesets"
    first = world.changesets_first
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)", (stream, first, first)
    )
    work, before = stats.work(stream), (first - 3, first - 1)

    def waits() -> list[int]:
        return [n for n, _ in troubled(connection, stream, "waiting")]

    report = runs.run_range(work, stats.url, "backfill", *before, mode=BY_HAND)
    assert list(report.failed) == waits() == [first - 3, first - 2, first - 1]
    grace = "SELECT min(not_before - now()) > interval '5 h' FROM ledger"
    assert connection.execute(grace).fetchone() == (True,)  # it is not asked for again and again until then
    assert late(connection, stream, None) == []
    assert retry(connection, stream, [first - 2]) == [first - 2] == late(connection, stream, None)
    connection.execute("UPDATE ledger SET missing_since = now() - interval '6 h', not_before = now()")
    assert late(connection, stream, None) == waits()
    runs.run_range(work, stats.url, "late", *before, mode=LATE)
    assert (waits(), len(troubled(connection, stream, "hole"))) == ([], 3)
    assert late(connection, stream, None) == []


def test_what_a_backfill_left_broken_below_the_checkpoint_is_tried_again_until_it_is_given_up(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    bad = world.first + 3
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)", (DIFFS, feed.head, feed.head)
    )
    work = stats.work(DIFFS)
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=bad)
    runs.run_range(work, stats.url, "backfill", world.first, world.first + 6, mode=BY_HAND)
    for attempt in (1, 2):
        assert [n for n, _ in troubled(connection, DIFFS, "waiting")] == [bad]
        assert ledger.rows(connection, DIFFS, [bad])[0].attempts == attempt
        connection.execute("UPDATE ledger SET not_before = now() WHERE work = 'waiting'")
        assert late(connection, DIFFS, None) == [bad]
        runs.run_range(work, stats.url, f"late {attempt}", bad, bad, mode=LATE)
    assert [n for n, _ in troubled(connection, DIFFS, "quarantined")] == [bad]
