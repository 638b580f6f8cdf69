"""How far behind a stream is: the newest counted sequence's age, past what waits by its own fault."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import failed_tries, ledger, seeking
from stats_assets.database.ledger.ledger import Retries
from stats_assets.database.ledger.newest import newest_committed
from stats_assets.feeds.sequences import covers, sequence_of
from stats_assets.ingest.feed_head import Feed
from stats_assets.monitoring.lag import lag_seconds
from stats_assets.orchestration.check_outcomes import changed, evaluation_of
from stats_assets.orchestration.stream_checks import evaluate
from stats_assets.streams import STREAMS, Stream
from tests.orchestration.test_markdown import NASTY, read

STREAM: Stream = "changesets"  # below the head its files are taken for minutes
RETRIES = Retries(first=600, most=3600, attempts=3, hole_grace=21600)
FIRST, LAST = 1000, 1250
NOW = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)


def feed_at(head: int | None, time: datetime | None = None, **known: Any) -> Feed:
    """A feed whose own time is that."""
    return Feed(head, "http://feed", time, **{"last": head, "moved_at": time} | known)


@pytest.fixture(autouse=True)
def committed(connection: Connection) -> None:
    """1000 to 1250 are committed and done; the checkpoint is the last."""
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence) VALUES ('run', %s, 0, 0)",
        (STREAM,),
    )
    numbers = range(FIRST, LAST + 1)
    rows = ledger.take(connection, "run", STREAM, numbers)
    connection.execute("UPDATE ledger SET result = 'committed', work = 'idle'")
    for row in rows:
        ledger.book_done(connection, STREAM, row)
    at(connection, LAST)


def at(connection: Connection, checkpoint: int) -> None:
    connection.execute("DELETE FROM streams")
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)", (STREAM, FIRST, checkpoint)
    )


def undone(connection: Connection, sequence: int) -> Any:
    """As if it had never been counted, just taken by a run."""
    connection.execute("UPDATE ledger SET result = 'none', epoch = -1 WHERE sequence = %s", (sequence,))
    connection.execute(
        "UPDATE ledger_blocks SET done = done - 1 WHERE block = %s", (ledger.block_of(sequence),)
    )
    return ledger.take(connection, "run", STREAM, [sequence])[0]


def test_what_is_done_is_the_newest(connection: Connection) -> None:
    assert newest_committed(connection, STREAM, LAST) == LAST
    assert newest_committed(connection, STREAM, 1100) == LAST  # a checkpoint lags behind its tick
    assert newest_committed(connection, "augmented_diffs", LAST) is None


def test_a_broken_sequence_does_not_make_the_stream_behind(connection: Connection) -> None:
    for broken in (1100, 1101, 1250):
        failed_tries.count_attempt(connection, STREAM, undone(connection, broken), "broken body", RETRIES)
        at(connection, 1099)
        newest = newest_committed(connection, STREAM, 1099)
        assert newest == (1249 if broken == 1250 else 1250)
        assert lag_seconds(STREAM, newest, feed_at(LAST, NOW), NOW) == (60 if broken == 1250 else 0)
    ledger.take(connection, "run", STREAM, [1100])  # just tried again
    assert newest_committed(connection, STREAM, 1099) == 1249


def test_what_was_never_tried_does(connection: Connection) -> None:
    undone(connection, 1100)
    at(connection, 1099)
    assert newest_committed(connection, STREAM, 1099) == 1099  # what comes after it may be a backfill's
    ledger.release(connection, "run", STREAM)
    assert newest_committed(connection, STREAM, 1099) == 1099


def test_what_is_to_be_done_again_or_was_skipped_is_not_counted(connection: Connection) -> None:
    seeking.skip(connection, STREAM, LAST, LAST + 100)
    assert newest_committed(connection, STREAM, LAST + 100) == LAST
    seeking.rewind(connection, STREAM, 1120)
    assert newest_committed(connection, STREAM, 1120) == 1120


def test_a_minutes_age_is_by_the_clock() -> None:
    now = datetime.now(UTC)
    newest = next(n for n in range(7_000_000, 9_000_000) if covers(n)[1] > now) - 20
    for head in (None, newest, newest + 1):
        assert 1140 <= (lag_seconds("augmented_diffs", newest, feed_at(head), now) or 0) <= 1260


def test_what_waits_is_named_beside_it(connection: Connection, stats: Any) -> None:
    failed_tries.count_attempt(connection, STREAM, undone(connection, 1100), "broken body", RETRIES)
    at(connection, 1099)
    now = datetime.now(UTC) + timedelta(seconds=30)  # of a clock that differs
    lag = evaluate(stats, connection, STREAM, 1099, feed_at(LAST, now))["lag"]
    assert lag.passed
    assert lag.description == "0 s behind. 1 wait for their next try: 1100: broken body"
    assert lag.metadata["newest"].value == LAST
    with DagsterInstance.ephemeral() as instance:
        assert changed(instance, AssetKey("changesets_feed"), lag)
        instance.report_runless_asset_event(evaluation_of(lag))
        assert not changed(instance, AssetKey("changesets_feed"), lag)
        connection.execute("UPDATE ledger SET work = 'idle'")
        rest = evaluate(stats, connection, STREAM, 1099, feed_at(LAST, now))["lag"]
        assert changed(instance, AssetKey("changesets_feed"), rest)  # still fine, and nothing waits any more
    then = datetime.now(UTC) - timedelta(seconds=30)
    behind = evaluate(stats, connection, STREAM, 1099, feed_at(LAST + 10, then))["lag"]
    assert (behind.passed, behind.description) == (False, "2 h 42 min behind")


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("hours", [0, 5, 48])
def test_in_an_outage_the_lag_grows_though_the_feeds_time_is_ahead(stream: Stream, hours: int) -> None:
    head = sequence_of(NOW) - 1 + 60 * hours if stream == "augmented_diffs" else LAST
    down = Feed(None, "http://feed: down", NOW + timedelta(hours=hours), head, head, moved_at=NOW)
    for minutes in (0, 11, 70):
        now = NOW + timedelta(minutes=minutes)
        assert abs((lag_seconds(stream, head, down, now) or 0) - 60 * minutes) <= 60
        # What was not counted before it began stays what it was.
        assert (lag_seconds(stream, head - 5, down, now) or 0) >= 60 * (minutes + 4)


def test_what_bodies_hold_is_shown_as_it_is(connection: Connection, stats: Any) -> None:
    for number, text in enumerate(NASTY):
        row = undone(connection, 1100 + number)
        failed_tries.count_attempt(connection, STREAM, row, text, RETRIES)
    for work, name in (("waiting", "lag"), ("quarantined", "no_quarantine"), ("hole", "no_holes")):
        connection.execute("UPDATE ledger SET work = %s WHERE work <> 'idle'", (work,))
        shown = read(evaluate(stats, connection, STREAM, 1099, feed_at(LAST, NOW))[name].description or "")
        assert all(" ".join(text.split()).rstrip(".") in shown for text in NASTY), name
    connection.execute(
        "UPDATE ledger SET work = 'idle', flagged = %s WHERE sequence = 1100", ("; ".join(NASTY),)
    )
    flagged = evaluate(stats, connection, STREAM, 1099, feed_at(LAST, NOW))["none_flagged"]
    assert " ".join("; ".join(NASTY).split()) in read(flagged.description or "")
